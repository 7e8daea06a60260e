"""The live stream: what happened, in order, each once, and again from the last id after a lost connection."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from backend.errors import Invalid, TooMany
from backend.explorer.feed import TOPIC_OF, TOPICS
from backend.explorer.service import concerns
from backend.explorer.stream import Stream
from indexer.models import Block, Checkpoint, RawEvent, position
from labelshare.chain.events import EVENTS, LabelRegistryRoundClosed, LabelRegistrySessionRevoked
from tests.integration.api import CHAIN_ID, CONTRACTS, World

PATIENCE = 30  # seconds; what never comes fails the test


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def word(value: int) -> str:
    return f"{value:064x}"


def closed(block: int, index: int, round_id: int = 1, dataset: int = 1) -> RawEvent:
    """A RoundClosed event as the indexer keeps it."""
    return RawEvent(
        position=position(block, index),
        transaction_hash=(block * 100 + index).to_bytes(32, "big"),
        address=bytes.fromhex(CONTRACTS["LabelRegistry"][2:]),
        topics=bytes.fromhex(LabelRegistryRoundClosed.TOPIC[2:] + word(round_id) + word(dataset)),
        data=bytes.fromhex(word(5)),
    )


def mine(world: World, block: int, *events: RawEvent) -> None:
    world.mirror(Block(number=block, hash=f"0x{block:064x}", timestamp=world.now + block), *events)
    world.change(Checkpoint, CHAIN_ID, block_number=block, block_hash=f"0x{block:064x}", timestamp=world.now + block)


async def read(stream: Stream, count: int, last_id: str | None = None, dataset: int | None = None, then: Any = None) -> list[str]:
    """The first `count` messages that are no comment, `then` being done once the first came."""
    found: list[str] = []
    messages = await stream.listen(last_id, lambda view: concerns(view, None, dataset, None, None))
    async with asyncio.timeout(PATIENCE):
        async for message in messages:
            if message.startswith(("retry", ":")):
                continue
            found.append(message)
            if len(found) == count:
                break
            if then is not None and len(found) == 1:
                then()
    await messages.aclose()  # type: ignore[attr-defined]
    return found


def test_events_come_live_each_once_with_their_ids_and_transactions(world: World) -> None:
    stream = Stream(world.backend)
    found = asyncio.run(read(stream, 4, then=lambda: mine(world, 10, closed(10, 0), closed(10, 3))))
    assert [message.split("\n")[0] for message in found] == ["event: block", "id: 10-0", "id: 10-3", "event: block"]
    data = json.loads(found[1].split("data: ")[1])
    assert (data["name"], data["topic"], data["dataset"], data["round"], data["tx_hash"]) == (
        "RoundClosed",
        "round",
        1,
        1,
        f"0x{1000:064x}",
    )


def test_after_a_lost_connection_nothing_is_missed_and_nothing_comes_twice(world: World) -> None:
    mine(world, 10, closed(10, 0), closed(10, 3))
    mine(world, 11, closed(11, 0, dataset=2), closed(11, 1))
    found = asyncio.run(read(Stream(world.backend), 2, last_id="10-0", dataset=1))
    assert [message.split("\n")[0] for message in found] == ["id: 10-3", "id: 11-1"]


def test_a_chain_that_went_back_is_told(world: World) -> None:
    mine(world, 10)

    def back() -> None:
        world.change(Checkpoint, CHAIN_ID, block_number=8, block_hash="0x" + "08" * 32)

    found = asyncio.run(read(Stream(world.backend), 2, then=back))
    assert [message.split("\n")[0] for message in found] == ["event: block", "event: reset"]


def test_a_strange_last_id_is_refused(world: World) -> None:
    for strange in ("", "1", "a-b", "-1-2", "1-2-3", "9" * 30 + "-1"):
        with pytest.raises(Invalid):
            asyncio.run(read(Stream(world.backend), 1, last_id=strange))


def test_the_explorer_pages_through_events_newest_first(world: World) -> None:
    mine(world, 10, *(closed(10, i, dataset=1 + i % 2) for i in range(7)))
    mine(world, 11, closed(11, 0))
    ids, cursor = [], ""
    while cursor is not None:
        page = world.client.get(
            "/v1/explorer/events", params={"dataset": 1, "limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        ids += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert ids == ["11-0", "10-6", "10-4", "10-2", "10-0"]
    assert world.client.get("/v1/explorer/events?topic=sale").json()["items"] == []
    assert world.client.get("/v1/explorer/events?cursor=nonsense").json()["code"] == "invalid_cursor"


def test_every_topic_names_events_of_the_contracts() -> None:
    names = {kind.__name__ for kind in EVENTS.values()}
    assert set(TOPIC_OF) <= names
    assert sum(map(len, TOPICS.values())) == len(TOPIC_OF)
    assert TOPIC_OF[LabelRegistrySessionRevoked.__name__] == "submission"


def test_what_is_mined_while_a_lost_connection_catches_up_is_not_missed(world: World) -> None:
    """The reader behind the stream begins with the block that it finds: what came between catching up and that look was lost."""
    mine(world, 10, closed(10, 0), closed(10, 3))
    stream, read_up = Stream(world.backend), threading.Event()
    after, look = stream._after, stream._look
    mined: list[int] = []

    def late(last: Any, key: Any) -> Any:
        if last is None and read_up.wait(1):
            mined.append(mine(world, 11, closed(11, 0)) or 11)
        return look(last, key)

    def caught_up(key: Any) -> Any:
        views = after(key)
        read_up.set()
        return views

    stream._look, stream._after = late, caught_up  # type: ignore[method-assign]
    found = asyncio.run(read(stream, 4, last_id="10-0", then=lambda: mined or mine(world, 11, closed(11, 0))))
    assert [message.split("\n")[0] for message in found if message.startswith("id")] == ["id: 10-3", "id: 11-0"]


def test_the_stream_goes_on_after_the_database_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(world.backend)
    look, failures = stream._look, iter(range(2))

    def flaky(last: Any, key: Any) -> Any:
        if last is not None and next(failures, None) is not None:
            raise OperationalError("SELECT", None, Exception("gone"))
        return look(last, key)

    stream._look = flaky  # type: ignore[method-assign]
    monkeypatch.setattr("backend.explorer.stream.PAUSE", 0.01)
    found = asyncio.run(read(stream, 3, then=lambda: mine(world, 10, closed(10, 0))))
    assert [message.split("\n")[0] for message in found] == ["event: block", "id: 10-0", "event: block"]


def test_one_address_does_not_take_the_places_of_all_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.explorer.stream.MOST_EACH", 2)
    stream = Stream(world.backend)

    async def crowd() -> None:
        listening = [await stream.listen(None, lambda _: True, where) for where in ("10.0.0.1", "10.0.0.1", "10.0.0.2")]
        for messages in listening:
            await anext(messages)
        with pytest.raises(TooMany):
            await stream.listen(None, lambda _: True, "10.0.0.1")
        await stream.listen(None, lambda _: True, "10.0.0.2")
        await listening[0].aclose()  # type: ignore[attr-defined]
        await stream.listen(None, lambda _: True, "10.0.0.1")
        for messages in listening[1:]:
            await messages.aclose()  # type: ignore[attr-defined]

    asyncio.run(crowd())
