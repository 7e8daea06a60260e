"""Bodies of the round endpoints."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.types import Address, Amount, Bytes32


class NextStep(BaseModel):
    """What moves a round on, whose it is, and at what time: from when it may be done, or until when it is waited for (unix seconds;
    null: now). Steps: label, close, draw, commit, reveal, conclude, propose, publish, challenge, finalize, distribute, judge,
    exit."""

    step: str
    by: Literal["contributors", "anyone", "validators", "operator", "jury"]
    at: int | None


class RoundView(BaseModel):
    """A round; phases as in the specification, section 4."""

    round: int
    dataset: int
    phase: str
    audit_phase: str | None
    settlement_phase: str | None
    tasks_root: Bytes32
    task_count: int
    label_budget: int
    labels: int
    sample_size: int
    deadline: int
    last: bool
    attempt: int | None
    commit_ends: int | None
    reveal_ends: int | None
    challenge_ends: int | None
    panel: list[Address]
    committed: Annotated[int, Field(description="members of the panel who committed")]
    revealed: int
    evidence_hash: Bytes32 | None
    sure_tasks: Annotated[int | None, Field(description="tasks with a sure consensus, which get no more labels; adaptive rounds")]
    labels_spared: Annotated[int, Field(description="labels that these could still have taken")]
    saved: Annotated[Amount, Field(description="their rewards, base units: what the round costs less than with all slots filled")]
    reserve: Amount
    next: Annotated[NextStep | None, Field(description="null once settled or void")]


class RoundPage(Page):
    items: list[RoundView]


class VerdictView(BaseModel):
    """A juror of the jury that sits or sat last. `root`: what they opened; `slashed`: base units, for silence or dissent."""

    juror: Address
    seats: int
    committed: bool
    root: Bytes32 | None
    slashed: Amount


class DisputeView(BaseModel):
    """A challenge of a settlement, and its jury. Bonds and what became of the loser's in base units."""

    number: int
    phase: str
    challenger: Address
    bond: Amount
    proposed_root: Bytes32
    jury_root: Bytes32 | None
    commit_ends: int
    reveal_ends: int
    jurors: list[Address]
    verdicts: list[VerdictView]
    committed: int
    revealed: int
    to_winner: Amount
    to_jurors: Amount
    to_treasury: Amount
    tx_hash: Bytes32 | None


class DisputesView(BaseModel):
    items: list[DisputeView]
