"""Bodies of the submission endpoints."""

from typing import Annotated

from pydantic import BaseModel, Field

from backend.types import Address, Bytes32, Signature, Strict, Uint8, Uint32, Uint64

MAX_COUNT = 1024


class SubmissionBody(Strict):
    """The EIP-712 Submission, without the round (which the path has)."""

    contributor: Address
    sequence: Uint32
    count: Annotated[Uint32, Field(ge=1, le=MAX_COUNT)]
    labels_root: Bytes32
    admission: Uint8
    deadline: Uint64


class LabelBody(Strict):
    """One label: task index in the round, class, and the salt that hides it in the tree."""

    task: Uint32
    answer: Uint8
    salt: Bytes32


class SubmitRequest(Strict):
    lease_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    submission: SubmissionBody
    signature: Signature
    labels: Annotated[list[LabelBody], Field(min_length=1, max_length=MAX_COUNT)]


class OpenLabelsRequest(Strict):
    """A labels file of the open path (labelshare-open-1), as the contributor shows it to the panel."""

    schema_name: Annotated[str, Field(alias="schema", pattern=r"^labelshare-open-1$")]
    round: Uint64
    submission: SubmissionBody
    signature: Signature
    labels: Annotated[list[LabelBody], Field(min_length=1, max_length=MAX_COUNT)]


class ReceiptView(BaseModel):
    """The operator's EIP-712 Receipt: proof that it has the submission."""

    received_at: int
    signature: str


class SubmissionView(BaseModel):
    """Status: queued, sent, accepted or skipped; `reason` says why it was skipped."""

    digest: Bytes32
    status: str
    reason: str | None
    tx_hash: Bytes32 | None
    receipt: ReceiptView
