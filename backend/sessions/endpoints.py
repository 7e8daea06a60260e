"""Endpoints for a contributor's first steps."""

from fastapi import APIRouter

from backend.context import Injected
from backend.sessions import schemas, service
from backend.types import AddressPath

router = APIRouter(tags=["sessions"])


@router.post("/sessions", status_code=202, summary="Register a session key, and allow bonds, by signature: no gas")
def onboard(backend: Injected, request: schemas.OnboardRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.onboard(backend, session, request)
    return schemas.Accepted()


@router.get("/sessions/{contributor}/{key}", summary="A session key on chain")
def one_session(backend: Injected, contributor: AddressPath, key: AddressPath) -> schemas.SessionView:
    with backend.database.transaction() as session:
        return service.view_session(session, contributor, key)


@router.get("/accounts/{address}", summary="A user's Ledger account")
def account(backend: Injected, address: AddressPath) -> schemas.AccountView:
    with backend.database.transaction() as session:
        return service.view_account(backend, session, address)


@router.post("/faucet", status_code=202, summary="Development chains: LBL for a Ledger account, once an address")
def faucet(backend: Injected, request: schemas.FaucetRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.drip(backend, session, request.address)
    return schemas.Accepted()
