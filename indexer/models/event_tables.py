"""One table an event, exactly as the chain logged it."""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, Table, Text

from indexer.models.base import Base, Position, Uint, position
from labelshare.chain.events import EVENTS, Event


def _event_table(kind: type[Event]) -> Table:
    name = "event_" + "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")
    return Table(
        name,
        Base.metadata,
        Column("position", Position, primary_key=True, autoincrement=False, default=_position),
        Column("block_number", BigInteger, nullable=False),
        Column("log_index", Integer, nullable=False),
        *(Column(f.name, _column_type(f.type)) for f in fields(kind)),
    )


def _position(context: Any) -> int:
    row = context.get_current_parameters()
    return position(row["block_number"], row["log_index"])


def _column_type(annotation: Any) -> Any:
    return {int: Uint(), str: Text(), bool: Boolean()}.get(annotation, JSON())


EVENT_TABLES: dict[type[Event], Table] = {kind: _event_table(kind) for kind in EVENTS.values()}


Values = Callable[[Any], list[Any]]
_MADE: dict[type[Event], Values] = {}


def values_of(kind: type[Event]) -> Values:
    """Makes of an event of this kind its row's values after position, block and index, as the database takes them: integers as
    decimal text, everything that is not plain as JSON."""
    if kind not in _MADE:
        _MADE[kind] = _values_of(kind)
    return _MADE[kind]


def _values_of(kind: type[Event]) -> Values:
    names = [f.name for f in fields(kind)]
    numbers = [i for i, f in enumerate(fields(kind)) if f.type is int]
    others = [i for i, f in enumerate(fields(kind)) if f.type not in (int, str, bool)]
    read: Callable[[Any], tuple[Any, ...]] = attrgetter(*names) if len(names) > 1 else _short(names)

    def values(event: Any) -> list[Any]:
        row = list(read(event))
        for i in numbers:
            row[i] = str(row[i])
        for i in others:
            row[i] = json.dumps(_json(row[i]))
        return row

    return values


def _short(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda event: tuple(getattr(event, name) for name in names)


def _json(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
