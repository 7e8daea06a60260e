"""What the scoring rule achieves on real crowds, and what its settlements may never do."""

import statistics
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from labelshare.lab import run as lab
from labelshare.lab.attacks import ATTACKS
from labelshare.lab.rules import all_rules
from labelshare.rules.consensus import wants_label
from labelshare.rules.entries import Role
from labelshare.rules.fixed import ONE
from labelshare.rules.history import RULE_ID, Ballot, OtherRule, RoundEvidence, RuleTerms, SubmissionEvidence, check_rule
from labelshare.rules.settlement import settle
from scripts.bench.consensus import SETS, Set
from scripts.bench.incentives import address, run, setting
from scripts.crowd_replay import load

DATA = Path(__file__).resolve().parents[2] / "data"
REFERENCE = {
    "rte": 0.9287,
    "bluebird": 0.8796,
    "dog": 0.8377,
    "face": 0.6507,
    "possent": 0.96,
    "product": 0.9363,
    "music": 0.7957,
    "sp": 0.9164,
    "sp_amt": 0.944,
    "weather": 0.8933,
    "weather_amt": 0.8633,
    "zc_all": 0.8407,
    "adult": 0.7598,
    "relevance": 0.6164,
}
TERMS = RuleTerms(3, 1000, 400, 250, 1000, 64, 5000, 3, 9, 8000, 1000, 1000, address("req"))


def test_the_consensus_keeps_the_reference_figures_of_the_14_crowds() -> None:
    crowds = [Set.read(name) for name in REFERENCE]
    measured = {crowd.name: crowd.rule(crowd.unaudited()) for crowd in crowds}
    below = {name: round(measured[name], 4) for name in REFERENCE if measured[name] < REFERENCE[name] - 0.005}
    assert below == {}
    assert statistics.mean(measured.values()) >= 0.8444


def test_with_a_tenth_audited_the_consensus_is_right_on_846_of_1000_other_tasks() -> None:
    crowds = [Set.read(name) for name in SETS]
    assert statistics.mean(crowd.rule(crowd.audited(seed)) for crowd in crowds for seed in range(2)) >= 0.846


def test_a_dataset_whose_terms_name_another_rule_is_refused() -> None:
    check_rule(RULE_ID.upper().replace("X", "x"))
    other = "0x" + keccak(text="kappa-1").hex()
    with pytest.raises(OtherRule, match=f"name the rule {other}; this version settles by kappa-3 only"):
        check_rule(other)


def test_bluebird_is_right_on_96_of_108_in_the_median_and_pay_follows_accuracy() -> None:
    outcomes = [setting("bluebird", 0.0, seed) for seed in range(20)]
    right = [round(outcome.accuracy * 108) for outcome in outcomes]
    assert statistics.median(right) >= 96
    assert round(outcomes[0].majority * 108) == 82
    assert min(outcome.spearman for outcome in outcomes) >= 0.85


def test_a_clique_in_a_fifth_of_the_seats_loses_and_the_honest_gain() -> None:
    outcomes = [setting("rte", 0.2, seed) for seed in range(20)]
    assert statistics.mean(outcome.clique_net for outcome in outcomes) < 0
    assert all(outcome.clique_net <= outcome.honest_net / 4 for outcome in outcomes)
    assert min(outcome.accuracy for outcome in outcomes) >= 0.89
    assert min(outcome.honest_net for outcome in outcomes) > 0


@pytest.mark.parametrize("name", ["dog", "possent", "rte", "sp_amt"])
@pytest.mark.parametrize("attack", ["good-mind", "leaked-sample", "few-labels", "corrupt-45", "clique-49"])
def test_a_clique_loses_that_is_believed(name: str, attack: str) -> None:
    """Because it is good, knows the sample, has a name for ten labels, buys verdicts, or is half of the crowd (K13)."""
    (row,) = lab.run([DATA / name], [a for a in ATTACKS if a.name == attack], all_rules(None)[:1], seeds=1).rows
    assert (row.figures.attack_net or 0) < 0
    assert (row.figures.attack_flagged or 0) >= 0.95
    # An eighth on dog with half of the verdicts bought; next to nobody elsewhere.
    assert row.figures.honest_flagged <= (0.15 if attack == "corrupt-45" else 0.05)


@pytest.mark.parametrize("seed", [94, 299])
def test_a_skewed_sample_of_eleven_tasks_does_not_silence_the_crowd(seed: int) -> None:
    """Verdicts 9 to 2 (three of them wrong) and 10 to 1: before at most half could be muted, 35 and 34 of 39 people were."""
    crowd, truth, labels = load("bluebird")
    outcome, result = run(labels, truth, len(crowd.classes), seed)
    assert sum(score.low for score in result.scores) <= 39 // 2
    assert not any(score.flagged for score in result.scores)
    assert round(outcome.accuracy * 108) >= 90
    assert outcome.spearman >= 0.85


def test_with_panels_of_five_bluebird_is_right_on_94_of_108_in_at_least_97_of_100_draws() -> None:
    """As in the demo. With three seats two of the eleven verdicts are wrong now and then: 478 of 500 draws."""
    right = [round(setting("bluebird", 0.0, seed, panel=5).accuracy * 108) for seed in range(100)]
    assert sum(count >= 94 for count in right) >= 97


def test_nearly_one_class_pays_the_exit_rate_to_the_accurate_only() -> None:
    tasks, sample = 40, tuple(range(10))
    good = SubmissionEvidence(address("good"), 0, False, tasks, tuple((t, 0) for t in range(tasks)))
    also = SubmissionEvidence(address("also"), 0, False, tasks, tuple((t, 0) for t in range(tasks)))
    bad = SubmissionEvidence(address("bad"), 0, False, tasks, tuple((t, 1) for t in range(tasks)))
    ballots = tuple(Ballot(address(f"v{v}"), 1, (0,) * 10) for v in range(3))
    crowd = (good, also, bad, *(SubmissionEvidence(address(f"x{i}"), 0, False, tasks, good.labels) for i in range(40)))
    entries = settle(TERMS, [RoundEvidence(1, bytes(32), True, tasks, sample, crowd, ballots)]).entries
    pay = {entry.account: entry.reward for entry in entries if entry.role == Role.CONTRIBUTOR}
    assert pay[address("good")] == TERMS.reward * tasks // 2
    assert pay[address("bad")] == 0


def test_a_task_gets_labels_until_the_consensus_is_sure() -> None:
    assert wants_label(ONE, 2, 2, 3, 9)
    assert wants_label(94 * ONE // 100, 3, 3, 3, 9)
    assert not wants_label(95 * ONE // 100 + 1, 3, 3, 3, 9)
    assert not wants_label(95 * ONE // 100 + 1, 3, 4, 3, 9)
    assert wants_label(95 * ONE // 100 + 1, 2, 4, 3, 9)
    assert not wants_label(0, 1, 9, 3, 9)
