"""What the database says of relayer and mirror: the figures behind /ready and /metrics. All processes write it, any may read it."""

import time
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from backend.models import Outbox, RelayLease, SignedVersion, Transaction
from indexer.models import Checkpoint

MIGRATIONS = Path(__file__).parent.parent / "migrations"
HALTED = "halted"


@dataclass(frozen=True)
class RelayState:
    """The relayer's tables. `waits_for`: in its own words, "" for nothing; `beat`: grows while it lives; ages in seconds."""

    queued: int
    refused: int
    pending: int
    unsettled: int
    foreign: int
    replaced: int
    oldest_queued: int
    fence: int
    beat: int
    held: bool
    waits_for: str


@dataclass(frozen=True)
class MirrorState:
    """Where the mirror stands. Blocks by number, times in unix seconds; `reason`: why the indexer halted, else empty."""

    block: int
    timestamp: int
    state: str
    reason: str


def relay_state(session: Session) -> RelayState:
    def count(statement: object) -> int:
        return session.scalar(statement) or 0  # type: ignore[call-overload]

    rows, sent = select(func.count()).select_from(Outbox), select(func.count()).select_from(Transaction)
    queued = (Outbox.transaction_id.is_(None), Outbox.error.is_(None))
    oldest = session.scalar(select(func.min(Outbox.created_at)).where(*queued))
    lease = session.scalars(select(RelayLease).order_by(RelayLease.beat.desc()).limit(1)).first()
    versions = count(select(func.count()).select_from(SignedVersion))
    return RelayState(
        queued=count(rows.where(*queued)),
        refused=count(rows.where(Outbox.error.is_not(None))),
        pending=count(sent.where(Transaction.status == "pending")),
        unsettled=count(sent.where(Transaction.final.is_(False))),
        foreign=count(sent.where(Transaction.status == "foreign")),
        replaced=versions - count(sent),
        oldest_queued=max(0, int(time.time()) - oldest) if oldest is not None else 0,
        fence=lease.fence if lease else 0,
        beat=lease.beat if lease else 0,
        held=lease.held if lease else False,
        waits_for=lease.state if lease else "",
    )


def mirror_state(session: Session) -> MirrorState | None:
    """None before the indexer's first block."""
    tables = inspect(session.connection())
    if not tables.has_table(Checkpoint.__tablename__):
        return None
    checkpoint = session.scalar(select(Checkpoint))
    if checkpoint is None:
        return None
    state, reason = "following", ""
    if tables.has_table("mirror_health"):
        row = session.execute(text("SELECT state, reason FROM mirror_health")).first()
        state, reason = (row.state, row.reason) if row else (state, reason)
    return MirrorState(checkpoint.block_number, checkpoint.timestamp, state, reason)


def is_migrated(session: Session) -> bool:
    """Whether the app's tables are those of this code."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    if not inspect(session.connection()).has_table("app_migration"):
        return False
    return bool(session.scalar(text("SELECT version_num FROM app_migration")) == newest)
