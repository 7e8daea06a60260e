"""One table an event, exactly as the chain logged it."""

from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, Table, Text

from indexer.models.base import Base, Uint
from labelshare.chain.events import EVENTS, Event


def _event_table(kind: type[Event]) -> Table:
    name = "event_" + "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")
    return Table(
        name,
        Base.metadata,
        Column("block_number", BigInteger, primary_key=True, autoincrement=False),
        Column("log_index", Integer, primary_key=True, autoincrement=False),
        *(Column(f.name, _column_type(f.type)) for f in fields(kind)),
    )


def _column_type(annotation: Any) -> Any:
    return {int: Uint(), str: Text(), bool: Boolean()}.get(annotation, JSON())


EVENT_TABLES: dict[type[Event], Table] = {kind: _event_table(kind) for kind in EVENTS.values()}


def event_row(event: Event, block_number: int, log_index: int) -> dict[str, Any]:
    """An event as a row of its table. In JSON columns integers are decimal strings."""
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    plain = {name: _json(value) if isinstance(value, tuple) or is_dataclass(value) else value for name, value in values.items()}
    return {"block_number": block_number, "log_index": log_index, **plain}


def _json(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
