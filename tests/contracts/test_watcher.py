"""The watcher on a real chain: ten kinds of dishonest proposal, all of them signed by a colluding panel. Eight are overturned by a
jury that computes the settlement itself; two the contract refuses to publish, so that they expire and lose their bond."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from brownie import chain
from eth_utils import keccak

from labelshare.client.chain import Chain
from labelshare.client.check import check
from labelshare.client.dispute import Juror
from labelshare.client.recompute import history, recompute, rule_terms
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.client.watch import Challenger, Notice, Watcher
from labelshare.rules import draw
from labelshare.rules.entries import Entry, Role, settlement_root
from labelshare.rules.evidence import SubmissionRecord, evidence_file, evidence_hash
from labelshare.rules.history import Ballot, RoundEvidence, SubmissionEvidence
from labelshare.rules.jury import WITHHELD
from labelshare.rules.merkle import labels_tree
from labelshare.rules.settlement import settle
from scripts.deploy import Deployed
from tests.contracts.flow import LBL, Flow, Wallet, totals_of, wallet
from tests.contracts.sdk import sdk

TASKS = 24
LOT = 6  # labels of a submission
WRONG_EACH = {"ada": 0, "bob": 3, "cleo": 5, "dan": 8}  # of their 24 answers
NONE, PROPOSED, PUBLISHED, EXITING = 0, 1, 2, 5


def truth(task: int) -> int:
    return keccak(text=f"truth {task}")[0] % 2


def answer(name: str, task: int) -> int:
    order = sorted(range(TASKS), key=lambda t: keccak(text=f"{name} {t}"))
    return truth(task) ^ (task in order[: WRONG_EACH[name]])


class TruthfulFlow(Flow):
    """A Flow whose panel answers with the truth."""

    def ballot(self, who: Wallet, answer: int = 0) -> tuple[bytes, bytes]:
        seed = bytes(self.protocol.audit_board.auditOf(self.round)[-1])
        sample = draw.sample(seed, TASKS, self.sample_size())
        return bytes(truth(task) for task in sample), keccak(text=f"salt {who.address} {self.round}")


@dataclass
class World:
    """An audited last round with real labels, its evidence, and the chain as clients see it."""

    flow: Flow
    client: Chain
    body: bytes
    records: list[SubmissionRecord]
    watcher: Wallet

    @property
    def bodies(self) -> dict[int, bytes]:
        return {self.flow.round: self.body}

    @property
    def due(self) -> list[Entry]:
        return list(recompute(self.client, self.flow.round, self.bodies).entries)

    def history(self) -> RoundEvidence:
        (evidence,) = history(self.client, self.flow.dataset, self.flow.round, self.bodies)
        return evidence

    def settle(self, evidence: RoundEvidence) -> list[Entry]:
        return list(settle(rule_terms(self.client, self.flow.dataset), [evidence]).entries)

    def phase(self) -> int:
        return int(self.flow.protocol.settlement.proposalOf(self.flow.round)[0])

    def watch(self, seen: dict[int, bytes] | None = None, also_withheld: bool = False) -> list[Notice]:
        """What a watcher who has `seen` (else all evidence), and may challenge, says and does."""
        challenger = Challenger(ClientWallet(self.watcher.key), also_withheld)
        return list(Watcher(self.client, lambda _: self.bodies if seen is None else seen, challenger).look())

    def judge(self, bodies: dict[int, bytes] | None, folder: Path) -> None:
        """Every juror does their duty as the command line does it, then the jury concludes."""
        jurors = self.flow.draw_jury()
        for _ in ("commit", "reveal"):
            for who, _ in jurors:
                Juror(self.client, ClientWallet(who.key)).judge(self.flow.round, bodies, folder / who.address)
        self.flow.protocol.jury.conclude(self.flow.round, {"from": self.flow.operator})


@pytest.fixture(scope="module")
def audited(deployment: Deployed, treasury: Any, requester: Any, operator: Any) -> World:
    flow = TruthfulFlow(deployment, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    people = {name: wallet(name) for name in WRONG_EACH}
    for who in people.values():
        flow.fund_contributor(who)
    flow.open(TASKS, TASKS * len(people), last=True)
    records = [
        _hand_in(flow, who, name, number, range(number * LOT, (number + 1) * LOT))
        for number in range(TASKS // LOT)
        for name, who in people.items()
    ]
    flow.audit()
    client = sdk(deployment, treasury)
    body = evidence_file(chain.id, client.address("LabelRegistry"), flow.dataset, flow.round, records)
    watcher = wallet("watcher")
    flow.credit(watcher.address, 1_000 * LBL)
    return World(flow, client, body, records, watcher)


@pytest.fixture
def world(audited: World) -> Iterator[World]:
    chain.snapshot()
    yield audited
    chain.revert()


def _hand_in(flow: Flow, who: Wallet, name: str, sequence: int, tasks: range) -> SubmissionRecord:
    labels = tuple((task, answer(name, task), keccak(text=f"salt {name} {task}")) for task in tasks)
    root = labels_tree(labels).root
    flow.submit(flow.submission(who, len(tasks), labels_root=root))
    return SubmissionRecord(who.address, sequence, 1, len(tasks), root, labels)


def as_rows(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [(int(e.role), e.account, e.reward, e.slash, e.shares, e.waiting) for e in entries]


def evidence_with(evidence: RoundEvidence, submissions: list[SubmissionEvidence]) -> RoundEvidence:
    return replace(evidence, submissions=tuple(submissions))


# The ten kinds. Each gives the entries of a dishonest proposal.


def one_label_altered(world: World) -> list[Entry]:
    evidence = world.history()
    first, *others = evidence.submissions
    ((task, given), *labels) = first.labels
    return world.settle(evidence_with(evidence, [replace(first, labels=((task, 1 - given), *labels)), *others]))


def a_submission_dropped(world: World) -> list[Entry]:
    evidence = world.history()
    shown = [replace(s, labels=()) if s == evidence.submissions[0] else s for s in evidence.submissions]
    return world.settle(evidence_with(evidence, shown))


def an_unsigned_one_added(world: World) -> list[Entry]:
    """Dan's wrong answers become right ones that he never signed."""
    evidence, dan = world.history(), wallet("dan").address
    invented = SubmissionEvidence(dan, 0, False, TASKS, tuple((t, truth(t)) for t in range(TASKS)))
    others = [replace(s, labels=()) if s.contributor == dan else s for s in evidence.submissions]
    due = world.settle(evidence_with(evidence, [invented, *others]))
    most = 4 * LOT * world.flow.protocol.dataset_registry.payTermsOf(world.flow.dataset)[1]
    return [replace(e, reward=min(e.reward, most)) for e in due]


def anothers_reward(world: World) -> list[Entry]:
    first, second, *others = world.due
    return [replace(first, reward=second.reward), replace(second, reward=first.reward), *others]


def shares_inflated(world: World) -> list[Entry]:
    return [replace(e, shares=TASKS << 16) if e.account == wallet("dan").address else e for e in world.due]


def wrong_verdicts(world: World) -> list[Entry]:
    evidence = world.history()
    turned = tuple(Ballot(b.validator, b.weight, tuple(1 - a for a in b.answers)) for b in evidence.ballots)
    return world.settle(replace(evidence, ballots=turned))


def a_stale_rule(world: World) -> list[Entry]:
    """An earlier rule without the margin that luck looks like."""
    with patch("labelshare.rules.settlement.MARGIN", 0):
        return world.due


PAID_WRONG: dict[str, Callable[[World], list[Entry]]] = {
    "one label altered": one_label_altered,
    "a submission dropped": a_submission_dropped,
    "an unsigned one added": an_unsigned_one_added,
    "another's reward": anothers_reward,
    "shares inflated": shares_inflated,
    "wrong verdicts": wrong_verdicts,
    "a stale rule": a_stale_rule,
}


@pytest.mark.parametrize("kind", PAID_WRONG)
def test_what_pays_wrongly_is_alarmed_challenged_and_overturned(world: World, kind: str, tmp_path: Path) -> None:
    wrong, due = PAID_WRONG[kind](world), world.due
    assert wrong != due
    world.flow.propose(as_rows(wrong))
    world.flow.publish(as_rows(wrong))
    found = check(world.client, world.flow.round, world.bodies)
    number = next(i for i, (a, b) in enumerate(zip(wrong, due, strict=True)) if a != b)
    assert any(problem.startswith(f"entry {number} (") for problem in found.problems)
    before = world.flow.protocol.ledger.balanceOf(world.flow.protocol.ledger.accountOf(world.watcher.address))
    said, challenged = world.watch()
    assert said.alarm
    assert "is wrong" in said.text
    assert "challenged with a bond" in challenged.text
    world.judge(world.bodies, tmp_path)
    settlement = world.flow.protocol.settlement
    assert world.phase() == NONE
    assert bytes(settlement.requiredRootOf(world.flow.round)) == settlement_root(world.flow.round, due)
    assert world.flow.protocol.ledger.balanceOf(world.flow.protocol.ledger.accountOf(world.watcher.address)) > before
    world.flow.propose(as_rows(due))
    world.flow.publish(as_rows(due))
    assert [n.alarm for n in world.watch()] == [True]  # right, but the panel signed other evidence
    world.flow.finalize()
    world.flow.distribute(as_rows(due))
    assert check(world.client, world.flow.round, world.bodies).right


def test_evidence_withheld_is_alarmed_and_on_request_challenged_and_overturned(world: World, tmp_path: Path) -> None:
    due = as_rows(world.due)
    world.flow.propose(due)
    world.flow.publish(due)
    (said,) = world.watch(seen={})
    assert said.alarm
    assert f"The evidence of round {world.flow.round}" in said.text
    assert world.phase() == PUBLISHED
    assert "challenged with a bond" in world.watch(seen={}, also_withheld=True)[-1].text
    world.judge(None, tmp_path)
    assert bytes(world.flow.protocol.settlement.requiredRootOf(world.flow.round)) == WITHHELD
    assert world.phase() == NONE


@pytest.mark.parametrize("kind", ["the wrong order", "the right entries with wrong totals"])
def test_what_the_contract_refuses_to_publish_is_alarmed_or_expires(world: World, kind: str, expect_revert: Any) -> None:
    due = as_rows(world.due)
    treasury = world.flow.protocol.ledger.accountOf(world.flow.treasury)
    before = world.flow.protocol.ledger.balanceOf(treasury)
    if kind == "the wrong order":
        world.flow.propose(due)
        with expect_revert("EntriesOutOfOrder"):
            world.flow.publish(due[::-1])
    else:
        world.flow.propose(due, contributorReward=totals_of(due)["contributorReward"] + 1)
        (said,) = world.watch()
        assert said.alarm
        assert "its total contributor reward is" in said.text
        with expect_revert("TotalsMismatch"):
            world.flow.publish(due)
    chain.sleep(101)
    world.flow.protocol.settlement.expire(world.flow.round, {"from": world.watcher.account})
    assert world.phase() == NONE
    assert world.flow.protocol.ledger.balanceOf(treasury) > before


def test_a_right_settlement_is_left_alone_and_said_to_be_right_once(world: World) -> None:
    due = as_rows(world.due)
    world.flow.propose(due, evidence=evidence_hash(world.body))
    watcher = Watcher(world.client, lambda _: world.bodies, Challenger(ClientWallet(world.watcher.key)))
    assert [(n.alarm, "in the 0 entries published so far" in n.text) for n in watcher.look()] == [(False, True)]
    world.flow.publish(due)
    assert [(n.alarm, "is right;" in n.text) for n in watcher.look()] == [(False, True)]
    assert list(watcher.look()) == []
    assert world.phase() == PUBLISHED
    assert {e.role for e in world.due} == set(Role)


def test_without_the_bond_the_watcher_says_what_is_missing(world: World) -> None:
    wrong = as_rows(anothers_reward(world))
    world.flow.propose(wrong)
    world.flow.publish(wrong)
    poor = Watcher(world.client, lambda _: world.bodies, Challenger(ClientWallet(wallet("poor").key)))
    assert [notice.text.split(":")[0] for notice in poor.look()][-1] == "not challenged"
    assert world.phase() == PUBLISHED
