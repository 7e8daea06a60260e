"""The scores of `kappa-1`: who is better than chance, and by how much (specification K3–K10).

κ follows Cohen (1960), with each contributor's own chance baseline and what the others say as the reference.
"""

from dataclasses import dataclass

import numpy as np

from labelshare.rules.consensus import NO_VERDICT, Consensus, Labels, fit, leave_one_out, normalise, vote_shares
from labelshare.rules.echo import find_echoes
from labelshare.rules.fixed import ONE, Bools, Ints

MIN_AUDITS_TO_MUTE = 3
MIN_HEARD = 3
MUTED_OF = 2  # at most one in two is muted
MAX_ECHO_ROUNDS = 4
BASELINE_PRIOR = 20
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
        verdicts: int64[tasks], the panel's plurality, NO_VERDICT where there is none.
        weight: of an audited task, from `consensus.audit_weight`.
    """
    low = find_low(labels, verdicts)
    flagged = np.zeros(labels.contributors, np.bool_)
    consensus = fit(labels, verdicts, weight, low)
    for _ in range(MAX_ECHO_ROUNDS):
        found = find_echoes(labels, consensus, low | flagged) & ~flagged
        if not found.any():
            break
        flagged |= found
        consensus = fit(labels, verdicts, weight, low | flagged)
    spread, kappa = _kappa(labels, verdicts, consensus)
    on_audited = labels.where(verdicts[labels.task] != NO_VERDICT)
    hits = on_audited.where(verdicts[on_audited.task] == on_audited.answer)
    return Scores(
        consensus=consensus,
        kappa=np.where(flagged, np.minimum(kappa, 0), kappa),
        count=_per_contributor(labels),
        audited=_per_contributor(on_audited),
        audit_hits=_per_contributor(hits),
        low=low,
        flagged=flagged,
        spread=spread,
    )


def find_low(labels: Labels, verdicts: Ints) -> Bools:
    """bool[contributors]: those whose audited labels are too little better than chance to be heard.

    Gain of a label = [it is the verdict] − share of its class among verdicts. Low: (G + 2ḡ) / (a + 2) < max(ḡ, 0) / 3 with at
    least 3 audited labels, ḡ the mean gain of all; the worst first, only while 3 others are heard, and at most half of all: a
    small sample with nearly one class says too little to silence a crowd.
    """
    low = np.zeros(labels.contributors, np.bool_)
    audited = labels.where(verdicts[labels.task] != NO_VERDICT)
    if not len(audited.task):
        return low
    known = verdicts[verdicts != NO_VERDICT]
    share = np.bincount(known, minlength=labels.classes) * ONE // len(known)
    gain = ONE * (verdicts[audited.task] == audited.answer) - share[audited.answer]
    gains, count = np.zeros(labels.contributors, np.int64), _per_contributor(audited)
    np.add.at(gains, audited.contributor, gain)
    mean = int(gain.sum()) // len(gain)
    shrunk = (gains + 2 * mean) // (count + 2)
    candidates = np.flatnonzero((count >= MIN_AUDITS_TO_MUTE) & (shrunk < max(mean, 0) // 3))
    heard = int((_per_contributor(labels) > 0).sum())
    worst_first = candidates[np.lexsort((candidates, shrunk[candidates]))]
    low[worst_first[: max(0, min(heard - MIN_HEARD, heard // MUTED_OF))]] = True
    return low


def verdicts_of(ballots: Ints, weights: Ints, classes: int) -> Ints:
    """int64[tasks]: the plurality of a panel's answers, NO_VERDICT on a tie or without a vote.

    Args:
        ballots: int64[validators, tasks]; an answer outside 0..classes-1 is no vote.
        weights: int64[validators, tasks], seats.
    """
    votes = (weights[:, :, None] * (ballots[:, :, None] == np.arange(classes))).sum(axis=0)
    best = votes.max(axis=1)
    decided = (best > 0) & ((votes == best[:, None]).sum(axis=1) == 1)
    return np.where(decided, votes.argmax(axis=1), NO_VERDICT)


def validator_kappa(ballots: Ints, weights: Ints, others_say: Ints, class_share: Ints, spread: int) -> Ints:
    """int64[validators] in 1/ONE: κ against the other ballots plus half a vote of the consensus.

    Args:
        ballots: int64[validators, tasks], NO_VERDICT where a validator did not vote (other panels' tasks, or no valid class).
        weights: int64[validators, tasks], seats with which each voted on each task.
        others_say: int64[tasks, classes] in 1/ONE, the consensus without verdicts.
        class_share: int64[classes] in 1/ONE. spread: as in Scores.
    """
    classes = others_say.shape[1]
    chosen = ballots[:, :, None] == np.arange(classes)
    votes = weights[:, :, None] * chosen
    rest = votes.sum(axis=0)[None] - votes
    reference = (2 * ONE * rest + others_say[None]) // (2 * rest.sum(axis=2, keepdims=True) + 1)
    voted = ballots != NO_VERDICT
    count = voted.sum(axis=1)
    baseline = ((reference * voted[:, :, None]).sum(axis=1) + BASELINE_PRIOR * class_share) // (count + BASELINE_PRIOR)[:, None]
    gain = ((reference - baseline[:, None, :]) * chosen).sum(axis=(1, 2))
    result: Ints = np.clip(gain * ONE // np.maximum(count * max(spread, 1), 1), -ONE, ONE)
    return result


def unaudited_posterior(consensus: Consensus, labels: Labels) -> Ints:
    """int64[tasks, classes] in 1/ONE: what contributors say of each task, verdicts left out."""
    labeled = np.bincount(labels.task, minlength=labels.tasks) > 0
    return np.where(labeled[:, None], normalise(consensus.log_odds), vote_shares(labels))


def class_shares(consensus: Consensus) -> Ints:
    """int64[classes] in 1/ONE: how common each class is."""
    classes = consensus.posterior.sum(axis=0)
    result: Ints = classes * ONE // max(int(classes.sum()), 1)
    return result


def _kappa(labels: Labels, verdicts: Ints, consensus: Consensus) -> tuple[int, Ints]:
    share = class_shares(consensus)
    spread = ONE - int((share * share).sum()) // ONE
    verdict = verdicts[labels.task]
    audited = verdict != NO_VERDICT
    one_hot = ONE * (verdict[:, None] == np.arange(labels.classes))
    reference = np.where(audited[:, None], one_hot, leave_one_out(consensus, labels))
    weight = np.where(audited, 2, 1)
    weights = np.zeros(labels.contributors, np.int64)
    np.add.at(weights, labels.contributor, weight)
    baseline = np.zeros((labels.contributors, labels.classes), np.int64)
    np.add.at(baseline, labels.contributor, reference * weight[:, None])
    baseline = (baseline + BASELINE_PRIOR * share) // (weights + BASELINE_PRIOR)[:, None]
    said = np.arange(len(labels.answer))
    gain = weight * (reference[said, labels.answer] - baseline[labels.contributor, labels.answer])
    gains = np.zeros(labels.contributors, np.int64)
    np.add.at(gains, labels.contributor, gain)
    return spread, np.clip(gains * ONE // np.maximum(weights * max(spread, 1), 1), -ONE, ONE)


def _per_contributor(labels: Labels) -> Ints:
    return np.bincount(labels.contributor, minlength=labels.contributors).astype(np.int64)
