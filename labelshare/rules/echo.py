"""The echo test of `kappa-1`: do copying suspects explain someone's labels better than their own skill? (K6)"""

import numpy as np

from labelshare.rules.consensus import Consensus, Labels, leave_one_out
from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2

MIN_EVIDENCE = 12 * ONE  # bits, so that a coincidence of 2^-12 passes
MIN_EVIDENCE_PER_LABEL = ONE // 8  # bits


def echo_evidence(labels: Labels, consensus: Consensus, suspects: Bools) -> Ints:
    """int64[contributors]: evidence in 1/ONE bits that each suspect copied the other suspects; 0 for everyone else.

    Only tasks that another suspect labeled say anything. A copier repeats one of the others' labels in 15 of 16 cases.
    """
    among = labels.where(suspects[labels.contributor])
    votes = np.zeros((labels.tasks, labels.classes), np.int64)
    np.add.at(votes, (among.task, among.answer), 1)
    others = votes.sum(axis=1)[among.task] - 1
    same = votes[among.task, among.answer] - 1
    copied = log2(15 * ONE * same // (16 * np.maximum(others, 1)) + ONE // (16 * labels.classes))
    likelihood = exp2_negative(-consensus.skill[among.contributor, :, among.answer])
    own = log2((leave_one_out(consensus, among) * likelihood).sum(axis=1) // ONE)
    evidence = np.zeros(labels.contributors, np.int64)
    np.add.at(evidence, among.contributor, np.where(others > 0, copied - own, 0))
    return evidence


def find_echoes(labels: Labels, consensus: Consensus, suspects: Bools) -> Bools:
    """bool[contributors]: suspects whose evidence passes among all suspects, and again among those who passed."""
    count = np.bincount(labels.contributor, minlength=labels.contributors)
    enough = np.maximum(MIN_EVIDENCE, count * MIN_EVIDENCE_PER_LABEL)
    first = suspects & (echo_evidence(labels, consensus, suspects) > enough)
    second: Bools = first & (echo_evidence(labels, consensus, first) > enough)
    return second
