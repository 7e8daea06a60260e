"""The consensus of `kappa-3`: confusion matrices on easy and on hard tasks (specification K2–K5).

After Dawid and Skene (1979): what each contributor says to tasks of each class. Independent errors are too much to assume: people
fail at the same tasks. So each class has two kinds of task, easy and hard, after the subtypes of Li, Rubinstein and Cohn (2019). A
contributor's confusion of a class is shrunk towards being right and towards the crowd's, that of a kind towards their own of the
class. Integers of 1/ONE throughout. Arrays have a row a state, which is a class and a kind: the easy tasks of all classes, then the
hard ones; so each step runs along rows. Bounds and cuts: `sums`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2
from labelshare.rules.sums import Block, Labels, add_at, count_at

ITERATIONS = 8
KINDS = 2  # of tasks: easy, hard
RIGHT_PRIOR = 4  # pseudo-labels a class: that a contributor is right,
CROWD_PRIOR = 1  # that they answer like the crowd,
SMOOTHING = ONE // 64  # and of each answer
KIND_PRIOR = 8  # pseudo-labels of a contributor's confusion of a class in that of each of its kinds
MAX_AUDIT_WEIGHT = 2  # more, and a panel's rare wrong verdict outweighs the crowd (specification K3)
NO_VERDICT = -1


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the model believes.

    Attributes:
        posterior: int64[classes, tasks] in 1/ONE, columns summing to at most ONE; audited tasks are one-hot on their verdict.
        log_odds: int64[states, tasks] in 1/ONE bits, before normalisation and without the verdicts.
        skill: int64[states, contributors, classes] in 1/ONE bits: log2 P(label | state), by state, contributor, label.
        skill_of_class: int64[classes, contributors, classes] in 1/ONE bits: log2 P(label | class), of easy and hard tasks together.
        muted: bool[contributors]: those whose labels were given no weight.
    """

    posterior: Ints
    log_odds: Ints
    skill: Ints
    skill_of_class: Ints
    muted: Bools

    def answers(self) -> Ints:
        """int64[tasks]: the likeliest class of each task, the lowest of equals."""
        result: Ints = self.posterior.argmax(axis=0)
        return result

    @cached_property
    def heard(self) -> Ints:
        """int64[states, contributors · classes]: what each (contributor, label) added to the log-odds of each state."""
        return _heard(self.skill, self.muted)


def audit_weight(audit_rate: int) -> int:
    """Weight of an audited task against another, for an audit rate in 1/256: min(2, round(1 / rate))."""
    return min(MAX_AUDIT_WEIGHT, (512 + audit_rate) // (2 * audit_rate))


def normalise(log_odds: Ints) -> Ints:
    """Probabilities in 1/ONE of log-odds in 1/ONE bits, int64[states, …]; never zero before the floor."""
    return _shares(_likelihood(log_odds))


def by_class(states: Ints) -> Ints:
    """int64[classes, …]: what an array over states comes to for each class."""
    result: Ints = states.reshape(KINDS, len(states) // KINDS, *states.shape[1:]).sum(axis=0)
    return result


def fit(labels: Labels, verdicts: Ints, weight: int, muted: Bools) -> Consensus:
    """Eight iterations of the model (specification K4).

    Args:
        labels: every label that counts.
        verdicts: int64[tasks], the panel's answer, NO_VERDICT where there is none.
        weight: of an audited task against another, from `audit_weight`.
        muted: bool[contributors], given no weight in the votes and the pool (their skill is still estimated).
    """
    model = _Model(labels, np.asarray(verdicts, dtype=np.int64), weight, muted)
    posterior = np.empty((labels.classes, labels.tasks), np.int64)
    log_odds = np.empty((KINDS * labels.classes, labels.tasks), np.int64)
    counts, common = model.begin()
    for _ in range(ITERATIONS):
        skill, skill_of_class = model.skill(counts)
        counts, common = model.improve(skill, common, log_odds, posterior)
    return Consensus(posterior, log_odds, skill, skill_of_class, muted)


def hear_without(labels: Labels, verdicts: Ints, weight: int, consensus: Consensus, silenced: Bools) -> Consensus:
    """What is believed without some more contributors (K13): two steps of the model on from a consensus, with them muted too.

    The first believes the others alone, the second learns the others' skill from that.
    """
    model = _Model(labels, verdicts, weight, consensus.muted | silenced)
    posterior, log_odds = np.empty_like(consensus.posterior), np.empty_like(consensus.log_odds)
    common = normalise(consensus.log_odds).sum(axis=1)
    counts, common = model.improve(consensus.skill, common, log_odds, posterior)
    skill, skill_of_class = model.skill(counts)
    model.improve(skill, common, log_odds, posterior)
    return Consensus(posterior, log_odds, skill, skill_of_class, model.muted)


def leave_one_out(consensus: Consensus, block: Block) -> Ints:
    """int64[states, n] in 1/ONE: for each label of a block, what the others say of its task (the muted were never in it)."""
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
    """The steps of `fit`. Each is one pass over the labels that returns the sums from which the next one begins: the counts
    int64[states, contributors · classes], and how common each state is, int64[states]."""

    labels: Labels
    verdicts: Ints
    weight: int
    muted: Bools

    def begin(self) -> list[Ints]:
        """Half the vote shares, half what the audited labels alone say of everything; the vote shares when nothing was audited.
        A task is easy for the share of its commonest answer."""
        audited = self.verdicts[self.verdicts != NO_VERDICT]
        if len(audited):
            prior = _prior(count_at(audited, self.labels.classes) * ONE)
            heard = _heard(self._skill_of_class(self._audited_counts()), self.muted)

        def believe(block: Block, verdicts: Ints) -> Ints:
            shares = self._vote_shares(block)
            easy = shares.max(axis=0)
            if len(audited):
                shares = (shares + normalise(_log_odds(block, prior, heard))) // 2
            pin(shares, verdicts)
            return np.concatenate((shares * easy, shares * (ONE - easy))) // ONE

        return self._pass(believe)

    def improve(self, skill: Ints, common: Ints, log_odds: Ints, posterior: Ints) -> list[Ints]:
        """What the labels say by their contributors' skill."""
        prior, heard = _prior(common), _heard(skill, self.muted)

        def believe(block: Block, verdicts: Ints) -> Ints:
            log_odds[:, block.tasks] = odds = _log_odds(block, prior, heard)
            states = _shares(_likelihood(odds) * _possible(verdicts, self.labels.classes))
            classes = by_class(states)
            pin(classes, verdicts)
            posterior[:, block.tasks] = classes
            return states

        return self._pass(believe)

    def skill(self, counts: Ints) -> tuple[Ints, Ints]:
        """The skill by state and by class, as in Consensus. At most 0, which the steps of the logarithms could pass.

        Nobody is right more often on the hard tasks of a class than on all of it: a clique is not the expert on what it disputes.
        """
        of_kind = counts.reshape(KINDS, self.labels.classes, self.labels.contributors, self.labels.classes)
        of_class = self._class_counts(of_kind.sum(axis=0))
        total = of_class.sum(axis=2, keepdims=True)
        share = of_class * ONE // total + 1
        told = log2(of_kind + KIND_PRIOR * share) - log2(of_kind.sum(axis=3, keepdims=True) + KIND_PRIOR * ONE)
        told += log2(ONE) - log2(share)
        right = np.eye(self.labels.classes, dtype=np.bool_)[:, None, :]
        told[1] = np.where(right, np.minimum(told[1], 0), np.maximum(told[1], 0))
        skill_of_class = log2(of_class) - log2(total)
        return np.minimum(skill_of_class + told, 0).reshape(-1, *skill_of_class.shape[1:]), skill_of_class

    def _skill_of_class(self, counts: Ints) -> Ints:
        """int64[classes, contributors, classes]: the skill on all tasks of a class alike."""
        of_class = self._class_counts(counts.reshape(self.labels.classes, self.labels.contributors, self.labels.classes))
        result: Ints = log2(of_class) - log2(of_class.sum(axis=2, keepdims=True))
        return result

    def _class_counts(self, counts: Ints) -> Ints:
        """int64[classes, contributors, classes]: counts by class, contributor and label, with their pseudo-labels."""
        crowd = counts[:, ~self.muted].sum(axis=1)
        pool = crowd * ONE // np.maximum(crowd.sum(axis=1, keepdims=True), 1)
        right = RIGHT_PRIOR * ONE * np.eye(len(pool), dtype=np.int64)
        result: Ints = counts + (right + CROWD_PRIOR * pool + SMOOTHING)[:, None, :]
        return result

    def _pass(self, find: Callable[[Block, Ints], Ints]) -> list[Ints]:
        def work(block: Block, counts: Ints, common: Ints) -> None:
            verdicts = self.verdicts[block.tasks]
            found = find(block, verdicts)
            common += found.sum(axis=1)
            found *= np.where(verdicts != NO_VERDICT, self.weight, 1)
            for table, row in zip(counts, found, strict=True):
                add_at(table, block.said, row.take(block.task))

        states = KINDS * self.labels.classes
        return self.labels.sum(work, (states, self.labels.contributors * self.labels.classes), (states,))

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


def _likelihood(log_odds: Ints) -> Ints:
    return exp2_negative(log_odds.max(axis=0) - log_odds) + 1


def _shares(likelihood: Ints) -> Ints:
    total = likelihood.sum(axis=0)
    likelihood *= ONE
    likelihood //= total
    return likelihood


def _possible(verdicts: Ints, classes: int) -> Bools:
    """bool[states, n]: which states the verdicts leave: of an audited task, the kinds of its class."""
    possible = (verdicts == NO_VERDICT) | (verdicts == np.arange(classes)[:, None])
    return np.concatenate((possible,) * KINDS)


def _prior(common: Ints) -> Ints:
    return log2(common + ONE) - log2(common.sum() + len(common) * ONE)


def _heard(skill: Ints, muted: Bools) -> Ints:
    return np.where(muted[:, None], 0, skill).reshape(len(skill), -1)


def _log_odds(block: Block, prior: Ints, heard: Ints) -> Ints:
    odds = np.repeat(prior, block.size).reshape(-1, block.size)
    for row, says in zip(odds, heard, strict=True):
        add_at(row, block.task, says.take(block.said))
    return odds
