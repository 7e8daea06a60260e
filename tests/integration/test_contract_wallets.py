"""Contract wallets that take their word back, or sign twice in one request. The tests play the node and the indexer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.models import EvidenceFile, EvidenceSignature
from backend.settlements.majority import panel_majority, refusing_wallets
from indexer.models import Audit, PanelMember, Round
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from tests.integration.api import CONTRACTS, World

HASH = "0x" + "5a" * 32
KEYS = tuple(Wallet(bytes([n]) * 32) for n in (21, 22, 23))
FICKLE, STEADY = "0x" + "c0" * 20, "0x" + "c1" * 20
WORD = {FICKLE: "0x" + "ab" * 70, STEADY: "0x" + "cd" * 65}  # what they signed with


class Node:
    """The chain's view of signatures: `stands` says whose contract still takes its own. `alive`: whether it answers."""

    def __init__(self, *stands: str, alive: bool = True) -> None:
        self.stands, self.alive = stands, alive
        self.asked = 0

    def call(self, method: str, *parameters: Any) -> Any:
        if not self.alive:
            raise RpcUnavailable("gone")
        self.asked += 1
        data = parameters[0]["data"] if method == "eth_call" else ""
        if method == "eth_getCode":
            return "0x6001"
        if parameters[0]["to"] == CONTRACTS["AuditBoard"]:
            if not any(WORD[account][2:] in data for account in self.stands):
                raise RpcError("execution reverted", "0x8baa579f")
            return "0x" + "00" * 31 + "01"
        taken = any(WORD[account][2:] in data for account in self.stands)
        return "0x1626ba7e" + "00" * 28 if taken else "0x" + "00" * 32


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def audited(world: World, weights: dict[str, int], silent: str = "") -> Audit:
    """Round 1, audited by these members, each of whom has signed the evidence but for the silent one."""
    world.change(Round, 1, phase="closed", closed_block=5)
    empty = dict.fromkeys(("misses", "seed_block", "as_of", "slots", "commit_ends", "reveal_ends", "concluded_block"), 1)
    audit = Audit(round=1, phase="audited", attempt=1, seed=HASH, **empty)
    members = [
        PanelMember(
            round=1, attempt=1, validator=validator, weight=weight, commitment=HASH,
            revealed=True, answers="0x0000", salt=HASH, slashed=0, shown=None,
        )
        for validator, weight in weights.items()
    ]  # fmt: skip
    world.mirror(audit, EvidenceFile(round=1, hash=HASH, body=b"{}"), *members)
    message = eip712.Evidence(1, bytes.fromhex(HASH[2:]), world.backend.operator.address)
    domain = eip712.Domain(world.domain.chain_id, CONTRACTS["Settlement"])
    signed = {key.address: key.sign(message, domain) for key in KEYS} | WORD
    world.mirror(*(EvidenceSignature(round=1, validator=v, signature=signed[v]) for v in weights if v != silent))
    return audit


def proposers(world: World, audit: Audit, node: Node) -> list[str] | None:
    """By whose signatures the keeper would propose, the node being as it is."""
    world.backend.__dict__["rpc"] = node
    refusing = refusing_wallets(world.backend)
    with world.backend.database.reading() as session:
        found = panel_majority(world.backend, session, audit, refusing)
    return None if found is None else [validator for validator, _ in found]


def test_a_wallet_that_takes_its_word_back_stops_no_proposal_that_keys_carry(world: World) -> None:
    """One contract wallet among the signatures makes the chain refuse them all, and the round would exit at half pay."""
    audit = audited(world, {KEYS[0].address: 1, KEYS[1].address: 1, FICKLE: 1})
    node = Node()
    assert proposers(world, audit, node) == sorted((KEYS[0].address, KEYS[1].address))
    assert node.asked == 0


def test_wallets_that_stand_by_their_word_join_where_keys_are_too_few(world: World) -> None:
    audit = audited(world, {KEYS[0].address: 1, STEADY: 1, FICKLE: 1})
    assert proposers(world, audit, Node(STEADY)) == sorted((KEYS[0].address, STEADY))
    assert proposers(world, audit, Node(STEADY, FICKLE)) == sorted((KEYS[0].address, STEADY, FICKLE))
    assert proposers(world, audit, Node()) is None


def test_a_silent_node_speaks_against_nobody(world: World) -> None:
    audit = audited(world, {KEYS[0].address: 1, STEADY: 1, FICKLE: 1})
    assert proposers(world, audit, Node(alive=False)) == sorted((KEYS[0].address, STEADY, FICKLE))


def test_half_of_the_weight_is_no_majority_and_no_weight_at_all_needs_none(world: World) -> None:
    audit = audited(world, {KEYS[0].address: 1, KEYS[1].address: 1}, silent=KEYS[1].address)
    assert proposers(world, audit, Node()) is None
    for key in KEYS[:2]:
        world.change(PanelMember, (1, 1, key.address), revealed=False)
    assert proposers(world, audit, Node()) == []


def test_a_contract_wallet_registers_a_key_and_allows_bonds_in_one_request(world: World) -> None:
    """Two signatures that no key explains: each is asked of the wallet, and one it does not take is refused."""
    session = {"contributor": FICKLE, "key": KEYS[0].address, "dataset": 0, "expiry": world.now + 500, "max_bond": "5"}
    allowance = {"owner": FICKLE, "spender": CONTRACTS["LabelRegistry"], "amount": "5", "nonce": 0, "deadline": world.now + 500}
    body = {"session": session, "signature": WORD[FICKLE], "allowance": allowance, "allowance_signature": WORD[STEADY]}
    world.backend.__dict__["rpc"] = Node(FICKLE)
    assert world.client.post("/v1/sessions", json=body).json()["code"] == "invalid_signature"
    assert world.rows()["app_outbox"] == 0
    world.backend.__dict__["rpc"] = Node(FICKLE, STEADY)
    assert world.client.post("/v1/sessions", json=body).status_code == 202
    assert world.rows()["app_outbox"] == 2
