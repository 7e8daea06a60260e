"""The mirror's health, as a row that the API reads (`/ready`, `/metrics`). Written when something changes its state, else once a
second."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, insert, select, update

from indexer.models import Health as Row

EVERY = 1.0
HALTED = "halted"


class Health:
    """`clock`: unix seconds."""

    def __init__(self, engine: Engine, chain_id: int, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._chain_id, self._clock = engine, chain_id, clock
        self._changes: dict[str, Any] = {}
        self._written = 0.0
        with engine.begin() as connection:
            known = connection.execute(select(Row.__table__).where(Row.chain_id == chain_id)).mappings().one_or_none()
            if known is None:
                connection.execute(insert(Row).values(chain_id=chain_id))
        self._state = known["state"] if known else "backfill"
        self._counts = {
            name: known[name] if known else 0 for name in ("reorganizations", "deepest", "divergences", "verified_from")
        }
        self.reason: str = known["reason"] if known and known["state"] == HALTED else ""

    def seen(self, head: int) -> None:
        self._note({"head_block": head})

    def waiting(self) -> None:
        self._enter("waiting")

    def backfilling(self) -> None:
        self._enter("backfill")

    def proved(self, first: int) -> None:
        """From here on every block is proven."""
        if self._counts["verified_from"] == 0 or first < self._counts["verified_from"]:
            self._counts["verified_from"] = first
            self._note({"verified_from": first}, now=True)

    def appended(self, block: int, head: int, proven: bool) -> None:
        changes = {"head_block": head} | ({"verified_block": block} if proven else {})
        if proven and self._state != "following":
            self._state = changes["state"] = "following"  # type: ignore[assignment]
            self._note(changes, now=True)
        else:
            self._note(changes)

    def reorganized(self, depth: int) -> None:
        self._counts["reorganizations"] += 1
        self._counts["deepest"] = max(self._counts["deepest"], depth)
        self._note({name: self._counts[name] for name in ("reorganizations", "deepest")}, now=True)

    def halted(self, reason: str) -> None:
        self.reason = reason
        self._state = HALTED
        self._note({"state": HALTED, "reason": reason}, now=True)

    def recovered(self) -> None:
        self.reason = ""
        self._state = "backfill"
        self._note({"state": "backfill", "reason": ""}, now=True)

    def audited(self, block: int, values: int, differences: int) -> None:
        self._counts["divergences"] += differences
        audit = {"audit_block": block, "audit_time": int(self._clock()), "audit_values": values, "differences": differences}
        self._note(audit | {"divergences": self._counts["divergences"]}, now=True)

    def _enter(self, state: str) -> None:
        if self._state != state:
            self._state = state
            self._note({"state": state}, now=True)

    def _note(self, changes: dict[str, Any], now: bool = False) -> None:
        self._changes |= changes
        if now or self._clock() - self._written >= EVERY:
            self._written = self._clock()
            values = self._changes | {"updated_at": int(self._written)}
            with self._engine.begin() as connection:
                connection.execute(update(Row).where(Row.chain_id == self._chain_id).values(**values))
            self._changes = {}
