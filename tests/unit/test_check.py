"""A settlement checked: the first thing that differs is named; evidence is found by the round that it names."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelshare import cli, cli_disputes, options
from labelshare.chain.events import SettlementSettlementProposed
from labelshare.client import watch as watch_module
from labelshare.client.api import Api, ApiError
from labelshare.client.audit import EvidenceMismatch
from labelshare.client.check import Check, NothingProposed, Proposal, problems_of, proposal_of
from labelshare.client.evidence import Operator, read_files
from labelshare.client.wallet import Wallet
from labelshare.client.watch import Notice
from labelshare.rules.entries import Entry, Role, settlement_root, totals_of
from tests.unit.logs import address
from tests.unit.small_chain import DATASET, NO_TOTALS, ROUNDS, Small, evidence_of, small

ADA = Entry(Role.CONTRIBUTOR, address(1), 100, 0, 7, 0)
BOB = Entry(Role.CONTRIBUTOR, address(2), 0, 30, 0, 0)
VAL = Entry(Role.VALIDATOR, address(1), 9, 1, 2, 0)
DUE = (ADA, BOB, VAL)
runner = CliRunner()


def proposal(entries: tuple[Entry, ...], complete: bool = True, totals: tuple[Entry, ...] = DUE) -> Proposal:
    return Proposal(7, "published", address(9), "0x00", asdict(totals_of(totals)), entries, complete)


@pytest.mark.parametrize(
    ("published", "complete", "problem"),
    [
        (DUE, True, None),
        (DUE[:1], False, None),
        ((), False, None),
        ((replace(ADA, reward=99), BOB, VAL), True, f"entry 0 (contributor {ADA.account}): reward is 99, the rule gives 100"),
        (
            (ADA, replace(BOB, slash=0, waiting=4), VAL),
            True,
            f"entry 1 (contributor {BOB.account}): slash is 0, the rule gives 30; waiting is 4, the rule gives 0",
        ),
        (
            (ADA, VAL),
            True,
            f"entry 1 is of validator {VAL.account}, who is out of its place; contributor {BOB.account} is due here",
        ),
        ((*DUE, replace(VAL, account=address(5))), True, f"entry 3 is of validator {address(5)}, who has nothing due"),
        (DUE[:2], True, f"entry 2 is missing: validator {VAL.account}"),
        (
            (BOB, ADA, VAL),
            True,
            f"entry 0 is of contributor {BOB.account}, who is out of its place; contributor {ADA.account} is due here",
        ),
    ],
)
def test_the_first_entry_that_differs_is_named(published: tuple[Entry, ...], complete: bool, problem: str | None) -> None:
    assert problems_of(DUE, proposal(published, complete)) == (() if problem is None else (problem,))


@pytest.mark.parametrize("name", list(asdict(totals_of(DUE))))
def test_a_total_that_differs_is_named_before_anything_is_published(name: str) -> None:
    totals = asdict(totals_of(DUE))
    wrong = replace(proposal((), complete=False), totals=totals | {name: totals[name] + 1})
    expected = f"its total {name.replace('_', ' ')} is {totals[name] + 1}, the rule gives {totals[name]}"
    assert problems_of(DUE, wrong) == (expected,)


@pytest.fixture
def world() -> Small:
    return small()


def with_phase(phase: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelshare.client.chain.Chain.read", lambda *_: (phase, address(9)))


def test_a_proposal_is_read_from_its_own_chunks(world: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    with_phase(2, monkeypatch)
    found = proposal_of(world.chain, ROUNDS[0])
    assert [e.reward for e in found.entries] == [100, 100, 9]
    assert found.complete
    assert found.root == settlement_root(ROUNDS[0], found.entries)
    again = SettlementSettlementProposed(ROUNDS[0], DATASET, address(8), "0x" + "11" * 32, 2, 1, NO_TOTALS)
    world.node.emit(again)
    found = proposal_of(world.chain, ROUNDS[0])
    assert (found.proposer, found.entries, found.complete, found.root) == (address(8), (), False, None)


@pytest.mark.parametrize(("phase", "said"), [(0, "not proposed, or its proposal ended"), (5, "exiting")])
def test_a_round_without_a_proposal_is_said_to_have_none(
    world: Small, monkeypatch: pytest.MonkeyPatch, phase: int, said: str
) -> None:
    with_phase(phase, monkeypatch)
    with pytest.raises(NothingProposed, match=said):
        proposal_of(world.chain, ROUNDS[0])


# Evidence


def test_evidence_is_known_by_the_round_it_names(world: Small, tmp_path: Path) -> None:
    bodies = {number: evidence_of(file) for number, file in zip(ROUNDS, world.file["rounds"], strict=True)}
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "b.json").write_bytes(bodies[ROUNDS[0]])
    (tmp_path / "a").write_bytes(bodies[ROUNDS[1]])
    assert read_files([tmp_path / "a", folder]) == bodies
    (folder / "c.json").write_text("[1]")
    (folder / "d.json").write_text('{"schema": "another", "round": 1}')
    assert read_files([tmp_path / "a", folder]) == bodies
    with pytest.raises(EvidenceMismatch, match=r"c\.json is no evidence file"):
        read_files([folder / "c.json"])


class Refusing(Api):
    """Gives the evidence of round 1, refuses that of round 2 with `status`."""

    def __init__(self, status: int) -> None:
        self.asked: list[str] = []
        self._status = status
        self._config = {"chain_id": 1, "contracts": {"LabelRegistry": address(3)}}

    def get_bytes(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        self.asked.append(path)
        if path == "/rounds/2/evidence":
            raise ApiError(self._status, "no", "no")
        return b"one"


def test_an_operators_evidence_is_asked_for_once_and_its_refusal_leaves_it_out() -> None:
    api = Refusing(403)
    operator = Operator(api, Wallet(b"\x11" * 32))
    assert operator.fetch([1, 2]) == operator.fetch([1, 2]) == {1: b"one"}
    assert api.asked == ["/rounds/1/evidence", "/rounds/2/evidence", "/rounds/2/evidence"]
    with pytest.raises(ApiError):
        Operator(Refusing(500), Wallet(b"\x11" * 32)).fetch([2])


# Commands


def checked(published: tuple[Entry, ...], evidence_differs: bool = False) -> Check:
    found = proposal(published)
    return Check(found, settlement_root(7, DUE), problems_of(DUE, found), evidence_differs)


@pytest.mark.parametrize(
    ("published", "code", "said"), [(DUE, 0, "Right: 3 entries"), ((BOB, ADA, VAL), 1, "Wrong: entry 0 is of")]
)
def test_settle_check_says_both_roots_and_fails_for_a_wrong_settlement(
    monkeypatch: pytest.MonkeyPatch, published: tuple[Entry, ...], code: int, said: str
) -> None:
    monkeypatch.setattr(options, "open_chain", lambda *_: None)
    monkeypatch.setattr(cli_disputes, "gather", lambda *_: {})
    monkeypatch.setattr(cli_disputes, "check_settlement", lambda *_: checked(published, evidence_differs=True))
    result = runner.invoke(cli.app, ["settle", "check", "7", "--rpc", "http://node.test"])
    assert (result.exit_code, said in result.output) == (code, True)
    assert "0x" + settlement_root(7, DUE).hex() in result.output.replace("\n", "")
    assert "evidence that it names is not" in result.output


def test_watch_runs_the_alarm_program_and_exits_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notices = [Notice(7, "is right", False), Notice(8, "is wrong", True)]
    monkeypatch.setattr(options, "open_chain", lambda *_: None)
    monkeypatch.setattr(watch_module.Watcher, "look", lambda _: iter(notices))
    program = tmp_path / "alarm"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {tmp_path}/said\n')
    program.chmod(0o700)
    result = runner.invoke(cli.app, ["watch", "--rpc", "http://node.test", "--once", "--alarm", str(program)])
    assert result.exit_code == 1
    assert (tmp_path / "said").read_text() == "ALARM: round 8: is wrong"
    notices.pop()
    assert runner.invoke(cli.app, ["watch", "--rpc", "http://node.test", "--once"]).exit_code == 0


def test_a_challenge_needs_a_key_and_a_check_needs_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    result = runner.invoke(cli.app, ["watch", "--rpc", "http://node.test", "--challenge"])
    assert (result.exit_code, "--key-file" in result.output) == (2, True)
    monkeypatch.setattr(options, "open_chain", lambda *_: None)
    monkeypatch.setattr(cli_disputes, "rounds_with_evidence", lambda *_: [7])
    result = runner.invoke(cli.app, ["settle", "check", "7", "--rpc", "http://node.test"])
    assert (result.exit_code, "--evidence" in result.output) == (2, True)
