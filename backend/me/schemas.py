"""Bodies of what an account sees of its own."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.types import Address, Amount, Bytes32

Stage = Literal["queued", "sent", "on_chain", "audited", "settled", "paid", "waiting", "failed"]


class StageView(BaseModel):
    """A stage that was reached, with the transaction that did it."""

    stage: Stage
    at: int | None
    tx_hash: Bytes32 | None


class MySubmission(BaseModel):
    """A submission and how far it is. `stage`: the last one; `stages`: all so far. Amounts in base units.

    `most`: what it earns if every label is paid in full; `expected`: by the last κ in the dataset, null before there is one.
    `reward`, `slash`, `shares`: of the whole round's entry, which decides all of the account's labels of the round at once.
    """

    digest: Bytes32
    dataset: int
    round: int
    sequence: int
    labels: int
    received_at: int
    stage: Stage
    stages: list[StageView]
    most: Amount
    expected: Amount | None
    bond: Amount
    reward: Amount | None
    slash: Amount | None
    shares: Amount | None
    kappa: float | None
    reason: Annotated[str | None, Field(description="why it failed, or the reason of the round's entry")]
    explanation: str | None
    next_at: Annotated[int | None, Field(description="when the next stage is due at the latest, unix seconds")]


class SubmissionPage(Page):
    items: list[MySubmission]


class WorkView(BaseModel):
    """Work in one dataset. κ: by the last settled round, over all rounds; `pay_rate`: the part of the reward that a label earns."""

    dataset: int
    name: str | None
    labels: int
    pending: int
    reward: Amount
    slash: Amount
    shares: Amount
    part: float
    revenue: Amount
    claimable: Amount | None
    releasable: Annotated[Amount, Field(description="bonds that are kept and not needed: anyone may have them sent back")]
    kappa: float | None
    kappa_means: str | None
    pay_rate: float | None
    audited: int | None
    flagged: bool
    waiting: bool


class WorkList(BaseModel):
    items: list[WorkView]


class AuditedRow(BaseModel):
    """One of my labels that was audited. `right` is null where the panel was tied."""

    dataset: int
    round: int
    index: int
    content_hash: Bytes32 | None
    content: Any
    answer: int
    votes: list[int]
    verdict: int | None
    right: bool | None


class AuditedPage(Page):
    items: list[AuditedRow]


class Payment(BaseModel):
    """Money that came in: pay or revenue; `total`: of this dataset and kind so far."""

    kind: Literal["pay", "revenue"]
    dataset: int
    amount: Amount
    total: Amount
    block: int
    timestamp: int | None
    tx_hash: Bytes32


class RevenueView(BaseModel):
    """Every payment, oldest first; the last 2,000."""

    items: list[Payment]


class DutyView(BaseModel):
    """Something that waits: kind audit or jury; step commit, reveal, attest, sign_evidence, or wait (for others)."""

    kind: Literal["audit", "jury"]
    round: int
    dataset: int
    attempt: int
    seats: int
    step: Literal["commit", "reveal", "attest", "sign_evidence", "wait"]
    due: int
    committed: bool
    revealed: bool
    sealed: Annotated[bool, Field(description="encrypted answers are kept here")]
    held: Annotated[bool, Field(description="the opened ballot is here, and the keeper reveals it")]


class SeatView(BaseModel):
    pool: Bytes32
    seat: int
    active_from: int
    left_at: int
    release_at: int
    drained: bool


class PastAudit(BaseModel):
    """A panel or jury that is over. `reward`, `slash`: of the round's settlement; `silence`: what was slashed for saying
    nothing."""

    kind: Literal["audit", "jury"]
    round: int
    dataset: int
    seats: int
    revealed: bool
    reward: Amount
    slash: Amount
    silence: Amount
    kappa: float | None
    reason: str | None
    explanation: str | None


class ValidatorView(BaseModel):
    """`stake`: the seats' size together, base units. What can be lost: silence and dissent (SPECIFICATION K10, J4)."""

    account: Address
    seats: list[SeatView]
    seat_size: Amount | None
    stake: Amount | None
    duties: list[DutyView]
    history: list[PastAudit]


class RequesterDataset(BaseModel):
    dataset: int
    name: str | None
    state: str
    escrow: Amount
    reserved: Amount
    free: Amount
    paid: Amount
    audits: Amount
    revenue: Annotated[Amount, Field(description="of all shareholders")]
    sales: int
    labels: int
    label_budget: int
    alpha: float | None


class RequesterList(BaseModel):
    items: list[RequesterDataset]


class LicenseView(BaseModel):
    dataset: int
    name: str | None
    expiry: int
    last_round: int
    live: bool


class LicenseList(BaseModel):
    items: list[LicenseView]
