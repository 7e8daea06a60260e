"""Bodies of the audit endpoints."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.types import Address, Amount, Bytes32, Hex, Signature, Strict


class SampledTask(BaseModel):
    """A task to audit: index in the round, content hash, content. No contributor's label is ever in it. `proof`: that the chain's
    tasks root has this content hash at this index (T1, T3)."""

    index: int
    content_hash: Bytes32
    content: Any
    proof: list[Bytes32]


class AuditView(BaseModel):
    """The sample, in the order in which a ballot's answers go; windows end at unix seconds."""

    attempt: int
    classes: int
    commit_ends: int
    reveal_ends: int
    sample: list[SampledTask]


class SealedBallot(Strict):
    """Answers under a key of the validator's: opaque here."""

    ciphertext: Annotated[Hex, Field(max_length=65_536)]


class CommitRequest(Strict):
    """The EIP-712 Commit of a validator on the panel."""

    validator: Address
    commitment: Bytes32
    signature: Signature


class RevealRequest(Strict):
    """The ballot behind the commitment: one byte a sampled task. It is kept until the panel reveals."""

    validator: Address
    answers: Hex
    salt: Bytes32


class AttestationRequest(Strict):
    """The EIP-712 Attestation of a panel member; `shown` as a decimal string: bit i for the i-th open submission accepted."""

    validator: Address
    shown: Amount
    signature: Signature


class OpenLabel(BaseModel):
    task: int
    answer: int
    salt: Bytes32


class OpenShown(BaseModel):
    """Labels that hash to the root of an open submission."""

    contributor: Address
    sequence: int
    labels: list[OpenLabel]


class OpenLabelsView(BaseModel):
    items: list[OpenShown]


class EvidenceSignatureRequest(Strict):
    """The EIP-712 Evidence signature of a panel member who holds the evidence file."""

    validator: Address
    signature: Signature


class LabelRow(BaseModel):
    """A contributor's own label, as the evidence has it."""

    sequence: int
    task: int
    answer: int
    salt: Bytes32
