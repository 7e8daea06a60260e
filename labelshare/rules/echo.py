"""The echo test of `kappa-3`: do copying suspects explain someone's labels better than their own skill? (K6)"""

import numpy as np

from labelshare.rules.consensus import Consensus, by_class, leave_one_out, votes_of
from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2
from labelshare.rules.sums import Block, Labels, add_at, count_at

MIN_EVIDENCE = 12 * ONE  # bits, so that a coincidence of 2^-12 passes
MIN_EVIDENCE_PER_LABEL = ONE // 8  # bits


def echo_evidence(labels: Labels, consensus: Consensus, suspects: Bools) -> Ints:
    """int64[contributors]: evidence in 1/ONE bits that each contributor copied suspects (other than themselves).

    Only tasks that another suspect labeled say anything. A copier repeats one of the suspects' labels in 15 of 16 cases.
    """
    likelihood = exp2_negative(-consensus.skill_of_class).reshape(labels.classes, -1)

    def work(block: Block, evidence: Ints) -> None:
        suspect = suspects[block.contributor]
        votes = votes_of(block, labels.classes, suspect)
        others = votes.sum(axis=0).take(block.task) - suspect
        echoing = np.flatnonzero(others)
        if not len(echoing):
            return
        told = block.only(echoing)
        same = votes[told.answer, told.task] - suspect[echoing]
        copied = log2(15 * ONE * same // (16 * others[echoing]) + ONE // (16 * labels.classes))
        own = log2((by_class(leave_one_out(consensus, told)) * likelihood.take(told.said, axis=1)).sum(axis=0) // ONE)
        add_at(evidence, told.contributor, copied - own)

    (evidence,) = labels.sum(work, (labels.contributors,))
    return evidence


def find_echoes(labels: Labels, consensus: Consensus, suspects: Bools) -> Bools:
    """bool[contributors]: whoever's evidence of copying suspects passes, and passes again among those alone who passed.

    Everyone is tested, not suspects only: a member of a clique whose few audited labels were lucky still copies the others.
    """
    count = count_at(labels.contributor, labels.contributors)
    enough = np.maximum(MIN_EVIDENCE, count * MIN_EVIDENCE_PER_LABEL)
    first = echo_evidence(labels, consensus, suspects) > enough
    second: Bools = first & (echo_evidence(labels, consensus, first) > enough)
    return second
