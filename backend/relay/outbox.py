"""The outbox: what is to be relayed, written in the same SQL transaction as the reason for it.

`kind` says which rows may share a transaction. Batched kinds hold one item of an array argument, the others a whole call.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.models import Outbox

RETRY_AFTER = 20  # seconds before a call that failed is tried again, when it is still due

# kind: (contract, function with one array argument, items of a transaction at most)
BATCHED = {
    "session": ("LabelRegistry", "registerSessions", 30),
    "allowance": ("Ledger", "allowBySig", 30),
    "drip": ("Faucet", "dripMany", 50),
    "submission": ("LabelRegistry", "submit", 30),
}
# Gas of an item at most. What is estimated is too little when the node has lost a transaction that goes before: contracts then
# pass over the item at once, and later run out of gas over it.
GAS_EACH = {"session": 100_000, "allowance": 80_000, "drip": 110_000, "submission": 130_000}
GAS_BASE = 60_000
CALL = "call"


def enqueue_item(session: Session, kind: str, key: str, item: Any, include_by: int | None = None) -> None:
    """Adds one item of a batched kind; a key that is known already is left as it is.

    `include_by`: unix seconds after which the contract would pass over it. It is sent before all other kinds when that is near,
    and refused as expired when that is past.
    """
    if kind not in BATCHED:
        raise ValueError(f"no batched kind {kind}")
    _add(session, kind, key, {"item": item}, include_by)


def new_rows(kind: str, items: Sequence[tuple[str, Any, int]]) -> list[dict[str, Any]]:
    """What `enqueue_item` adds, for many (key, item, include_by) at once whose keys are new: rows to insert, by column."""
    now = int(time.time())
    empty = {"kind": kind, "transaction_id": None, "error": None, "created_at": now, "attempts": 0}
    return [{"key": key, "payload": _json({"item": item}), "include_by": by, **empty} for key, item, by in items]


def enqueue_call(session: Session, key: str, contract: str, function: str, *arguments: Any) -> None:
    """Adds a call of its own transaction. A known key is left as it is, but tried again some time after it failed."""
    _add(session, CALL, key, {"contract": contract, "function": function, "arguments": arguments})


def is_queued(session: Session, key: str) -> bool:
    """Whether a call is on its way, or was made: there is nothing to ask for again."""
    return session.scalar(select(Outbox.id).where(Outbox.key == key, Outbox.error.is_(None))) is not None


def _add(session: Session, kind: str, key: str, payload: dict[str, Any], include_by: int | None = None) -> None:
    now = int(time.time())
    known = session.scalar(select(Outbox).where(Outbox.key == key))
    if known is None:
        row = Outbox(kind=kind, key=key, payload=_json(payload), created_at=now, include_by=include_by, attempts=0)
        session.add(row)
        session.flush()
    elif kind == CALL and known.error is not None and now - known.created_at >= RETRY_AFTER:
        known.payload = _json(payload)
        known.transaction_id, known.error, known.created_at = None, None, now


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
