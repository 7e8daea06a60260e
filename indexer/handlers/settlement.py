"""Settlement events: settlements and their entries."""

from dataclasses import asdict

from indexer.handlers.context import Context, Handler
from indexer.models import Dataset, Entry, Settlement
from labelshare.chain import events as e
from labelshare.chain.events import Event

NOBODY, NO_HASH = "0x" + 40 * "0", "0x" + 64 * "0"


def proposed(context: Context, event: e.SettlementSettlementProposed) -> None:
    settlement = _begin(context, event.round, event.dataset, "proposed")
    settlement.attempt += 1
    settlement.proposed_block = context.block_number
    settlement.proposer, settlement.evidence_hash = event.proposer, event.evidence_hash
    settlement.chunks, settlement.bond = event.chunks, event.bond
    settlement.totals = {name: str(value) for name, value in asdict(event.totals).items()}


def _begin(context: Context, round_id: int, dataset: int, phase: str) -> Settlement:
    """The round's settlement as it is before anything is published, whatever ended before it. The chain's memory stays."""
    empty = {"phase": phase, "proposer": NOBODY, "evidence_hash": NO_HASH, "totals": {}, "bond": 0, "challenge_ends": 0}
    counts = dict.fromkeys(("chunks", "published", "distributed", "paid", "carried", "released"), 0)
    memory = {"attempt": 0, "overturned": 0, "required_root": None, "proposed_block": 0, "reopened_block": 0}
    settlement = context.get_or_add(Settlement, round=round_id, dataset=dataset, **memory, **empty, **counts)
    for name, value in (empty | counts).items():
        setattr(settlement, name, value)
    return settlement


def expired(context: Context, event: e.SettlementProposalExpired) -> None:
    _reopen(context, event.round, "expired")


def overturned(context: Context, event: e.SettlementSettlementOverturned) -> None:
    settlement = _reopen(context, event.round, "overturned")
    settlement.overturned += 1
    settlement.required_root = event.root


def hung(context: Context, event: e.SettlementSettlementHung) -> None:
    _reopen(context, event.round, "hung")


def suspended(context: Context, event: e.SettlementSettlementSuspended) -> None:
    context.get(Settlement, event.round).phase = "challenged"


def upheld(context: Context, event: e.SettlementSettlementUpheld) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase, settlement.challenge_ends = "published", event.challenge_ends


def _reopen(context: Context, round_id: int, phase: str) -> Settlement:
    """A proposal ended without a settlement: nothing of what it published remains."""
    settlement = context.get(Settlement, round_id)
    settlement.phase, settlement.reopened_block = phase, context.block_number
    for entry in context.where(Entry, round=round_id):
        context.delete(Entry, entry)
    return settlement


def chunk_published(context: Context, event: e.SettlementChunkPublished) -> None:
    context.get(Settlement, event.round).published += 1
    for position, entry in enumerate(event.entries):
        context.add(Entry, round=event.round, chunk=event.chunk, position=position, distributed=False, **asdict(entry))


def window_opened(context: Context, event: e.SettlementChallengeWindowOpened) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase, settlement.challenge_ends = "published", event.challenge_ends


def finalized(context: Context, event: e.SettlementSettlementFinalized) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase = "final"
    settlement.paid, settlement.carried, settlement.released = event.paid, event.carried, event.released
    totals = settlement.totals
    _wait(context, event.dataset, int(totals["waiting_labels"]), int(totals["waiting_votes"]))


def _wait(context: Context, dataset: int, labels: int, votes: int) -> None:
    row = context.get(Dataset, dataset)
    row.waiting_labels, row.waiting_votes = labels, votes


def chunk_paid(context: Context, event: e.SettlementChunkPaid) -> None:
    context.get(Settlement, event.round).distributed += 1
    for entry in context.where(Entry, round=event.round, chunk=event.chunk):
        entry.distributed = True


def distributed(context: Context, event: e.SettlementSettlementDistributed) -> None:
    settlement = context.get(Settlement, event.round)
    settlement.phase = "exited" if settlement.phase == "exiting" else "distributed"


def exit_started(context: Context, event: e.SettlementExitStarted) -> None:
    settlement = _begin(context, event.round, event.dataset, "exiting")
    settlement.paid, settlement.released = event.paid, event.released
    _wait(context, event.dataset, 0, 0)


def exited(context: Context, event: e.SettlementExited) -> None:
    """An account that took its exit is an entry of its own chunk, published and distributed at once."""
    settlement = context.get(Settlement, event.round)
    pay = {"reward": event.paid, "slash": 0, "shares": event.shares, "waiting": 0, "distributed": True}
    who = {"role": event.role, "account": event.account}
    context.add(Entry, round=event.round, chunk=settlement.chunks, position=0, **who, **pay)
    settlement.chunks += 1
    settlement.published = settlement.distributed = settlement.chunks


HANDLERS: dict[type[Event], Handler] = {
    e.SettlementSettlementProposed: proposed,
    e.SettlementChunkPublished: chunk_published,
    e.SettlementChallengeWindowOpened: window_opened,
    e.SettlementSettlementFinalized: finalized,
    e.SettlementChunkPaid: chunk_paid,
    e.SettlementSettlementDistributed: distributed,
    e.SettlementProposalExpired: expired,
    e.SettlementSettlementSuspended: suspended,
    e.SettlementSettlementUpheld: upheld,
    e.SettlementSettlementOverturned: overturned,
    e.SettlementSettlementHung: hung,
    e.SettlementExitStarted: exit_started,
    e.SettlementExited: exited,
}
