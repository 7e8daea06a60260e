"""Lists in pages: an opaque cursor holds the key of the last row that was given."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel

from backend.errors import Invalid

T = TypeVar("T")
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]
LongLimit = Annotated[int, Query(ge=1, le=500)]


class Page(BaseModel):
    """`next`: the cursor of the page after this one, null on the last."""

    next: str | None


def encode(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The key in a cursor, None without one. Raises Invalid unless it is of these types."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fits = isinstance(key, list) and [type(part) for part in key] == list(kinds)
        fits = fits and all(part.isascii() and part.isprintable() if isinstance(part, str) else abs(part) < 1 << 63 for part in key)
    except (ValueError, RecursionError):
        fits = False
    if not fits:
        raise Invalid("invalid_cursor", "The cursor is none of this list's: pass `next` of the page before, or none at all.")
    return tuple(key)


def cut(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> tuple[Sequence[T], str | None]:
    """A page of rows that were asked for with limit + 1, and the cursor of the next."""
    page = rows[:limit]
    return page, encode(*key(page[-1])) if len(rows) > limit else None
