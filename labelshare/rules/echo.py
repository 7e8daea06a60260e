"""The echo test of `kappa-1`: do copying suspects explain someone's labels better than their own skill? (K6)"""

import numpy as np

from labelshare.rules.consensus import Consensus, Labels, leave_one_out
from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2

MIN_EVIDENCE = 12 * ONE  # bits, so that a coincidence of 2^-12 passes
MIN_EVIDENCE_PER_LABEL = ONE // 8  # bits


def echo_evidence(labels: Labels, consensus: Consensus, suspects: Bools) -> Ints:
    """int64[contributors]: evidence in 1/ONE bits that each contributor copied suspects (other than themselves).

    Only tasks that another suspect labeled say anything. A copier repeats one of the suspects' labels in 15 of 16 cases.
    """
    suspect = suspects[labels.contributor]
    among = labels.where(suspect)
    votes = np.zeros((labels.tasks, labels.classes), np.int64)
    np.add.at(votes, (among.task, among.answer), 1)
    others = votes.sum(axis=1)[labels.task] - suspect
    same = votes[labels.task, labels.answer] - suspect
    copied = log2(15 * ONE * same // (16 * np.maximum(others, 1)) + ONE // (16 * labels.classes))
    likelihood = exp2_negative(-consensus.skill[labels.contributor, :, labels.answer])
    own = log2((leave_one_out(consensus, labels) * likelihood).sum(axis=1) // ONE)
    evidence = np.zeros(labels.contributors, np.int64)
    np.add.at(evidence, labels.contributor, np.where(others > 0, copied - own, 0))
    return evidence


def find_echoes(labels: Labels, consensus: Consensus, suspects: Bools) -> Bools:
    """bool[contributors]: whoever's evidence of copying suspects passes, and passes again among those alone who passed.

    Everyone is tested, not suspects only: a member of a clique whose few audited labels were lucky still copies the others.
    """
    count = np.bincount(labels.contributor, minlength=labels.contributors)
    enough = np.maximum(MIN_EVIDENCE, count * MIN_EVIDENCE_PER_LABEL)
    first = echo_evidence(labels, consensus, suspects) > enough
    second: Bools = first & (echo_evidence(labels, consensus, first) > enough)
    return second
