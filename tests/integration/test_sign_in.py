"""Signing in over HTTP: nonces, sessions, contract wallets; and what every answer carries."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.address import to_checksum_address

from backend.product_models import Login, SignInNonce
from indexer.models import Seat
from labelshare.chain.rpc import RpcUnavailable
from labelshare.client.wallet import Wallet
from tests.integration.api import World

KEY = b"\x51" * 32
ORIGIN = "http://127.0.0.1:8700"
CONTRACT = "0x" + "c0" * 20


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def nonce(world: World, **headers: str) -> dict[str, Any]:
    answer = world.client.post("/v1/auth/nonce", json={}, headers={"Origin": ORIGIN, **headers})
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def message(view: dict[str, Any], address: str) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f"{view['domain']} wants you to sign in with your Ethereum account:\n{to_checksum_address(address)}\n\n"
        f"{view['statement']}\n\n"
        f"URI: {view['uri']}\nVersion: {view['version']}\nChain ID: {view['chain_id']}\nNonce: {view['nonce']}\nIssued At: {now}"
    )


def sign(text: str, key: bytes = KEY) -> str:
    return "0x" + bytes(Account.sign_message(encode_defunct(text=text), key).signature).hex()


def login(world: World, text: str, signature: str, **headers: str) -> Any:
    return world.client.post(
        "/v1/auth/login", json={"message": text, "signature": signature}, headers={"Origin": ORIGIN, **headers}
    )


def test_a_wallet_signs_in_reads_its_own_and_signs_out(world: World) -> None:
    wallet = Wallet(KEY)
    empty = {"active_from": 1, "left_at": 0, "release_at": 0, "drained": False}
    world.mirror(Seat(pool="0x" + "00" * 32, index=0, owner=wallet.address, **empty))
    text = message(nonce(world), wallet.address)
    begun = login(world, text, sign(text))
    assert begun.status_code == 200, begun.text
    assert (begun.json()["account"], begun.json()["roles"]) == (wallet.address, ["validator"])
    cookie = begun.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    headers = {"Authorization": f"Bearer {begun.json()['token']}"}
    assert world.client.get("/v1/me", headers=headers).json()["account"] == wallet.address
    with world.backend.database.transaction() as session:
        assert begun.json()["token"] not in session.query(Login).one().token_hash
    assert world.client.post("/v1/auth/logout", json={}, headers=headers).status_code == 204
    assert world.client.get("/v1/me", headers=headers).json()["code"] == "signed_out"


def test_a_nonce_is_for_one_sign_in_and_five_minutes(world: World) -> None:
    text = message(nonce(world), Wallet(KEY).address)
    assert login(world, text, sign(text)).status_code == 200
    assert login(world, text, sign(text)).json()["code"] == "nonce_used"
    old = nonce(world)
    world.change(SignInNonce, old["nonce"], expires_at=world.now - 1)
    late = message(old, Wallet(KEY).address)
    assert login(world, late, sign(late)).json()["code"] == "nonce_used"
    made_up = message(old | {"nonce": "0" * 32}, Wallet(KEY).address)
    assert login(world, made_up, sign(made_up)).json()["code"] == "nonce_used"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"domain": "evil.example"}, "invalid_sign_in"),
        ({"uri": "https://evil.example"}, "invalid_sign_in"),
        ({"chain_id": 1}, "invalid_sign_in"),
        ({"statement": "Give me everything."}, "invalid_sign_in"),
    ],
)
def test_a_message_for_elsewhere_is_refused_and_uses_up_nothing(world: World, changed: dict[str, Any], code: str) -> None:
    view = nonce(world)
    text = message(view | changed, Wallet(KEY).address)
    assert login(world, text, sign(text)).json()["code"] == code
    good = message(view, Wallet(KEY).address)
    assert login(world, good, sign(good, b"\x52" * 32)).json()["code"] == "wrong_signer"
    assert login(world, good, sign(good)).status_code == 200


def test_a_message_of_one_of_our_origins_is_not_taken_at_another(world: World) -> None:
    text = message(nonce(world), Wallet(KEY).address)
    assert login(world, text, sign(text), Origin="http://localhost:8700").json()["code"] == "invalid_sign_in"
    assert nonce(world, Origin="https://evil.example")["uri"] == ORIGIN


class Node:
    """A node with one contract wallet, which takes one signature."""

    def __init__(self, takes: str, alive: bool = True) -> None:
        self.takes, self.alive = takes, alive
        self.asked: list[str] = []

    def call(self, method: str, *parameters: Any) -> Any:
        if not self.alive:
            raise RpcUnavailable("gone")
        self.asked.append(method)
        if method == "eth_getCode":
            return "0x6001" if parameters[0] == CONTRACT else "0x"
        assert method == "eth_call"
        takes = self.takes[2:] in parameters[0]["data"]
        return "0x1626ba7e" + "00" * 28 if takes else "0x" + "00" * 32


def with_node(world: World, node: Node) -> Node:
    world.backend.__dict__["rpc"] = node
    return node


def test_a_contract_wallet_signs_in_by_what_its_contract_says(world: World) -> None:
    node = with_node(world, Node("0x" + "ab" * 70))
    text = message(nonce(world), CONTRACT)
    assert login(world, text, "0x" + "cd" * 70).json()["code"] == "invalid_signature"
    assert login(world, text, sign(text)).json()["code"] == "wrong_signer"
    assert login(world, text, "0x" + "ab" * 70).json()["account"] == CONTRACT
    assert "eth_call" in node.asked


def test_a_key_is_never_asked_of_the_node_and_a_silent_node_says_no(world: World) -> None:
    node = with_node(world, Node("0x00", alive=False))
    text = message(nonce(world), CONTRACT)
    assert login(world, text, "0x" + "ab" * 70).json()["code"] == "invalid_signature"
    own = message(nonce(world), Wallet(KEY).address)
    assert login(world, own, sign(own)).status_code == 200
    assert node.asked == []


def test_a_contract_wallet_hands_in_labels_under_its_own_signature(world: World) -> None:
    with_node(world, Node("0x" + "ee" * 80))
    world.change(type(world.dataset_row(9)), 1, terms=world.dataset_row(9).terms | {"bond": "0"})
    login_text = message(nonce(world), CONTRACT)
    token = login(world, login_text, "0x" + "ee" * 80).json()["token"]
    leased = world.client.post("/v1/rounds/1/leases", json={"count": 2}, headers={"Authorization": f"Bearer {token}"}).json()

    class Contract(Wallet):
        address = CONTRACT

        def __init__(self) -> None:
            pass

        def sign(self, *_: Any) -> str:
            return "0x" + "ee" * 80

    body = world.submission(leased, Contract())
    assert world.submit({**body, "signature": "0x" + "ef" * 80}).json()["code"] == "invalid_signature"
    assert world.submit(body).status_code == 201


def test_answers_carry_the_headers_that_browsers_need_and_errors_say_nothing_of_the_inside(world: World) -> None:
    page = world.client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("script-src")[1].split(";")[0]
    answer = world.client.get("/v1/datasets/1")
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    missing = world.client.get("/v1/datasets/77")
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json() == {
        "type": "urn:labelshare:problem:unknown_dataset", "title": "Not Found", "status": 404, "code": "unknown_dataset",
        "detail": "Dataset 77 is not on chain, or not mirrored yet.",
    }  # fmt: skip


def test_the_same_key_gives_the_same_answer_and_another_body_a_conflict(world: World) -> None:
    headers = {**world.access(world.ada, "lease", 1), "Idempotency-Key": "lease-number-1"}
    first = world.client.post("/v1/rounds/1/leases", json={"count": 2}, headers=headers)
    again = world.client.post("/v1/rounds/1/leases", json={"count": 2}, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    other = world.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_who_asks_too_often_waits_and_only_verified_requests_count_against_an_account(tmp_path: Path) -> None:
    world = World(tmp_path, rate_per_account=3)
    try:
        forged = {**world.access(world.ada, "me", 0), "X-Labelshare-Signature": "0x" + "11" * 65}
        assert [world.client.get("/v1/me/work", headers=forged).status_code for _ in range(5)] == [401] * 5
        own = world.access(world.ada, "me", 0)
        assert [world.client.get("/v1/me/work", headers=own).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = world.client.get("/v1/me/work", headers=own)
        assert int(refused.headers["retry-after"]) >= 1
        assert world.client.get("/v1/me/work", headers=world.access(world.bob, "me", 0)).status_code == 200
    finally:
        world.close()


def test_a_network_address_that_asks_too_often_waits(tmp_path: Path) -> None:
    world = World(tmp_path, rate_per_address=5)
    try:
        assert [world.client.get("/v1/config").status_code for _ in range(6)] == [200] * 5 + [429]
    finally:
        world.close()
