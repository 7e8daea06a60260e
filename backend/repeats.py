"""Idempotency-Key: a request that creates something, sent again because its answer was lost, gives the first answer again."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import delete

from backend.context import Backend
from backend.errors import Conflict
from backend.product_models import Repeated

T = TypeVar("T", bound=BaseModel)
SECONDS = 24 * 3600
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", pattern=r"^[A-Za-z0-9_-]{8,64}$", description="the same key and body within a day: the same answer"
    ),
]


def once(backend: Backend, account: str, key: str | None, request: Any, kind: type[T], action: Callable[[], T]) -> T:
    """The action's answer, or the first one under this key. Raises Conflict when the key came with another request before.

    An action that raised is not kept: it may be tried again under the same key.
    """
    if key is None:
        return action()
    digest = hashlib.sha256(repr(request).encode()).hexdigest()
    with backend.database.reading() as session:
        kept = session.get(Repeated, (account, key))
        fresh = kept is not None and kept.created_at > backend.now(session) - SECONDS
    if kept is not None and fresh:
        if kept.request != digest:
            raise Conflict("idempotency_mismatch", "This Idempotency-Key came with another request before; take a new one.")
        return kind.model_validate_json(kept.body)
    answer = action()
    with backend.database.transaction() as session:
        now = backend.now(session)
        session.execute(delete(Repeated).where(Repeated.created_at < now - SECONDS))
        session.merge(Repeated(account=account, key=key, request=digest, body=answer.model_dump_json(), created_at=now))
    return answer
