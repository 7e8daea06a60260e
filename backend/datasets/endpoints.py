"""Endpoints of datasets and of this backend's deployment."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from backend.access import Access
from backend.accounts.siwe import STATEMENT
from backend.context import Injected
from backend.datasets import cards, people, provenance, quality, requester_schemas, schemas, service
from backend.datasets.cost import cost
from backend.paging import Cursor, Limit, LongLimit
from backend.repeats import Key, once
from backend.tasks.schemas import TaskType
from backend.types import AddressPath, AddressQuery, IdPath, Uint256
from backend.web import node_for_browsers
from labelshare.chain import abi
from labelshare.rules.history import RULE

router = APIRouter(tags=["datasets"])
DraftPath = Annotated[int, Path(ge=0, lt=1 << 31)]


@router.get("/config", summary="Chain, contracts and operator of this backend")
def config(backend: Injected) -> schemas.ConfigView:
    contracts = backend.deployment.contracts
    return schemas.ConfigView(
        chain_id=backend.deployment.chain_id,
        contracts=contracts,
        operator=backend.operator.address,
        rule=RULE,
        faucet="Faucet" in contracts,
        rpc_url=node_for_browsers(backend),
        sign_in=STATEMENT,
        task_hosts=list(backend.settings.task_hosts),
        max_upload=backend.settings.max_upload,
    )


@router.get("/contracts", summary="Addresses and ABIs")
def contracts(backend: Injected) -> list[schemas.ContractView]:
    deployed = sorted(backend.deployment.contracts.items())
    return [schemas.ContractView(name=name, address=address, abi=abi(name)) for name, address in deployed]


@router.get("/health", summary="Where the mirror stands, and whether the Ledger's sums agree")
def health(backend: Injected) -> schemas.HealthView:
    with backend.database.reading() as session:
        return service.view_health(session)


@router.get("/datasets", summary="Datasets: browse, search, filter")
def datasets(
    backend: Injected,
    q: Annotated[str | None, Query(max_length=100, description="in name and metadata; a requester's address; a number")] = None,
    state: schemas.State | None = None,
    task_type: TaskType | None = None,
    requester: AddressQuery = None,
    operator: AddressQuery = None,
    sort: Literal["newest", "oldest", "price", "revenue"] = "newest",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.DatasetPage:
    filters = {"q": q, "state": state, "task_type": task_type, "requester": requester, "operator": operator}
    with backend.database.reading() as session:
        return cards.page(session, filters, sort, cursor, limit)


@router.get("/datasets/{dataset}", summary="One dataset")
def dataset(backend: Injected, dataset: IdPath) -> schemas.DatasetView:
    with backend.database.reading() as session:
        return provenance.view_dataset(session, dataset)


@router.get("/datasets/{dataset}/quality", summary="Agreement and class balance of its settled rounds")
def dataset_quality(backend: Injected, dataset: IdPath) -> schemas.QualityView:
    return quality.quality(backend, dataset)


@router.get("/datasets/{dataset}/sample", summary="The audited sample, which is public")
def sample(backend: Injected, dataset: IdPath, cursor: Cursor = None, limit: Limit = 20) -> schemas.SamplePage:
    return quality.sample(backend, dataset, cursor, limit)


@router.get("/datasets/{dataset}/contributors", summary="Labels, pay, shares and revenue of each contributor, by address")
def contributors(backend: Injected, dataset: IdPath, cursor: Cursor = None, limit: LongLimit = 100) -> schemas.ContributorPage:
    with backend.database.reading() as session:
        return people.contributors(session, dataset, cursor, limit)


@router.get("/datasets/{dataset}/contributors/{address}", summary="One contributor of a dataset")
def contributor(backend: Injected, dataset: IdPath, address: AddressPath) -> schemas.ContributorView:
    with backend.database.reading() as session:
        return people.contributor(session, dataset, address)


@router.get("/datasets/{dataset}/owners", summary="Who owns how much of it, the largest first")
def owners(backend: Injected, dataset: IdPath, cursor: Cursor = None, limit: LongLimit = 100) -> schemas.OwnerPage:
    with backend.database.reading() as session:
        return people.owners(session, dataset, cursor, limit)


@router.get("/datasets/{dataset}/sales", summary="Licenses sold, newest first")
def sales(backend: Injected, dataset: IdPath, cursor: Cursor = None, limit: Limit = 50) -> schemas.SalePage:
    with backend.database.reading() as session:
        return people.sales(session, dataset, cursor, limit)


@router.get("/datasets/{dataset}/provenance", summary="Every step of every round, with its transaction")
def dataset_provenance(backend: Injected, dataset: IdPath) -> schemas.ProvenanceView:
    with backend.database.reading() as session:
        return provenance.provenance(session, dataset)


@router.get(
    "/datasets/{dataset}/progress",
    summary="Live progress, agreement and spend",
    description="Access purpose `progress`, subject the dataset, by its requester or operator.",
)
def progress(backend: Injected, dataset: IdPath, access: Access) -> requester_schemas.ProgressView:
    account = access.verified(backend, "progress", dataset)
    with backend.database.reading() as session:
        return quality.progress(backend, session, dataset, account)


@router.get(
    "/datasets/{dataset}/consensus",
    summary="The consensus of settled rounds, task by task",
    description="Access purpose `consensus`, subject the dataset, by its requester or operator.",
)
def consensus(
    backend: Injected, dataset: IdPath, access: Access, cursor: Cursor = None, limit: Limit = 50
) -> requester_schemas.ConsensusPage:
    return quality.consensus(backend, dataset, access.verified(backend, "consensus", dataset), cursor, limit)


@router.get("/cost", summary="What a round costs")
def round_cost(
    tasks: Annotated[int, Query(ge=1, le=schemas.MAX_TASKS)],
    reward: Annotated[Uint256, Query(description="base units a label")],
    audit_fee: Annotated[Uint256, Query(description="base units an audited task and seat")] = "0",
    labels_per_task: Annotated[int, Query(ge=1, le=64)] = 5,
    min_labels: Annotated[int, Query(ge=1, le=64)] = 3,
    audit_rate: Annotated[int, Query(ge=0, le=256, description="of 256")] = 26,
    panel_size: Annotated[int, Query(ge=3, le=9)] = 3,
) -> requester_schemas.CostView:
    return cost(tasks, labels_per_task, min_labels, int(reward), int(audit_fee), audit_rate, panel_size)


@router.post(
    "/datasets/{dataset}/rounds",
    status_code=202,
    summary="Ask the operator to open a round",
    description="Access purpose `open-round`, subject the dataset, by its requester or operator. Tasks are stored by content hash; "
    "the round opens on chain soon after: poll the draft for its number. The escrow must cover the reserve first.",
)
def open_round(
    backend: Injected, dataset: IdPath, request: schemas.RoundRequest, access: Access, key: Key = None
) -> schemas.DraftView:
    account = access.verified(backend, "open-round", dataset)

    def ask() -> schemas.DraftView:
        with backend.database.transaction() as session:
            draft = service.open_round(backend, session, dataset, account, request)
            return service.view_draft(session, draft.id)

    return once(backend, account, key, ["round", dataset, request], schemas.DraftView, ask)


@router.get("/drafts/{draft_id}", summary="A round that was asked for")
def draft(backend: Injected, draft_id: DraftPath) -> schemas.DraftView:
    with backend.database.reading() as session:
        return service.view_draft(session, draft_id)
