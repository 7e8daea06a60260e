"""Settlement events: settlements and their entries."""

from dataclasses import asdict

from sqlalchemy import select

from indexer.handlers.context import Context, Handler
from indexer.models import Entry, Settlement
from labelshare.chain import events as e
from labelshare.chain.events import Event


def proposed(context: Context, event: e.SettlementSettlementProposed) -> None:
    context.add(
        Settlement(
            round=event.round,
            dataset=event.dataset,
            phase="proposed",
            proposer=event.proposer,
            evidence_hash=event.evidence_hash,
            chunks=event.chunks,
            published=0,
            distributed=0,
            challenge_ends=0,
            bond=event.bond,
            totals={name: str(value) for name, value in asdict(event.totals).items()},
            paid=0,
            carried=0,
            released=0,
        )
    )


def chunk_published(context: Context, event: e.SettlementChunkPublished) -> None:
    context.get(Settlement, event.round).published += 1
    for position, entry in enumerate(event.entries):
        context.add(Entry(round=event.round, chunk=event.chunk, position=position, distributed=False, **asdict(entry)))


def window_opened(context: Context, event: e.SettlementChallengeWindowOpened) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase, settlement.challenge_ends = "published", event.challenge_ends


def finalized(context: Context, event: e.SettlementSettlementFinalized) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase = "final"
    settlement.paid, settlement.carried, settlement.released = event.paid, event.carried, event.released


def chunk_paid(context: Context, event: e.SettlementChunkPaid) -> None:
    context.get(Settlement, event.round).distributed += 1
    context.session.flush()
    chunk = select(Entry).where(Entry.round == event.round, Entry.chunk == event.chunk)
    for entry in context.session.scalars(chunk):
        entry.distributed = True


def distributed(context: Context, event: e.SettlementSettlementDistributed) -> None:
    context.get(Settlement, event.round).phase = "distributed"


HANDLERS: dict[type[Event], Handler] = {
    e.SettlementSettlementProposed: proposed,
    e.SettlementChunkPublished: chunk_published,
    e.SettlementChallengeWindowOpened: window_opened,
    e.SettlementSettlementFinalized: finalized,
    e.SettlementChunkPaid: chunk_paid,
    e.SettlementSettlementDistributed: distributed,
}
