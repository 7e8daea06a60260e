"""What the API refuses, with a reason and without a trace; and what it takes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.models import Account, Round, Session
from labelshare.chain.naming import user_account
from labelshare.rules import eip712
from tests.integration.api import BOND, CHAIN_ID, CONTRACTS, World

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Change = Callable[[World, dict[str, Any], dict[str, Any]], dict[str, Any]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def mangle(how: str) -> Change:
    def change(_world: World, _lease: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        raw = bytes.fromhex(body["signature"][2:])
        s = ORDER - int.from_bytes(raw[32:64], "big")
        mangled = {
            "high s": raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]]),
            "v": raw[:64] + bytes([raw[64] - 27]),
            "short": raw[:64],
        }
        return body | {"signature": "0x" + mangled[how].hex()}

    return change


def signed(**changes: Any) -> Change:
    """The submission signed with these fields instead."""
    return lambda world, lease, _: world.submission(lease, world.ada, **changes)


def mirrored(kind: type[Any], **values: Any) -> Change:
    """The same submission after something changed on chain; by the session key."""

    def change(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        key: Any = {Round: 1, Session: (world.ada.address, world.key.address)}.get(kind)
        key = key or user_account(world.ada.address)
        world.change(kind, key, **values)
        return world.submission(lease, world.ada, signer=world.key)

    return change


def other_domain(chain_id: int, contract: str) -> Change:
    return signed(domain=eip712.Domain(chain_id, contract))


def without_lease(world: World, _lease: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return body | {"lease_id": "0" * 32}


def of_bob(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return world.submission(lease, world.bob)


def by_bob(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return world.submission(lease, world.ada, signer=world.bob)


def unleased_task(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    rows = [(task["index"], 0, b"\x01" * 32) for task in lease["tasks"][:-1]] + [(5, 0, b"\x02" * 32)]
    return world.submission(lease, world.ada, labels=rows)


def over_ticket(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return world.submission(lease, world.ada, labels=[(task, 0, b"\x01" * 32) for task in range(4)])


def task_twice(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return world.submission(lease, world.ada, labels=[(0, 0, b"\x01" * 32), (0, 1, b"\x02" * 32)])


def unknown_class(world: World, lease: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return world.submission(lease, world.ada, labels=[(0, 3, b"\x01" * 32)])


def tampered_label(world: World, _lease: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    first, *rest = body["labels"]
    return body | {"labels": [first | {"answer": (first["answer"] + 1) % 3}, *rest]}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (by_bob, 401, "wrong_signer"),
        (mirrored(Session, expiry=1), 401, "session_not_live"),
        (mirrored(Session, revoked=True), 401, "session_not_live"),
        (mirrored(Session, dataset=2), 403, "session_other_dataset"),
        (mirrored(Session, bond_left=3 * BOND - 1), 403, "session_bond_exceeded"),
        (mirrored(Account, balance=3 * BOND - 1), 409, "bond_unavailable"),
        (mirrored(Round, phase="closed"), 409, "round_not_open"),
        (other_domain(1, CONTRACTS["LabelRegistry"]), 401, "wrong_signer"),
        (other_domain(CHAIN_ID, CONTRACTS["Ledger"]), 401, "wrong_signer"),
        (signed(round=2), 401, "wrong_signer"),
        (mangle("high s"), 401, "invalid_signature"),
        (mangle("v"), 401, "invalid_signature"),
        (mangle("short"), 401, "invalid_signature"),
        (without_lease, 404, "unknown_lease"),
        (of_bob, 404, "unknown_lease"),
        (unleased_task, 403, "not_leased"),
        (over_ticket, 403, "over_ticket"),
        (task_twice, 422, "task_twice"),
        (unknown_class, 422, "unknown_class"),
        (tampered_label, 422, "wrong_root"),
        (signed(count=2), 422, "wrong_count"),
        (signed(sequence=1), 409, "wrong_sequence"),
        (signed(deadline=1), 422, "submission_expired"),
        (signed(admission=2), 422, "unsupported_admission"),
    ],
)
def test_a_wrong_submission_is_refused_with_its_reason_and_leaves_no_row(
    world: World, change: Change, status: int, code: str
) -> None:
    lease = world.lease(world.ada)
    body = change(world, lease, world.submission(lease, world.ada))
    before = world.rows()
    response = world.submit(body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert len(response.json()["detail"]) > 20
    assert world.rows() == before


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"lease_id": NaN}', 400),
        (b'{"lease_id": Infinity}', 400),
        (b'{"lease_id": 1e400}', 400),
        (b'{"lease_id": 1.5}', 400),
        (b'{"lease_id": "a\\u0000b"}', 400),
        (b'{"lease_id": "\\ud800"}', 400),
        (b'{"lease_id": 1, "lease_id": 2}', 400),
        (b'{"lease_id": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b"{", 400),
        (b"", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"lease_id": "' + b"a" * (9 * 1024 * 1024) + b'"}', 413),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_a_body_that_is_no_strict_json_is_refused(world: World, raw: bytes, status: int) -> None:
    before = world.rows()
    response = world.client.post("/v1/rounds/1/submissions", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["detail"]
    assert world.rows() == before


def test_a_body_of_another_type_or_with_unknown_or_coerced_members_is_refused(world: World) -> None:
    lease = world.lease(world.ada)
    body = world.submission(lease, world.ada)
    before = world.rows()
    form = world.client.post("/v1/rounds/1/submissions", content=b"a=1", headers={"Content-Type": "text/plain"})
    assert form.status_code == 415
    upper = body["submission"] | {"contributor": world.ada.address.upper().replace("X", "x")}
    for wrong in (body | {"extra": 1}, body | {"submission": upper}, body | {"labels": [{"task": "0", "answer": 0, "salt": "0x"}]}):
        assert world.submit(wrong).status_code == 422
    huge = body | {"submission": body["submission"] | {"deadline": 2**63}}
    assert world.submit(huge).status_code == 422
    assert world.rows() == before


@pytest.mark.parametrize("by", ["wallet", "session key"])
def test_a_good_submission_gets_a_receipt_and_one_outbox_row_however_often_it_is_sent(world: World, by: str) -> None:
    lease = world.lease(world.ada)
    body = world.submission(lease, world.ada, signer=world.key if by == "session key" else world.ada)
    first, again = world.submit(body), world.submit(body)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert world.rows()["app_outbox"] == world.rows()["app_submission"] == 1
    answer = first.json()
    receipt = eip712.Receipt(1, world.ada.address, 0, bytes.fromhex(answer["digest"][2:]), answer["receipt"]["received_at"])
    signature = bytes.fromhex(answer["receipt"]["signature"][2:])
    assert eip712.recover(receipt.digest(world.domain), signature) == world.backend.operator.address
    assert world.client.get(f"/v1/submissions/{answer['digest']}").json()["status"] == "queued"


def test_a_digest_with_other_labels_is_a_conflict(world: World) -> None:
    lease = world.lease(world.ada)
    body = world.submission(lease, world.ada)
    assert world.submit(body).status_code == 201
    before = world.rows()
    first, *rest = body["labels"]
    response = world.submit(body | {"labels": [first | {"salt": "0x" + "0f" * 32}, *rest]})
    assert (response.status_code, response.json()["code"]) == (409, "digest_reused")
    assert world.rows() == before


def test_bonds_on_their_way_count_against_balance(world: World) -> None:
    world.change(Account, user_account(world.ada.address), balance=5 * BOND)
    assert world.submit(world.submission(world.lease(world.ada), world.ada)).status_code == 201
    second = world.submit(world.submission(world.lease(world.ada), world.ada))
    assert second.json()["code"] == "bond_unavailable"
