"""Endpoints for jurors. A juror can send both calls to the chain as well; here they cost no gas."""

from fastapi import APIRouter

from backend.context import Injected
from backend.juries import schemas, service
from backend.signatures import with_wallets
from backend.types import Accepted, IdPath

router = APIRouter(tags=["jury"])


@router.post("/rounds/{round_id}/verdicts", status_code=202, summary="Hand in a sealed verdict on a challenged settlement")
def commit(backend: Injected, round_id: IdPath, request: schemas.VerdictRequest) -> Accepted:
    def take() -> None:
        with backend.database.transaction() as session:
            service.commit(backend, session, round_id, request)

    with_wallets(backend.rpc, take)
    return Accepted()


@router.post(
    "/rounds/{round_id}/verdict-reveals",
    status_code=202,
    summary="Hand in the verdict behind a commitment",
    description="It is kept, and opened on chain once the whole jury has committed or the time for it is over.",
)
def reveal(backend: Injected, round_id: IdPath, request: schemas.VerdictReveal) -> Accepted:
    with backend.database.transaction() as session:
        service.hold_verdict(session, round_id, request)
    return Accepted()
