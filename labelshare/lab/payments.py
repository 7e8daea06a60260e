"""The payment rules of the literature, each from its paper, as net rewards a label.

Where a paper pays by comparison with one random peer, the mean over all peers is taken: the same in expectation, without luck.
None of them has bonds, so a negative score is a debt that a platform would have to collect; it is counted as it stands.
"""

from dataclasses import dataclass

import numpy as np

from labelshare.lab.measures import Floats
from labelshare.rules.consensus import NO_VERDICT
from labelshare.rules.fixed import Ints
from labelshare.rules.sums import Labels


@dataclass(frozen=True, eq=False)
class Peers:
    """Sums over labels that several rules need.

    Attributes:
        votes: float64[tasks, classes], labels by task and class.
        others: float64[n], how many other labels the task of a label has.
        frequency: float64[contributors, classes], the shares of a contributor's answers.
    """

    votes: Floats
    others: Floats
    frequency: Floats

    @staticmethod
    def of(labels: Labels) -> "Peers":
        votes = np.zeros((labels.tasks, labels.classes))
        np.add.at(votes, (labels.task, labels.answer), 1)
        frequency = np.zeros((labels.contributors, labels.classes))
        np.add.at(frequency, (labels.contributor, labels.answer), 1)
        frequency /= np.maximum(frequency.sum(axis=1, keepdims=True), 1)
        return Peers(votes, votes.sum(axis=1)[labels.task] - 1, frequency)

    def agreeing(self, labels: Labels) -> Floats:
        """float64[n]: the share of a label's peers who gave the same answer, 0 without peers."""
        same = self.votes[labels.task, labels.answer] - 1
        result: Floats = same / np.maximum(self.others, 1)
        return result


def output_agreement(labels: Labels, verdicts: Ints) -> Floats:
    """A reward for each answer that a random peer gave too (von Ahn and Dabbish, Labeling images with a computer game, 2004)."""
    return _per_contributor(labels, Peers.of(labels).agreeing(labels))


def peer_truth_serum(labels: Labels, verdicts: Ints) -> Floats:
    """1/R(x) when a peer agrees, less 1; R(x) how often people other than oneself answer x (Radanovic, Faltings and Jurca,
    Incentives for effort in crowdsourcing using the peer truth serum, ACM TIST, 2016). Scaled so that no label earns over 1."""
    peers = Peers.of(labels)
    own = np.zeros((labels.contributors, labels.classes))
    np.add.at(own, (labels.contributor, labels.answer), 1)
    rest = own.sum(axis=0) - own + 1  # one imagined label a class, so that nothing divides by zero
    usual = (rest / rest.sum(axis=1, keepdims=True))[labels.contributor, labels.answer]
    scale = float(usual.min())
    return _per_contributor(labels, scale * (peers.agreeing(labels) / usual - 1))


def dasgupta_ghosh(labels: Labels, verdicts: Ints) -> Floats:
    """Agreement with a peer on a task, less the agreement of the two on different tasks (Dasgupta and Ghosh, Crowdsourced
    judgement elicitation with endogenous proficiency, WWW 2013)."""
    return _multi_task(labels, np.eye(labels.classes))


def correlated_agreement(labels: Labels, verdicts: Ints) -> Floats:
    """The same with every pair of answers that is commoner together than apart counted as agreement (Shnayder, Agarwal, Frongillo
    and Parkes, Informed truthfulness in multi-task peer prediction, EC 2016)."""
    votes = Peers.of(labels).votes
    together = votes.T @ votes - np.diag(votes.sum(axis=0))
    joint = together / max(together.sum(), 1)
    marginal = joint.sum(axis=1)
    return _multi_task(labels, (joint > np.outer(marginal, marginal)).astype(np.float64))


def determinant_mutual_information(labels: Labels, verdicts: Ints) -> Floats:
    """det·det of two counts of joint answers, over halves of the tasks that two people share (Kong, Dominantly truthful
    multi-task peer prediction with a constant number of tasks, SODA 2020). Scaled by K^K each; pairs with under 2K tasks pay 0."""
    first, second, pair = _pairs(labels)
    number = int(pair.max(initial=-1)) + 1
    classes = labels.classes
    joint = np.zeros((number, 2, classes, classes))
    half = labels.task[first] % 2
    np.add.at(joint, (pair, half, labels.answer[first], labels.answer[second]), 1)
    shared = joint.sum(axis=(2, 3))
    score = np.linalg.det(joint / np.maximum(shared, 1)[:, :, None, None] * classes).prod(axis=1)
    enough = (shared >= classes).all(axis=1)
    sums, count = np.zeros(labels.contributors), np.zeros(labels.contributors)
    owner = np.zeros(number, np.int64)
    for side in (first, second):
        owner[pair] = labels.contributor[side]
        np.add.at(sums, owner, np.where(enough, score, 0))
        np.add.at(count, owner, enough)
    labels_of = np.bincount(labels.contributor, minlength=labels.contributors).astype(np.float64)
    result: Floats = labels_of * sums / np.maximum(count, 1)
    return result


def gold_scoring(labels: Labels, verdicts: Ints) -> Floats:
    """Accuracy on the audited tasks above guessing, on the scale from guessing to perfect, never negative; without an audited
    label nothing (gold questions as in Oleson et al., Programmatic gold, HCOMP 2011)."""
    verdict = verdicts[labels.task]
    hits = np.bincount(labels.contributor, verdict == labels.answer, minlength=labels.contributors)
    audited = np.bincount(labels.contributor, verdict != NO_VERDICT, minlength=labels.contributors)
    count = np.bincount(labels.contributor, minlength=labels.contributors)
    guessing = 1 / labels.classes
    skill = np.where(audited > 0, hits / np.maximum(audited, 1) - guessing, 0) / (1 - guessing)
    return np.asarray(count * np.maximum(skill, 0), np.float64)


def _multi_task(labels: Labels, counts_as: Floats) -> Floats:
    """Mean over peers of S[x, y] on the task less the two people's S on different tasks, from how often each answers what."""
    peers = Peers.of(labels)
    said = counts_as[labels.answer]
    together = (said * peers.votes[labels.task]).sum(axis=1) - said[np.arange(len(said)), labels.answer]
    usual = np.zeros((labels.tasks, labels.classes))
    np.add.at(usual, labels.task, peers.frequency[labels.contributor])
    of_peers = usual[labels.task] - peers.frequency[labels.contributor]
    apart = ((peers.frequency[labels.contributor] @ counts_as) * of_peers).sum(axis=1)
    return _per_contributor(labels, (together - apart) / np.maximum(peers.others, 1))


def _pairs(labels: Labels) -> tuple[Ints, Ints, Ints]:
    """Every two labels of one task: their positions, and the number of the pair of people (the lower index first)."""
    order = np.lexsort((labels.contributor, labels.task))
    count = np.bincount(labels.task, minlength=labels.tasks)
    first, second = [], []
    for gap in range(1, int(count.max(initial=0))):
        near, far = order[:-gap], order[gap:]
        same = labels.task[near] == labels.task[far]
        first.append(near[same])
        second.append(far[same])
    left = np.concatenate(first) if first else np.zeros(0, np.int64)
    right = np.concatenate(second) if second else np.zeros(0, np.int64)
    key = labels.contributor[left] * labels.contributors + labels.contributor[right]
    pair = np.unique(key, return_inverse=True)[1]
    return left, right, pair


def _per_contributor(labels: Labels, score: Floats) -> Floats:
    sums = np.zeros(labels.contributors)
    np.add.at(sums, labels.contributor, score)
    return sums
