"""Bodies of the dataset endpoints."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.tasks.schemas import Metadata, TaskType
from backend.types import Address, Amount, Bytes32, Strict, Uint32, Uint64

MAX_TASKS = 100_000


class RoundRequest(Strict):
    """A round to open, of `tasks` or of an upload's. `labels_per_task`: slots of each task; `deadline`: unix seconds; `last`: no
    other
    round follows; `adaptive`: a task whose consensus is sure gets no more labels than the dataset's minimum, and what that spares
    is
    released when the round is settled."""

    tasks: (
        Annotated[list[Any], Field(min_length=1, max_length=MAX_TASKS, description="any JSON without floats, 64 KiB each")] | None
    ) = None
    upload_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
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
    rpc_url: Annotated[str | None, Field(description="a node for the browser, on development chains of this machine only")]
    sign_in: Annotated[str, Field(description="the statement of a sign-in message")]
    task_hosts: list[str]
    max_upload: int


class ContractView(BaseModel):
    """A contract of this deployment."""

    name: str
    address: Address
    abi: list[dict[str, Any]]


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


State = Literal["new", "labeling", "settling", "idle", "finished"]


class DatasetCard(BaseModel):
    """A dataset in a list. State: new (no round yet), labeling (a round is open), settling, idle (another round may follow),
    finished.

    Name and task type are null when this operator does not hold the metadata.
    """

    dataset: int
    name: str | None
    task_type: TaskType | None
    state: State
    requester: Address
    operator: Address
    reward: Annotated[Amount, Field(description="base units a label")]
    classes: int
    tasks: Annotated[int, Field(description="of all rounds")]
    labels: Annotated[int, Field(description="on chain, of all rounds")]
    label_budget: int
    contributors: int
    price: Amount
    revenue: Amount
    sales: int
    alpha: Annotated[float | None, Field(description="Krippendorff's α of the last settled round")]
    open_round: int | None
    deadline: Annotated[int | None, Field(description="of the open round, unix seconds")]


class DatasetPage(Page):
    items: list[DatasetCard]


class DatasetView(DatasetCard):
    """A dataset: its terms, metadata, escrow (base units), license price, shares. `shares` in units of 1/65,536 label."""

    terms: dict[str, Any]
    metadata: Metadata | None
    escrow: Amount
    reserved: Amount
    free: Annotated[Amount, Field(description="of the escrow, what the requester may take back or fund rounds with")]
    shares: Amount
    holders: int
    rounds: list[int]
    waiting_labels: Annotated[int, Field(description="labels that wait for a later round's audit")]
    created_tx: Bytes32 | None
    created_at: int | None


class RoundQuality(BaseModel):
    """Agreement and quality of a settled round. α: 1 all agree, 0 as by chance. `right`: audited tasks where consensus and panel
    agree."""

    round: int
    alpha: float | None
    labels: int
    tasks: int
    class_labels: Annotated[list[int], Field(description="labels given, by class")]
    class_tasks: Annotated[list[int], Field(description="tasks by consensus, by class; empty for a round that exited")]
    audited: int
    right: int
    mean_confidence: float | None
    exited: bool


class QualityView(BaseModel):
    """By settled round, oldest first. `weak`: fewer than 200 tasks, so that the statistics say little."""

    dataset: int
    classes: list[str]
    rounds: list[RoundQuality]
    weak: bool


class SampleRow(BaseModel):
    """An audited task: public since its panel revealed. `votes` by class, weighted by seats; no verdict: a tie."""

    round: int
    index: int
    content_hash: Bytes32
    content: Any
    votes: list[int]
    verdict: int | None
    consensus: Annotated[int | None, Field(description="the labelers', once settled")]


class SamplePage(Page):
    items: list[SampleRow]


class ContributorView(BaseModel):
    """A contributor of a dataset: labels, pay and slashes distributed so far (base units), shares and their revenue.

    `covered`: ticketed labels whose bonds are held, pending ones among them; the rest is free for anyone to send back to them
    (Settlement.releaseBonds), and covers their next labels until then. `part`: of all shares.
    """

    contributor: Address
    labels: int
    pending: int
    pending_open: int
    covered: int
    reward: Amount
    slash: Amount
    shares: Amount
    part: float
    revenue: Amount


class ContributorPage(Page):
    items: list[ContributorView]


class OwnerView(BaseModel):
    """A holder of shares, largest first. Role: how they are otherwise known to the dataset."""

    holder: Address
    role: Literal["contributor", "validator", "requester", "holder"]
    shares: Amount
    part: float
    revenue: Amount


class OwnerPage(Page):
    items: list[OwnerView]


class SaleView(BaseModel):
    """A license sold (base units)."""

    licensee: Address
    buyer: Address
    price: Amount
    fee: Amount
    expiry: int
    last_round: int
    block: int
    timestamp: int | None
    tx_hash: Bytes32


class SalePage(Page):
    items: list[SaleView]


class StepView(BaseModel):
    """A step that the chain took, with its transaction."""

    step: str
    timestamp: int | None
    block: int
    tx_hash: Bytes32


class RoundProvenance(BaseModel):
    round: int
    tasks_root: Bytes32
    task_count: int
    labels: int
    submissions: int
    contributors: int
    panel: list[Address]
    evidence_hash: Bytes32 | None
    steps: list[StepView]


class ProvenanceView(BaseModel):
    """Where a dataset's labels come from, each step traceable on chain."""

    dataset: int
    rule: str
    rule_id: Bytes32
    metadata_hash: str
    metadata_uri: str
    rounds: list[RoundProvenance]
