"""Bodies of what a requester sees of a dataset: cost, progress, consensus."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.types import Amount, Bytes32


class RoundProgress(BaseModel):
    """An open or closed round, live. `filled`: how many tasks have 0, 1, 2 … labels; α and classes of the labels so far."""

    round: int
    phase: str
    labels: int
    label_budget: int
    tasks: int
    filled: list[int]
    contributors: int
    sure_tasks: int | None
    labels_spared: int
    saved: Amount
    spent_at_most: Annotated[Amount, Field(description="reward of the labels so far, base units")]
    reserve: Amount
    alpha: float | None
    class_labels: list[int]
    labels_last_hour: int
    deadline: int


class ProgressView(BaseModel):
    """For the requester. `paid`, `audits`: what settlements paid contributors and validators; `revenue`: of the requester's own
    shares."""

    dataset: int
    escrow: Amount
    reserved: Amount
    free: Amount
    paid: Amount
    audits: Amount
    revenue: Amount
    rounds: list[RoundProgress]


class ConsensusRow(BaseModel):
    round: int
    index: int
    content_hash: Bytes32
    content: Any
    consensus: int
    confidence: float
    verdict: int | None


class ConsensusPage(Page):
    items: list[ConsensusRow]


class CostView(BaseModel):
    """What a round costs, base units: `reserve` must be in the escrow to open it; poor labels and tasks sure early cost less, and
    the rest
    comes back. `least`: the minimum of labels on every task, all paid in full, and the audit."""

    label_budget: int
    audited_tasks: int
    label_rewards: Amount
    audit_fees: Amount
    reserve: Amount
    least: Amount
