"""The live stream: one reader of the mirror a process, however many listen."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from backend.context import Backend
from backend.errors import Invalid, TooMany
from backend.explorer.feed import PAGE, Feed, Key
from backend.explorer.schemas import EventView
from indexer.models import Checkpoint

LOOK = 0.25  # seconds between looks at the mirror
PAUSE = 1.0  # seconds while the database does not answer
QUIET = 15.0  # seconds after which a comment keeps the connection open
MOST_LISTENERS = 1_000
MOST_EACH = 100  # of them from one network address: nobody listens to the exclusion of others
MOST_WAITING = 2_000  # events that a slow listener may be behind
LAST_ID = re.compile(r"(\d{1,18})-(\d{1,9})")
END = 1 << 31

log = logging.getLogger("labelshare.api")


@dataclass(frozen=True)
class Tick:
    """The mirror moved to a block (number, hash, unix seconds). `reset`: it went back, and what was sent may be undone."""

    block: int
    timestamp: int
    reset: bool


@dataclass(eq=False)
class Listener:
    """What waits to be sent to one connection. `where`: its network address; `lost`: it was too slow."""

    where: str = ""
    queue: asyncio.Queue[EventView | Tick] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    lost: bool = False


class Stream:
    """Follows the mirror while anybody listens."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._feed = Feed(backend.deployment)
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._began = asyncio.Event()

    async def listen(self, last_id: str | None, wanted: Callable[[EventView], bool], where: str = "") -> AsyncIterator[str]:
        """Server-sent events from now on, or from after `last_id`, to a network address.

        Raises TooMany, or Invalid for an id that is none of ours.
        """
        since = _key(last_id)
        if len(self._listeners) >= MOST_LISTENERS or sum(known.where == where for known in self._listeners) >= MOST_EACH:
            raise TooMany("too_many_listeners", "Too many listen to events here now; try again later.", retry_after=30)
        return self._events(since, wanted, where)

    async def _events(self, since: Key | None, wanted: Callable[[EventView], bool], where: str) -> AsyncIterator[str]:
        listener = Listener(where)
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._began = asyncio.Event()
            self._task = asyncio.create_task(self._follow(self._began))
        try:
            yield "retry: 2000\n\n"
            seen = since or (0, 0)
            if since is not None:
                await self._began.wait()  # what comes after that look is told; what came before is read here
            while since is not None:
                missed = await run_in_threadpool(self._after, since)
                for view in missed:
                    seen = (view.block, view.log_index)
                    if wanted(view):
                        yield _event(view)
                since = seen if len(missed) == PAGE else None
            while not listener.lost:
                try:
                    item = await asyncio.wait_for(listener.queue.get(), QUIET)
                except TimeoutError:
                    yield ": quiet\n\n"
                    continue
                if isinstance(item, Tick):
                    if item.reset:
                        seen = (0, 0)
                    yield _tick(item)
                elif (item.block, item.log_index) > seen and wanted(item):
                    yield _event(item)
        finally:
            self._listeners.discard(listener)

    async def _follow(self, began: asyncio.Event) -> None:
        """Looks for new blocks until nobody listens any more; sets `began` once it knows where the mirror stands."""
        last: tuple[int, str] | None = None
        key: Key = (0, 0)
        while self._listeners:
            try:
                checkpoint, views = await run_in_threadpool(self._look, last, key)
            except SQLAlchemyError as error:
                # Those who listen go on listening: what they miss meanwhile comes with the next look.
                log.warning("the live stream waits for the database: %s", type(error).__name__)
                await asyncio.sleep(PAUSE)
                continue
            if checkpoint is not None and (checkpoint.block_number, checkpoint.block_hash) != last:
                reset = last is not None and checkpoint.block_number <= last[0]
                self._tell([*views, Tick(checkpoint.block_number, checkpoint.timestamp, reset)])
                last = (checkpoint.block_number, checkpoint.block_hash)
                key = (checkpoint.block_number, END)
            began.set()
            await asyncio.sleep(LOOK)

    def _look(self, last: tuple[int, str] | None, key: Key) -> tuple[Checkpoint | None, list[EventView]]:
        """The checkpoint, and all events since the last look; none at the first, or after the mirror went back."""
        with self._backend.database.reading() as session:
            checkpoint = session.scalar(select(Checkpoint))
            views: list[EventView] = []
            if checkpoint is None or last is None or checkpoint.block_number <= last[0]:
                return checkpoint, views
            while True:
                more = self._feed.after(session, key)
                views += more
                if len(more) < PAGE:
                    return checkpoint, views
                key = (more[-1].block, more[-1].log_index)

    def _after(self, key: Key) -> list[EventView]:
        with self._backend.database.reading() as session:
            return self._feed.after(session, key)

    def _tell(self, items: list[EventView | Tick]) -> None:
        for listener in self._listeners:
            try:
                for item in items:
                    listener.queue.put_nowait(item)
            except asyncio.QueueFull:
                listener.lost = True  # the browser comes back with its last id


def _key(last_id: str | None) -> Key | None:
    if last_id is None:
        return None
    found = LAST_ID.fullmatch(last_id)
    if found is None:
        raise Invalid("invalid_event_id", "Last-Event-ID is <block>-<log index>, as an event's id was.")
    return int(found[1]), int(found[2])


def _event(view: EventView) -> str:
    return f"id: {view.id}\nevent: {view.topic}\ndata: {view.model_dump_json()}\n\n"


def _tick(tick: Tick) -> str:
    name = "reset" if tick.reset else "block"
    return f"event: {name}\ndata: {json.dumps({'block': tick.block, 'timestamp': tick.timestamp})}\n\n"

