"""Endpoints of uploads."""

from typing import Annotated

from fastapi import APIRouter, File, Path, UploadFile

from backend.access import Access
from backend.context import Injected
from backend.repeats import Key, digest_of, once
from backend.tasks.schemas import TaskType
from backend.uploads import service
from backend.uploads.schemas import UploadView

router = APIRouter(tags=["requester"])


@router.post(
    "/uploads",
    status_code=201,
    summary="Bring tasks: one CSV or JSONL file, or images",
    description="Access purpose `upload`, subject 0. Taken wholly or not at all: 422 `bad_rows` names each bad row with line, "
    "column and reason. Images are "
    "decoded and encoded anew; PNG, JPEG, WebP and still GIF are taken. Use the upload's id when opening a round.",
)
def upload(
    backend: Injected,
    files: Annotated[list[UploadFile], File(description="one .csv, .tsv or .jsonl, or up to 1,000 images")],
    access: Access,
    key: Key = None,
    task_type: TaskType | None = None,
) -> UploadView:
    account = access.verified(backend, "upload", 0)
    bodies = [(file.filename or "", file.file.read()) for file in files]

    def take() -> UploadView:
        parsed, images = service.read(backend, bodies, task_type)
        with backend.database.transaction() as session:
            return service.keep(backend, session, account, parsed, images)

    return once(backend, account, key, ["upload", task_type, [(name, digest_of(body)) for name, body in bodies]], UploadView, take)


@router.get("/uploads/{upload_id}", summary="An upload of one's own", description="Access purpose `upload`, subject 0.")
def one_upload(backend: Injected, upload_id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")], access: Access) -> UploadView:
    account = access.verified(backend, "upload", 0)
    with backend.database.reading() as session:
        return service.view(session, service.find(session, upload_id, account))
