"""Endpoints for submissions."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool

from backend.context import Backend, Injected
from backend.signatures import WrongSigner, wallet_takes, with_wallets
from backend.strict_json import StrictRoute
from backend.submissions import open_service, service
from backend.submissions.batches import Batches
from backend.submissions.schemas import OpenLabelsRequest, SubmissionView, SubmitRequest
from backend.types import HashPath, IdPath

router = APIRouter(tags=["contribute"], route_class=StrictRoute)
Submissions = Batches[service.Handed, SubmissionView]


def install(app: FastAPI, backend: Backend) -> None:
    """Lets submissions that come together share a transaction; never two of a contributor, of which one hangs on the other."""
    app.state.submissions = Submissions(partial(service.take_all, backend), lambda handed: handed.request.submission.contributor)


async def get_submissions(request: Request) -> Submissions:
    submissions: Submissions = request.app.state.submissions
    return submissions


@router.post(
    "/rounds/{round_id}/submissions",
    status_code=201,
    summary="Hand in signed labels",
    description="The Submission is signed (EIP-712) by the contributor or a live session key. It is verified here exactly as the "
    "LabelRegistry will verify it, kept, answered with the operator's signed receipt, and relayed. Sending the same submission "
    "again is safe: it gives the same receipt.",
)
async def submit(
    backend: Injected, submissions: Annotated[Submissions, Depends(get_submissions)], round_id: IdPath, request: SubmitRequest
) -> SubmissionView:
    try:
        taken = await submissions.put(service.Handed(round_id, request))
    except WrongSigner as error:
        if not await run_in_threadpool(wallet_takes, backend.rpc, *error.question):
            raise
        taken = await submissions.put(service.Handed(round_id, request, by_wallet=True))
    backend.limits.charge(request.submission.contributor)
    return taken


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
