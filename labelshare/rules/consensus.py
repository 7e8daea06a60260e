"""The consensus of `kappa-1`: a confusion-matrix model with a pooled prior (specification K2–K5).

After Dawid and Skene (1979), with each contributor's counts shrunk towards the crowd's, in integers of 1/ONE throughout.
Bounds: up to 2^24 labels of weight <= 2 keep every intermediate value below 2^62.
"""

from dataclasses import dataclass

import numpy as np

from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2

ITERATIONS = 8
PRIOR = 4  # pseudo-labels of the crowd's confusion matrix in each contributor's
SMOOTHING = ONE // 64
MAX_AUDIT_WEIGHT = 2  # more, and a panel's rare wrong verdict outweighs the crowd (specification K3)
NO_VERDICT = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as parallel int64[n] columns of indices; (task, contributor) pairs are unique.

    Attributes:
        task, contributor, answer: int64[n], below `tasks`, `contributors` and `classes`.
    """

    task: Ints
    contributor: Ints
    answer: Ints
    tasks: int
    contributors: int
    classes: int

    def where(self, mask: Bools) -> "Labels":
        """The labels of a boolean mask of shape [n], over the same tasks and contributors."""
        return Labels(self.task[mask], self.contributor[mask], self.answer[mask], self.tasks, self.contributors, self.classes)


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the model believes.

    Attributes:
        posterior: int64[tasks, classes] in 1/ONE, rows summing to at most ONE; audited tasks are one-hot on their verdict.
        log_odds: int64[tasks, classes] in 1/ONE bits, before normalisation and without the verdicts.
        skill: int64[contributors, classes, classes] in 1/ONE bits: log2 P(label | class), by contributor, class, label.
        muted: bool[contributors]: those whose labels were given no weight.
    """

    posterior: Ints
    log_odds: Ints
    skill: Ints
    muted: Bools

    def answers(self) -> Ints:
        """int64[tasks]: the likeliest class of each task, the lowest of equals."""
        result: Ints = self.posterior.argmax(axis=1)
        return result


def audit_weight(audit_rate: int) -> int:
    """Weight of an audited task against another, for an audit rate in 1/256: min(2, round(1 / rate))."""
    return min(MAX_AUDIT_WEIGHT, (512 + audit_rate) // (2 * audit_rate))


def normalise(log_odds: Ints) -> Ints:
    """Probabilities in 1/ONE of log-odds in 1/ONE bits, over the last axis; never zero before the floor."""
    likelihood = exp2_negative(log_odds.max(axis=-1, keepdims=True) - log_odds) + 1
    result: Ints = likelihood * ONE // likelihood.sum(axis=-1, keepdims=True)
    return result


def vote_shares(labels: Labels) -> Ints:
    """int64[tasks, classes] in 1/ONE: the share of each class among a task's labels; even for a task without labels."""
    votes = np.zeros((labels.tasks, labels.classes), np.int64)
    np.add.at(votes, (labels.task, labels.answer), 1)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes * ONE // np.maximum(total, 1), ONE // labels.classes)


def fit(labels: Labels, verdicts: Ints, weight: int, muted: Bools) -> Consensus:
    """Eight iterations of the model (ten and more overfit the 14 reference sets; specification K4).

    Args:
        labels: every label that counts.
        verdicts: int64[tasks], the panel's answer, NO_VERDICT where there is none.
        weight: of an audited task against another, from `audit_weight`.
        muted: bool[contributors], given no weight in the votes and the pool (their skill is still estimated).
    """
    audited = verdicts != NO_VERDICT
    heard = labels.where(~muted[labels.contributor])
    task_weight = np.where(audited, weight, 1)
    posterior = vote_shares(heard)
    if audited.any():
        known = _pin(posterior, verdicts)
        skill = _skill(labels.where(audited[labels.task]), known, task_weight, muted)
        from_audits = normalise(_log_odds(heard, np.where(audited[:, None], known, 0), skill))
        posterior = (posterior + from_audits) // 2
    posterior = _pin(posterior, verdicts)
    for _ in range(ITERATIONS):
        skill = _skill(labels, posterior, task_weight, muted)
        log_odds = _log_odds(heard, posterior, skill)
        posterior = _pin(normalise(log_odds), verdicts)
    return Consensus(posterior, log_odds, skill, muted)


def leave_one_out(consensus: Consensus, labels: Labels) -> Ints:
    """int64[n, classes] in 1/ONE: for each label, what the others say of its task (a muted contributor was never in it)."""
    own = consensus.skill[labels.contributor, :, labels.answer]
    own = np.where(consensus.muted[labels.contributor][:, None], 0, own)
    return normalise(consensus.log_odds[labels.task] - own)


def wants_label(max_posterior: int, agreeing: int, count: int, minimum: int, maximum: int) -> bool:
    """Whether a task with `count` labels, `agreeing` of them with the consensus, should get another (K12): up to the minimum
    always, then while max P < 0.95 or no more than half agree. In a small round the model is sure of too much."""
    return count < minimum or (count < maximum and (max_posterior * 100 < 95 * ONE or 2 * agreeing <= count))


def _pin(posterior: Ints, verdicts: Ints) -> Ints:
    audited = verdicts != NO_VERDICT
    pinned = posterior.copy()
    pinned[audited] = 0
    pinned[audited, verdicts[audited]] = ONE
    return pinned


def _skill(labels: Labels, posterior: Ints, task_weight: Ints, muted: Bools) -> Ints:
    shape = (labels.contributors, labels.classes, labels.classes)
    by_label = np.zeros((shape[0], shape[2], shape[1]), np.int64)
    np.add.at(by_label, (labels.contributor, labels.answer), posterior[labels.task] * task_weight[labels.task, None])
    counts = by_label.transpose(0, 2, 1)
    crowd = counts[~muted].sum(axis=0)
    pool = crowd * ONE // np.maximum(crowd.sum(axis=1, keepdims=True), 1)
    total = counts.sum(axis=2, keepdims=True)
    return log2(counts + PRIOR * pool + SMOOTHING) - log2(total + PRIOR * ONE + labels.classes * SMOOTHING)


def _log_odds(heard: Labels, posterior: Ints, skill: Ints) -> Ints:
    classes = posterior.sum(axis=0)
    prior = log2(classes + ONE) - log2(classes.sum() + heard.classes * ONE)
    log_odds = np.tile(prior, (heard.tasks, 1))
    np.add.at(log_odds, heard.task, skill[heard.contributor, :, heard.answer])
    return log_odds
