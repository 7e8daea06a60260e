"""The watcher on a real chain: ten kinds of dishonest proposal, all of them signed by a colluding panel. Eight are overturned by a
jury that computes the settlement itself; two the contract refuses to publish, so that they expire and lose their bond."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from brownie import chain

from labelshare.client.check import check
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.client.watch import Challenger, Watcher
from labelshare.rules.entries import Entry, Role, settlement_root
from labelshare.rules.evidence import evidence_hash
from labelshare.rules.history import Ballot, RoundEvidence, SubmissionEvidence
from labelshare.rules.jury import WITHHELD
from tests.contracts.audited import LOT, NONE, PUBLISHED, TASKS, World, as_rows, audited, truth, world
from tests.contracts.flow import totals_of, wallet

__all__ = ["audited", "world"]  # fixtures


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
