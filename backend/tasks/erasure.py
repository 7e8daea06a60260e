"""Deleting what a task shows. The hash stays in the round's tree and on chain, labels and pay stay; the content is gone for
good."""

import json

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend import paging
from backend.context import Backend
from backend.datasets.service import get_dataset, require_owner
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import Draft, DraftTask, Task
from backend.product_models import Repeated, StoredFile, Takedown, Upload, UploadTask
from backend.tasks import schemas
from backend.tasks.content import images_of
from backend.tasks.service import shown_images
from indexer.models import Dataset
from labelshare.rules.evidence import ERASED, canonical_json

GONE = canonical_json(ERASED).decode()
MOST_OPEN = 20  # requests about one content that wait: one is enough to be seen


def ask(backend: Backend, session: Session, request: schemas.TakedownRequest) -> schemas.TakedownView:
    """Keeps a request, for those whose dataset it is to decide. Raises NotFound for content that is not here, Conflict when enough
    have asked."""
    if session.get(Task, request.content_hash) is None:
        raise NotFound("unknown_content", "No task with this content hash is stored here.")
    waiting = select(func.count()).where(Takedown.content_hash == request.content_hash, Takedown.outcome == "open")
    if (session.scalar(waiting) or 0) >= MOST_OPEN:
        raise Conflict("asked_before", f"{MOST_OPEN} requests about this content wait for a decision already: it is seen.")
    row = Takedown(content_hash=request.content_hash, reason=request.reason, outcome="open", created_at=backend.now(session))
    session.add(row)
    session.flush()
    return _view(row)


def status(session: Session, takedown: int) -> schemas.TakedownStatus:
    """What became of a request. Raises NotFound."""
    row = session.get(Takedown, takedown)
    if row is None:
        raise NotFound("unknown_takedown", f"There is no request {takedown}.")
    view = _view(row)
    return schemas.TakedownStatus(
        id=view.id, content_hash=view.content_hash, outcome=view.outcome, created_at=view.created_at
    )


def requests(session: Session, dataset: int, account: str, cursor: str | None, limit: int) -> schemas.TakedownPage:
    """Requests about tasks of a dataset, newest first. Raises Forbidden for anyone but its requester and operator."""
    require_owner(get_dataset(session, dataset), account)
    rows = select(Takedown).where(Takedown.content_hash.in_(_hashes(dataset))).order_by(Takedown.id.desc()).limit(limit + 1)
    key = paging.decode(cursor, int)
    if key is not None:
        rows = rows.where(Takedown.id < key[0])
    page, after = paging.cut(session.scalars(rows).all(), limit, lambda row: (row.id,))
    return schemas.TakedownPage(items=[_view(row) for row in page], next=after)


def decide(session: Session, dataset: int, account: str, request: schemas.ErasureRequest) -> schemas.ErasureView:
    """Deletes the content, and images that no other task shows; or keeps it. Answers open requests either way."""
    owner = get_dataset(session, dataset)
    require_owner(owner, account)
    known = session.scalar(_hashes(dataset).where(DraftTask.content_hash == request.content_hash).limit(1))
    task = session.get(Task, request.content_hash)
    if known is None or task is None:
        raise NotFound("unknown_content", f"No task of dataset {dataset} has this content hash.")
    if request.erase:
        _require_nobody_else(session, request.content_hash, account, owner.operator)
        images, content = images_of([json.loads(task.content)]), task.content
        task.content = GONE
        session.flush()
        _drop_copies(session, request.content_hash, content)
        whose = None if account == owner.operator else account
        _drop_images(session, images, whose)
    outcome = "erased" if request.erase else "kept"
    answered = update(Takedown).where(Takedown.content_hash == request.content_hash, Takedown.outcome == "open")
    count = session.execute(answered.values(outcome=outcome).returning(Takedown.id)).all()
    erased = json.loads(task.content) == ERASED
    return schemas.ErasureView(content_hash=request.content_hash, erased=erased, requests=len(count))


def _require_nobody_else(session: Session, content_hash: str, account: str, operator: str) -> None:
    """Raises Forbidden when another requester's dataset has the same task: content is kept once, so only the operator decides."""
    others = (
        select(Dataset.id)
        .join(Draft, Draft.dataset == Dataset.id)
        .join(DraftTask, DraftTask.draft_id == Draft.id)
        .where(DraftTask.content_hash == content_hash, Dataset.requester != account)
    )
    if account != operator and session.scalar(others.limit(1)) is not None:
        raise Forbidden("shared_content", "Another requester's dataset has the same task; ask the operator to decide.")


def _drop_copies(session: Session, content_hash: str, content: str) -> None:
    """Deletes what else holds the content: uploads, and answers that are kept to be given again."""
    session.execute(update(UploadTask).where(UploadTask.content == content).values(content=GONE))
    told = Repeated.body.contains(content_hash, autoescape=True) | Repeated.body.contains(content, autoescape=True)
    session.execute(delete(Repeated).where(told))


def _drop_images(session: Session, images: set[str], owner: str | None) -> None:
    """Deletes images that nothing else shows. Uploads of the `owner` (None: of everybody) that show them lose those tasks; what
    others show stays."""
    for image in images:
        waiting = update(UploadTask).where(UploadTask.content.contains(image, autoescape=True))
        if owner is not None:
            waiting = waiting.where(UploadTask.upload_id.in_(select(Upload.id).where(Upload.owner == owner)))
        session.execute(waiting.values(content=GONE))
    session.execute(delete(StoredFile).where(StoredFile.hash.in_(images - shown_images(session, images))))


def _hashes(dataset: int):  # type: ignore[no-untyped-def]
    return select(DraftTask.content_hash).join(Draft, Draft.id == DraftTask.draft_id).where(Draft.dataset == dataset)


def _view(row: Takedown) -> schemas.TakedownView:
    return schemas.TakedownView(
        id=row.id,
        content_hash=row.content_hash,
        reason=row.reason,
        outcome=row.outcome,  # type: ignore[arg-type]
        created_at=row.created_at,
    )
