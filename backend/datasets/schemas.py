"""Bodies of the dataset endpoints."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.types import Address, Amount, Bytes32, Strict, Uint32, Uint64

MAX_TASKS = 100_000


class RoundRequest(Strict):
    """A round to open. `labels_per_task`: slots of each task; `deadline`: unix seconds; `last`: no other round follows;
    `adaptive`: a task whose consensus is sure gets no more labels than the dataset's minimum, and what that spares is released
    when the round is settled."""

    tasks: Annotated[list[Any], Field(min_length=1, max_length=MAX_TASKS, description="any JSON without floats, 64 KiB each")]
    label_budget: Annotated[Uint32, Field(ge=1)]
    labels_per_task: Annotated[int, Field(ge=1, le=64)]
    adaptive: bool = True
    deadline: Uint64
    last: bool


class DraftView(BaseModel):
    """A round asked for. `round`: its number, once it is open on chain and mirrored. `error`: why it could not be opened."""

    draft_id: int
    dataset: int
    tasks_root: Bytes32
    round: int | None
    error: str | None


class ConfigView(BaseModel):
    """What a client needs to talk to this deployment."""

    chain_id: int
    contracts: dict[str, Address]
    operator: Address
    rule: str
    faucet: bool


class LedgerView(BaseModel):
    """Invariant 1: the sum of all Ledger accounts, and the LBL that the Ledger holds, both from the mirror."""

    sum: Amount
    held: Amount


class HealthView(BaseModel):
    """Where the mirror stands."""

    mirror_block: int
    mirror_timestamp: int
    queued: Annotated[int, Field(description="outbox rows not yet in a transaction")]
    ledger: LedgerView


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
    evidence_hash: Bytes32 | None
    sure_tasks: Annotated[int | None, Field(description="tasks with a sure consensus, which get no more labels; adaptive rounds")]
    labels_spared: Annotated[int, Field(description="labels that these could still have taken")]
    saved: Annotated[Amount, Field(description="their rewards, base units: what the round costs less than with all slots filled")]


class DatasetView(BaseModel):
    """A dataset: its terms, escrow (base units), license price, shares."""

    dataset: int
    requester: Address
    operator: Address
    terms: dict[str, Any]
    escrow: Amount
    reserved: Amount
    price: Amount
    shares: Amount
    revenue: Amount
    rounds: list[int]


class ContributorView(BaseModel):
    """A contributor of a dataset: labels, pay and slashes distributed so far (base units), shares and their revenue.

    `covered`: ticketed labels whose bonds are held, pending ones among them; the rest is free for anyone to send back to them
    (Settlement.releaseBonds), and covers their next labels until then.
    """

    contributor: Address
    labels: int
    pending: int
    pending_open: int
    covered: int
    reward: Amount
    slash: Amount
    shares: Amount
    revenue: Amount


class SaleView(BaseModel):
    """A license sold (base units)."""

    licensee: Address
    buyer: Address
    price: Amount
    fee: Amount
    expiry: int
    block: int
    tx_hash: Bytes32
