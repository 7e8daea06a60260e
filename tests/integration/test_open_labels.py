"""Labels of the open path at the operator: taken once the chain accepted them, evidence once the panel attested them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.keeper import Keeper
from backend.models import Progress
from backend.settlements.results import label_counts
from backend.settlements.service import round_evidence
from indexer.models import Audit, OpenSubmission, Round, Submission
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.evidence import salt
from labelshare.rules.merkle import labels_tree
from tests.integration.api import BOND, World
from tests.integration.test_keeper import VALIDATORS, audit_row, panel_rows

ROWS = [(task, task % 3, salt(b"\x02" * 32, 1, 0, task)) for task in range(3)]
HASH = "0x" + "5a" * 32


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def labels_file(world: World, rows: list[tuple[int, int, bytes]] = ROWS) -> dict[str, Any]:
    root = labels_tree(rows).root
    message = eip712.Submission(1, world.bob.address, 0, len(rows), root, 2, world.now + 500)
    fields = vars(message) | {"labels_root": "0x" + root.hex()}
    del fields["round"]
    return {
        "schema": "labelshare-open-1",
        "round": 1,
        "submission": fields,
        "signature": world.bob.sign(message, world.domain),
        "labels": [{"task": t, "answer": a, "salt": "0x" + s.hex()} for t, a, s in rows],
    }


def accept(world: World, rows: list[tuple[int, int, bytes]] = ROWS) -> None:
    """The chain accepted bob's open submission."""
    root = "0x" + labels_tree(rows).root.hex()
    who = {"round": 1, "contributor": world.bob.address, "sequence": 0, "count": 3, "labels_root": root}
    world.mirror(
        OpenSubmission(position=0, counted=None, **who),
        Submission(signer=world.bob.address, admission=2, bond=3 * BOND, block_number=2, tx_hash=HASH, **who),
    )
    world.change(Round, 1, open_submissions=1, labels=3)


def hand_in(world: World, body: dict[str, Any]) -> tuple[int, str | None]:
    answer = world.client.post("/v1/rounds/1/open-labels", json=body)
    return answer.status_code, answer.json().get("code")


def test_labels_are_taken_once_the_chain_accepted_them_and_again_without_harm(world: World) -> None:
    assert hand_in(world, labels_file(world)) == (404, "unknown_submission")
    accept(world)
    assert hand_in(world, labels_file(world)) == (201, None)
    rows = world.rows()
    assert hand_in(world, labels_file(world)) == (201, None)
    assert world.rows() == rows
    assert rows["app_outbox"] == 0


def test_the_panel_is_shown_open_labels_once_its_ballots_are_sealed_and_nobody_else(world: World) -> None:
    accept(world)
    hand_in(world, labels_file(world))
    world.change(Round, 1, phase="closed", closed_block=2)
    world.mirror(audit_row(world, phase="committing"), *panel_rows())

    def shown(who: Wallet) -> Any:
        answer = world.client.get("/v1/rounds/1/open-labels", headers=world.access(who, "evidence", 1))
        return answer.json().get("items", answer.json().get("code"))

    assert shown(VALIDATORS[0]) == "too_early"
    world.change(Audit, 1, phase="revealing")
    assert shown(world.bob) == "not_on_panel"
    (found,) = shown(VALIDATORS[0])
    assert (found["contributor"], found["sequence"]) == (world.bob.address, 0)
    assert [(x["task"], x["answer"], bytes.fromhex(x["salt"][2:])) for x in found["labels"]] == ROWS


def test_other_labels_or_another_signature_are_refused(world: World) -> None:
    accept(world)
    other = labels_file(world, [(t, (a + 1) % 3, s) for t, a, s in ROWS])
    assert hand_in(world, other) == (404, "unknown_submission")
    swapped = labels_file(world)
    swapped["labels"] = other["labels"]
    assert hand_in(world, swapped) == (422, "wrong_root")
    forged = labels_file(world) | {"signature": other["signature"]}
    assert hand_in(world, forged) == (401, "wrong_signer")
    assert world.rows()["app_submission"] == 0


@pytest.mark.parametrize("counted", [True, False])
def test_labels_are_evidence_when_the_panel_attested_them_and_never_were_otherwise(world: World, counted: bool) -> None:
    accept(world)
    hand_in(world, labels_file(world))
    world.mirror(audit_row(world), *panel_rows())
    world.change(Round, 1, phase="closed", closed_block=2)
    world.change(OpenSubmission, (1, world.bob.address), counted=counted)
    headers = world.access(VALIDATORS[0], "evidence", 1)
    body = world.client.get("/v1/rounds/1/evidence", headers=headers).content
    assert [s["admission"] for s in json.loads(body)["submissions"]] == [2] * counted
    with world.backend.database.transaction() as session:
        evidence = round_evidence(session, session.get_one(Round, 1))
    assert [(s.contributor, s.open_path, s.count) for s in evidence.submissions] == [(world.bob.address, True, 3)] * counted


def test_void_labels_are_not_taken_any_more(world: World) -> None:
    accept(world)
    world.change(OpenSubmission, (1, world.bob.address), counted=False)
    assert hand_in(world, labels_file(world)) == (409, "too_late")


STRAY = [(0, 1, b"\x01" * 32), (2**32 - 1, 0, b"\x02" * 32), (1, 255, b"\x03" * 32)]  # a good label, no task, no class


def test_labels_of_tasks_and_classes_that_are_none_are_kept_and_count_nowhere(world: World) -> None:
    """The chain took them: refused, the evidence would lack them and the round never settle; counted, they ended the keeper."""
    accept(world, STRAY)
    assert hand_in(world, labels_file(world, STRAY)) == (201, None)
    Keeper(world.backend).step()
    with world.backend.database.transaction() as session:
        assert session.get_one(Progress, 1).labels == 3
    world.change(OpenSubmission, (1, world.bob.address), counted=True)
    with world.backend.database.transaction() as session:
        assert label_counts(session, 1) == {0: {1: 1}}
    progress = world.client.get("/v1/datasets/1/progress", headers=world.access(world.requester, "progress", 1)).json()
    assert progress["rounds"][0]["filled"] == [5, 1]
    world.mirror(audit_row(world), *panel_rows())
    world.change(Round, 1, phase="closed", closed_block=2)
    body = world.client.get("/v1/rounds/1/evidence", headers=world.access(VALIDATORS[0], "evidence", 1)).content
    assert [label[:2] for label in json.loads(body)["submissions"][0]["labels"]] == [[0, 1], [1, 255], [2**32 - 1, 0]]
