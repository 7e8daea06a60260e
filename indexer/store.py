"""The mirror in the database: one transaction a block range, and the way back.

Raw events, event tables, state, journal and checkpoint change together or not at all.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, Table, delete, insert, select, tuple_
from sqlalchemy.orm import Session

from indexer.handlers import apply
from indexer.handlers.context import Context, Rows
from indexer.journal import Journal, undo_to
from indexer.models import EVENT_TABLES, STATE_TABLES, Base, Block, Checkpoint, RawEvent, Undo, event_row
from indexer.reorg import Header
from indexer.source import HISTORY, BlockRange
from labelshare.chain import Deployment
from labelshare.chain.decode import Log, decode

PAGE = 1_000
BEFORE_ALL = -1


class StoreError(Exception):
    """The database cannot be used for this deployment; the message says what to do."""


class Overtaken(Exception):
    """Another indexer moved the checkpoint: read it again."""


class Store:
    """The mirror of one deployment. Creates missing tables; raises StoreError when the database mirrors another chain."""

    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        self._engine = engine
        self._deployment = deployment
        self._names = {address: name for name, address in deployment.contracts.items()}
        Base.metadata.create_all(engine)
        with self._session() as session:
            others = [c for c in session.scalars(select(Checkpoint.chain_id)) if c != deployment.chain_id]
        if others:
            raise StoreError(
                f"The database mirrors chain {others[0]}, the deployment is on chain {deployment.chain_id}. "
                "Set LABELSHARE_DATABASE_URL to another database."
            )

    def checkpoint(self) -> tuple[int, str] | None:
        """Number and hash of the last mirrored block."""
        with self._session() as session:
            row = session.get(Checkpoint, self._deployment.chain_id)
            return (row.block_number, row.block_hash) if row else None

    def blocks(self) -> list[tuple[int, str]]:
        """Number and hash of the blocks that the mirror knows, ascending."""
        with self._session() as session:
            rows = session.execute(select(Block.number, Block.hash).order_by(Block.number))
            return [(number, block_hash) for number, block_hash in rows]

    # Forth

    def append(self, blocks: BlockRange, after: tuple[int, str] | None) -> int:
        """Adds a range that follows the block `after`; how many logs it held. Raises Overtaken when the mirror is elsewhere."""
        with self._session() as session, session.begin():
            checkpoint = self._locked(session)
            if (checkpoint and (checkpoint.block_number, checkpoint.block_hash)) != after:
                raise Overtaken
            session.execute(insert(Block), [asdict(header) for header in blocks.headers])
            if blocks.logs:
                session.execute(insert(RawEvent), [self._raw(log) for log in blocks.logs])
            reach = checkpoint.undoable_to if checkpoint else blocks.first.number - 1
            undoable_to = max(blocks.last.number - HISTORY, reach)
            self._replay(session, blocks.logs, undoable_to)
            self._advance(session, checkpoint, blocks.last, undoable_to)
        return len(blocks.logs)

    def _session(self) -> Session:
        return Session(self._engine, autoflush=False)

    def _locked(self, session: Session) -> Checkpoint | None:
        """The checkpoint, kept from other indexers until the transaction ends."""
        return session.get(Checkpoint, self._deployment.chain_id, with_for_update=True)

    def _replay(self, session: Session, logs: Iterable[Log], undoable_to: int) -> None:
        journal, rows = Journal(session), Rows(session)
        contracts = dict(self._deployment.contracts)
        for number, block_logs in groupby(logs, key=lambda log: log.block_number):
            events: dict[Table, list[dict[str, Any]]] = {}
            for log in block_logs:
                event = decode(self._names[log.address], log)
                if event is not None:
                    apply(Context(rows, contracts, number, log.log_index, log.transaction_hash), event)
                    events.setdefault(EVENT_TABLES[type(event)], []).append(event_row(event, number, log.log_index))
            for table, values in events.items():
                session.execute(insert(table), values)
            journal.close_block(number, keep=number > undoable_to)

    def _raw(self, log: Log) -> dict[str, Any]:
        return {**asdict(log), "topics": json.dumps(log.topics), "chain_id": self._deployment.chain_id}

    def _advance(self, session: Session, checkpoint: Checkpoint | None, last: Header, undoable_to: int) -> None:
        if checkpoint is None:
            checkpoint = Checkpoint(chain_id=self._deployment.chain_id)
            session.add(checkpoint)
        checkpoint.block_number, checkpoint.block_hash = last.number, last.hash
        checkpoint.timestamp, checkpoint.undoable_to = last.timestamp, undoable_to
        session.execute(delete(Undo).where(Undo.block_number <= undoable_to))

    # Back

    def rewind(self, ancestor: int | None) -> None:
        """Takes back everything after the block `ancestor`, one of `blocks()`; None: everything.

        By the journal as far as it reaches (256 blocks), by deriving all anew from the raw events beyond.
        """
        target = BEFORE_ALL if ancestor is None else ancestor
        with self._session() as session, session.begin():
            checkpoint = self._locked(session)
            if checkpoint is None:
                return
            session.execute(delete(RawEvent).where(RawEvent.block_number > target))
            session.execute(delete(Block).where(Block.number > target))
            if target >= checkpoint.undoable_to:
                undo_to(session, target)
                for table in EVENT_TABLES.values():
                    session.execute(delete(table).where(table.c.block_number > target))
            else:
                checkpoint.undoable_to = max(target - HISTORY, BEFORE_ALL)
                self._derive(session, checkpoint.undoable_to)
            self._set_back(session, checkpoint, target)

    def _set_back(self, session: Session, checkpoint: Checkpoint, target: int) -> None:
        block = session.get(Block, target)
        if block is None:
            session.delete(checkpoint)
        else:
            checkpoint.block_number, checkpoint.block_hash, checkpoint.timestamp = block.number, block.hash, block.timestamp

    def rebuild(self) -> None:
        """Derives event tables and state anew from the raw events, in one transaction: readers see the old state until then."""
        with self._session() as session, session.begin():
            checkpoint = self._locked(session)
            if checkpoint is not None:
                checkpoint.undoable_to = max(checkpoint.block_number - HISTORY, BEFORE_ALL)
                self._derive(session, checkpoint.undoable_to)

    def _derive(self, session: Session, undoable_to: int) -> None:
        for table in (*EVENT_TABLES.values(), *STATE_TABLES):
            session.execute(delete(table))
        session.execute(delete(Undo))
        self._replay(session, _stored_logs(session), undoable_to)


def _stored_logs(session: Session) -> Iterator[Log]:
    """The raw events in the chain's order, read page by page."""
    position = tuple_(RawEvent.block_number, RawEvent.log_index)
    last = (BEFORE_ALL, -1)
    while True:
        page = session.scalars(
            select(RawEvent).where(position > last).order_by(RawEvent.block_number, RawEvent.log_index).limit(PAGE)
        ).all()
        yield from map(_log, page)
        if len(page) < PAGE:
            return
        last = (page[-1].block_number, page[-1].log_index)


def _log(row: RawEvent) -> Log:
    return Log(
        address=row.address,
        topics=tuple(json.loads(row.topics)),
        data=row.data,
        block_number=row.block_number,
        block_hash=row.block_hash,
        transaction_hash=row.transaction_hash,
        log_index=row.log_index,
    )
