"""Canonical JSON, content hashes, salts, and the evidence file of a round (specification T4, T5, F1)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from labelshare.rules.eip712 import word

EVIDENCE_SCHEMA = "labelshare-evidence-1"
ERASED = {"erased": True}  # what stands for a task's content that was deleted; its hash stays


@dataclass(frozen=True)
class SubmissionRecord:
    """A submission with everything that was signed and shown. Labels are (task, answer, salt), in any order."""

    contributor: str
    sequence: int
    admission: int
    count: int
    labels_root: bytes
    labels: tuple[tuple[int, int, bytes], ...]


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no white space. Raises ValueError on floats, NaN and lone surrogates."""
    _refuse_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def content_hash(task: Any) -> bytes:
    """The identity of a task: keccak256 of its canonical JSON."""
    return keccak(canonical_json(task))


def evidence_file(chain_id: int, label_registry: str, dataset: int, round_id: int, records: Iterable[SubmissionRecord]) -> bytes:
    """The evidence of a round, the same bytes for the same records in any order."""
    submissions = [
        {
            "contributor": record.contributor,
            "sequence": record.sequence,
            "admission": record.admission,
            "count": record.count,
            "labels_root": "0x" + record.labels_root.hex(),
            "labels": [[task, answer, "0x" + salt.hex()] for task, answer, salt in sorted(record.labels)],
        }
        for record in sorted(records, key=lambda r: (r.contributor, r.sequence))
    ]
    return canonical_json(
        {
            "schema": EVIDENCE_SCHEMA,
            "chain_id": chain_id,
            "label_registry": label_registry,
            "dataset": dataset,
            "round": round_id,
            "submissions": submissions,
        }
    )


def evidence_hash(body: bytes) -> bytes:
    return keccak(body)


def salt_message(chain_id: int, label_registry: str) -> str:
    """The text whose wallet signature recovers a contributor's salts."""
    return f"Labelshare salts\nchain {chain_id}\ncontract {label_registry}"


def salt(secret: bytes, round_id: int, sequence: int, task: int) -> bytes:
    """The salt of one label; `secret` is `salt_secret` of a signature. Raises ValueError when a value is not of its type."""
    narrow = [word("uint32", number)[-4:] for number in (sequence, task)]
    return keccak(word("bytes32", secret) + word("uint256", round_id) + b"".join(narrow))


def salt_secret(signature: bytes) -> bytes:
    """The secret behind a contributor's salts, of their personal signature over `salt_message`."""
    return keccak(signature)


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError(f"{value!r}: canonical JSON has no floats; write numbers with a point as strings.")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("Canonical JSON has string keys only.")
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
