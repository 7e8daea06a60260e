"""What a handler sees beside the event: the SQL session, and where in the chain the event is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from indexer.models import State

T = TypeVar("T", bound=State)


class InconsistentMirror(RuntimeError):
    """An event refers to something the mirror does not hold: events were missed. Rebuild: python -m indexer rebuild"""


class Rows:
    """The state rows that a run of events uses, each read once; new ones reach the database with the next flush."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[tuple[type[State], tuple[Any, ...]], State] = {}

    def find(self, kind: type[T], key: tuple[Any, ...]) -> T | None:
        known = self._rows.get((kind, key))
        if known is None:
            known = self.session.get(kind, key)
            if known is not None:
                self._rows[kind, key] = known
        return cast(T | None, known)

    def add(self, row: State) -> None:
        self._rows[type(row), tuple(getattr(row, name) for name in key_names(type(row)))] = row
        self.session.add(row)


@dataclass(frozen=True)
class Context:
    """`contracts`: address by name. The rest: where the event is."""

    rows: Rows
    contracts: dict[str, str]
    block_number: int
    log_index: int
    tx_hash: str

    @property
    def session(self) -> Session:
        return self.rows.session

    def get(self, kind: type[T], *key: Any) -> T:
        """The row of this key. Raises InconsistentMirror."""
        row = self.rows.find(kind, key)
        if row is None:
            raise InconsistentMirror(f"{kind.__name__} {key} is not in the mirror. Rebuild it: python -m indexer rebuild")
        return row

    def get_or_add(self, kind: type[T], **values: Any) -> T:
        """The row whose primary key is among `values`, or a new one of exactly these values."""
        row = self.rows.find(kind, tuple(values[name] for name in key_names(kind)))
        if row is None:
            row = kind(**values)
            self.rows.add(row)
        return row

    def add(self, row: State) -> None:
        self.rows.add(row)


@cache
def key_names(kind: type[State]) -> tuple[str, ...]:
    return tuple(str(column.key) for column in inspect(kind).primary_key)


Handler = Callable[[Context, Any], None]
