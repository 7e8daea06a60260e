"""What to do with a log, by its contract and topic: looked up once, then found by two dictionaries."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table

from indexer.handlers import HANDLERS
from indexer.handlers.context import Handler
from indexer.models import EVENT_TABLES, values_of
from labelshare.chain import Deployment
from labelshare.chain.decode import Log
from labelshare.chain.events import EVENTS, Event
from labelshare.chain.slices import SLICES

Cut = Callable[[Sequence[str], str], Event | None]
Plan = tuple[type[Event], Cut, Handler | None, Callable[[Any], list[Any]], Table]


def _unsliced(_topics: Sequence[str], _data: str) -> None:
    """An event with something dynamic in it: for the ABI's decoder."""


class Plans:
    """Of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._names = {address: name for name, address in deployment.contracts.items()}
        self._known: dict[str, dict[str, Plan]] = {address: {} for address in self._names}

    def of(self, log: Log) -> Plan | None:
        """The event's kind, its slices, its handler, what makes its row, its table; None for a topic the contract does not have."""
        known = self._known[log.address]
        topic = log.topics[0] if log.topics else ""
        plan = known.get(topic)
        if plan is None:
            kind = EVENTS.get((self._names[log.address], topic))
            if kind is not None:  # Topics of strangers' making are not kept: they would fill the memory.
                plan = known[topic] = (kind, SLICES.get(kind, _unsliced), HANDLERS.get(kind), values_of(kind), EVENT_TABLES[kind])
        return plan
