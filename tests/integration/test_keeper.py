"""What the operator's keeper asks the relayer for: panels, juries, proposals, exits, closing rounds. The tests play the indexer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.keeper import Keeper
from backend.models import HeldBallot, Outbox
from backend.settlements.service import proposal_bond, settlement_of
from indexer.models import (
    Account,
    Allowance,
    Audit,
    Block,
    Contributor,
    Dataset,
    Dispute,
    Juror,
    OpenSubmission,
    PanelMember,
    Round,
    Settlement,
    Submission,
    ValidatorVotes,
)
from labelshare.chain.naming import user_account
from labelshare.client.wallet import Wallet
from labelshare.keeper import WAIT_LIMIT
from labelshare.rules import eip712
from labelshare.rules.entries import settlement_root
from tests.integration.api import BOND, CONTRACTS, TASKS, World

HASH = "0x" + "5a" * 32
VALIDATORS = tuple(Wallet(bytes([n]) * 32) for n in (21, 22, 23))
MAX_UINT = 2**256 - 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Blocks 1 to 9 are mirrored, the last of them now."""
    made = World(tmp_path)
    made.mirror(*(Block(number=n, hash=f"0x{n:064x}", timestamp=made.now - 9 + n) for n in range(1, 10)))
    yield made
    made.close()


def asked(world: World) -> list[tuple[Any, ...]]:
    """The calls that one step of the keeper adds to the outbox: (contract.function, arguments…)."""
    with world.backend.database.transaction() as session:
        before = set(session.scalars(select(Outbox.id)))
    Keeper(world.backend).step()
    with world.backend.database.transaction() as session:
        rows = session.scalars(select(Outbox).where(Outbox.kind == "call", Outbox.id.not_in(before)).order_by(Outbox.id)).all()
        calls = [json.loads(row.payload) for row in rows]
    return [(f"{call['contract']}.{call['function']}", *call["arguments"]) for call in calls]


def audit_row(world: World, number: int = 1, **changes: Any) -> Audit:
    fields: dict[str, Any] = {"phase": "audited", "attempt": 0, "misses": 0, "seed_block": 5, "as_of": 3, "slots": 9, "seed": HASH}
    times = {"commit_ends": world.now - 50, "reveal_ends": world.now + 50, "concluded_block": 9}
    return Audit(round=number, **(fields | times | changes))


def settlement_row(phase: str, number: int = 1, **changes: Any) -> Settlement:
    counts = ("overturned", "chunks", "published", "distributed", "challenge_ends", "bond", "paid", "carried", "released")
    fields: dict[str, Any] = dict.fromkeys((*counts, "reopened_block"), 0)
    fields |= {"attempt": 1, "proposed_block": 9, "required_root": None, "proposer": "0x" + "00" * 20, "evidence_hash": HASH}
    return Settlement(round=number, dataset=1, phase=phase, totals={}, **(fields | changes))


def dispute_row(world: World, phase: str, **changes: Any) -> Dispute:
    counts = ("misses", "as_of", "slots", "to_winner", "to_jurors", "to_treasury", "bond")
    fields: dict[str, Any] = dict.fromkeys(counts, 0) | {"seed": None, "root": None, "challenger": "0x" + "00" * 20}
    fields |= {"round": 1, "number": 1, "attempt": 1, "seed_block": 9, "commit_ends": world.now + 50, "reveal_ends": world.now + 90}
    return Dispute(phase=phase, proposed=HASH, **(fields | changes))


def panel_rows(number: int = 1, **changes: Any) -> list[PanelMember]:
    fields: dict[str, Any] = {"weight": 1, "commitment": HASH, "revealed": True, "answers": "0x0000", "salt": HASH}
    fields |= {"slashed": 0, "shown": None} | changes
    return [PanelMember(round=number, attempt=0, validator=v.address, **fields) for v in VALIDATORS]


def close(world: World, *rows: Any) -> None:
    world.change(Round, 1, phase="closed", closed_block=2)
    world.mirror(*rows)


def fund_operator(world: World, amount: int) -> None:
    operator = world.backend.operator.address
    world.mirror(
        Account(account=user_account(operator), balance=amount),
        Allowance(owner=operator, spender=CONTRACTS["Settlement"], amount=MAX_UINT, nonce=0),
    )


def test_a_jury_is_drawn_after_its_seed_block_and_concluded_when_all_revealed(world: World) -> None:
    close(world, audit_row(world), settlement_row("challenged"), dispute_row(world, "seeding", seed_block=10))
    assert asked(world) == []
    world.change(Dispute, (1, 1), seed_block=9)
    assert asked(world) == [("Jury.drawJury", 1)]
    world.change(Dispute, (1, 1), phase="revealing")
    juror = {"round": 1, "attempt": 1, "weight": 7, "commitment": HASH, "root": None, "salt": None, "slashed": 0}
    world.mirror(Juror(juror=VALIDATORS[0].address, revealed=False, **juror))
    assert asked(world) == []
    world.change(Juror, (1, 1, VALIDATORS[0].address), revealed=True)
    assert asked(world) == [("Jury.conclude", 1)]


def test_ballots_kept_here_are_revealed_after_the_commit_window_although_a_member_never_committed(world: World) -> None:
    members = panel_rows(revealed=False)
    members[2].commitment = None
    close(world, audit_row(world, phase="committing", commit_ends=world.now + 50), *members)
    who = VALIDATORS[0].address
    world.mirror(HeldBallot(round=1, attempt=0, validator=who, answers="0x0001", salt=HASH))
    assert asked(world) == []
    world.change(Audit, 1, commit_ends=world.now - 1)
    assert asked(world) == [("AuditBoard.reveal", 1, who, "0x0001", HASH)]


def test_a_panel_is_concluded_once_it_attested_the_open_submissions(world: World) -> None:
    world.change(Round, 1, open_submissions=1)
    close(world, audit_row(world, phase="revealing"), *panel_rows())
    assert asked(world) == []
    for validator in VALIDATORS:
        world.change(PanelMember, (1, 0, validator.address), shown=1)
    assert asked(world) == [("AuditBoard.conclude", 1)]


def test_a_proposal_that_is_not_published_in_time_expires(world: World) -> None:
    close(world, audit_row(world), settlement_row("proposed"))
    assert asked(world) == []
    world.change(Block, 9, timestamp=world.now - 101)
    assert asked(world) == [("Settlement.expire", 1)]


@pytest.mark.parametrize(
    ("phase", "changes", "at_once"),
    [("expired", {"reopened_block": 8}, False), ("expired", {"attempt": 3}, True), ("hung", {}, True), ("overturned", {}, False)],
)
def test_an_exit_is_asked_for_when_it_is_due(world: World, phase: str, changes: dict[str, Any], at_once: bool) -> None:
    close(world, audit_row(world), settlement_row(phase, **changes), *panel_rows(revealed=False))
    assert (("Settlement.startExit", 1) in asked(world)) == at_once
    for number in (8, 9):
        world.change(Block, number, timestamp=world.now - 1001)
    assert at_once or ("Settlement.startExit", 1) in asked(world)


def test_an_exit_pays_those_with_pending_work(world: World) -> None:
    close(world, audit_row(world), settlement_row("exiting"))
    who = VALIDATORS[0].address
    counts = dict.fromkeys(("sequence", "labels", "pending_open", "covered", "last_round", "open_round"), 0)
    world.mirror(
        Contributor(dataset=1, contributor=world.ada.address, pending=3, **counts),
        Contributor(dataset=1, contributor=world.bob.address, pending=0, **counts),
        ValidatorVotes(dataset=1, validator=who, pending=2),
    )
    assert asked(world) == [("Settlement.exit", 1, [world.ada.address], [who])]


def test_a_dataset_whose_work_waited_for_14_days_gets_its_closing_round(world: World) -> None:
    world.change(Round, 1, phase="settled", closed_block=2)
    world.change(Dataset, 1, waiting_labels=3, settled_block=8)
    world.change(Block, 8, timestamp=world.now - WAIT_LIMIT + 60)
    assert asked(world) == []
    world.change(Block, 8, timestamp=world.now - WAIT_LIMIT - 1)
    assert asked(world) == [("LabelRegistry.finishDataset", 1)]


def test_a_finished_datasets_bonds_are_sent_back_to_who_took_no_part_in_its_last_round(world: World) -> None:
    world.change(Round, 1, phase="settled", closed_block=2)
    world.change(Dataset, 1, settled_block=8)
    counts = dict.fromkeys(("sequence", "labels", "pending", "pending_open", "last_round", "open_round"), 0)
    world.mirror(
        Contributor(dataset=1, contributor=world.ada.address, covered=3, **counts),
        Contributor(dataset=1, contributor=world.bob.address, covered=0, **counts),
    )
    assert asked(world) == []
    world.change(Round, 1, last=True)
    assert asked(world) == [("Settlement.releaseBonds", 1, [world.ada.address])]
    assert asked(world) == []


# Proposals


def work_that_waits(world: World) -> None:
    """Round 1: ada labeled all tasks, two of them audited; it is settled, and her labels wait. Round 2 is the closing round."""
    lease = world.lease(world.ada, count=TASKS)
    assert world.submit(world.submission(lease, world.ada)).status_code == 201
    body = world.submission(lease, world.ada)
    seen = {"labels_root": body["submission"]["labels_root"], "signer": world.ada.address, "admission": 1, "bond": BOND * TASKS}
    accepted = Submission(round=1, contributor=world.ada.address, sequence=0, count=TASKS, block_number=2, tx_hash=HASH, **seen)
    close(world, accepted, audit_row(world), *panel_rows(), settlement_row("distributed"))
    world.change(Round, 1, phase="settled", labels=TASKS)
    world.change(Dataset, 1, waiting_labels=TASKS, waiting_votes=6)
    closing = world.round_row(2, 1, "0x" + "00" * 32)
    closing.phase, closing.last, closing.closed_block, closing.opened_block = "closed", True, 9, 9
    closing.task_count = closing.label_budget = closing.sample_size = closing.reserve = 0
    world.mirror(closing, audit_row(world, 2, seed=None, commit_ends=0, reveal_ends=0))


def proposals(world: World) -> list[tuple[Any, ...]]:
    return [call for call in asked(world) if call[0] == "Settlement.propose"]


def test_a_closing_round_is_proposed_without_signatures_and_decides_what_waits(world: World) -> None:
    work_that_waits(world)
    fund_operator(world, 10**9)
    ((_, number, _, chunks, totals, signatures),) = proposals(world)
    assert (number, chunks, signatures) == (2, 1, [])
    with world.backend.database.transaction() as session:
        entries = settlement_of(session, session.get_one(Round, 2)).entries
    assert {entry.account for entry in entries} >= {world.ada.address, *(v.address for v in VALIDATORS)}
    assert totals[0] == str(len(entries))
    assert totals[-2:] == ["0", "0"]


def test_a_bond_is_what_the_jury_contract_asks_and_is_waited_for(world: World) -> None:
    """7 seats × 500 × 10 tasks × 3/2, doubled by dispute and expired proposal; a twentieth of 6,000 + 3,000 that wait is less."""
    work_that_waits(world)
    with world.backend.database.transaction() as session:
        assert proposal_bond(session, session.get_one(Round, 2)) == 52_500
    fund_operator(world, 52_499)
    assert proposals(world) == []
    world.change(Account, user_account(world.backend.operator.address), balance=52_500)
    assert len(proposals(world)) == 1
    world.mirror(dispute_row(world, "overturned", round=2), settlement_row("expired", 2, attempt=2, overturned=1))
    with world.backend.database.transaction() as session:
        assert proposal_bond(session, session.get_one(Round, 2)) == 4 * 52_500
    world.change(Dataset, 1, waiting_votes=10**6)
    with world.backend.database.transaction() as session:
        assert proposal_bond(session, session.get_one(Round, 2)) == 4 * ((TASKS * 1000 + 500 * 10**6) // 20)


def test_after_a_verdict_only_what_the_rule_gives_here_too_is_proposed(world: World) -> None:
    work_that_waits(world)
    fund_operator(world, 10**9)
    world.mirror(settlement_row("overturned", 2, overturned=1, required_root=HASH))
    assert proposals(world) == []
    with world.backend.database.transaction() as session:
        root = settlement_root(2, settlement_of(session, session.get_one(Round, 2)).entries)
    world.change(Settlement, 2, required_root="0x" + root.hex())
    assert len(proposals(world)) == 1


@pytest.mark.parametrize("changes", [{"attempt": 3}, {"phase": "hung"}])
def test_nothing_is_proposed_when_the_chain_takes_no_proposal(world: World, changes: dict[str, Any]) -> None:
    work_that_waits(world)
    fund_operator(world, 10**9)
    world.mirror(settlement_row(changes.pop("phase", "expired"), 2, **changes))
    assert proposals(world) == []


def test_whoever_has_a_settlement_to_propose_does_not_exit(world: World) -> None:
    work_that_waits(world)
    fund_operator(world, 10**9)
    world.change(Block, 9, timestamp=world.now - 1001)
    assert [call[0] for call in asked(world)] == ["Settlement.propose"]
    assert asked(world) == []
    world.change(Account, user_account(world.backend.operator.address), balance=0)
    with world.backend.database.transaction() as session:
        session.query(Outbox).delete()
    assert [call[0] for call in asked(world)] == ["Settlement.startExit"]


# The API's side


def test_an_attestation_is_taken_from_the_panel_while_ballots_are_revealed(world: World) -> None:
    world.change(Round, 1, open_submissions=1)
    close(world, audit_row(world, phase="committing"), *panel_rows())
    domain = eip712.Domain(31337, CONTRACTS["AuditBoard"])
    signed = VALIDATORS[0].sign(eip712.Attestation(1, 0, VALIDATORS[0].address, 1), domain)

    def attest(validator: Wallet = VALIDATORS[0], shown: str = "1") -> tuple[int, str | None]:
        body = {"validator": validator.address, "shown": shown, "signature": signed}
        answer = world.client.post("/v1/rounds/1/attestations", json=body)
        return answer.status_code, answer.json().get("code")

    assert attest() == (409, "not_revealing")
    world.change(Audit, 1, phase="revealing")
    assert attest(world.ada) == (403, "not_on_panel")
    assert attest(shown="3") == (401, "wrong_signer")
    assert attest(VALIDATORS[1]) == (401, "wrong_signer")
    assert attest(shown=str(2**256)) == (422, "not_a_bitmap")
    assert attest() == (202, None)
    with world.backend.database.transaction() as session:
        (row,) = session.scalars(select(Outbox)).all()
    assert json.loads(row.payload)["arguments"] == [1, VALIDATORS[0].address, "1", signed]
    world.change(PanelMember, (1, 0, VALIDATORS[0].address), shown=1)
    assert attest() == (409, "already_attested")
    world.change(Round, 1, open_submissions=0)
    assert attest() == (409, "nothing_to_attest")


def test_evidence_waits_for_the_panels_word_on_open_submissions(world: World) -> None:
    close(world, audit_row(world, phase="revealing"), *panel_rows())
    who = {"round": 1, "contributor": world.bob.address, "position": 0, "sequence": 0, "count": 2, "labels_root": HASH}
    world.mirror(OpenSubmission(counted=None, **who))

    def read(reader: Wallet) -> tuple[int, str | None]:
        answer = world.client.get("/v1/rounds/1/evidence", headers=world.access(reader, "evidence", 1))
        return answer.status_code, answer.json().get("code")

    assert read(VALIDATORS[0]) == (403, "too_early")
    world.change(OpenSubmission, (1, world.bob.address), counted=False)
    assert read(VALIDATORS[0]) == (200, None)


def test_a_sitting_jury_reads_the_evidence_and_nobody_else(world: World) -> None:
    close(world, audit_row(world), settlement_row("challenged"), dispute_row(world, "committing"))
    juror = {"weight": 7, "commitment": None, "revealed": False, "root": None, "salt": None, "slashed": 0}
    world.mirror(Juror(round=1, attempt=1, juror=world.ada.address, **juror))

    def read(reader: Wallet) -> int:
        return world.client.get("/v1/rounds/1/evidence", headers=world.access(reader, "evidence", 1)).status_code

    assert (read(world.ada), read(world.bob)) == (200, 403)
    world.change(Dispute, (1, 1), attempt=2)
    assert read(world.ada) == 403
    world.change(Dispute, (1, 1), attempt=1, phase="upheld")
    assert read(world.ada) == 403
