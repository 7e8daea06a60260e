"""Where the mirror stands and what it holds, and pages of events."""

import time

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from backend import paging
from backend.context import Backend
from backend.errors import NotFound
from backend.explorer.feed import Feed
from backend.explorer.schemas import EventPage, EventView, NetworkView, Totals
from backend.models import Outbox, Transaction
from indexer.models import (
    EVENT_TABLES,
    Account,
    Checkpoint,
    Contributor,
    Dataset,
    Entry,
    Parameter,
    Round,
    Sale,
    Seat,
    Submission,
)
from labelshare.chain.events import LedgerDeposited, LedgerWithdrawn
from labelshare.chain.rpc import RpcError, RpcUnavailable


def network(backend: Backend) -> NetworkView:
    """One look at everything. Raises NotFound while the mirror is empty."""
    try:
        head: int | None = backend.rpc.integer("eth_blockNumber")
    except (RpcError, RpcUnavailable, ValueError):
        head = None
    with backend.database.reading() as session:
        checkpoint = session.scalar(select(Checkpoint))
        if checkpoint is None:
            raise NotFound("no_mirror", "The mirror is empty: start the indexer (python -m indexer).")
        deposited, withdrawn = EVENT_TABLES[LedgerDeposited], EVENT_TABLES[LedgerWithdrawn]
        held = sum(session.scalars(select(deposited.c.amount))) - sum(session.scalars(select(withdrawn.c.amount)))
        summed = sum(session.scalars(select(Account.balance)))
        paused = select(Parameter.name).where(Parameter.name.endswith("_paused"), Parameter.value == 1)
        return NetworkView(
            chain_id=checkpoint.chain_id,
            mirror_block=checkpoint.block_number,
            mirror_timestamp=checkpoint.timestamp,
            lag=max(0, int(time.time()) - checkpoint.timestamp),
            head=head,
            behind=None if head is None else max(0, head - checkpoint.block_number),
            queued=_count(session, Outbox.id, Outbox.transaction_id.is_(None), Outbox.error.is_(None)),
            unmined=_count(session, Transaction.id, Transaction.status == "pending"),
            ledger_sum=str(summed),
            ledger_held=str(held),
            ledger_even=summed == held,
            paused=sorted(name.removesuffix("_paused") for name in session.scalars(paused)),
            totals=_totals(session),
        )


def _totals(session: Session) -> Totals:
    submissions, labels = session.execute(select(func.count(), func.sum(Submission.count)).select_from(Submission)).one()
    return Totals(
        datasets=_count(session, Dataset.id),
        rounds=_count(session, Round.id),
        open_rounds=_count(session, Round.id, Round.phase == "open"),
        submissions=submissions,
        labels=labels or 0,
        contributors=session.scalar(select(func.count(func.distinct(Contributor.contributor)))) or 0,
        validators=session.scalar(select(func.count(func.distinct(Seat.owner))).where(Seat.left_at == 0)) or 0,
        seats=_count(session, Seat.index, Seat.owner.is_not(None), Seat.left_at == 0),
        sales=_count(session, Sale.dataset),
        revenue=str(sum(session.scalars(select(Dataset.revenue)))),
        rewards=str(sum(session.scalars(select(Entry.reward).where(Entry.distributed)))),
    )


def _count(session: Session, column: object, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(column)).where(*conditions)) or 0  # type: ignore[arg-type]


def events(
    backend: Backend,
    topic: str | None,
    dataset: int | None,
    round_id: int | None,
    account: str | None,
    cursor: str | None,
    limit: int,
) -> EventPage:
    """Events newest first, by what they are about."""
    key = paging.decode(cursor, int, int)
    with backend.database.reading() as session:
        found, after = Feed(backend.deployment).page(
            session, topic, lambda view: concerns(view, topic, dataset, round_id, account), key and (key[0], key[1]), limit
        )
    return EventPage(items=found, next=paging.encode(*after) if after else None)


def concerns(view: EventView, topic: str | None, dataset: int | None, round_id: int | None, account: str | None) -> bool:
    """Whether an event is about all of these (None: about anything)."""
    return (
        (topic is None or view.topic == topic)
        and (dataset is None or view.dataset == dataset)
        and (round_id is None or view.round == round_id)
        and (account is None or account in view.accounts)
    )
