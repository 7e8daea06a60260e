"""The state rows that events change: folded in memory, written once a transaction, with what a block replaced where it may be
undone.

States of a row here, all by comparing values, so that no handler can forget to say what it changed:
- `written`: what the database holds in this transaction; None where it holds nothing.
- `marked`: what it was when the current block began. A block's before-image is `marked`, where it differs at the block's end.
- `row`: what it is now; None once deleted.

Invariants: after `save` every row is `written`; after a transaction that failed, or that another indexer overtook, `forget` is
called before anything else, so the memory never holds what the database does not.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import JSON, Boolean, String, Table, inspect

from indexer.models import Bounded, Sale, SkippedSubmission, State, Submission, Uint

T = TypeVar("T", bound=State)
Values = tuple[Any, ...]
KEPT = 60_000
NEVER_READ = (Sale, SkippedSubmission, Submission)


class InconsistentMirror(RuntimeError):
    """An event refers to something the mirror does not hold: events were missed. Rebuild: python -m indexer rebuild"""


class Database(Protocol):
    """Reads and writes rows of a state table, in the running transaction. Keys and values as the kind's `to_database` gives
    them."""

    def load(self, kind: "Kind", key: Values) -> Values | None: ...
    def select(self, kind: "Kind", equal: dict[str, Any]) -> list[Values]: ...
    def insert(self, table: Table, rows: list[Values]) -> None: ...
    def update(self, kind: "Kind", rows: list[Values]) -> None: ...
    def delete(self, kind: "Kind", keys: list[Values]) -> None: ...


class Kind:
    """A state table: a struct with the model's attributes, and how its values go to the database and come back."""

    def __init__(self, model: type[State]) -> None:
        mapper = inspect(model)
        table = mapper.local_table
        assert isinstance(table, Table)
        self.model, self.table, self.name = model, table, str(table.name)
        self.columns = [column.key for column in table.columns]
        self.key = [self.columns.index(column.key) for column in table.primary_key]
        self.key_names = [self.columns[i] for i in self.key]
        self._plain_key = all(isinstance(column.type, String) for column in table.primary_key)
        self.struct: Any = msgspec.defstruct(f"{model.__name__}Row", [(name, Any) for name in self.columns], gc=False)
        types = [column.type for column in table.columns]
        self._uints = [i for i, kind in enumerate(types) if isinstance(kind, Uint)]
        self._bounded = [i for i, kind in enumerate(types) if isinstance(kind, Bounded)]
        self._jsons = [i for i, kind in enumerate(types) if isinstance(kind, JSON)]
        self._bools = [i for i, kind in enumerate(types) if isinstance(kind, Boolean)]

    def to_database(self, values: Values) -> Values:
        """Raises ValueError for an amount that is no uint256."""
        row = list(values)
        for i in self._uints:
            if row[i] is not None:
                row[i] = uint_text(row[i])
        for i in self._bounded:
            if row[i] is not None:
                row[i] = min(row[i], Bounded.LARGEST)
        for i in self._jsons:
            row[i] = json.dumps(row[i], sort_keys=True)
        return tuple(row)

    def from_database(self, values: Iterable[Any]) -> Values:
        row = list(values)
        for i in self._uints:
            row[i] = None if row[i] is None else int(row[i])
        for i in self._jsons:
            row[i] = json.loads(row[i]) if isinstance(row[i], str) else row[i]
        for i in self._bools:
            row[i] = None if row[i] is None else bool(row[i])
        return tuple(row)

    def key_to_database(self, key: Values) -> Values:
        """A key as the database holds it: numbers that no BIGINT holds are kept as the largest."""
        return key if self._plain_key else tuple([min(part, Bounded.LARGEST) if type(part) is int else part for part in key])

    def key_of(self, values: Values) -> Values:
        return tuple(values[i] for i in self.key)


def uint_text(value: int) -> str:
    """Raises ValueError."""
    if not 0 <= value < 1 << 256:
        raise ValueError(f"{value} is not a uint256")
    return str(value)


@cache
def kind_of(model: type[State]) -> Kind:
    return Kind(model)


class _Slot:
    __slots__ = ("marked", "row", "written")

    def __init__(self, row: Any, values: Values | None) -> None:
        self.row, self.written, self.marked = row, values, values

    def values(self) -> Values | None:
        return None if self.row is None else msgspec.structs.astuple(self.row)


Slots = dict[Values, _Slot]


class Rows:
    """All kinds' rows. `complete`: the database holds no row that is not here, so what is not here need not be looked up."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._database: Database | None = None
        self._complete = False
        self.forget()

    def begin(self, database: Database, complete: bool) -> None:
        """Uses this transaction. `complete`: the state tables are empty."""
        self._database = database
        self._complete = complete or self._complete

    def forget(self) -> None:
        self._slots: dict[type[State], Slots] = {}
        self._touched: dict[type[State], Slots] = {}
        self._unsaved: dict[type[State], Slots] = {}
        self._complete = False

    # What handlers do

    def find(self, model: type[T], key: Values) -> T | None:
        slots = self._slots.get(model)
        if slots is None:
            slots = self._slots[model] = {}
            self._touched[model], self._unsaved[model] = {}, {}
        slot = slots.get(key)
        if slot is None:
            if self._complete:
                return None
            slot = self._load(model, key)
            if slot is None:
                return None
        self._touched[model][key] = slot
        row: T | None = slot.row
        return row

    def add(self, model: type[T], values: dict[str, Any]) -> T:
        """A new row. Raises InconsistentMirror when there is one of its key."""
        kind = kind_of(model)
        row: T = kind.struct(**values)
        key = tuple([values[name] for name in kind.key_names])
        if model in NEVER_READ:
            slot = _Slot(row, None)
            self._slots.setdefault(model, {})
            self._unsaved.setdefault(model, {})
            if self._touched.setdefault(model, {}).setdefault(key, slot) is not slot:
                raise InconsistentMirror(f"{model.__name__} {key} was there already. Rebuild the mirror: python -m indexer rebuild")
            return row
        if self.find(model, key) is not None:
            raise InconsistentMirror(f"{model.__name__} {key} was there already. Rebuild the mirror: python -m indexer rebuild")
        known = self._slots[model].get(key)
        if known is None:
            known = self._slots[model][key] = _Slot(row, None)
        known.row = row
        self._touched[model][key] = known
        return row

    def where(self, model: type[T], **equal: Any) -> list[T]:
        """The rows with these values, in the order of their keys."""
        kind, slots = kind_of(model), self._slots.setdefault(model, {})
        touched, unsaved = self._touched.setdefault(model, {}), self._unsaved.setdefault(model, {})
        found: Slots = {}
        for values in self._reading().select(kind, equal):
            key = kind.key_of(values)
            if key not in slots:
                slots[key] = _Slot(kind.struct(*values), values)
            found[key] = slots[key]
        found |= unsaved | touched
        matches = {
            key: slot
            for key, slot in sorted(found.items())
            if slot.row is not None and all(getattr(slot.row, name) == value for name, value in equal.items())
        }
        touched.update(matches)
        return [slot.row for slot in matches.values()]

    def delete(self, model: type[State], row: Any) -> None:
        key = kind_of(model).key_of(msgspec.structs.astuple(row))
        slot = self._slots[model][key]
        slot.row = None
        self._touched[model][key] = slot

    # What the store does

    def close_block(self, number: int, keep: bool) -> list[Values]:
        """Ends a block. With `keep`, what it replaced: (block, table, key as JSON, row before as JSON or None)."""
        undo: list[Values] = []
        for model, touched in self._touched.items():
            if not touched:
                continue
            kind, unsaved = kind_of(model), self._unsaved[model]
            for key, slot in touched.items():
                now = slot.values()
                if now == slot.marked:
                    continue
                if keep:
                    undo.append((number, kind.name, _text(kind.key_to_database(key)), _before(kind, slot.marked)))
                slot.marked = now
                unsaved[key] = slot
            touched.clear()
        return undo

    def save(self) -> None:
        """Writes what changed since the last save; blocks must be closed."""
        database = self._reading()
        for model, unsaved in self._unsaved.items():
            if not unsaved:
                continue
            kind = kind_of(model)
            added, changed, deleted = list[Values](), list[Values](), list[Values]()
            for key, slot in unsaved.items():
                now = slot.marked
                if now == slot.written:
                    continue
                if now is None:
                    deleted.append(key)
                else:
                    (added if slot.written is None else changed).append(kind.to_database(now))
                slot.written = now
            database.delete(kind, deleted)
            database.insert(kind.table, added)
            database.update(kind, changed)
            unsaved.clear()

    def trim(self) -> None:
        """After a commit: keeps the memory bounded."""
        if sum(map(len, self._slots.values())) > self._kept:
            self.forget()

    def _load(self, model: type[State], key: Values) -> _Slot | None:
        kind = kind_of(model)
        values = self._reading().load(kind, key)
        if values is None:
            return None
        slot = self._slots[model][key] = _Slot(kind.struct(*values), values)
        return slot

    def _reading(self) -> Database:
        assert self._database is not None, "begin() gives the transaction"
        return self._database


def _before(kind: Kind, values: Values | None) -> str | None:
    return None if values is None else _text(kind.to_database(values))


def _text(values: Values) -> str:
    """Values as the database has them, as JSON."""
    return msgspec.json.encode(values).decode()


def images(undo: Iterable[Values]) -> Iterator[Values]:
    """The first before-image of each row, of journal rows in the order of their blocks."""
    seen = set()
    for entry in undo:
        if entry[1:3] not in seen:
            seen.add(entry[1:3])
            yield entry
