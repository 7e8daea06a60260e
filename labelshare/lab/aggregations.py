"""Rules that find an answer to each task and pay for agreeing with it: majority vote, one-coin, Dawid–Skene, EBCC, in numpy.

What crowd-kit has is run in crowd-kit itself (`crowd_kit.py`). EBCC is not in it: this is its mean-field form.
"""

import numpy as np

from labelshare.lab.measures import Floats
from labelshare.lab.replay import plurality
from labelshare.rules.fixed import Ints
from labelshare.rules.sums import Labels

EBCC_SUBTYPES = 3
EBCC_STEPS = 40


def majority_vote(labels: Labels, seed: int) -> Ints:
    return plurality(labels)


def one_coin(labels: Labels, seed: int) -> Ints:
    """Each person is right with one probability, estimated by EM (the one-coin form of Dawid and Skene, 1979)."""
    belief = _shares(labels)
    for _ in range(50):
        hits = np.bincount(labels.contributor, belief[labels.task, labels.answer], minlength=labels.contributors)
        count = np.bincount(labels.contributor, minlength=labels.contributors)
        right = ((hits + 1) / (count + 2)).clip(0.01, 0.99)
        odds = np.log(right) - np.log((1 - right) / (labels.classes - 1))
        log = np.tile(np.log(belief.mean(axis=0) + 1e-9), (labels.tasks, 1))
        np.add.at(log, (labels.task, labels.answer), odds[labels.contributor])
        belief = _normalised(log)
    return _answers(belief)


def ebcc(labels: Labels, seed: int) -> Ints:
    """Enhanced Bayesian classifier combination: classes have subtypes, which explain why people err together (Li, Rubinstein and
    Cohn, Exploiting worker correlation for label aggregation in crowdsourcing, ICML 2019); mean field, one start by majority."""
    rng = np.random.default_rng(seed)
    classes, subtypes = labels.classes, EBCC_SUBTYPES
    belief = _shares(labels)
    split = rng.dirichlet(np.ones(subtypes), (labels.tasks, classes)) * belief[:, :, None]
    prior = np.ones((classes, classes)) + 3 * np.eye(classes)
    for _ in range(EBCC_STEPS):
        weight = split.sum(axis=0)
        log_subtype = _digamma(weight + 0.1 / subtypes) - _digamma(weight.sum(axis=1, keepdims=True) + 0.1)
        mass = split.sum(axis=(0, 2))
        log_class = _digamma(mass + 1) - _digamma(mass.sum() + classes)
        counts = np.zeros((labels.contributors, classes, classes, subtypes))
        np.add.at(counts, (labels.contributor, labels.answer), split[labels.task])
        counts = counts.transpose(0, 2, 3, 1) + prior[None, :, None, :]
        skill = _digamma(counts) - _digamma(counts.sum(axis=3, keepdims=True))
        log = np.tile(log_class[:, None] + log_subtype, (labels.tasks, 1, 1))
        np.add.at(log, labels.task, skill[labels.contributor, :, :, labels.answer])
        split = _normalised(log.reshape(labels.tasks, -1)).reshape(log.shape)
    return _answers(split.sum(axis=2))


def _shares(labels: Labels) -> Floats:
    votes = np.zeros((labels.tasks, labels.classes))
    np.add.at(votes, (labels.task, labels.answer), 1)
    result: Floats = (votes + 1e-9) / (votes + 1e-9).sum(axis=1, keepdims=True)
    return result


def _normalised(log: Floats) -> Floats:
    odds = np.exp(log - log.max(axis=1, keepdims=True))
    result: Floats = odds / odds.sum(axis=1, keepdims=True)
    return result


def _answers(belief: Floats) -> Ints:
    answers: Ints = belief.argmax(axis=1).astype(np.int64)
    return answers


def _digamma(x: Floats) -> Floats:
    """By the asymptotic series at x + 6, brought back with the recurrence."""
    shift = sum(1 / (x + i) for i in range(6))
    y = x + 6
    inverse = 1 / (y * y)
    result: Floats = np.log(y) - 0.5 / y - inverse * (1 / 12 - inverse * (1 / 120 - inverse / 252)) - shift
    return result
