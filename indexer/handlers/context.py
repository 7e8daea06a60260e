"""What a handler sees beside the event: the SQL session, and where in the chain the event is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from indexer.models import State

T = TypeVar("T", bound=State)


class InconsistentMirror(RuntimeError):
    """An event refers to something the mirror does not hold: events were missed. Rebuild: python -m indexer rebuild"""


@dataclass(frozen=True)
class Context:
    """`contracts`: address by name. The rest: where the event is."""

    session: Session
    contracts: dict[str, str]
    block_number: int
    log_index: int
    tx_hash: str

    def get(self, kind: type[T], *key: Any) -> T:
        """The row of this key. Raises InconsistentMirror."""
        row = self.session.get(kind, key)
        if row is None:
            raise InconsistentMirror(f"{kind.__name__} {key} is not in the mirror. Rebuild it: python -m indexer rebuild")
        return row

    def get_or_add(self, kind: type[T], **values: Any) -> T:
        """The row whose primary key is among `values`, or a new one of exactly these values."""
        columns = [column.name for column in kind.__table__.primary_key]
        row = self.session.get(kind, tuple(values[name] for name in columns))
        if row is None:
            row = kind(**values)
            self.session.add(row)
        return row

    def add(self, row: State) -> None:
        self.session.add(row)


Handler = Callable[[Context, Any], None]
