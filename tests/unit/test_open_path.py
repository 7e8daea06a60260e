"""The open path by hand: labels submitted without the operator, a file for the panel, and what the panel attests."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelshare.chain import events
from labelshare.client.audit import EvidenceMismatch, check_evidence
from labelshare.client.chain import Chain
from labelshare.client.open_path import OpenPathError, contribute_open, shown_bits
from labelshare.client.verify import verify_file
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.merkle import labels_tree
from tests.unit.logs import DEPLOYMENT, log_of
from tests.unit.small_chain import ADA, BOB, DATASET, DOMAIN, ROUNDS, Small, evidence_of, raw_log, small

ROUND = ROUNDS[0]
ANSWERS = {4: 1, 2: 0, 7: 2}
CAROL = Wallet(b"\x1f" * 32)


class Open(Chain):
    """The small chain, which takes open submissions of 2 to 5 labels; `skips`: the reason it passes them over."""

    def __init__(self, world: Small) -> None:
        super().__init__(world.node, DEPLOYMENT)  # type: ignore[arg-type]
        self.node = world.node
        self.skips = 0
        self.sent: list[tuple[Any, ...]] = []

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return {
            "openLimitsOf": lambda: (20, 5, 2),
            "roundOf": lambda: (DATASET, 9, 99, 12, 2, 2**40, "0x", 5, 1, False, 30, 0, 0, bytes(32), bytes(32)),
            "contributorOf": lambda: (6, 0, 0, 0, 0, 0),
        }[function]()

    def send(self, wallet: Wallet, contract: str, function: str, *arguments: Any, seconds: float = 120.0) -> dict[str, Any]:
        self.sent.append((contract, function, *arguments))
        if function != "submit":
            return {"logs": []}
        ((fields, _, _),) = arguments[0]
        round_id, contributor, sequence, count, root, admission, _ = fields
        event: events.Event = events.LabelRegistrySubmissionAccepted(
            round_id, contributor, sequence, count, root, wallet.address, admission, 90
        )
        if self.skips:
            event = events.LabelRegistrySubmissionSkipped(round_id, contributor, sequence, self.skips)
        self.node.emit(event)
        return {"logs": [raw_log(log_of(event))]}


@pytest.fixture
def world() -> Small:
    return small()


@pytest.fixture
def chain(world: Small) -> Open:
    return Open(world)


def test_open_labels_are_signed_bonded_and_sent_and_shown_to_the_panel(chain: Open, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    contribute_open(chain, CAROL, ROUND, ANSWERS, file)
    allowed, (_, _, ((fields, signature, ticket),)) = chain.sent
    assert allowed == ("Ledger", "allow", DEPLOYMENT.address("LabelRegistry"), 3 * 30)
    root = bytes.fromhex(fields[4][2:])
    message = eip712.Submission(ROUND, CAROL.address, 6, 3, root, 2, fields[6])
    assert eip712.recover(message.digest(DOMAIN), bytes.fromhex(signature[2:])) == CAROL.address
    assert ticket == b""
    assert file.stat().st_mode & 0o777 == 0o600
    assert [(x["task"], x["answer"]) for x in json.loads(file.read_text())["labels"]] == sorted(ANSWERS.items())
    assert shown_bits(chain, ROUND, [file]) == 1
    assert shown_bits(chain, ROUND, []) == 0


def test_bits_follow_the_order_of_acceptance(chain: Open, tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.json" for i in range(3)]
    for file, person in zip(files, (CAROL, ADA, BOB), strict=True):
        contribute_open(chain, person, ROUND, ANSWERS, file)
    assert shown_bits(chain, ROUND, files[1:]) == 0b110
    assert shown_bits(chain, ROUND, files[::2]) == 0b101


def test_what_the_chain_passes_over_or_would_is_said(chain: Open, tmp_path: Path) -> None:
    with pytest.raises(OpenPathError, match="2 to 5 open labels"):
        contribute_open(chain, CAROL, ROUND, {1: 1}, tmp_path / "few")
    assert chain.sent == []
    chain.skips = 15
    with pytest.raises(OpenPathError, match="reason 15"):
        contribute_open(chain, CAROL, ROUND, ANSWERS, tmp_path / "over")


def change_answer(body: dict[str, Any]) -> None:
    body["labels"][0]["answer"] ^= 1


def drop_label(body: dict[str, Any]) -> None:
    body["labels"].pop()


def other_person(body: dict[str, Any]) -> None:
    body["submission"]["contributor"] = BOB.address


def other_round(body: dict[str, Any]) -> None:
    body["round"] = ROUND + 1


def no_labels(body: dict[str, Any]) -> None:
    del body["labels"]


@pytest.mark.parametrize("change", [change_answer, drop_label, other_person, other_round, no_labels])
def test_labels_that_the_chain_did_not_take_are_not_attested(chain: Open, tmp_path: Path, change: Any) -> None:
    file = tmp_path / "labels.json"
    contribute_open(chain, CAROL, ROUND, ANSWERS, file)
    body = json.loads(file.read_text())
    change(body)
    file.write_text(json.dumps(body))
    with pytest.raises(OpenPathError):
        shown_bits(chain, ROUND, [file])
    file.write_text("nonsense")
    with pytest.raises(OpenPathError, match="no labels file"):
        shown_bits(chain, ROUND, [file])


def test_void_submissions_are_in_no_evidence_and_no_file_and_those_that_count_must_be(
    chain: Open, world: Small, tmp_path: Path
) -> None:
    contribute_open(chain, CAROL, ROUND, ANSWERS, tmp_path / "labels.json")
    evidence = evidence_of(world.file["rounds"][0])
    check_evidence(chain, ROUND, evidence)
    world.node.emit(events.LabelRegistryOpenResolved(ROUND, CAROL.address, 3, False))
    check_evidence(chain, ROUND, evidence)
    assert verify_file(world.write(tmp_path), chain).passed
    world.node.emit(events.LabelRegistryOpenResolved(ROUND, CAROL.address, 3, True))
    with pytest.raises(EvidenceMismatch, match="exactly the submissions"):
        check_evidence(chain, ROUND, evidence)
    assert "is on chain and not in the file" in (verify_file(world.write(tmp_path), chain).first_failure or "")


@pytest.mark.parametrize("label", [(2**32, 1), (4, 256), (2**255, 2**255)])
def test_numbers_that_no_evidence_could_hold_are_not_attested(chain: Open, tmp_path: Path, label: tuple[int, int]) -> None:
    """Attested they would count, the operator could not keep them, and the round would exit for want of its evidence."""
    rows = [(*label, b"\x01" * 32), (2, 0, b"\x02" * 32)]
    who = {"contributor": CAROL.address, "sequence": 6}
    root = "0x" + labels_tree(rows).root.hex()
    chain.node.emit(events.LabelRegistrySubmissionAccepted(ROUND, CAROL.address, 6, 2, root, CAROL.address, 2, 60))
    file = tmp_path / "labels.json"
    labels = [{"task": task, "answer": answer, "salt": "0x" + salt.hex()} for task, answer, salt in rows]
    file.write_text(json.dumps({"schema": "labelshare-open-1", "round": ROUND, "submission": who, "labels": labels}))
    with pytest.raises(OpenPathError, match="no task or class"):
        shown_bits(chain, ROUND, [file])


def test_a_salt_of_another_length_in_a_strangers_file_is_a_message_not_a_traceback(chain: Open, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    contribute_open(chain, CAROL, ROUND, ANSWERS, file)
    body = json.loads(file.read_text())
    body["labels"][0]["salt"] = "0x00"
    file.write_text(json.dumps(body))
    with pytest.raises(OpenPathError, match="no labels file"):
        shown_bits(chain, ROUND, [file])
