"""Endpoints of metadata, practice, images and deletion."""

from fastapi import APIRouter, Response

from backend.access import Access
from backend.context import Injected
from backend.datasets.service import get_dataset
from backend.paging import Cursor, Limit
from backend.tasks import erasure, schemas, service
from backend.types import HashPath, IdPath

router = APIRouter(tags=["tasks"])


@router.post(
    "/metadata",
    status_code=201,
    summary="Keep a dataset's metadata: instructions and label schema",
    description="Access purpose `metadata`, subject 0. Then name `hash` and `uri` in the dataset's terms when creating it on "
    "chain.",
)
def keep_metadata(backend: Injected, request: schemas.Metadata, access: Access) -> schemas.MetadataView:
    access.verified(backend, "metadata", 0)
    with backend.database.transaction() as session:
        return service.keep_metadata(backend, session, request)


@router.get(
    "/metadata/{metadata_hash}",
    summary="Metadata, byte for byte as hashed",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Metadata"}}}}},
)
def metadata(backend: Injected, metadata_hash: HashPath) -> Response:
    with backend.database.reading() as session:
        return Response(service.metadata_body(session, metadata_hash), media_type="application/json")


@router.get("/datasets/{dataset}/practice", summary="Three items to try, without a wallet")
def practice(backend: Injected, dataset: IdPath) -> schemas.PracticeView:
    with backend.database.reading() as session:
        return service.practice(session, get_dataset(session, dataset))


@router.post("/datasets/{dataset}/practice", summary="Whether an answer to a practice item is right, and why")
def answer_practice(backend: Injected, dataset: IdPath, request: schemas.PracticeAnswer) -> schemas.PracticeFeedback:
    with backend.database.reading() as session:
        return service.practice_feedback(session, get_dataset(session, dataset), request)


@router.get(
    "/content/{content_hash}",
    summary="An image that a task shows",
    response_class=Response,
    responses={
        200: {"content": {name: {"schema": {"type": "string", "format": "binary"}} for name in ("image/png", "image/jpeg")}}
    },
)
def content(backend: Injected, content_hash: HashPath) -> Response:
    with backend.database.reading() as session:
        row = service.stored_file(session, content_hash)
    headers = {
        "Cache-Control": "public, max-age=86400",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline",
    }
    return Response(row.body, media_type=row.media_type, headers=headers)


@router.post("/takedowns", status_code=202, summary="Ask for a task's content to be deleted")
def takedown(backend: Injected, request: schemas.TakedownRequest) -> schemas.TakedownView:
    with backend.database.transaction() as session:
        return erasure.ask(backend, session, request)


@router.get("/takedowns/{takedown}", summary="What became of a request to delete content")
def takedown_status(backend: Injected, takedown: IdPath) -> schemas.TakedownStatus:
    with backend.database.reading() as session:
        return erasure.status(session, takedown)


@router.get(
    "/datasets/{dataset}/takedowns",
    summary="Requests to delete content of a dataset",
    description="Access purpose `takedowns`, subject the dataset, by its requester or operator.",
)
def takedowns(backend: Injected, dataset: IdPath, access: Access, cursor: Cursor = None, limit: Limit = 50) -> schemas.TakedownPage:
    account = access.verified(backend, "takedowns", dataset)
    with backend.database.reading() as session:
        return erasure.requests(session, dataset, account, cursor, limit)


@router.post(
    "/datasets/{dataset}/erasures",
    summary="Delete a task's content, or decide to keep it",
    description="Access purpose `erase`, subject the dataset, by its requester or operator. The hash stays in the round's tree, "
    "and labels under it.",
)
def erase(backend: Injected, dataset: IdPath, request: schemas.ErasureRequest, access: Access) -> schemas.ErasureView:
    account = access.verified(backend, "erase", dataset)
    with backend.database.transaction() as session:
        return erasure.decide(session, dataset, account, request)
