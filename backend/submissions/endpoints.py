"""Endpoints for submissions."""

from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError

from backend.context import Injected
from backend.errors import Conflict, Forbidden
from backend.signatures import with_wallets
from backend.submissions import open_service, service
from backend.submissions.schemas import OpenLabelsRequest, SubmissionView, SubmitRequest
from backend.types import HashPath, IdPath

router = APIRouter(tags=["contribute"])


@router.post(
    "/rounds/{round_id}/submissions",
    status_code=201,
    summary="Hand in signed labels",
    description="The Submission is signed (EIP-712) by the contributor or a live session key. It is verified here exactly as the "
    "LabelRegistry will verify it, kept, answered with the operator's signed receipt, and relayed. Sending the same submission "
    "again is safe: it gives the same receipt.",
)
def submit(backend: Injected, round_id: IdPath, request: SubmitRequest) -> SubmissionView:
    def take() -> SubmissionView:
        with backend.database.transaction() as session:
            taken = service.take(backend, session, round_id, request)
        backend.limits.charge(request.submission.contributor)
        return taken

    try:
        return with_wallets(backend.rpc, take)
    except (IntegrityError, Conflict, Forbidden):
        # Another request may have been there first, between two looks of this one: with the same submission, which then is known by
        # now, or with another under its sequence number.
        pass
    try:
        return with_wallets(backend.rpc, take)
    except IntegrityError as error:
        raise Conflict("wrong_sequence", "Another submission took this sequence number at the same time; lease again.") from error


@router.post(
    "/rounds/{round_id}/open-labels",
    status_code=201,
    summary="Show the labels of an open submission that the chain accepted",
    description="Kept as evidence; whether the submission counts is the panel's word. Nothing is relayed.",
)
def open_labels(backend: Injected, round_id: IdPath, request: OpenLabelsRequest) -> SubmissionView:
    def keep() -> SubmissionView:
        with backend.database.transaction() as session:
            return open_service.keep(backend, session, round_id, request)

    return with_wallets(backend.rpc, keep)


@router.get("/submissions/{digest}", summary="Where a submission is")
def status(backend: Injected, digest: HashPath) -> SubmissionView:
    with backend.database.reading() as session:
        return service.view(session, service.find(session, digest))
