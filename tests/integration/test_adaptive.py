"""Adaptive rounds: a task whose consensus is sure gets no more labels, and the requester sees what that saves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.keeper import Keeper
from backend.models import Draft, Progress, SignedSubmission
from indexer.models import Account, Allowance, Dataset, Round
from labelshare.chain.naming import user_account
from labelshare.client.wallet import Wallet
from tests.integration.api import BOND, CONTRACTS, TASKS, World

PEOPLE = tuple(Wallet(bytes([n]) * 32) for n in range(31, 37))
DISPUTED = 5  # the task that they do not agree on


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A round with five slots a task; the dataset asks for three labels at least."""
    made = World(tmp_path)
    made.change(Draft, 1, labels_per_task=5)
    made.change(Round, 1, label_budget=5 * TASKS)
    for who in PEOPLE:
        made.mirror(
            Account(account=user_account(who.address), balance=10 * BOND),
            Allowance(owner=who.address, spender=CONTRACTS["LabelRegistry"], amount=10 * BOND, nonce=1),
        )
    yield made
    made.close()


def hand_in(world: World, number: int, **wish: Any) -> list[int]:
    """Person `number` labels what they are given; the tasks."""
    lease = world.lease(PEOPLE[number], **wish)
    rows = [(x["index"], answer(number, x["index"]), bytes([x["index"] + 1]) * 32) for x in lease["tasks"]]
    assert world.submit(world.submission(lease, PEOPLE[number], labels=rows)).status_code == 201
    return [task for task, _, _ in rows]


def answer(number: int, task: int) -> int:
    return number % 3 if task == DISPUTED else task % 3


def refusal(world: World, number: int, **wish: Any) -> str:
    body = wish or {"count": TASKS}
    answered = world.client.post("/v1/rounds/1/leases", json=body, headers=world.access(PEOPLE[number], "lease", 1))
    return str(answered.json()["code"])


def three_hand_in_all(world: World) -> None:
    for number in range(3):
        assert hand_in(world, number, count=TASKS) == list(range(TASKS))
    Keeper(world.backend).step()


def test_only_tasks_that_are_not_sure_are_leased_once_all_have_the_minimum(world: World) -> None:
    three_hand_in_all(world)
    lease = world.lease(PEOPLE[3], count=TASKS)
    assert [task["index"] for task in lease["tasks"]] == [DISPUTED]
    wished = world.lease(PEOPLE[4], tasks=[0, DISPUTED])
    assert [task["index"] for task in wished["tasks"]] == [DISPUTED]
    assert wished["unavailable"] == [0]


def test_below_the_minimum_every_task_is_leased_however_sure(world: World) -> None:
    three_hand_in_all(world)
    world.change(Dataset, 1, terms=world.dataset_row(1).terms | {"min_labels": 4})
    assert hand_in(world, 3, count=TASKS) == list(range(TASKS))


def test_a_round_that_is_not_adaptive_fills_all_its_slots(world: World) -> None:
    world.change(Draft, 1, adaptive=False)
    three_hand_in_all(world)
    assert hand_in(world, 3, count=TASKS) == list(range(TASKS))
    with world.backend.database.transaction() as session:
        assert session.scalars(select(Progress)).all() == []


def test_the_requester_sees_what_is_sure_and_what_it_saves(world: World) -> None:
    before = world.client.get("/v1/rounds/1").json()
    assert (before["sure_tasks"], before["labels_spared"], before["saved"]) == (None, 0, "0")
    three_hand_in_all(world)
    view = world.client.get("/v1/rounds/1").json()
    spared = (TASKS - 1) * (5 - 3)
    assert (view["sure_tasks"], view["labels_spared"], view["saved"]) == (TASKS - 1, spared, str(1000 * spared))


def test_when_every_task_is_sure_contributors_are_told_so(world: World) -> None:
    three_hand_in_all(world)
    world.change(Progress, 1, sure=bytes([2**TASKS - 1]))
    assert refusal(world, 3) == "nothing_wanted"


def test_the_consensus_is_computed_again_when_a_fiftieth_is_new_and_without_what_the_chain_passed_over(world: World) -> None:
    three_hand_in_all(world)
    world.change(Progress, 1, spared=77)
    Keeper(world.backend).step()
    assert world.client.get("/v1/rounds/1").json()["labels_spared"] == 77
    hand_in(world, 3, count=1)
    Keeper(world.backend).step()
    assert world.client.get("/v1/rounds/1").json()["labels_spared"] != 77
    with world.backend.database.transaction() as session:
        assert session.get_one(Progress, 1).labels == 3 * TASKS + 1
        for row in session.scalars(select(SignedSubmission)):
            row.dropped = True
        session.delete(session.get_one(Progress, 1))
    Keeper(world.backend).step()
    assert world.client.get("/v1/rounds/1").json()["sure_tasks"] is None
