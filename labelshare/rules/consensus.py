"""The consensus of `kappa-1`: a confusion-matrix model with a pooled prior (specification K2–K5).

After Dawid and Skene (1979), with each contributor's counts shrunk towards the crowd's, in integers of 1/ONE throughout.
Arrays are laid out class by class, one row a class, so that each step runs along rows. Bounds and cuts: `sums`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2
from labelshare.rules.sums import Block, Labels, add_at, count_at

ITERATIONS = 8
PRIOR = 4  # pseudo-labels of the crowd's confusion matrix in each contributor's
SMOOTHING = ONE // 64
MAX_AUDIT_WEIGHT = 2  # more, and a panel's rare wrong verdict outweighs the crowd (specification K3)
NO_VERDICT = -1


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the model believes.

    Attributes:
        posterior: int64[classes, tasks] in 1/ONE, columns summing to at most ONE; audited tasks are one-hot on their verdict.
        log_odds: int64[classes, tasks] in 1/ONE bits, before normalisation and without the verdicts.
        skill: int64[classes, contributors, classes] in 1/ONE bits: log2 P(label | class), by class, contributor, label.
        muted: bool[contributors]: those whose labels were given no weight.
    """

    posterior: Ints
    log_odds: Ints
    skill: Ints
    muted: Bools

    def answers(self) -> Ints:
        """int64[tasks]: the likeliest class of each task, the lowest of equals."""
        result: Ints = self.posterior.argmax(axis=0)
        return result

    @cached_property
    def heard(self) -> Ints:
        """int64[classes, contributors · classes]: what each (contributor, label) added to the log-odds of each class."""
        return _heard(self.skill, self.muted)


def audit_weight(audit_rate: int) -> int:
    """Weight of an audited task against another, for an audit rate in 1/256: min(2, round(1 / rate))."""
    return min(MAX_AUDIT_WEIGHT, (512 + audit_rate) // (2 * audit_rate))


def normalise(log_odds: Ints) -> Ints:
    """Probabilities in 1/ONE of log-odds in 1/ONE bits, int64[classes, …]; never zero before the floor."""
    likelihood = exp2_negative(log_odds.max(axis=0) - log_odds) + 1
    total = likelihood.sum(axis=0)
    likelihood *= ONE
    likelihood //= total
    return likelihood


def fit(labels: Labels, verdicts: Ints, weight: int, muted: Bools) -> Consensus:
    """Eight iterations of the model (ten and more overfit the 14 reference sets; specification K4).

    Args:
        labels: every label that counts.
        verdicts: int64[tasks], the panel's answer, NO_VERDICT where there is none.
        weight: of an audited task against another, from `audit_weight`.
        muted: bool[contributors], given no weight in the votes and the pool (their skill is still estimated).
    """
    model = _Model(labels, np.asarray(verdicts, dtype=np.int64), weight, muted)
    posterior = np.empty((labels.classes, labels.tasks), np.int64)
    log_odds = np.empty_like(posterior)
    counts, classes = model.begin(posterior)
    for _ in range(ITERATIONS):
        skill = model.skill(counts)
        counts, classes = model.improve(skill, classes, log_odds, posterior)
    return Consensus(posterior, log_odds, skill, muted)


def leave_one_out(consensus: Consensus, block: Block) -> Ints:
    """int64[classes, n] in 1/ONE: for each label of a block, what the others say of its task (the muted were never in it)."""
    of_task = consensus.log_odds[:, block.tasks].take(block.task, axis=1)
    return normalise(of_task - consensus.heard.take(block.said, axis=1))


def wants_label(max_posterior: int, agreeing: int, count: int, minimum: int, maximum: int) -> bool:
    """Whether a task with `count` labels, `agreeing` of them with the consensus, should get another (K12): up to the minimum
    always, then while max P < 0.95 or no more than half agree. In a small round the model is sure of too much."""
    return count < minimum or (count < maximum and (max_posterior * 100 < 95 * ONE or 2 * agreeing <= count))


def pin(posterior: Ints, verdicts: Ints) -> None:
    """Makes the columns of an int64[classes, n] that have a verdict one-hot on it."""
    audited = np.flatnonzero(verdicts != NO_VERDICT)
    posterior[:, audited] = 0
    posterior[verdicts[audited], audited] = ONE


@dataclass(frozen=True, eq=False)
class _Model:
    """The steps of `fit`. Each is one pass over the labels that writes what it finds of the tasks into `posterior`, and returns the
    sums from which the next one begins: the counts int64[classes, contributors · classes] and the classes int64[classes]."""

    labels: Labels
    verdicts: Ints
    weight: int
    muted: Bools

    def begin(self, posterior: Ints) -> list[Ints]:
        """Half the vote shares, half what the audited labels alone say of everything; the vote shares when nothing was audited."""
        audited = self.verdicts[self.verdicts != NO_VERDICT]
        if not len(audited):
            return self._pass(self._vote_shares, posterior)
        prior = _prior(count_at(audited, self.labels.classes) * ONE)
        heard = _heard(self.skill(self._audited_counts()), self.muted)
        return self._pass(lambda block: (self._vote_shares(block) + normalise(_log_odds(block, prior, heard))) // 2, posterior)

    def improve(self, skill: Ints, classes: Ints, log_odds: Ints, posterior: Ints) -> list[Ints]:
        """What the labels say by their contributors' skill."""
        prior, heard = _prior(classes), _heard(skill, self.muted)

        def believe(block: Block) -> Ints:
            log_odds[:, block.tasks] = odds = _log_odds(block, prior, heard)
            return normalise(odds)

        return self._pass(believe, posterior)

    def skill(self, counts: Ints) -> Ints:
        """int64[classes, contributors, classes], as in Consensus."""
        by_class = counts.reshape(len(counts), self.labels.contributors, self.labels.classes)
        crowd = by_class[:, ~self.muted].sum(axis=1)
        pool = crowd * ONE // np.maximum(crowd.sum(axis=1, keepdims=True), 1)
        of_label = log2(by_class + (PRIOR * pool + SMOOTHING)[:, None, :])
        of_class = log2(by_class.sum(axis=2) + (PRIOR * ONE + self.labels.classes * SMOOTHING))
        return of_label - of_class[:, :, None]

    def _pass(self, find: Callable[[Block], Ints], posterior: Ints) -> list[Ints]:
        def work(block: Block, counts: Ints, classes: Ints) -> None:
            verdicts, found = self.verdicts[block.tasks], find(block)
            pin(found, verdicts)
            posterior[:, block.tasks] = found
            classes += found.sum(axis=1)
            found *= np.where(verdicts != NO_VERDICT, self.weight, 1)
            for table, row in zip(counts, found, strict=True):
                add_at(table, block.said, row.take(block.task))

        classes = self.labels.classes
        return self.labels.sum(work, (classes, self.labels.contributors * classes), (classes,))

    def _audited_counts(self) -> Ints:
        def work(block: Block, counts: Ints) -> None:
            verdicts = self.verdicts[block.tasks].take(block.task)
            audited = np.flatnonzero(verdicts != NO_VERDICT)
            add_at(counts.reshape(-1), verdicts[audited] * counts.shape[1] + block.said[audited], self.weight * ONE)

        (counts,) = self.labels.sum(work, (self.labels.classes, self.labels.contributors * self.labels.classes))
        return counts

    def _vote_shares(self, block: Block) -> Ints:
        """int64[classes, tasks] in 1/ONE: each class's share of the heard labels of a task; even where there are none."""
        votes = votes_of(block, self.labels.classes, ~self.muted[block.contributor])
        total = votes.sum(axis=0)
        return np.where(total > 0, votes * ONE // np.maximum(total, 1), ONE // self.labels.classes)


def votes_of(block: Block, classes: int, among: Bools) -> Ints:
    """int64[classes, tasks]: how many of a block's labels, of a mask among them, say each class."""
    return count_at((block.answer * block.size + block.task)[among], classes * block.size).reshape(classes, block.size)


def _prior(classes: Ints) -> Ints:
    return log2(classes + ONE) - log2(classes.sum() + len(classes) * ONE)


def _heard(skill: Ints, muted: Bools) -> Ints:
    return np.where(muted[:, None], 0, skill).reshape(len(skill), -1)


def _log_odds(block: Block, prior: Ints, heard: Ints) -> Ints:
    odds = np.repeat(prior, block.size).reshape(-1, block.size)
    for row, says in zip(odds, heard, strict=True):
        add_at(row, block.task, says.take(block.said))
    return odds
