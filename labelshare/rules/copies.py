"""The copies test: groups of contributors who agree more often than their skill and the difficulty of tasks explain (K13).

No suspect is needed. Every two labels of a task are evidence that one was copied from the other, or was not: honest people differ
on some of what they share, however good they are, copies on next to nothing. Contributors are joined into groups as long as the
evidence between them adds up, and a group is found copying when the evidence is more than a search of its size finds by chance.

Whoever is believed seems right to agree, and a large group is believed: it is judged by what is believed without it. And whoever
agrees against a clique that is believed seems to copy, until the clique is found: of several groups only those are found at once
that have nearly as much evidence a label as the one with most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np

from labelshare.rules.consensus import Consensus, by_class, hear_without, normalise, pin, votes_of
from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2
from labelshare.rules.sums import Block, Labels, add_at, count_at

MAX_PAIRS = 1 << 19  # two labels of a task are a pair; beyond, an even sample of the contributors is looked at
SLIPS = 64  # a copy differs from its source in one of so many labels
MODEL_WEIGHT = 4  # of the model's expectation, in labels, against the task's other labels
MIN_LABELS = 6  # fewer say nothing, and earn next to nothing
MAX_ROUNDS = 64
POLISHING = 8
_PAIRS_OF: Ints = np.arange(1 << 16) * np.arange(-1, (1 << 16) - 1) // 2  # of so many labels of a task
BITS_A_GROUP = 8 * ONE
LABELS_A_BIT = 24  # evidence that honest people's shared misperceptions may add up to
LARGE = 16  # a group with one in so many labels may sway what is believed
MEMBERS_A_NAME = 4  # of log2 of the number of contributors, a member must bring a quarter


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of labels of one task by two contributors, as parallel columns.

    Attributes:
        task, left, right: int64[n], the contributors with the lower index on the left.
        evidence: int64[n] in 1/ONE bits, that one copied the other.
        hint: the same, if honest people agreed as seldom as the lower of two expectations says; for the search alone.
    """

    task: Ints
    left: Ints
    right: Ints
    evidence: Ints
    hint: Ints


def find_copies(labels: Labels, consensus: Consensus, verdicts: Ints, weight: int, known: Bools) -> Bools:
    """bool[contributors]: members of the groups whose copying is plainest. Those in `known` are left out: they were found before.

    Args:
        consensus: what `fit` gave for these labels, verdicts and weight.
    """
    count = count_at(labels.contributor, labels.contributors)
    every = stride(labels)
    among = (count >= MIN_LABELS) & ~known & ((np.cumsum(count > 0) - 1) % every == len(labels.task) % every)
    found = np.zeros(labels.contributors, np.bool_)
    pairs = collect_pairs(labels, consensus, verdicts, among)
    if not len(pairs.task):
        return found
    seen = np.where(among, count, 0)

    heard: dict[bytes, Pairs] = {}  # both searches mostly find the same large groups

    def without(members: Bools) -> Pairs:
        name = members.tobytes()
        if name not in heard:
            heard[name] = collect_pairs(labels, hear_without(labels, verdicts, weight, consensus, members), verdicts, members)
        return heard[name]

    # Two searches: hints find cliques that are believed, the evidence itself tells weaker copies from honest people.
    groupings = [join(pairs, strength, labels.contributors) for strength in (pairs.evidence, pairs.hint)]
    plain = [_plainness(pairs, group, seen, without) for group in groupings]
    most = max(int(each.max()) for each in plain)
    for group, each in zip(groupings, plain, strict=True):
        found |= among & ((each > 0) & (4 * each >= 3 * most))[group]
    return found


def _plainness(pairs: Pairs, group: Ints, seen: Ints, without: Callable[[Bools], Pairs]) -> Ints:
    """int64[2 · contributors] in 1/ONE bits: the evidence a label of each group that copies, by number; 0 of the others.

    Args:
        seen: int64[contributors], labels of those looked at, 0 of the others.
        without: the pairs among members of a group, by what is believed without them.
    """
    number = count_at(group, 2 * len(group))
    labels = np.zeros(len(number), np.int64)
    add_at(labels, group, seen)
    bits = _bits(pairs, group)
    for name in np.flatnonzero((number > 1) & (labels * LARGE >= seen.sum())):
        bits[name] = _bits(without((seen > 0) & (group == name)), group)[name]
    chance = BITS_A_GROUP + number * log2(int((seen > 0).sum())) // MEMBERS_A_NAME + labels * ONE // LABELS_A_BIT
    result: Ints = np.where((number > 1) & (bits > chance), bits // np.maximum(labels, 1), 0)
    return result


def stride(labels: Labels) -> int:
    """Every how manieth contributor is looked at, so that the pairs of their labels are no more than MAX_PAIRS or so."""
    count = count_at(labels.task, labels.tasks)
    return 1 + isqrt(int((count * (count - 1) // 2).sum()) // MAX_PAIRS)


def collect_pairs(labels: Labels, consensus: Consensus, verdicts: Ints, among: Bools) -> Pairs:
    """The pairs of labels of contributors in `among`."""
    likelihood = exp2_negative(-consensus.skill_of_class).reshape(labels.classes, -1)
    columns: list[Ints] = []

    def work(block: Block) -> None:
        votes = votes_of(block, labels.classes, np.ones(len(block.task), np.bool_))
        chosen = np.flatnonzero(among[block.contributor])
        for gap in range(1, int(count_at(block.task[chosen], block.size).max(initial=0))):
            near, far = chosen[:-gap], chosen[gap:]
            same_task = block.task[near] == block.task[far]
            one, two = block.only(near[same_task]), block.only(far[same_task])
            strengths = _evidence(block, votes, one, two, consensus, verdicts, likelihood)
            left, right = np.minimum(one.contributor, two.contributor), np.maximum(one.contributor, two.contributor)
            columns.append(np.stack([block.tasks.start + one.task, left, right, *strengths]))

    labels.sum(work)
    return Pairs(*np.concatenate(columns, axis=1)) if columns else Pairs(*np.zeros((5, 0), np.int64))


def _evidence(
    block: Block, votes: Ints, one: Block, two: Block, consensus: Consensus, verdicts: Ints, likelihood: Ints
) -> tuple[Ints, Ints]:
    """Evidence and hint, int64[n] in 1/ONE bits: log2 of how likely a copy is to say this, against how likely an honest person is
    who knows the other.

    The latter is the larger (for the hint, the smaller) of what the two people's skill and the other labels' consensus expect, and
    of what the task's other labels do: on a task where everybody errs alike, agreeing in the error says little.
    """
    classes = len(likelihood)
    heard = consensus.heard
    odds = consensus.log_odds[:, block.tasks].take(one.task, axis=1) - heard.take(one.said, axis=1) - heard.take(two.said, axis=1)
    belief = by_class(normalise(odds))
    pin(belief, verdicts[block.tasks].take(one.task))
    first, second = likelihood.take(one.said, axis=1), likelihood.take(two.said, axis=1)
    both = (belief * first * second // (ONE * ONE)).sum(axis=0)
    others = votes.sum(axis=0).take(one.task) - 2
    same = one.answer == two.answer
    most, least = np.zeros((2, len(same)), np.int64)
    for told, given in ((one, first), (two, second)):
        by_skill = both * ONE // ((belief * given).sum(axis=0) // ONE + 1)
        answered = (two if told is one else one).answer
        alike = votes[answered, one.task] - 1 - same
        by_task = (alike * ONE + MODEL_WEIGHT * by_skill) // (others + MODEL_WEIGHT)
        most += log2(np.maximum(by_skill, by_task))
        least += log2(np.minimum(by_skill, by_task))
    slip = ONE // (SLIPS * classes)
    copied = np.where(same, log2(ONE - ONE // SLIPS + slip), log2(slip))
    return copied - most // 2, copied - least // 2


def join(pairs: Pairs, evidence: Ints, contributors: int) -> Ints:
    """int64[contributors]: a group for each, by its number, below 2 · contributors; by the pairs' evidence or hint.

    Groups that are each other's best join, as long as evidence adds up; then everyone goes where most evidence is."""
    left, right, evidence = _added_up(pairs.left, pairs.right, evidence, contributors)
    group = np.arange(contributors)
    a, b, bits = left, right, evidence
    for _ in range(MAX_ROUNDS):
        best = _best_partner(a, b, bits, contributors)
        mutual = np.flatnonzero((best >= 0) & (best[best] == np.arange(contributors)) & (best < np.arange(contributors)))
        if not len(mutual):
            break
        into = np.arange(contributors)
        into[mutual] = best[mutual]
        group = into[group]
        a, b, bits = _added_up(into[a], into[b], bits, contributors)
    for _ in range(POLISHING):
        moved = _moved(left, right, evidence, group)
        if (moved == group).all():
            break
        group = moved
    return group


def _added_up(left: Ints, right: Ints, evidence: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """Each two groups once, the lower number on the left, with all evidence between them; none within a group."""
    apart = left != right
    low, high = np.minimum(left, right)[apart], np.maximum(left, right)[apart]
    keys, place = np.unique(low * size + high, return_inverse=True)
    bits = np.zeros(len(keys), np.int64)
    add_at(bits, place, evidence[apart])
    return keys // size, keys % size, bits


def _best_partner(left: Ints, right: Ints, bits: Ints, size: int) -> Ints:
    """int64[size]: with whom each has most evidence, if any speaks for copying; the lowest of equals, -1 for nobody."""
    positive = bits > 0
    who = np.concatenate([left[positive], right[positive]])
    whom = np.concatenate([right[positive], left[positive]])
    much = np.concatenate([bits[positive], bits[positive]])
    order = np.lexsort((-whom, much, who))
    best = np.full(size, -1, np.int64)
    best[who[order]] = whom[order]  # the last of each, which is the best
    return best


def _moved(left: Ints, right: Ints, evidence: Ints, group: Ints) -> Ints:
    """Everyone in the group with which they share most evidence, or in one of their own where none speaks for copying."""
    size = len(group)
    groups = 2 * size
    who, whom = np.concatenate([left, right]), np.concatenate([right, left])
    keys, place = np.unique(who * groups + group[whom], return_inverse=True)
    bits = np.zeros(len(keys), np.int64)
    add_at(bits, place, np.concatenate([evidence, evidence]))
    person, target = keys // groups, keys % groups
    own = np.zeros(size, np.int64)
    here = target == group[person]
    own[person[here]] = bits[here]
    better = bits > np.maximum(own[person], 0)
    order = np.lexsort((-target[better], bits[better], person[better]))
    moved = np.where(own < 0, size + np.arange(size), group)
    moved[person[better][order]] = target[better][order]
    return moved


def _bits(pairs: Pairs, group: Ints) -> Ints:
    """int64[2 · contributors] in 1/ONE bits: the evidence within each group, by number.

    On a task with h members the pairs count 2/h, as h labels of one source are h - 1 pieces of evidence.
    """
    size = 2 * len(group)
    within = np.flatnonzero(group[pairs.left] == group[pairs.right])
    name = group[pairs.left[within]]
    _, place, count = np.unique(pairs.task[within] * size + name, return_inverse=True, return_counts=True)
    members: Ints = np.asarray(np.searchsorted(_PAIRS_OF, count), dtype=np.int64)
    bits = np.zeros(size, np.int64)
    add_at(bits, name, 2 * pairs.evidence[within] // members[place])
    return bits
