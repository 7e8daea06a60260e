"""The fast rule agrees with the plain one, number for number, on a thousand random histories that use every part of both."""

import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from labelshare.rules import copies as fast_copies
from labelshare.rules import fixed, reference, reference_copies, reference_model
from labelshare.rules.consensus import NO_VERDICT
from labelshare.rules.entries import Role
from labelshare.rules.history import RoundEvidence, RuleTerms, Settlement
from labelshare.rules.panel import Panel
from labelshare.rules.settlement import settle
from labelshare.rules.sums import ONE_THREAD
from tests.unit.histories import random_history

HISTORIES = 1000
LEAST = 15  # histories that must have used each part, or the thousand would show little of it


def parts(terms: RuleTerms, rounds: Sequence[RoundEvidence], settlement: Settlement) -> dict[str, bool]:
    """The parts of the rule, and whether a history and its settlement used each."""
    contributors = [entry for entry in settlement.entries if entry.role == Role.CONTRIBUTOR]
    validators = [entry for entry in settlement.entries if entry.role == Role.VALIDATOR]
    submissions = [submission for evidence in rounds for submission in evidence.submissions]
    unlimited = replace(terms, max_labels=99)
    panel = Panel.of(rounds, terms.classes, ONE_THREAD)
    voted = {int(task) for task in panel.votes.task}
    labels = [(e.task_count, task, answer) for e in rounds for s in e.submissions for task, answer in s.labels]
    scores = settlement.scores
    return {
        **{f"{classes} classes": terms.classes == classes for classes in range(2, 6)},
        **{f"{count} rounds": len(rounds) == count for count in range(1, 5)},
        "labels wait": any(entry.waiting for entry in contributors),
        "votes wait": any(entry.waiting for entry in validators),
        "paid": any(entry.reward for entry in contributors),
        "slashed": any(entry.slash for entry in contributors),
        "a bond was too small for the slash": any(
            entry.slash and entry.slash == sum(s.count * terms.bond for s in submissions if s.contributor == entry.account)
            for entry in contributors
        ),
        "paid by few audits": any(0 < s.audited < 6 and s.pay_rate and not s.waiting for s in scores),
        "never audited": any(s.labels and not s.audited for s in scores),
        "validators paid": any(entry.reward for entry in validators),
        "validators slashed": any(entry.slash for entry in validators),
        "validators' shares": any(entry.shares for entry in validators),
        "requester's shares": any(entry.role == Role.REQUESTER for entry in settlement.entries),
        "low": any(s.low for s in scores),
        "flagged": any(s.flagged for s in scores),
        "flagged though not low": any(s.flagged and not s.low for s in scores),
        "one class, paid the exit rate": any(s.kappa < reference_model.ONE // 20 and s.pay_rate for s in scores),
        "exited": any(evidence.exited for evidence in rounds),
        "closing": rounds[-1].task_count == 0,
        "void": any(s.void for s in submissions),
        "open": any(s.open_path and not s.void for s in submissions),
        "open labels beyond the maximum": any(
            len(reference.counted(terms, evidence)) < len(reference.counted(unlimited, evidence)) for evidence in rounds
        ),
        "empty submission": any(s.count == 0 and s.valid for s in submissions),
        "not what it claims": any(len(s.labels) != s.count for s in submissions),
        "a task twice": any(len(s.labels) == s.count and not s.valid for s in submissions),
        "unknown task": any(not 0 <= task < tasks for tasks, task, _ in labels),
        "unknown class": any(answer >= terms.classes for _, _, answer in labels),
        "a tie is no verdict": any(panel.verdicts()[task] == NO_VERDICT for task in voted),
        "no vote": any(answer >= terms.classes for e in rounds for ballot in e.ballots for answer in ballot.answers),
        "nobody audited": not voted,
    }


def test_the_rule_agrees_with_the_plain_one_on_a_thousand_random_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    used: Counter[str] = Counter()
    copying: list[set[str]] = []

    def copies(model: reference_model.Model, known: set[str]) -> set[str]:
        copying.append(reference_copies.copies(model, known))
        return copying[-1]

    monkeypatch.setattr(reference, "copies", copies)
    for seed in range(HISTORIES):
        terms, rounds = random_history(seed)
        copying.clear()
        settlement = reference.settle(terms, rounds)
        used["a group that copies"] += any(copying)
        assert settle(terms, rounds) == settlement, f"random_history({seed})"
        used.update(parts(terms, rounds, settlement))
    assert {name: count for name, count in used.items() if count < LEAST} == {}


def test_they_agree_where_only_some_of_the_contributors_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_copies, "MAX_PAIRS", 40)
    monkeypatch.setattr(reference_copies, "MOST_PAIRS", 40)
    flagged = 0
    for seed in range(100):
        terms, rounds = random_history(seed)
        settlement = reference.settle(terms, rounds)
        assert settle(terms, rounds) == settlement, f"random_history({seed})"
        flagged += any(score.flagged for score in settlement.scores)
    assert flagged >= LEAST


def test_the_plain_rule_computes_the_same_tables_its_own_way() -> None:
    log2, exp2 = fixed.tables()
    assert reference_model.log2_table() == log2.tolist()
    assert reference_model.exp2_table() == exp2.tolist()


def test_the_plain_rule_knows_no_numpy_and_no_line_of_the_fast_one() -> None:
    plain = (reference, reference_model, reference_copies)
    source = "".join(inspect.getsource(module) for module in plain)
    assert "numpy" not in source
    imported = {line.split()[1] for line in source.splitlines() if line.startswith("from labelshare")}
    assert imported == {"labelshare.rules.entries", "labelshare.rules.history", *(module.__name__ for module in plain[1:])}
