"""Endpoints of what is one's own. Access purpose `me`, subject 0; a session key may sign it."""

from fastapi import APIRouter

from backend.access import Access
from backend.accounts import service as accounts
from backend.accounts.schemas import MeView
from backend.context import Injected
from backend.me import roles, schemas, submissions, work
from backend.paging import Cursor, Limit
from backend.submissions.service import find
from backend.types import HashPath, IdQuery

OWN = "Access purpose `me`, subject 0; a live session key may sign it."
router = APIRouter()


@router.get("/me", tags=["me"], summary="Roles, money, what waits", description=OWN)
def me(backend: Injected, access: Access) -> MeView:
    return accounts.me(backend, access.me(backend))


@router.get("/me/submissions", tags=["me"], summary="My submissions, each with how far it is", description=OWN)
def my_submissions(
    backend: Injected, access: Access, dataset: IdQuery = None, cursor: Cursor = None, limit: Limit = 20
) -> schemas.SubmissionPage:
    return submissions.page(backend, access.me(backend), dataset, cursor, limit)


@router.get("/submissions/{digest}/receipt", tags=["contribute"], summary="How far a submission is, from here to its pay")
def receipt(backend: Injected, digest: HashPath) -> schemas.MySubmission:
    with backend.database.reading() as session:
        row = find(session, digest)
    return submissions.one(backend, row)


@router.get("/me/work", tags=["me"], summary="My work by dataset: κ, pay, shares, revenue", description=OWN)
def my_work(backend: Injected, access: Access) -> schemas.WorkList:
    return work.work(backend, access.me(backend))


@router.get("/me/audited", tags=["me"], summary="My labels beside the panel's verdicts", description=OWN)
def my_audited(
    backend: Injected, access: Access, dataset: IdQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> schemas.AuditedPage:
    return work.audited(backend, access.me(backend), dataset, cursor, limit)


@router.get("/me/revenue", tags=["me"], summary="Pay and revenue over time", description=OWN)
def my_revenue(backend: Injected, access: Access) -> schemas.RevenueView:
    account = access.me(backend)
    with backend.database.reading() as session:
        return work.revenue(session, account)


@router.get("/me/validator", tags=["me"], summary="My seats, duties and audits", description=OWN)
def my_validator(backend: Injected, access: Access) -> schemas.ValidatorView:
    return roles.validator(backend, access.me(backend))


@router.get("/me/datasets", tags=["me"], summary="Datasets I requested", description=OWN)
def my_datasets(backend: Injected, access: Access) -> schemas.RequesterList:
    account = access.me(backend)
    with backend.database.reading() as session:
        return roles.requester(session, account)


@router.get("/me/licenses", tags=["me"], summary="Licenses I hold", description=OWN)
def my_licenses(backend: Injected, access: Access) -> schemas.LicenseList:
    account = access.me(backend)
    with backend.database.reading() as session:
        return roles.licenses(session, account, backend.now(session))
