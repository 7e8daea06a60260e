"""Metadata by hash, practice, and the content that tasks show."""

import json
import re

from eth_utils.crypto import keccak
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Invalid, NotFound
from backend.models import Task
from backend.product_models import DatasetMetadata, StoredFile, UploadTask
from backend.tasks import schemas
from backend.tasks.content import WrongContent, check_metadata, images_of
from indexer.models import Dataset
from labelshare.rules.evidence import canonical_json

MAX_BYTES = 256 * 1024
HASH = re.compile(r"0x[0-9a-f]{64}")


def keep_metadata(backend: Backend, session: Session, metadata: schemas.Metadata) -> schemas.MetadataView:
    """Keeps checked metadata under its hash; the same again is the same. Raises Invalid."""
    try:
        check_metadata(metadata, backend.settings.task_hosts)
    except WrongContent as error:
        raise Invalid("invalid_metadata", f"The metadata is refused: {error}.") from error
    require_images(session, [item.content for item in metadata.practice])
    body = canonical_json(metadata.model_dump())
    if len(body) > MAX_BYTES:
        raise Invalid("metadata_too_large", f"Metadata holds at most {MAX_BYTES} bytes; this has {len(body)}.")
    found = "0x" + keccak(body).hex()
    if session.get(DatasetMetadata, found) is None:
        session.add(DatasetMetadata(hash=found, name=metadata.name, task_type=metadata.task_type, body=body.decode()))
    return schemas.MetadataView(hash=found, uri=f"{backend.settings.origins[0]}/v1/metadata/{found}")


def metadata_body(session: Session, metadata_hash: str) -> str:
    row = session.get(DatasetMetadata, metadata_hash)
    if row is None:
        raise NotFound("unknown_metadata", "Metadata of this hash is not kept here.")
    return row.body


def metadata_of(session: Session, dataset: Dataset) -> schemas.Metadata | None:
    """The dataset's metadata, None when this operator does not have it."""
    row = session.get(DatasetMetadata, str(dataset.terms.get("metadata_hash")))
    return None if row is None else schemas.Metadata.model_validate(json.loads(row.body))


def require_images(session: Session, contents: list[object]) -> None:
    """Raises Invalid when a task shows an image that is not stored here."""
    wanted = images_of(contents)
    for start in range(0, len(wanted), 500):
        some = sorted(wanted)[start : start + 500]
        known = set(session.scalars(select(StoredFile.hash).where(StoredFile.hash.in_(some))))
        if len(known) != len(some):
            missing = next(image for image in some if image not in known)
            raise Invalid("unknown_image", f"The image {missing} is not stored here; upload it first (POST /v1/uploads).")


def shown_images(session: Session, among: set[str]) -> set[str]:
    """Those of the images that a task, an upload that waits for its round, or a practice item shows."""
    found: set[str] = set()
    for column in (Task.content, UploadTask.content, DatasetMetadata.body):
        rows = select(column).where(column.contains('"image":"0x')).execution_options(yield_per=1_000)
        for text in session.scalars(rows) if among else ():
            found |= among.intersection(HASH.findall(text))
    return found


def practice(session: Session, dataset: Dataset) -> schemas.PracticeView:
    metadata = _with_practice(session, dataset)
    return schemas.PracticeView(
        dataset=dataset.id,
        task_type=metadata.task_type,
        question=metadata.question,
        classes=[entry.name for entry in metadata.classes],
        items=[schemas.PracticeTask(item=i, content=item.content) for i, item in enumerate(metadata.practice)],
    )


def practice_feedback(session: Session, dataset: Dataset, request: schemas.PracticeAnswer) -> schemas.PracticeFeedback:
    item = _with_practice(session, dataset).practice[request.item]
    return schemas.PracticeFeedback(right=item.answer == request.answer, expected=item.answer, explanation=item.explanation)


def _with_practice(session: Session, dataset: Dataset) -> schemas.Metadata:
    metadata = metadata_of(session, dataset)
    if metadata is None or not metadata.practice:
        raise NotFound("no_practice", f"Dataset {dataset.id} has no practice items.")
    return metadata


def stored_file(session: Session, file_hash: str) -> StoredFile:
    row = session.get(StoredFile, file_hash)
    if row is None:
        raise NotFound("unknown_content", "No such image is stored here, or it was deleted.")
    return row
