"""Questions that more than one reader asks of the mirror."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.models import STATE_TABLES, Account


def ledger_sum(session: Session) -> int:
    """Σ Ledger accounts, base units (invariant 1: what the Ledger holds)."""
    return sum(session.scalars(select(Account.balance)))


def state_dump(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Every row of every state table, in the order of its key: equal dumps are equal mirrors."""
    return {
        table.name: [dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()]
        for table in sorted(STATE_TABLES, key=lambda table: table.name)
    }
