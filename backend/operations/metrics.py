"""Prometheus metrics. Figures of relayer and mirror are read from the database when they are asked for: no process keeps counters
that another would have to add up, and none are lost when one dies."""

import time
from collections.abc import Iterable

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.context import Backend
from backend.operations.state import HALTED, MirrorState, RelayState, mirror_state, relay_state

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

RELAY = {
    "queued": "Outbox rows that are in no transaction yet",
    "refused": "Outbox rows that never can be sent, or that the chain passed over",
    "pending": "Transactions without a receipt",
    "unsettled": "Transactions that are not final",
    "foreign": "Transactions of the operator's key that this database did not sign",
    "replaced": "Dearer versions signed in place of cheaper ones",
    "oldest_queued": "Age of the oldest queued row, seconds",
    "fence": "How many relayers have held the lease so far",
    "beat": "Grows while a relayer lives",
}

MIRROR = {
    "head": "The node's last block, as the indexer saw it",
    "verified": "Up to here every block was proven by its header and receipts root",
    "reorganizations": "Reorganizations that the mirror followed",
    "audited": "The block of the last audit against the contracts",
    "divergences": "Differences from the contracts that audits have found in all",
}


class Requests:
    """A middleware that counts this process' requests by route and status, and how long they took."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        names = ("method", "route")
        self.seconds = Histogram("labelshare_request_seconds", "Seconds of a request", names, buckets=BUCKETS, registry=registry)
        self.count = Counter("labelshare_requests", "Requests by status", (*names, "status"), registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            # The route's pattern, never the path: paths hold addresses and digests without end.
            route = ("/v1" if scope["path"].startswith("/v1/") else "") + getattr(scope.get("route"), "path", " none")
            self.seconds.labels(scope["method"], route).observe(time.monotonic() - began)
            self.count.labels(scope["method"], route, str(status)).inc()


class Shared(Collector):
    """What the database says, at the time of asking."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def collect(self) -> Iterable[Metric]:
        answers = GaugeMetricFamily("labelshare_database_up", "Whether the database answers")
        try:
            with self.backend.database.reading() as session:
                relay, mirror = relay_state(session), mirror_state(session)
        except SQLAlchemyError:
            answers.add_metric([], 0)
            yield answers
            return
        answers.add_metric([], 1)
        yield answers
        yield from _relay(relay)
        yield from _mirror(mirror)

    def describe(self) -> Iterable[Metric]:
        return ()


def registry_of(app: FastAPI) -> CollectorRegistry:
    """The registry that `install` made."""
    registry: CollectorRegistry = app.state.metrics
    return registry


def install(app: FastAPI, backend: Backend) -> None:
    """Counts this app's requests from now on."""
    app.state.metrics = CollectorRegistry()
    app.state.metrics.register(Shared(backend))
    app.add_middleware(Requests, registry=app.state.metrics)


def _relay(state: RelayState) -> Iterable[Metric]:
    for name, words in RELAY.items():
        yield GaugeMetricFamily(f"labelshare_relay_{name}", words, value=getattr(state, name))
    waits = GaugeMetricFamily("labelshare_relay_waits", "1 while the relayer waits for something", labels=["reason"])
    if state.waits_for:
        waits.add_metric([state.waits_for], 1)
    yield waits


def _mirror(state: MirrorState | None) -> Iterable[Metric]:
    yield GaugeMetricFamily("labelshare_mirror_block", "Last mirrored block", value=state.block if state else -1)
    yield GaugeMetricFamily("labelshare_mirror_timestamp", "Its time, unix seconds", value=state.timestamp if state else 0)
    halted = state is not None and state.state == HALTED
    yield GaugeMetricFamily("labelshare_mirror_halted", "1 when the indexer stopped loudly", value=int(halted))
    for name, words in MIRROR.items():
        yield GaugeMetricFamily(f"labelshare_mirror_{name}", words, value=getattr(state, name) if state else 0)
