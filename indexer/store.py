"""The mirror in the database: one transaction a block range, and the way back.

Raw events, event tables, state, journal and checkpoint change together or not at all. Invariants, whatever is killed when:
- The checkpoint names the last block whose logs are all here; no row is of a later block.
- Every one of the last 256 blocks (the window) is in `mirror_block`, and of older ones those with logs. So the database is a
  function of the chain and the checkpoint: the same after reorganizations, kills and halves of ranges as after one fresh run.
- The journal holds a before-image of each state row for each block after `undoable_to`; blocks before the window need none.
- Nothing is taken back to before `finalized_block`, except by `recover`, which a person has to ask for.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from indexer import schema
from indexer.bulk import Bulk
from indexer.handlers.context import Context
from indexer.models import EVENT_TABLES, STATE_MODELS, STATE_TABLES, Block, Checkpoint, RawEvent, Undo, position
from indexer.models.base import LOG_BITS
from indexer.plans import Plans
from indexer.raw import raw_rows, stored_logs
from indexer.reorg import HISTORY, Header
from indexer.rows import Rows, Values, images, kind_of
from indexer.schema import StoreError
from indexer.source import BlockRange
from indexer.writing import Writing
from labelshare.chain import Deployment
from labelshare.chain.decode import Log, decode_by_abi
from labelshare.chain.events import EVENTS

__all__ = ["Overtaken", "PastFinality", "Store", "StoreError"]
BEFORE_ALL = -1
ROWS_AT_ONCE = 20_000

Place = tuple[int, str]


class Overtaken(Exception):
    """Another indexer moved the checkpoint: read it again."""


class PastFinality(Exception):
    """The chain was reorganized below a block that counted as final; the message says what to do."""


class Store:
    """The mirror of one deployment. Creates missing tables; raises StoreError when the database mirrors another chain."""

    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        self._engine = engine
        self._deployment = deployment
        self._names = {address: name for name, address in deployment.contracts.items()}
        self._plans = Plans(deployment)
        self._rows = Rows()
        schema.ensure(engine)
        with engine.connect() as connection:
            others = [c for c in connection.scalars(select(Checkpoint.chain_id)) if c != deployment.chain_id]
        if others:
            raise StoreError(
                f"The database mirrors chain {others[0]}, the deployment is on chain {deployment.chain_id}. "
                "Set LABELSHARE_DATABASE_URL to another database."
            )

    def checkpoint(self) -> Place | None:
        """Number and hash of the last mirrored block."""
        row = self.position()
        return (row.block_number, row.block_hash) if row else None

    def position(self) -> Checkpoint | None:
        """Where the mirror stands."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.get(Checkpoint, self._deployment.chain_id)

    def blocks(self) -> list[Place]:
        """Number and hash of the blocks that the mirror knows, ascending."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(Block.number, Block.hash).order_by(Block.number))
            return [(number, block_hash) for number, block_hash in rows]

    # Forth

    def append(self, blocks: BlockRange, after: Place | None, head: int = 0, safe: int = 0, finalized: int = 0) -> int:
        """Adds a range that follows the block `after`; how many logs it held. `head`: the node's; blocks that are more than the
        window below it are not journaled. `safe`, `finalized`: block numbers. Raises Overtaken when the mirror is elsewhere,
        MalformedLog for a log that is no hex or not of its ABI."""
        with self._writing() as (connection, tables):
            checkpoint = self._locked(connection)
            if (checkpoint and (checkpoint["block_number"], checkpoint["block_hash"])) != after:
                raise Overtaken
            self._rows.begin(tables, complete=checkpoint is None)
            reach = checkpoint["undoable_to"] if checkpoint else self._deployment.block - 1
            undoable_to = max(min(blocks.last.number, max(head, blocks.last.number) - HISTORY), reach)
            self._keep_blocks(tables, blocks)
            self._keep_raw(tables, blocks.logs)
            self._replay(tables, blocks.logs, undoable_to)
            self._advance(connection, checkpoint, blocks.last, undoable_to, safe, finalized)
        self._rows.trim()
        return len(blocks.logs)

    def _writing(self) -> Writing:
        return Writing(self._engine, self._rows)

    def _locked(self, connection: Connection) -> Any:
        """The checkpoint, kept from other indexers until the transaction ends."""
        chosen = select(Checkpoint.__table__).where(Checkpoint.chain_id == self._deployment.chain_id).with_for_update()
        return connection.execute(chosen).mappings().one_or_none()

    def _keep_blocks(self, tables: Bulk, blocks: BlockRange) -> None:
        counts: dict[int, int] = {}
        for log in blocks.logs:
            counts[log.block_number] = counts.get(log.block_number, 0) + 1
        oldest = blocks.last.number - HISTORY
        rows = [
            (h.number, h.hash, h.timestamp, counts.get(h.number, 0))
            for h in blocks.headers
            if h.number in counts or h.number > oldest
        ]
        tables.insert(_table(Block), rows)

    def _keep_raw(self, tables: Bulk, logs: Iterable[Log]) -> None:
        tables.insert(_table(RawEvent), raw_rows(logs))

    def _replay(self, tables: Bulk, logs: Iterable[Log], undoable_to: int) -> None:
        context, events = Context(self._rows, dict(self._deployment.contracts)), defaultdict[Table, list[Values]](list)
        undo: list[Values] = []
        waiting = 0
        for number, block_logs in groupby(logs, key=_block_number):
            context.block_number = number
            for log in block_logs:
                plan = self._plans.of(log)
                if plan is None:
                    continue
                kind, cut, handle, values, table = plan
                event = cut(log.topics, log.data) or decode_by_abi(kind.CONTRACT, kind, log)
                context.log_index, context.tx_hash = log.log_index, log.transaction_hash
                if handle is not None:
                    handle(context, event)
                events[table].append((number << LOG_BITS | log.log_index, number, log.log_index, *values(event)))
                waiting += 1
            if number > undoable_to:
                undo += self._rows.close_block(number, keep=True)
            if waiting > ROWS_AT_ONCE:
                self._write(tables, events, undo)
                waiting = 0
        self._write(tables, events, undo)

    def _write(self, tables: Bulk, events: dict[Table, list[Values]], undo: list[Values]) -> None:
        self._rows.close_block(BEFORE_ALL, keep=False)
        for table, rows in events.items():
            tables.insert(table, rows)
        tables.insert(_table(Undo), undo)
        self._rows.save()
        events.clear()
        undo.clear()

    def _advance(self, connection: Connection, checkpoint: Any, last: Header, undoable_to: int, safe: int, finalized: int) -> None:
        known = checkpoint or {"safe_block": 0, "finalized_block": 0}
        values = {
            "block_number": last.number,
            "block_hash": last.hash,
            "timestamp": last.timestamp,
            "undoable_to": undoable_to,
            "safe_block": max(known["safe_block"], min(safe, last.number)),
            "finalized_block": max(known["finalized_block"], min(finalized, last.number)),
        }
        if checkpoint is None:
            connection.execute(insert(Checkpoint).values(chain_id=self._deployment.chain_id, **values))
        else:
            connection.execute(update(Checkpoint).values(**values))
        connection.execute(delete(Undo).where(Undo.block_number <= undoable_to))
        connection.execute(delete(Block).where(Block.number <= last.number - HISTORY, Block.logs == 0))

    def finalize(self, safe: int, finalized: int) -> None:
        """Notes how far the chain is safe and final, as far as it is mirrored. Never goes back."""
        with self._engine.begin() as connection:
            row = self._locked(connection)
            if row is not None:
                safe, finalized = (
                    max(row[name], min(n, row["block_number"]))
                    for name, n in (("safe_block", safe), ("finalized_block", finalized))
                )
                if (safe, finalized) != (row["safe_block"], row["finalized_block"]):
                    connection.execute(update(Checkpoint).values(safe_block=safe, finalized_block=finalized))

    def missing(self) -> list[int]:
        """The numbers of the window's blocks that are not kept, after a rewind beyond it."""
        place, known = self.checkpoint(), {number for number, _ in self.blocks()}
        if place is None:
            return []
        return [n for n in range(max(self._deployment.block, place[0] - HISTORY + 1), place[0] + 1) if n not in known]

    def keep(self, headers: Iterable[Header]) -> None:
        """Keeps blocks of the window that hold no log of ours."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(Block), [{"number": h.number, "hash": h.hash, "timestamp": h.timestamp, "logs": 0} for h in headers]
            )

    def index(self, wanted: bool) -> None:
        """Builds the secondary indexes, or drops them for a backfill."""
        with self._engine.begin() as connection:
            (schema.build_indexes if wanted else schema.drop_indexes)(connection)

    # Back

    def rewind(self, ancestor: int | None, past_finality: bool = False) -> None:
        """Takes back everything after the block `ancestor`, one of `blocks()`; None: everything.

        By the journal as far as it reaches (256 blocks), by deriving all anew from the raw events beyond. Raises PastFinality when
        that takes back a final block, unless this is asked for.
        """
        target = BEFORE_ALL if ancestor is None else ancestor
        with self._writing() as (connection, tables):
            checkpoint = self._locked(connection)
            if checkpoint is None:
                return
            final = checkpoint["finalized_block"]
            if final > max(target, 0) and not past_finality:
                raise PastFinality(
                    f"The chain was reorganized to block {max(target, 0)}, below block {final}, which was final. The mirror "
                    "stopped and keeps what it has. See that LABELSHARE_RPC_URL is a node you believe; then take the new chain: "
                    "python -m indexer recover"
                )
            after = position(target + 1, 0)
            tables_hit = self._event_tables_after(connection, after)
            connection.execute(delete(RawEvent).where(RawEvent.position >= after))
            connection.execute(delete(Block).where(Block.number > target))
            if target >= checkpoint["undoable_to"]:
                self._undo(connection, tables, target)
                for table in tables_hit:
                    connection.execute(delete(table).where(table.c.position >= after))
                reach = checkpoint["undoable_to"]
            else:
                reach = max(target - HISTORY, self._deployment.block - 1)
                self._derive(connection, tables, reach)
            self._set_back(connection, checkpoint, target, reach)
        self._rows.forget()

    def _undo(self, connection: Connection, tables: Bulk, target: int) -> None:
        """Puts every state row back to what it was after the block."""
        kinds = {kind.table.name: kind for kind in map(kind_of, STATE_MODELS)}
        after = select(Undo.block_number, Undo.table_name, Undo.key, Undo.before).where(Undo.block_number > target)
        entries = [tuple(row) for row in connection.execute(after.order_by(Undo.block_number))]
        for _, name, key, before in images(entries):
            tables.delete(kinds[name], [tuple(json.loads(key))])
            if before is not None:
                tables.insert(kinds[name].table, [tuple(json.loads(before))])
        connection.execute(delete(Undo).where(Undo.block_number > target))

    def _event_tables_after(self, connection: Connection, after: int) -> list[Table]:
        """The event tables that hold rows from this position on, by the raw events."""
        chosen = select(RawEvent.address, RawEvent.topics).where(RawEvent.position >= after)
        kinds = {(self._names["0x" + row.address.hex()], "0x" + row.topics[:32].hex()) for row in connection.execute(chosen)}
        return [EVENT_TABLES[EVENTS[kind]] for kind in sorted(kinds) if kind in EVENTS]

    def _set_back(self, connection: Connection, checkpoint: Any, target: int, undoable_to: int) -> None:
        block = connection.execute(select(_table(Block)).where(Block.number == target)).mappings().one_or_none()
        if block is None:
            connection.execute(delete(Checkpoint))
            return
        final = {name: min(checkpoint[name], target) for name in ("safe_block", "finalized_block")}
        place = {"block_number": target, "block_hash": block["hash"], "timestamp": block["timestamp"], "undoable_to": undoable_to}
        connection.execute(update(Checkpoint).values(**place, **final))

    def rebuild(self) -> None:
        """Derives event tables and state anew from the raw events, in one transaction: readers see the old state until then."""
        with self._writing() as (connection, tables):
            checkpoint = self._locked(connection)
            if checkpoint is not None:
                reach = max(checkpoint["block_number"] - HISTORY, self._deployment.block - 1)
                self._derive(connection, tables, reach)
                connection.execute(update(Checkpoint).values(undoable_to=reach))

    def _derive(self, connection: Connection, tables: Bulk, undoable_to: int) -> None:
        for table in (*EVENT_TABLES.values(), *STATE_TABLES):
            connection.execute(delete(table))
        connection.execute(delete(Undo))
        self._rows.forget()
        self._rows.begin(tables, complete=True)
        self._replay(tables, stored_logs(connection), undoable_to)


def _table(model: Any) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _block_number(log: Log) -> int:
    return log.block_number
