"""Canonical JSON, evidence files and salts."""

import json
import random
from typing import Any

import pytest
from eth_utils import keccak

from labelshare.client.wallet import Wallet
from labelshare.rules.evidence import (
    SubmissionRecord,
    canonical_json,
    content_hash,
    evidence_file,
    evidence_hash,
    salt,
    salt_message,
    salt_secret,
)
from labelshare.rules.merkle import labels_tree

REGISTRY = "0x" + "c0" * 20
SECRET = b"\x05" * 32


def record(number: int, sequence: int = 0, labels: int = 3) -> SubmissionRecord:
    rows = tuple((task, number % 2, salt(SECRET, 1, sequence, task)) for task in range(labels))
    return SubmissionRecord(f"0x{number:040x}", sequence, 1, labels, labels_tree(rows).root, rows)


def test_canonical_json_sorts_keys_writes_no_white_space_and_keeps_characters() -> None:
    assert canonical_json({"b": [1, None, True], "a": "ü\n", "ab": {}}) == '{"a":"ü\\n","ab":{},"b":[1,null,true]}'.encode()


@pytest.mark.parametrize("value", [1.0, float("nan"), [1, [2.5]], {"a": {"b": float("inf")}}, {1: "a"}, "\ud800", ["\udfff"]])
def test_what_readers_would_write_differently_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


def test_numbers_of_any_size_stay_exact() -> None:
    assert json.loads(canonical_json({"n": 2**256 - 1}))["n"] == 2**256 - 1


def test_a_content_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1}) == keccak(b'{"a":1,"b":2}')
    assert content_hash({"a": 1}) != content_hash({"a": "1"})


def test_evidence_is_the_same_bytes_whatever_the_order() -> None:
    records = [record(number, sequence) for number in (3, 1, 2) for sequence in (1, 0)]
    body = evidence_file(31337, REGISTRY, 4, 5, records)
    turned = [SubmissionRecord(**{**vars(r), "labels": r.labels[::-1]}) for r in random.Random(2).sample(records, 6)]
    assert evidence_file(31337, REGISTRY, 4, 5, turned) == body
    assert evidence_hash(body) == keccak(body)
    shown = json.loads(body)
    assert list(shown) == sorted(shown)
    assert [(s["contributor"][-1], s["sequence"]) for s in shown["submissions"]] == [(c, n) for c in "123" for n in (0, 1)]
    assert body == canonical_json(shown)


def test_evidence_is_of_one_chain_registry_dataset_and_round() -> None:
    records = [record(1)]
    places = [(1, REGISTRY, 4, 5), (2, REGISTRY, 4, 5), (1, "0x" + "d0" * 20, 4, 5), (1, REGISTRY, 3, 5), (1, REGISTRY, 4, 6)]
    assert len({evidence_file(*place, records) for place in places}) == 5


def test_a_salt_is_the_hash_of_its_packed_place() -> None:
    place = (2**256 - 1).to_bytes(32, "big") + (7).to_bytes(4, "big") + (9).to_bytes(4, "big")
    assert salt(SECRET, 2**256 - 1, 7, 9) == keccak(SECRET + place)


def test_salts_differ_by_secret_round_sequence_and_task() -> None:
    salts = {salt(secret, r, s, t) for secret in (SECRET, b"\x06" * 32) for r in (1, 2) for s in (0, 1) for t in (0, 1)}
    assert len(salts) == 16


@pytest.mark.parametrize(
    "place", [(SECRET[:31], 1, 0, 0), (SECRET, -1, 0, 0), (SECRET, 1, 2**32, 0), (SECRET, 1, 0, -1), ("", 1, 0, 0)]
)
def test_a_salt_of_anything_else_is_refused(place: tuple[bytes, int, int, int]) -> None:
    with pytest.raises(ValueError):
        salt(*place)


def test_a_wallet_recovers_the_secret_of_its_salts_for_one_chain_and_registry() -> None:
    secret = Wallet(b"\x01" * 32).salt_secret(31337, REGISTRY)
    assert Wallet(b"\x01" * 32).salt_secret(31337, REGISTRY) == secret
    others = (Wallet(b"\x02" * 32).salt_secret(31337, REGISTRY), Wallet(b"\x01" * 32).salt_secret(1, REGISTRY))
    assert secret not in others
    assert salt_message(31337, REGISTRY) == f"Labelshare salts\nchain 31337\ncontract {REGISTRY}"
    assert salt_secret(b"\x11" * 65) == keccak(b"\x11" * 65)
