"""The copies test: groups of contributors who agree more often than their skill and the difficulty of tasks explain (K13).

No suspect is needed. Every two labels of a task are evidence that one was copied from the other, or was not: honest people differ
on some of what they share, however good they are, copies on next to nothing. Contributors are joined into groups as long as the
evidence between them adds up, and a group is found copying when the evidence is more than a search of its size finds by chance.
"""

from dataclasses import dataclass

import numpy as np

from labelshare.rules.consensus import Consensus, by_class, normalise, pin, votes_of
from labelshare.rules.fixed import ONE, Bools, Ints, exp2_negative, log2
from labelshare.rules.sums import Block, Labels, add_at, count_at

MAX_PAIRS = 1 << 19  # two labels of a task are a pair; beyond, an even sample of the tasks is looked at
SLIPS = 16  # a copy differs from its source in one of so many labels
MODEL_WEIGHT = 4  # of the model's expectation, in labels, against the task's other labels
MIN_LABELS = 6  # fewer say nothing, and earn next to nothing
MAX_ROUNDS = 64
POLISHING = 8
_PAIRS_OF: Ints = np.arange(1 << 16) * np.arange(-1, (1 << 16) - 1) // 2  # of so many labels of a task
BITS_A_GROUP = 8 * ONE
LABELS_A_BIT = 32  # evidence that honest people's shared misperceptions may add up to
MEMBERS_A_NAME = 4  # of log2 of the number of contributors, a member must bring a quarter


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of labels of one task by two contributors, as parallel columns.

    Attributes:
        task, left, right: int64[n], the contributors with the lower index on the left.
        evidence: int64[n] in 1/ONE bits, that one copied the other.
    """

    task: Ints
    left: Ints
    right: Ints
    evidence: Ints


def find_copies(labels: Labels, consensus: Consensus, verdicts: Ints, known: Bools) -> Bools:
    """bool[contributors]: members of groups that copy. Those in `known` are left out: they were found before."""
    among = (count_at(labels.contributor, labels.contributors) >= MIN_LABELS) & ~known
    found = np.zeros(labels.contributors, np.bool_)
    step = _step(labels)
    pairs = collect_pairs(labels, consensus, verdicts, among, step)
    if not len(pairs.task):
        return found
    group = join(pairs, labels.contributors)
    seen = count_at(labels.contributor[labels.task % step == 0], labels.contributors)
    copying = _copying(pairs, group, seen, int(among.sum()))
    found[among] = copying[group[among]]
    return found


def _step(labels: Labels) -> int:
    """Every how manieth task is looked at."""
    count = count_at(labels.task, labels.tasks)
    return 1 + int((count * (count - 1) // 2).sum()) // MAX_PAIRS


def collect_pairs(labels: Labels, consensus: Consensus, verdicts: Ints, among: Bools, step: int = 1) -> Pairs:
    """The pairs of labels of contributors in `among`, on every `step`-th task."""
    likelihood = exp2_negative(-consensus.skill_of_class).reshape(labels.classes, -1)
    columns: list[Ints] = []

    def work(block: Block) -> None:
        votes = votes_of(block, labels.classes, np.ones(len(block.task), np.bool_))
        chosen = np.flatnonzero(among[block.contributor] & ((block.tasks.start + block.task) % step == 0))
        for gap in range(1, int(count_at(block.task[chosen], block.size).max(initial=0))):
            near, far = chosen[:-gap], chosen[gap:]
            same_task = block.task[near] == block.task[far]
            one, two = block.only(near[same_task]), block.only(far[same_task])
            evidence = _evidence(block, votes, one, two, consensus, verdicts, likelihood)
            left, right = np.minimum(one.contributor, two.contributor), np.maximum(one.contributor, two.contributor)
            columns.append(np.stack([block.tasks.start + one.task, left, right, evidence]))

    labels.sum(work)
    return Pairs(*np.concatenate(columns, axis=1)) if columns else Pairs(*np.zeros((4, 0), np.int64))


def _evidence(block: Block, votes: Ints, one: Block, two: Block, consensus: Consensus, verdicts: Ints, likelihood: Ints) -> Ints:
    """int64[n] in 1/ONE bits: log2 of how likely a copy is to say this, against how likely an honest person is who knows the other.

    That is the larger of what the two people's skill and the other labels' consensus expect, and of what the task's other labels
    do: on a task where everybody errs alike, agreeing in the error says little.
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
    expected = np.zeros(len(same), np.int64)
    for told, given in ((one, first), (two, second)):
        by_skill = both * ONE // ((belief * given).sum(axis=0) // ONE + 1)
        answered = (two if told is one else one).answer
        alike = votes[answered, one.task] - 1 - same
        by_task = (alike * ONE + MODEL_WEIGHT * by_skill) // (others + MODEL_WEIGHT)
        expected += log2(np.maximum(by_skill, by_task))
    slip = ONE // (SLIPS * classes)
    copied = np.where(same, log2(ONE - ONE // SLIPS + slip), log2(slip))
    result: Ints = copied - expected // 2
    return result


def join(pairs: Pairs, contributors: int) -> Ints:
    """int64[contributors]: a group for each, by its number, below 2 · contributors.

    Groups that are each other's best join, as long as evidence adds up; then everyone goes where most evidence is."""
    left, right, evidence = _added_up(pairs.left, pairs.right, pairs.evidence, contributors)
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


def _copying(pairs: Pairs, group: Ints, seen: Ints, people: int) -> Bools:
    """bool[2 · contributors]: the groups, by number, whose evidence is more than chance and honest people's shared errors explain.

    On a task with h members the pairs count 2/h, as h labels of one source are h - 1 pieces of evidence.
    """
    size = 2 * len(group)
    within = np.flatnonzero(group[pairs.left] == group[pairs.right])
    name = group[pairs.left[within]]
    _, place, count = np.unique(pairs.task[within] * size + name, return_inverse=True, return_counts=True)
    members: Ints = np.asarray(np.searchsorted(_PAIRS_OF, count), dtype=np.int64)
    bits = np.zeros(size, np.int64)
    add_at(bits, name, 2 * pairs.evidence[within] // members[place])
    number = count_at(group, size)
    labels = np.zeros(size, np.int64)
    add_at(labels, group, seen)
    chance = BITS_A_GROUP + number * log2(people) // MEMBERS_A_NAME + labels * ONE // LABELS_A_BIT
    result: Bools = (number > 1) & (bits > chance)
    return result
