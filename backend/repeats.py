"""Idempotency-Key: a request that creates something, sent again because its answer was lost, gives the first answer again."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from backend.context import Backend
from backend.errors import Conflict
from backend.product_models import Repeated

T = TypeVar("T", bound=BaseModel)
SECONDS = 24 * 3600
PATIENCE = 120  # seconds after which a request that never ended, its process having died, may be made again
UNANSWERED = ""
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", pattern=r"^[A-Za-z0-9_-]{8,64}$", description="the same key and body within a day: the same answer"
    ),
]


def once(backend: Backend, account: str, key: str | None, request: Any, kind: type[T], action: Callable[[], T]) -> T:
    """The action's answer, or the first one under this key. Raises Conflict when the key came with another request before, or while
    the first is still at work.

    The key is taken before the action begins: of two requests at once one acts. An action that raised is not kept: it may be tried
    again under the same key.
    """
    if key is None:
        return action()
    digest = hashlib.sha256(repr(request).encode()).hexdigest()
    body = _claim(backend, account, key, digest)
    if body != UNANSWERED:
        return kind.model_validate_json(body)
    ours = (Repeated.account == account, Repeated.key == key)
    try:
        answer = action()
    except BaseException:
        with backend.database.transaction() as session:
            session.execute(delete(Repeated).where(*ours, Repeated.body == UNANSWERED))
        raise
    with backend.database.transaction() as session:
        session.execute(update(Repeated).where(*ours).values(body=answer.model_dump_json()))
    return answer


def digest_of(body: bytes) -> str:
    """What stands for a large body in a request that is compared."""
    return hashlib.sha256(body).hexdigest()


def _claim(backend: Backend, account: str, key: str, digest: str) -> str:
    """The answer that is kept under the key, or UNANSWERED when the key is now this request's. Raises Conflict."""
    busy = Conflict("still_at_work", "The first request under this Idempotency-Key is still at work; send it again in a moment.")
    try:
        with backend.database.transaction() as session:
            now = backend.now(session)
            session.execute(delete(Repeated).where(Repeated.created_at <= now - SECONDS))
            kept = session.get(Repeated, (account, key), with_for_update=True)
            if kept is None:
                session.add(Repeated(account=account, key=key, request=digest, body=UNANSWERED, created_at=now))
                return UNANSWERED
            if kept.request != digest:
                raise Conflict("idempotency_mismatch", "This Idempotency-Key came with another request before; take a new one.")
            if kept.body == UNANSWERED:
                if kept.created_at > now - PATIENCE:
                    raise busy
                kept.created_at = now
            return kept.body
    except IntegrityError as error:
        raise busy from error
