"""A submission that the chain passed over and that was signed anew: once in the evidence, whatever is kept here of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.keeper import Keeper
from backend.models import Outbox, SignedSubmission
from backend.settlements.results import label_counts
from backend.settlements.service import accepted, round_evidence
from indexer.models import Audit, Round, Submission
from tests.integration.api import World
from tests.integration.test_keeper import VALIDATORS, audit_row, panel_rows


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def handed_in(world: World, by: Any, ahead: int) -> str:
    """Ada's labels of three tasks, signed until `ahead` seconds from now; the digest."""
    lease = world.lease(world.ada, [0, 1, 2])
    answer = world.submit(world.submission(lease, world.ada, signer=by, deadline=world.now + ahead))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["digest"])


def given_up(world: World, number: int) -> None:
    """The relayer gave an outbox row up, and the keeper sees it."""
    world.change(Outbox, number, error="expired")
    Keeper(world.backend).step()


def on_chain(world: World, digest: str) -> None:
    with world.backend.database.transaction() as session:
        row = session.get_one(SignedSubmission, digest)
        same = ("round", "contributor", "sequence", "count", "labels_root", "signer", "bond")
        fields = {name: getattr(row, name) for name in same}
        session.add(Submission(**fields, admission=1, block_number=2, tx_hash="0x" + "5a" * 32))
        session.get_one(Round, 1).labels = 3


@pytest.mark.parametrize("accepted_one", [0, 1, 2])
def test_labels_signed_again_after_the_chain_passed_over_them_are_once_in_the_evidence(world: World, accepted_one: int) -> None:
    """Twice, no panel could sign the evidence, and the round would exit: a contributor needed a short deadline for that, no more.
    The one that the chain took may be one that was dropped: tickets let anyone relay."""
    signers = (world.key, world.ada, world.ada)
    digests = []
    for number, (signer, ahead) in enumerate(zip(signers, (300, 400, 500), strict=True), start=1):
        digests.append(handed_in(world, signer, ahead))
        if number < 3:
            given_up(world, number)
    on_chain(world, digests[accepted_one])
    with world.backend.database.transaction() as session:
        ((_, signed),) = accepted(session, 1)
        assert signed.digest == digests[max(accepted_one, 2 * (signers[accepted_one] is world.ada))]
        assert label_counts(session, 1) == {0: {0: 1}, 1: {1: 1}, 2: {2: 1}}
    world.mirror(audit_row(world), *panel_rows())
    world.change(Round, 1, phase="closed", closed_block=2)
    body = world.client.get("/v1/rounds/1/evidence", headers=world.access(VALIDATORS[0], "evidence", 1)).content
    assert [len(shown["labels"]) for shown in json.loads(body)["submissions"]] == [3]
    with world.backend.database.transaction() as session:
        assert session.get_one(Audit, 1).phase == "audited"
        assert len(round_evidence(session, session.get_one(Round, 1)).submissions) == 1
