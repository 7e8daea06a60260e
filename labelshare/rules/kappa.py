"""The scores of `kappa-3`: who is better than chance, and by how much (specification K3–K10).

κ follows Cohen (1960), with each contributor's own chance baseline and what the others say as the reference.
"""

from dataclasses import dataclass

import numpy as np

from labelshare.rules.consensus import NO_VERDICT, Consensus, by_class, fit, leave_one_out, pin
from labelshare.rules.copies import find_copies, stride
from labelshare.rules.echo import find_echoes
from labelshare.rules.fixed import ONE, Bools, Ints
from labelshare.rules.sums import Block, Labels, add_at, count_at

MIN_AUDITS_TO_MUTE = 3
MIN_HEARD = 3
MUTED_OF = 2  # at most one in two is muted
MAX_SEARCHES = 8
CHEAPEST_CLASS = 2  # no class is cheaper than one in so many of the commonest
MIN_SPREAD = ONE // 32  # below it nearly all tasks have one class, and κ means nothing


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a dataset's contributors.

    Attributes:
        kappa: int64[contributors] in 1/ONE, -ONE..ONE; at most 0 where flagged.
        count: int64[contributors], labels that count.
        audited: int64[contributors], of these on tasks with a verdict.
        audit_hits: int64[contributors], of these equal to the verdict.
        low, flagged: bool[contributors]: muted by their audits; found copying.
        spread: 1/ONE, chance of two random tasks to differ in class. Below MIN_SPREAD κ means nothing.
    """

    consensus: Consensus
    kappa: Ints
    count: Ints
    audited: Ints
    audit_hits: Ints
    low: Bools
    flagged: Bools
    spread: int

    @property
    def meaningful(self) -> bool:
        return self.spread >= MIN_SPREAD


def score(labels: Labels, verdicts: Ints, weight: int) -> Scores:
    """Consensus, echo test and κ of a dataset's whole history.

    Args:
        labels: every label that counts, all rounds; task indices run through the rounds.
        verdicts: int[tasks], the panel's plurality, NO_VERDICT where there is none.
        weight: of an audited task, from `consensus.audit_weight`.
    """
    verdicts = np.asarray(verdicts, dtype=np.int64)
    audited, hits = _audits(labels, verdicts)
    count = count_at(labels.contributor, labels.contributors)
    low = find_low(audited, hits, count_at(verdicts[verdicts != NO_VERDICT], labels.classes), int((count > 0).sum()))
    flagged = np.zeros(labels.contributors, np.bool_)
    # A panel that is bought finds the honest low: no reason to suspect them, unless only some of all contributors can be looked at.
    suspects = low if stride(labels) > 1 else np.zeros_like(low)
    consensus = fit(labels, verdicts, weight, low)
    for _ in range(MAX_SEARCHES):
        copies = find_copies(labels, consensus, verdicts, weight, flagged)
        found = (copies | find_echoes(labels, consensus, suspects | flagged | copies)) & ~flagged
        if not found.any():
            break
        flagged |= found
        consensus = fit(labels, verdicts, weight, low | flagged)
    share, spread = class_shares(consensus)
    kappa = _agreement(labels, verdicts, consensus).kappa(share, spread)
    return Scores(
        consensus=consensus,
        kappa=np.where(flagged, np.minimum(kappa, 0), kappa),
        count=count,
        audited=audited.sum(axis=1),
        audit_hits=hits,
        low=low,
        flagged=flagged,
        spread=spread,
    )


def find_low(audited: Ints, hits: Ints, verdicts: Ints, heard: int) -> Bools:
    """bool[contributors]: those whose audited labels are too little better than chance to be heard.

    Gain of a label = [it is the verdict] − share of its class among verdicts. Low: (G + 2ḡ) / (a + 2) < max(ḡ, 0) / 3 with at
    least 3 audited labels, ḡ the mean gain of all; the worst first, only while 3 others are heard, and at most half of all: a
    small sample with nearly one class says too little to silence a crowd.

    Args:
        audited: int64[contributors, classes], audited labels by what they say. hits: int64[contributors], of these right.
        verdicts: int64[classes], verdicts of each class. heard: how many contributors have labels.
    """
    low, count = np.zeros(len(audited), np.bool_), audited.sum(axis=1)
    if not count.any():
        return low
    share = verdicts * ONE // verdicts.sum()
    gains = ONE * hits - (audited * share).sum(axis=1)
    mean = int(gains.sum()) // int(count.sum())
    shrunk = (gains + 2 * mean) // (count + 2)
    candidates = np.flatnonzero((count >= MIN_AUDITS_TO_MUTE) & (shrunk < max(mean, 0) // 3))
    worst_first = candidates[np.lexsort((candidates, shrunk[candidates]))]
    low[worst_first[: max(0, min(heard - MIN_HEARD, heard // MUTED_OF))]] = True
    return low


@dataclass(frozen=True, eq=False)
class Agreement:
    """Sums over what each of some people said, from which κ follows; of contributors, and of validators.

    Attributes:
        reference: int64[classes, people] in 1/ONE: how much each class was the right answer to their tasks.
        own: int64[people] in 1/ONE: how much the answers they gave were.
        said: int64[people, classes]: how often they gave each.
    """

    reference: Ints
    own: Ints
    said: Ints

    def kappa(self, class_share: Ints, spread: int) -> Ints:
        """int64[people] in 1/ONE, -ONE..ONE: what they gained over chance, by the dearer of two measures of chance.

        One is how common each class is in all tasks, though no class comes cheaper than half of the commonest: who names a rare
        class at random must lose by it. The other is how common it is in one's own other tasks (and one imagined task of all):
        who picks tasks whose class is known from outside gains nothing.
        """
        weight = np.maximum(self.said.sum(axis=1), 1)
        base = np.maximum(class_share, class_share.max() // CHEAPEST_CLASS)
        in_all = self.own - (self.said * base).sum(axis=1)
        kappa = in_all * ONE // (weight * max(int((class_share * (ONE - base)).sum()) // ONE, 1))
        known = self.reference.T + class_share
        of_own = self.own + self.own // weight - (self.said * (known // weight[:, None])).sum(axis=1)
        own_share = known // (weight + 1)[:, None]
        own_spread = np.maximum(ONE - (own_share * own_share).sum(axis=1) // ONE, max(spread // 2, 1))
        result: Ints = np.clip(np.minimum(kappa, of_own * ONE // (weight * own_spread)), -ONE, ONE)
        return result


def class_shares(consensus: Consensus) -> tuple[Ints, int]:
    """How common each class is, int64[classes] in 1/ONE, and the chance in 1/ONE of two random tasks to differ in class."""
    classes = consensus.posterior.sum(axis=1)
    share: Ints = classes * ONE // max(int(classes.sum()), 1)
    return share, ONE - int((share * share).sum()) // ONE


def _agreement(labels: Labels, verdicts: Ints, consensus: Consensus) -> Agreement:
    """With the verdict, or what the others say; an audited label counts twice."""

    def work(block: Block, reference: Ints, own: Ints, said: Ints) -> None:
        verdict = verdicts[block.tasks].take(block.task)
        weight = np.where(verdict != NO_VERDICT, 2, 1)
        truth = by_class(leave_one_out(consensus, block))
        pin(truth, verdict)
        truth *= weight
        for table, row in zip(reference, truth, strict=True):
            add_at(table, block.contributor, row)
        add_at(own, block.contributor, truth[block.answer, np.arange(len(weight))])
        add_at(said, block.said, weight)

    people, classes = labels.contributors, labels.classes
    reference, own, said = labels.sum(work, (classes, people), (people,), (people * classes,))
    return Agreement(reference, own, said.reshape(people, classes))


def _audits(labels: Labels, verdicts: Ints) -> tuple[Ints, Ints]:
    """int64[contributors, classes] and int64[contributors]: audited labels by what they say, and how many are right."""

    def work(block: Block, audited: Ints, hits: Ints) -> None:
        verdict = verdicts[block.tasks].take(block.task)
        add_at(audited, block.said[verdict != NO_VERDICT], 1)
        add_at(hits, block.contributor[verdict == block.answer], 1)

    audited, hits = labels.sum(work, (labels.contributors * labels.classes,), (labels.contributors,))
    return audited.reshape(labels.contributors, labels.classes), hits
