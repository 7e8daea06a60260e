"""Staking events: seats."""

from indexer.handlers.context import Context, Handler
from indexer.models import Seat
from labelshare.chain import events as e
from labelshare.chain.events import Event


def joined(context: Context, event: e.StakingSeatJoined) -> None:
    empty = {"active_from": 0, "left_at": 0, "release_at": 0, "drained": False}
    seat = context.get_or_add(Seat, pool=event.pool, index=event.seat, owner=None, **empty)
    seat.owner, seat.active_from = event.owner, event.active_from
    seat.left_at, seat.release_at, seat.drained = 0, 0, False


def left(context: Context, event: e.StakingSeatLeft) -> None:
    seat = context.get(Seat, event.pool, event.seat)
    seat.left_at = seat.left_at or context.block_number
    seat.release_at, seat.drained = event.release_at, event.drained


def collected(context: Context, event: e.StakingSeatCollected) -> None:
    context.get(Seat, event.pool, event.seat).owner = None


HANDLERS: dict[type[Event], Handler] = {
    e.StakingSeatJoined: joined,
    e.StakingSeatLeft: left,
    e.StakingSeatCollected: collected,
}
