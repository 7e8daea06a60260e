"""The rules that the lab compares, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from labelshare.lab import aggregations, crowd_kit, payments
from labelshare.lab.measures import Floats, Paid
from labelshare.lab.replay import Replay, only
from labelshare.rules.consensus import NO_VERDICT, audit_weight
from labelshare.rules.fixed import ONE, Bools, Ints
from labelshare.rules.history import RULE, RuleTerms
from labelshare.rules.kappa import Scores, score
from labelshare.rules.settlement import MIN_AUDITED, contributor_dues
from labelshare.rules.sums import Labels

OURS = RULE
REWARD = 10**18
BOND = REWARD // 4
AUDIT_RATE = 26
CROWD_KIT_TIMEOUT = 1200.0


@dataclass(frozen=True)
class Rule:
    """A rule: from a replay and the panel's verdicts to pay.

    `kind`: "ours", "payment" (pays only) or "aggregation" (finds answers, pays one reward a label that agrees with them).
    """

    name: str
    kind: str
    pay: Callable[[Replay, Ints, int], Paid]


def terms(classes: int, max_labels: int) -> RuleTerms:
    """A dataset with a bond of a quarter of the reward, 10% audited."""
    amounts = (REWARD, REWARD // 2, BOND, REWARD)
    return RuleTerms(classes, *amounts, AUDIT_RATE, 5000, 3, max_labels, 8000, 1000, 1000, "0x" + 40 * "0")


def all_rules(crowdkit_python: Path | None) -> tuple[Rule, ...]:
    """This project's rule first, then those of the literature; crowd-kit's where its Python is given."""
    rules = [Rule(OURS, "ours", _ours)]
    rules += [Rule(name, "payment", partial(_payment, pay)) for name, pay in PAYMENTS.items()]
    rules += [Rule(name, "aggregation", partial(_aggregation, find)) for name, find in AGGREGATIONS.items()]
    if crowdkit_python is not None:
        for name, method in crowd_kit.METHODS.items():
            rules.append(Rule(name, "crowd-kit", partial(_crowd_kit, crowdkit_python, method)))
    return tuple(rules)


PAYMENTS: dict[str, Callable[[Labels, Ints], Floats]] = {
    "output agreement": payments.output_agreement,
    "peer truth serum": payments.peer_truth_serum,
    "Dasgupta-Ghosh": payments.dasgupta_ghosh,
    "correlated agreement": payments.correlated_agreement,
    "DMI": payments.determinant_mutual_information,
    "gold scoring": payments.gold_scoring,
}
AGGREGATIONS: dict[str, Callable[[Labels, int], Ints]] = {
    "majority vote": aggregations.majority_vote,
    "one-coin EM": aggregations.one_coin,
    "EBCC": aggregations.ebcc,
}


def _ours(replay: Replay, verdicts: Ints, seed: int) -> Paid:
    scores, net = _settled(replay.labels, verdicts)
    count = scores.count
    if replay.two_rounds:
        net, count = _second_round(replay, verdicts, scores)
    return Paid(
        net, count, scores.audited >= MIN_AUDITED, scores.kappa / ONE, scores.consensus.answers(), scores.flagged, scores.low
    )


def _settled(labels: Labels, verdicts: Ints) -> tuple[Scores, Floats]:
    scores = score(labels, verdicts, audit_weight(AUDIT_RATE))
    pay, slash = _dues(labels, scores)
    return scores, pay - np.minimum(slash, scores.count * (BOND / REWARD))


def _dues(labels: Labels, scores: Scores) -> tuple[Floats, Floats]:
    _, dues = contributor_dues(terms(labels.classes, 64), scores, [""] * labels.contributors, last=True)
    return np.array([due.pay for due in dues]) / REWARD, np.array([due.slash for due in dues]) / REWARD


def _second_round(replay: Replay, verdicts: Ints, scores: Scores) -> tuple[Floats, Ints]:
    """What a second settlement adds to the first, and the labels that are new in it."""
    first_labels = only(replay.labels, ~replay.later)
    seen = np.bincount(first_labels.task, minlength=replay.labels.tasks) > 0
    first = score(first_labels, np.where(seen, verdicts, NO_VERDICT), audit_weight(AUDIT_RATE))
    (paid, slashed), (pay, slash) = _dues(first_labels, first), _dues(replay.labels, scores)
    new = scores.count - first.count
    most = BOND / REWARD
    slashed = np.minimum(slashed, first.count * most)
    net = np.clip(pay - paid, 0, new) - np.clip(slash - slashed, 0, new * most)
    return net, new


def _payment(pay: Callable[[Labels, Ints], Floats], replay: Replay, verdicts: Ints, seed: int) -> Paid:
    labels = _last_round(replay)
    net, count = pay(labels, verdicts), np.bincount(labels.contributor, minlength=labels.contributors)
    nobody = np.zeros(labels.contributors, np.bool_)
    return Paid(net, count, count > 0, net / np.maximum(count, 1), None, nobody, nobody)


def _aggregation(find: Callable[[Labels, int], Ints], replay: Replay, verdicts: Ints, seed: int) -> Paid:
    return _agreeing(replay, find(replay.labels, seed))


def _crowd_kit(python: Path, method: str, replay: Replay, verdicts: Ints, seed: int) -> Paid:
    if crowd_kit.binary_only(method, replay.labels):
        raise crowd_kit.CrowdKitFailed(f"{method} knows two classes only.")
    return _agreeing(replay, crowd_kit.aggregate(python, method, replay.labels, CROWD_KIT_TIMEOUT))


def _agreeing(replay: Replay, answers: Ints) -> Paid:
    """One reward a label that agrees with the answers found."""
    labels = _last_round(replay)
    net: Floats = np.bincount(labels.contributor, answers[labels.task] == labels.answer, labels.contributors).astype(np.float64)
    count = np.bincount(labels.contributor, minlength=labels.contributors)
    nobody: Bools = np.zeros(labels.contributors, np.bool_)
    return Paid(net, count, count > 0, net / np.maximum(count, 1), answers, nobody, nobody)


def _last_round(replay: Replay) -> Labels:
    return only(replay.labels, replay.later) if replay.two_rounds else replay.labels
