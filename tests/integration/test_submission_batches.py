"""Submissions that come together share a transaction, and none notices the others: on SQLite and PostgreSQL."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from backend.app import create_app
from backend.models import Draft, Slot
from backend.submissions import service
from backend.submissions.batches import LARGEST, Batches
from indexer.models import Account, Allowance, Round
from labelshare.chain.naming import user_account
from labelshare.client.wallet import Wallet
from tests.integration.anvil import wait_until
from tests.integration.api import BOND, CONTRACTS, TASKS, Client, World

PEOPLE = tuple(Wallet(bytes([n]) * 32) for n in range(41, 41 + TASKS))


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres")()
    world = World(tmp_path, url)
    world.change(Round, 1, label_budget=100)
    world.change(Draft, 1, labels_per_task=9)
    for who in PEOPLE:
        world.mirror(
            Account(account=user_account(who.address), balance=10 * BOND),
            Allowance(owner=who.address, spender=CONTRACTS["LabelRegistry"], amount=10 * BOND, nonce=1),
        )
    yield world
    world.close()


def post_together(requests: Sequence[tuple[Client, dict[str, Any]]]) -> list[Any]:
    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(lambda one: one[0].post("/v1/rounds/1/submissions", json=one[1]), requests))


def test_good_ones_bad_ones_and_repeated_ones_at_once_get_what_they_would_get_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [world.submission(world.lease(who, tasks=[number]), who) for number, who in enumerate(PEOPLE)]
    forged = world.submission(world.lease(world.ada, count=1), world.ada, signer=world.bob)
    stray = world.submission(world.lease(world.bob, tasks=[0]), world.bob, labels=[(5, 0, b"\x02" * 32)])
    sizes, all_here = [], threading.Barrier(2)
    take_all = service.take_all

    def waiting(backend: Any, batch: Any) -> Any:
        """The first batch waits until the rest has come."""
        sizes.append(len(batch))
        if len(sizes) == 1:
            all_here.wait(30)
        return take_all(backend, batch)

    monkeypatch.setattr(service, "take_all", waiting)
    app = create_app(world.backend.settings)
    client = Client(app)
    bodies = [*good, forged, stray, good[0]]
    with ThreadPoolExecutor(len(bodies)) as threads:
        answers = [threads.submit(client.post, "/v1/rounds/1/submissions", json=body) for body in bodies]
        wait_until(lambda: sum(sizes[:1]) + len(app.state.submissions._waiting) == len(bodies), "the others")
        all_here.wait(30)
        results = [answer.result() for answer in answers]
    app.state.backend.database.engine.dispose()
    assert [answer.status_code for answer in results] == [201] * TASKS + [401, 403, 201]
    assert results[-1].json() == results[0].json(), "the same one again gets the same receipt"
    assert sum(sizes) == len(bodies)
    assert len(sizes) <= 3, "what came meanwhile was decided together"
    rows = world.rows()
    assert (rows["app_submission"], rows["app_label"], rows["app_outbox"]) == (TASKS, TASKS, TASKS)


def test_of_two_submissions_with_a_sequence_number_two_processes_take_one(world: World) -> None:
    """Beside them, in the same batches, others come through."""
    second = create_app(world.backend.settings)
    clients = world.client, Client(second)
    lease = world.lease(world.ada, tasks=[0, 1])
    both = [world.submission(lease, world.ada, labels=[(task, 0, b"\x01" * 32)]) for task in (0, 1)]
    others = [world.submission(world.lease(who, tasks=[number]), who) for number, who in enumerate(PEOPLE)]
    answers = post_together([*zip(clients, both, strict=True), *((clients[n % 2], body) for n, body in enumerate(others))])
    second.state.backend.database.engine.dispose()
    assert sorted(answer.status_code for answer in answers[:2]) == [201, 409]
    assert [answer.status_code for answer in answers[2:]] == [201] * TASKS
    assert world.rows()["app_submission"] == TASKS + 1


def test_slots_that_are_taken_back_at_the_very_moment_are_not_used_and_nothing_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = world.submission(world.lease(world.ada, tasks=[0, 1]), world.ada)
    before, read = world.rows(), service.facts_of

    def then_gone(connection: Any, *arguments: Any) -> Any:
        found = read(connection, *arguments)
        connection.execute(delete(Slot).where(Slot.task == 1))
        return found

    monkeypatch.setattr(service, "facts_of", then_gone)
    answer = world.submit(body)
    assert (answer.status_code, answer.json()["code"]) == (409, "lease_expired")
    assert world.rows() == before
    monkeypatch.undo()
    assert world.submit(body).status_code == 201


def test_a_batch_holds_a_key_once_and_goes_out_in_order_and_an_error_of_all_reaches_all() -> None:
    batches: list[list[tuple[str, int]]] = []
    held = threading.Event()

    def decide(batch: Sequence[tuple[str, int]]) -> list[int | Exception]:
        held.wait(30)
        batches.append(list(batch))
        if ("broken", 0) in batch:
            raise OSError("the database is gone")
        return [ValueError(key) if number < 0 else number for key, number in batch]

    async def run() -> list[Any]:
        group: Batches[tuple[str, int], int] = Batches(decide, lambda item: item[0])
        items = [("a", 1), ("a", 2), ("b", -3), ("a", 4), *((str(n), n) for n in range(LARGEST))]
        waiting = [asyncio.create_task(group.put(item)) for item in items]
        await asyncio.sleep(0)
        held.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        return [*answers, *await asyncio.gather(group.put(("broken", 0)), return_exceptions=True)]

    *answers, broken = asyncio.run(run())
    assert [x for x in answers if not isinstance(x, Exception)] == [1, 2, 4, *range(LARGEST)]
    assert isinstance(answers[2], ValueError)
    assert isinstance(broken, OSError)
    assert all(len({key for key, _ in batch}) == len(batch) <= LARGEST for batch in batches)
    assert [number for batch in batches for key, number in batch if key == "a"] == [1, 2, 4]
