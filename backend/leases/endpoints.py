"""The lease endpoint."""

from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError

from backend.access import Access
from backend.context import Injected
from backend.errors import Conflict
from backend.leases import service
from backend.leases.schemas import LeaseRequest, LeaseView
from backend.repeats import Key, once
from backend.types import IdPath

router = APIRouter(tags=["contribute"])
ATTEMPTS = 5


@router.post(
    "/rounds/{round_id}/leases",
    summary="Lease tasks to label",
    description="Access purpose `lease`, subject the round, by the contributor or a live session key of theirs.",
)
def lease(backend: Injected, round_id: IdPath, request: LeaseRequest, access: Access, key: Key = None) -> LeaseView:
    contributor = access.verified(backend, "lease", round_id)

    def take() -> LeaseView:
        for _ in range(ATTEMPTS):
            try:
                with backend.database.transaction() as session:
                    return service.lease(backend, session, round_id, contributor, request)
            except IntegrityError:
                continue  # somebody else took one of these slots meanwhile
        raise Conflict("busy", "Others took the same slots at the same time; ask again.")

    return once(backend, contributor, key, ["lease", round_id, request], LeaseView, take)
