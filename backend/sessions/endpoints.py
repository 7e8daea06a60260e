"""Endpoints for a contributor's first steps."""

from fastapi import APIRouter

from backend.context import Injected
from backend.sessions import schemas, service
from backend.signatures import with_wallets
from backend.types import Accepted, AddressPath

router = APIRouter(tags=["sessions"])


@router.post("/sessions", status_code=202, summary="Register a session key, and allow bonds, by signature: no gas")
def onboard(backend: Injected, request: schemas.OnboardRequest) -> Accepted:
    def take() -> None:
        with backend.database.transaction() as session:
            service.onboard(backend, session, request)

    with_wallets(backend.rpc, take)
    backend.limits.charge(request.session.contributor)
    return Accepted()


@router.get("/sessions/{contributor}/{key}", summary="A session key on chain")
def one_session(backend: Injected, contributor: AddressPath, key: AddressPath) -> schemas.SessionView:
    with backend.database.reading() as session:
        return service.view_session(session, contributor, key)


@router.get("/accounts/{address}", summary="A user's Ledger account")
def account(backend: Injected, address: AddressPath) -> schemas.AccountView:
    with backend.database.reading() as session:
        return service.view_account(backend, session, address)


@router.post(
    "/faucet",
    status_code=202,
    summary="Development chains: LBL once an address, and gas",
    description="LBL goes to the Ledger account, or with `to_wallet` to the wallet; `gas` gives the wallet 1 coin for transactions "
    "of its own.",
)
def faucet(backend: Injected, request: schemas.FaucetRequest) -> schemas.FaucetView:
    with backend.database.transaction() as session:
        service.drip(backend, session, request)
    gas = service.give_gas(backend, request.address) if request.gas else False
    return schemas.FaucetView(gas=gas)
