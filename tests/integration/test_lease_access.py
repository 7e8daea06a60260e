"""Leases and access: nobody gets another's slot, nobody reads what is not theirs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from backend.leases import service
from backend.leases.schemas import LeaseRequest
from backend.models import OpenRound, OpenTask, Slot
from indexer.models import EVENT_TABLES, Checkpoint, Sale
from labelshare.chain.events import LedgerAllowanceSigned
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from tests.integration.api import CHAIN_ID, CONTRACTS, TASKS, World


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """On both databases: what keeps leases apart differs between them."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres")()
    world = World(tmp_path, url)
    yield world
    world.close()


def test_a_contributor_gets_a_task_once_and_a_task_goes_to_no_more_than_its_slots(world: World) -> None:
    first = {task["index"] for task in world.lease(world.ada, count=TASKS)["tasks"]}
    assert first == set(range(TASKS))
    again = world.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=world.access(world.ada, "lease", 1))
    assert again.json()["code"] == "nothing_free"
    left = world.lease(world.bob, count=TASKS)["tasks"]
    assert len(left) == 10 - TASKS


def test_wished_tasks_that_are_taken_are_named(world: World) -> None:
    first = world.lease(world.ada, tasks=[0, 1])
    assert world.submit(world.submission(first, world.ada)).status_code == 201
    lease = world.lease(world.ada, tasks=[1, 2])
    assert [task["index"] for task in lease["tasks"]] == [2]
    assert lease["unavailable"] == [1]


def test_a_wish_repeated_because_its_answer_was_lost_gets_the_same_tasks(world: World) -> None:
    lost = world.lease(world.ada, tasks=[0, 1, 2])
    again = world.lease(world.ada, tasks=[0, 1, 2])
    assert [task["index"] for task in again["tasks"]] == [0, 1, 2]
    assert again["unavailable"] == []
    assert world.rows()["app_slot"] == 3
    late = world.submit(world.submission(lost, world.ada))
    assert (late.status_code, late.json()["code"]) == (403, "not_leased")
    assert world.submit(world.submission(again, world.ada)).status_code == 201


def test_what_is_counted_of_slots_is_what_there_are_whatever_comes_and_goes(world: World) -> None:
    def is_right() -> None:
        with world.backend.database.transaction() as session:
            there = Counter(session.scalars(select(Slot.task).where(Slot.round == 1)))
            counted = {row.task: row.taken for row in session.scalars(select(OpenTask))}
            assert counted == {task: there[task] for task in range(TASKS)}
            assert session.get_one(OpenRound, 1).taken == there.total()

    first = world.lease(world.ada, tasks=[4, 5])
    with world.backend.database.transaction() as session:
        session.execute(delete(OpenTask))  # As after the migration: slots are there, and nobody counted them.
        session.execute(delete(OpenRound))
    world.lease(world.bob, count=2)
    is_right()
    world.lease(world.ada, tasks=[5, 0, 1])
    is_right()
    part = world.submission(first, world.ada, labels=[(4, 0, b"\x01" * 32)])
    assert world.submit(part).status_code == 201
    world.change(Slot, (1, 5, 0), expires_at=1)
    assert {task["index"] for task in world.lease(world.bob, count=TASKS)["tasks"]} == {2, 3, 4, 5}
    is_right()


def test_a_wish_takes_nothing_from_anyone_else(world: World) -> None:
    theirs = world.lease(world.bob, tasks=[0])
    world.lease(world.ada, tasks=[0])
    world.lease(world.ada, tasks=[0])
    assert world.submit(world.submission(theirs, world.bob)).status_code == 201


def test_a_lease_gives_nobody_a_way_to_relay_labels_that_were_not_shown(world: World) -> None:
    """A ticket lets anyone relay any root. Labels that the chain took and the operator never saw are in no evidence, so that nobody
    can sign or settle the round: it would exit, at half pay, for one contributor's wish."""
    lease = world.lease(world.ada)
    assert set(lease) == {"lease_id", "expires_at", "sequence", "classes", "tasks", "unavailable"}
    assert re.search(r"[0-9a-f]{130}", json.dumps(lease)) is None


def test_onboarding_repeated_after_its_allowance_was_used_is_no_error(world: World) -> None:
    key = Wallet(b"\x21" * 32)
    session = eip712.Session(world.bob.address, key.address, 0, world.now + 900, 1000)
    spender = CONTRACTS["LabelRegistry"]
    allowance = eip712.Allowance(world.bob.address, spender, 1000, 0, world.now + 900)
    body = {
        "session": vars(session) | {"max_bond": "1000"},
        "signature": world.bob.sign(session, world.domain),
        "allowance": vars(allowance) | {"amount": "1000"},
        "allowance_signature": world.bob.sign(allowance, eip712.Domain(CHAIN_ID, CONTRACTS["Ledger"])),
    }
    assert world.client.post("/v1/sessions", json=body).status_code == 202
    with world.backend.database.transaction() as sql:
        used = {"block_number": 10, "log_index": 0, "owner": world.bob.address, "spender": spender, "nonce": 0}
        sql.execute(EVENT_TABLES[LedgerAllowanceSigned].insert().values(**used))
    assert world.client.post("/v1/sessions", json=body).status_code == 202
    assert world.rows()["app_outbox"] == 2


def test_an_expired_lease_gives_its_tasks_back(world: World) -> None:
    lease = world.lease(world.ada, tasks=[0])
    world.change(Slot, (1, 0, 0), expires_at=1)
    assert [task["index"] for task in world.lease(world.ada, tasks=[0])["tasks"]] == [0]
    response = world.submit(world.submission(lease, world.ada))
    assert response.json()["code"] == "not_leased"


def test_many_at_once_never_share_a_slot_nor_overdraw_the_budget(world: World) -> None:
    people = [Wallet(bytes([n]) * 32) for n in range(40, 56)]

    def lease(who: Wallet) -> list[int]:
        response = world.client.post("/v1/rounds/1/leases", json={"count": 3}, headers=world.access(who, "lease", 1))
        return [task["index"] for task in response.json()["tasks"]] if response.status_code == 200 else []

    with ThreadPoolExecutor(8) as pool:
        taken = [task for tasks in pool.map(lease, people) for task in tasks]
    assert len(taken) == 10
    assert max(taken.count(task) for task in range(TASKS)) <= 2


def test_a_lease_waits_for_one_that_is_not_committed_yet_so_that_the_budget_holds(world: World) -> None:
    wish = LeaseRequest(tasks=list(range(TASKS)))

    def lease(who: Wallet) -> int:
        with world.backend.database.transaction() as session:
            return len(service.lease(world.backend, session, 1, who.address, wish).tasks)

    with ThreadPoolExecutor(1) as pool, world.backend.database.transaction() as session:
        first = len(service.lease(world.backend, session, 1, world.ada.address, wish).tasks)
        second = pool.submit(lease, world.bob)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        session.commit()
        assert (first, second.result(timeout=30)) == (6, 4)


@pytest.mark.parametrize(
    ("purpose", "subject", "ahead", "code"),
    [("labels", 1, 600, "wrong_signer"), ("lease", 2, 600, "wrong_signer"), ("lease", 1, -1, "access_expired")],
)
def test_an_access_for_something_else_opens_nothing(world: World, purpose: str, subject: int, ahead: int, code: str) -> None:
    headers = world.access(world.ada, purpose, subject, ahead=ahead)
    response = world.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, code)


def test_a_session_key_leases_for_its_contributor_and_a_strangers_does_not(world: World) -> None:
    headers = world.access(world.key, "lease", 1, account=world.ada.address)
    assert world.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=headers).status_code == 200
    headers = world.access(world.bob, "lease", 1, account=world.ada.address)
    assert world.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=headers).status_code == 401


def test_a_download_needs_a_live_license(world: World) -> None:
    def answer() -> tuple[int, str]:
        response = world.client.get("/v1/datasets/1/download", headers=world.access(world.bob, "download", 1))
        return response.status_code, response.json().get("code", "")

    def sell(block: int, expiry: int, licensee: str = world.bob.address) -> None:
        money = {"buyer": world.ada.address, "price": 1, "fee": 0, "tx_hash": "0x" + "01" * 32}
        sale = {"dataset": 1, "licensee": licensee, "expiry": expiry, "last_round": 1}
        world.mirror(Sale(block_number=block, log_index=0, **sale, **money))

    world.change(Checkpoint, CHAIN_ID, finalized_block=6)
    assert answer() == (403, "no_license")
    sell(3, world.now - 1)
    sell(4, world.now + 100, world.ada.address)
    assert answer() == (403, "no_license")
    sell(7, world.now + 100)
    assert answer() == (409, "license_not_final")
    sell(5, world.now + 100)
    assert answer() == (200, "")
    world.change(Checkpoint, CHAIN_ID, finalized_block=7)
    assert answer() == (200, "")


def test_only_requester_and_operator_open_rounds_and_the_same_tasks_are_one_draft(world: World) -> None:
    body = {"tasks": [{"a": 1}, {"a": 2}], "label_budget": 2, "labels_per_task": 1, "deadline": world.now + 900, "last": True}
    path = "/v1/datasets/1/rounds"
    assert world.client.post(path, json=body, headers=world.access(world.bob, "open-round", 1)).status_code == 403
    first = world.client.post(path, json=body, headers=world.access(world.requester, "open-round", 1))
    again = world.client.post(path, json=body, headers=world.access(world.requester, "open-round", 1))
    assert first.status_code == 202
    assert first.json() == again.json()
    assert world.rows()["app_outbox"] == 1


def test_the_api_documents_every_route_and_its_errors(world: World) -> None:
    schema = world.client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            problem = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]["$ref"]
            assert problem.endswith("/Problem"), (path, method)
