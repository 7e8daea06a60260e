"""What a replay is judged by: accuracy of the consensus, pay against accuracy, and who earned what."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from labelshare.lab.replay import UNKNOWN, Replay
from labelshare.rules.fixed import Bools, Ints

MIN_JUDGED = 20  # labels with a known answer before a person's accuracy counts as known
MIN_PEOPLE = 8  # fewer, and a rank correlation means nothing

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paid:
    """What a rule made of a replay.

    Attributes:
        net: float64[contributors], pay less slash in rewards, for the labels of `count`.
        count: int64[contributors], the labels that `net` is for (in two rounds: those of the second).
        decided: bool[contributors], whose pay is no longer waiting for evidence.
        rank: float64[contributors], the rule's opinion of a contributor (κ, for this project's), higher is better.
        answers: int64[tasks], or None for a rule that only pays.
        flagged: bool[contributors], those found copying. muted: those given no vote.
    """

    net: Floats
    count: Ints
    decided: Bools
    rank: Floats
    answers: Ints | None
    flagged: Bools
    muted: Bools


@dataclass(frozen=True)
class Figures:
    """Of one replay under one rule; None where it has no meaning (no attackers, no consensus, too few people).

    Attributes:
        accuracy: share of known answers that the consensus has.
        honest_net, attack_net: rewards a label, of honest people and of attackers' labels.
        attack_pot: attackers' share of all pay; attack_labels: their share of the labels.
        pay_spearman, rank_spearman: rank correlation of pay a label, and of the rule's opinion, with accuracy, over honest people
            with at least 20 labels of known answer; of pay over those of them whose work is decided.
        pay_spearman_all: of pay over all of them, who get a part of it while evidence is thin.
        auc: over those of pay_spearman, the chance that pay ranks a person of above-median accuracy over one of lower accuracy.
        honest_flagged, honest_muted: share of honest people's labels whose giver was found copying, or muted.
        attack_flagged: of attackers' labels, those whose giver was found copying.
    """

    accuracy: float | None
    honest_net: float
    attack_net: float | None
    attack_pot: float | None
    attack_labels: float | None
    pay_spearman: float | None
    rank_spearman: float | None
    pay_spearman_all: float | None
    auc: float | None
    honest_flagged: float
    honest_muted: float
    attack_flagged: float | None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)


def judge(replay: Replay, paid: Paid) -> Figures:
    """The figures of a replay under a rule."""
    honest, attacker = ~replay.attacker, replay.attacker
    labels = np.bincount(replay.labels.contributor, minlength=replay.labels.contributors)
    known = replay.truth != UNKNOWN
    accuracy, judged = _accuracy_of_people(replay)
    people = honest & (judged >= MIN_JUDGED) & (paid.count > 0)
    decided = people & paid.decided
    rate = paid.net / np.maximum(paid.count, 1)
    positive = np.maximum(paid.net, 0)
    return Figures(
        accuracy=None if paid.answers is None else float((paid.answers[known] == replay.truth[known]).mean()),
        honest_net=_net(paid, honest),
        attack_net=_net(paid, attacker) if attacker.any() else None,
        attack_pot=float(positive[attacker].sum() / max(positive.sum(), 1e-12)) if attacker.any() else None,
        attack_labels=float(paid.count[attacker].sum() / paid.count.sum()) if attacker.any() else None,
        pay_spearman=_rank_correlation(rate, accuracy, decided),
        rank_spearman=_rank_correlation(paid.rank, accuracy, people),
        pay_spearman_all=_rank_correlation(rate, accuracy, people),
        auc=auc(rate[decided], accuracy[decided] > np.median(accuracy[decided])) if decided.sum() >= MIN_PEOPLE else None,
        honest_flagged=_share(labels, honest, paid.flagged),
        honest_muted=_share(labels, honest, paid.muted),
        attack_flagged=_share(labels, attacker, paid.flagged) if attacker.any() else None,
    )


def spearman(xs: npt.ArrayLike, ys: npt.ArrayLike) -> float:
    """Spearman's rank correlation, ties at their mean rank. 0 when one side is constant."""
    a, b = ranks(xs), ranks(ys)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if spread else 0.0


def _rank_correlation(score: Floats, accuracy: Floats, people: Bools) -> float | None:
    return spearman(score[people], accuracy[people]) if people.sum() >= MIN_PEOPLE else None


def auc(score: Floats, good: Bools) -> float | None:
    """The chance that a good one scores above a bad one, ties counting half. None without both."""
    if good.all() or not good.any():
        return None
    above = ranks(score)[good].sum() - good.sum() * (good.sum() + 1) / 2
    return float(above / (good.sum() * (~good).sum()))


def ranks(values: npt.ArrayLike) -> Floats:
    """float64[n]: ranks from 1, equals at their mean rank."""
    _, inverse, count = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    last = count.cumsum()
    result: Floats = (last - (count - 1) / 2)[inverse]
    return result


def _accuracy_of_people(replay: Replay) -> tuple[Floats, Ints]:
    known = replay.truth[replay.labels.task] != UNKNOWN
    who = replay.labels.contributor[known]
    right = replay.labels.answer[known] == replay.truth[replay.labels.task[known]]
    judged = np.bincount(who, minlength=replay.labels.contributors)
    hits = np.bincount(who, right, minlength=replay.labels.contributors)
    return hits / np.maximum(judged, 1), judged


def _net(paid: Paid, group: Bools) -> float:
    return float(paid.net[group].sum() / max(paid.count[group].sum(), 1))


def _share(labels: Ints, group: Bools, marked: Bools) -> float:
    return float(labels[group & marked].sum() / max(labels[group].sum(), 1))
