"""What a handler sees beside the event: the state's rows, and where in the chain the event is."""

from collections.abc import Callable
from typing import Any, TypeVar

from indexer.models import State
from indexer.rows import InconsistentMirror, Rows, kind_of

T = TypeVar("T", bound=State)


class Context:
    """`contracts`: address by name. The rest says where the event is; the store moves it from log to log.

    Rows are plain structs with the attributes of their model: what a handler sets is written, and can be undone.
    """

    __slots__ = ("block_number", "contracts", "log_index", "rows", "tx_hash")

    def __init__(self, rows: Rows, contracts: dict[str, str]) -> None:
        self.rows, self.contracts = rows, contracts
        self.block_number, self.log_index, self.tx_hash = 0, 0, ""

    def get(self, model: type[T], *key: Any) -> T:
        """The row of this key. Raises InconsistentMirror."""
        row = self.rows.find(model, key)
        if row is None:
            raise InconsistentMirror(f"{model.__name__} {key} is not in the mirror. Rebuild it: python -m indexer rebuild")
        return row

    def get_or_add(self, model: type[T], **values: Any) -> T:
        """The row whose primary key is among `values`, or a new one of exactly these values."""
        row = self.rows.find(model, tuple([values[name] for name in kind_of(model).key_names]))
        return self.rows.add(model, values) if row is None else row

    def where(self, model: type[T], **equal: Any) -> list[T]:
        """The rows with these values, in the order of their keys."""
        return self.rows.where(model, **equal)

    def add(self, model: type[T], **values: Any) -> T:
        """A new row. Raises InconsistentMirror when there is one of its key."""
        return self.rows.add(model, values)

    def delete(self, model: type[T], row: T) -> None:
        self.rows.delete(model, row)


Handler = Callable[[Context, Any], None]
