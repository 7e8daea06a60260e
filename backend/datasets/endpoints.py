"""Endpoints of datasets, rounds, and the state of this backend."""

from fastapi import APIRouter
from sqlalchemy import select

from backend.access import Access
from backend.context import Injected
from backend.datasets import schemas, service
from backend.types import AddressPath
from indexer.models import Dataset
from labelshare.rules.history import RULE

router = APIRouter(tags=["datasets"])


@router.get("/config", summary="Chain, contracts and operator of this backend")
def config(backend: Injected) -> schemas.ConfigView:
    contracts = backend.deployment.contracts
    return schemas.ConfigView(
        chain_id=backend.deployment.chain_id,
        contracts=contracts,
        operator=backend.operator.address,
        rule=RULE,
        faucet="Faucet" in contracts,
    )


@router.get("/health", summary="Where the mirror stands, and whether the Ledger's sums agree")
def health(backend: Injected) -> schemas.HealthView:
    with backend.database.transaction() as session:
        return service.view_health(session)


@router.get("/datasets", summary="All datasets")
def datasets(backend: Injected) -> list[schemas.DatasetView]:
    with backend.database.transaction() as session:
        return [service.view_dataset(session, row) for row in session.scalars(select(Dataset).order_by(Dataset.id))]


@router.get("/datasets/{dataset}", summary="One dataset")
def dataset(backend: Injected, dataset: int) -> schemas.DatasetView:
    with backend.database.transaction() as session:
        return service.view_dataset(session, service.get_dataset(session, dataset))


@router.get("/datasets/{dataset}/contributors", summary="Labels, pay, shares and revenue of each contributor")
def contributors(backend: Injected, dataset: int) -> list[schemas.ContributorView]:
    with backend.database.transaction() as session:
        return service.view_contributors(session, dataset)


@router.get("/datasets/{dataset}/contributors/{address}", summary="One contributor of a dataset")
def contributor(backend: Injected, dataset: int, address: AddressPath) -> schemas.ContributorView:
    with backend.database.transaction() as session:
        return service.view_contributor(session, dataset, address)


@router.get("/datasets/{dataset}/sales", summary="Licenses sold")
def sales(backend: Injected, dataset: int) -> list[schemas.SaleView]:
    with backend.database.transaction() as session:
        return service.view_sales(session, dataset)


@router.post(
    "/datasets/{dataset}/rounds",
    status_code=202,
    summary="Ask the operator to open a round",
    description="Access purpose `open-round`, subject the dataset, by its requester or operator. Tasks are stored by content hash; "
    "the round opens on chain soon after: poll the draft for its number. The escrow must cover the reserve first.",
)
def open_round(backend: Injected, dataset: int, request: schemas.RoundRequest, access: Access) -> schemas.DraftView:
    with backend.database.transaction() as session:
        account = access.account_for(backend, session, "open-round", dataset)
        draft = service.open_round(backend, session, dataset, account, request)
        return service.view_draft(session, draft.id)


@router.get("/drafts/{draft_id}", summary="A round that was asked for")
def draft(backend: Injected, draft_id: int) -> schemas.DraftView:
    with backend.database.transaction() as session:
        return service.view_draft(session, draft_id)


@router.get("/rounds/{round_id}", summary="One round, with its audit and settlement")
def one_round(backend: Injected, round_id: int) -> schemas.RoundView:
    with backend.database.transaction() as session:
        return service.view_round(session, service.get_round(session, round_id))
