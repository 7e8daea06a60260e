"""Disputes by hand: a juror's root comes from the chain and the evidence alone, and a verdict once committed can be revealed."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelshare.client.audit import EvidenceMismatch
from labelshare.client.chain import Chain
from labelshare.client.dispute import Juror, NotAJuror, challenge
from labelshare.client.recompute import EvidenceMissing, recompute, rule_terms
from labelshare.client.wallet import Wallet
from labelshare.rules import draw
from labelshare.rules.entries import settlement_root
from labelshare.rules.history import RULE_ID, Ballot, RoundEvidence, SubmissionEvidence
from labelshare.rules.jury import bond, verdict_commitment
from labelshare.rules.settlement import settle
from tests.unit.logs import DEPLOYMENT, address
from tests.unit.small_chain import ADA, DATASET, ROUNDS, TASKS, VALIDATOR, Small, evidence_of, small

SEED = b"\x42" * 32
NOW = 5_000
LAST = ROUNDS[-1]
TERMS = (
    *(address(7), address(8), 3, 3, 86, 3, 9, 1000, 400, 250, 1000, 10, 10, 10, 10, 5000, 1000),
    *(bytes(32), bytes(32), bytes.fromhex(RULE_ID[2:]), 7, 100, 8000, 1000, 1000, 250, bytes(32), "ipfs://x"),
)


class Disputed(Chain):
    """The small chain with both rounds audited and the last one challenged; `sent` is what was sent."""

    def __init__(self, world: Small) -> None:
        super().__init__(world.node, DEPLOYMENT)  # type: ignore[arg-type]
        world.node.block = lambda: {"timestamp": hex(self.now)}  # type: ignore[attr-defined]
        self.now, self.phase = NOW, 2
        self.jury = {VALIDATOR.address: bytes(32), ADA.address: bytes(32)}
        self.sent: list[tuple[Any, ...]] = []

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return {
            "roundOf": lambda: (DATASET, TASKS, 99, 12, 2, 2**40, "0x", 0, 2, False, 0, 0, 0, bytes(32), bytes(32)),
            "auditOf": lambda: (4, 1, 0, 1, 1, 9, NOW, NOW, NOW, SEED),
            "termsOf": lambda: TERMS,
            "bondOf": lambda: 77,
            "drawingOf": lambda: (self.phase, 3, 0, 1, 1, 9, NOW + 10, NOW + 20, 0, SEED),
            "jurorsOf": lambda: [(who, 2, False, sealed) for who, sealed in self.jury.items()],
        }[function]()

    def send(self, wallet: Wallet, contract: str, function: str, *arguments: Any, seconds: float = 120.0) -> dict[str, Any]:
        self.sent.append((contract, function, *arguments))
        if (contract, function) == ("Jury", "commit"):
            self.jury[wallet.address] = arguments[2]
        return {}


@pytest.fixture
def world() -> Small:
    return small()


@pytest.fixture
def chain(world: Small) -> Disputed:
    return Disputed(world)


@pytest.fixture
def bodies(world: Small) -> dict[int, bytes]:
    return {number: evidence_of(file) for number, file in zip(ROUNDS, world.file["rounds"], strict=True)}


def told(world: Small) -> list[RoundEvidence]:
    """The dataset's history as the file tells it."""
    sample = draw.sample(SEED, TASKS, 2)
    rounds = []
    for number, file in zip(ROUNDS, world.file["rounds"], strict=True):
        submissions = tuple(
            SubmissionEvidence(
                s["contributor"], s["sequence"], False, s["count"], tuple((x["task"], x["answer"]) for x in s["labels"])
            )
            for s in file["submissions"]
        )
        ballots = (Ballot(VALIDATOR.address, 3, (0, 1)),)
        rounds.append(RoundEvidence(number, SEED, False, TASKS, sample, submissions, ballots))
    return rounds


def test_a_settlement_is_computed_from_the_chain_and_the_evidence_of_all_rounds(
    chain: Disputed, world: Small, bodies: dict[int, bytes]
) -> None:
    terms = rule_terms(chain, DATASET)
    assert (terms.bond, terms.open_bond, terms.audit_rate, terms.exit_rate_bps) == (250, 1000, 86, 5000)
    assert terms.requester == address(7)
    assert recompute(chain, LAST, bodies) == settle(terms, told(world))
    assert recompute(chain, ROUNDS[0], bodies) == settle(terms, told(world)[:1])


def test_evidence_that_is_missing_or_not_the_chains_is_refused(chain: Disputed, bodies: dict[int, bytes]) -> None:
    with pytest.raises(EvidenceMissing, match=f"round {ROUNDS[0]}"):
        recompute(chain, LAST, {LAST: bodies[LAST]})
    with pytest.raises(EvidenceMismatch):
        recompute(chain, LAST, bodies | {LAST: bodies[LAST].replace(b'"count":3', b'"count":4')})


def test_a_juror_commits_to_their_own_root_then_reveals_it(chain: Disputed, bodies: dict[int, bytes], tmp_path: Path) -> None:
    path, juror = tmp_path / "verdict", Juror(chain, VALIDATOR)
    root = settlement_root(LAST, recompute(chain, LAST, bodies).entries)
    assert f"Committed to root 0x{root.hex()}" in juror.judge(LAST, bodies, path)
    kept = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = verdict_commitment(LAST, 3, VALIDATOR.address, root, bytes.fromhex(kept["salt"]))
    assert chain.sent == [("Jury", "commit", LAST, VALIDATOR.address, sealed, b"")]
    assert "Committed already" in juror.judge(LAST, {}, path)
    chain.now = NOW + 11
    assert f"Revealed root 0x{root.hex()}" in juror.judge(LAST, {}, path)
    assert chain.sent[-1] == ("Jury", "reveal", LAST, VALIDATOR.address, root, bytes.fromhex(kept["salt"]))


def test_who_is_not_on_the_jury_or_too_late_is_told_so(chain: Disputed, bodies: dict[int, bytes], tmp_path: Path) -> None:
    with pytest.raises(NotAJuror, match="is on no jury"):
        Juror(chain, Wallet(b"\x77" * 32)).judge(LAST, bodies, tmp_path / "verdict")
    chain.now = NOW + 11
    with pytest.raises(NotAJuror, match="time to commit"):
        Juror(chain, VALIDATOR).judge(LAST, bodies, tmp_path / "verdict")
    chain.phase = 4
    with pytest.raises(NotAJuror, match="takes verdicts now"):
        Juror(chain, VALIDATOR).judge(LAST, bodies, tmp_path / "verdict")
    assert chain.sent == []
    assert not (tmp_path / "verdict").exists()


def test_a_verdict_of_an_earlier_jury_is_not_used_again(chain: Disputed, bodies: dict[int, bytes], tmp_path: Path) -> None:
    path = tmp_path / "verdict"
    path.write_text(json.dumps({"round": LAST, "attempt": 2, "juror": VALIDATOR.address, "root": "11" * 32, "salt": "22" * 32}))
    Juror(chain, VALIDATOR).judge(LAST, bodies, path)
    assert json.loads(path.read_text())["attempt"] == 3


def test_a_juror_whom_nobody_gave_the_evidence_says_so(chain: Disputed, tmp_path: Path) -> None:
    assert f"Committed to root 0x{1:064x}" in Juror(chain, VALIDATOR).judge(LAST, None, tmp_path / "verdict")
    assert json.loads((tmp_path / "verdict").read_text())["root"] == f"{1:064x}"


def test_a_challenge_allows_its_bond_first(chain: Disputed) -> None:
    assert challenge(chain, ADA, LAST) == 77
    assert chain.sent == [("Ledger", "allow", DEPLOYMENT.address("Jury"), 77), ("Jury", "challenge", LAST)]


@pytest.mark.parametrize(
    ("sample", "held", "disputes", "expected"),
    [(4, 0, 0, 7 * 400 * 10 * 3 // 2), (20, 0, 0, 7 * 400 * 20 * 3 // 2), (4, 10**9, 0, 5 * 10**7), (4, 10**9, 2, 2 * 10**8)],
)
def test_a_bond_covers_the_jury_and_a_part_of_the_round_and_doubles(sample: int, held: int, disputes: int, expected: int) -> None:
    assert bond(3, 400, sample, held, disputes) == expected
