"""The copies test of `kappa-3` in plain Python (K13): the part of `reference` that finds groups who agree too often."""

from collections import Counter, defaultdict
from itertools import combinations
from math import isqrt

from labelshare.rules.reference_model import ONE, Model, Row, Task, by_class, exp2, log2, normalised

MOST_PAIRS = 2**19  # of labels that are compared
Bits = dict[tuple[int, int], int]  # evidence between two numbers, the lower one first
Pair = tuple[Task, str, str, int, int]  # evidence and hint that one of two people copied the other's label of a task
Said = dict[Task, dict[str, int]]  # by task and person


def copies(model: Model, known: set[str]) -> set[str]:
    """Members of the groups whose copying is plainest. Those in `known` are left out: they were found before."""
    labeled = Counter(person for _, person in model.labels)
    people = sorted(labeled)
    among = {person for person in people if labeled[person] >= 6 and person not in known}
    said: Said = {task: {} for task in model.tasks}
    for (task, person), x in model.labels.items():
        said[task][person] = x
    every = stride(model)
    among &= set(people[len(model.labels) % every :: every])
    pairs = pairs_of(model, said, among)
    plainness: dict[frozenset[str], int] = {}
    for which in (0, 1):  # by evidence, by hints
        between: Bits = Counter()
        for _, one, two, *strength in pairs:
            a, b = people.index(one), people.index(two)
            between[a, b] = between.get((a, b), 0) + strength[which]
        group = dict(zip(people, joined(between, len(people)), strict=True))
        for name in set(group.values()):
            members = frozenset(person for person in among if group[person] == name)
            if len(members) > 1:
                plainness[members] = plain(model, said, members, pairs, labeled, among)
    most = max(plainness.values(), default=0)
    return {person for members, each in plainness.items() if each > 0 and 4 * each >= 3 * most for person in members}


def stride(model: Model) -> int:
    """Every how manieth contributor is looked at."""
    together = Counter(task for task, _ in model.labels)
    return 1 + isqrt(sum(h * (h - 1) // 2 for h in together.values()) // MOST_PAIRS)


def plain(model: Model, said: Said, members: frozenset[str], pairs: list[Pair], labeled: Counter[str], among: set[str]) -> int:
    """The evidence a label of a group that copies, in bits; 0 of another."""
    labels = sum(labeled[person] for person in members)
    if 16 * labels >= sum(labeled[person] for person in among):
        pairs = pairs_of(model.without(set(members)), said, set(members))
    inside: dict[Task, Row] = defaultdict(list)
    for task, one, two, bits, _ in pairs:
        if {one, two} <= members:
            inside[task].append(bits)
    total = 0
    for row in inside.values():
        h = next(h for h in range(2, len(members) + 1) if h * (h - 1) // 2 >= len(row))
        total += sum(2 * bits // h for bits in row)
    chance = 8 * ONE + len(members) * log2(len(among)) // 4 + labels * ONE // 24
    return total // labels if total > chance else 0


def pairs_of(model: Model, said: Said, among: set[str]) -> list[Pair]:
    """Every two labels of a task by people of a set, with the evidence and the hint of each pair."""
    return [
        (task, one, two, *evidence(model, task, one, two, of))
        for task, of in said.items()
        for one, two in combinations(sorted(among & set(of)), 2)
    ]


def evidence(model: Model, task: Task, one: str, two: str, said: dict[str, int]) -> tuple[int, int]:
    """Of two labels of a task, in bits: how likely one is as a copy of the other, against how likely between honest people, at the
    higher and at the lower of two expectations."""
    odds = [all_ - a - b for all_, a, b in zip(model.LO[task], model.own(task, one), model.own(task, two), strict=True)]
    belief = model.known.get(task) or by_class(normalised(odds))
    given = {who: [exp2(-row[said[who]]) for row in model.skill_of_class[who]] for who in (one, two)}
    both = sum(p * a * b // (ONE * ONE) for p, a, b in zip(belief, given[one], given[two], strict=True))
    same = said[one] == said[two]
    most, least = 0, 0
    for told, other in ((one, two), (two, one)):
        by_skill = both * ONE // (sum(p * a for p, a in zip(belief, given[told], strict=True)) // ONE + 1)
        alike = list(said.values()).count(said[other]) - 1 - same
        by_task = (alike * ONE + 4 * by_skill) // (len(said) - 2 + 4)
        most, least = most + log2(max(by_skill, by_task)), least + log2(min(by_skill, by_task))
    slip = ONE // (64 * len(model.K))
    copied = log2(ONE - ONE // 64 + slip if same else slip)
    return copied - most // 2, copied - least // 2


def joined(between: Bits, size: int) -> Row:
    """A group for each number: those who are each other's best partner join, as long as evidence adds up; then everyone goes where
    most evidence is, or alone where none speaks for copying."""
    group, left = list(range(size)), dict(between)
    for _ in range(64):
        best = [best_of({b if a == i else a: n for (a, b), n in left.items() if i in (a, b)}) for i in range(size)]
        into = [best[i] if 0 <= best[i] < i and best[best[i]] == i else i for i in range(size)]
        if into == list(range(size)):
            break
        group, more = [into[g] for g in group], Counter[tuple[int, int]]()
        for (a, b), n in left.items():
            a, b = sorted((into[a], into[b]))
            if a != b:
                more[a, b] += n
        left = dict(more)
    for _ in range(8):
        moved = list(group)
        for i in range(size):
            bits: Counter[int] = Counter()
            for (a, b), n in between.items():
                if i in (a, b):
                    bits[group[b if a == i else a]] += n
            own = bits[group[i]]
            better = {g: n for g, n in bits.items() if n > max(own, 0)}
            moved[i] = best_of(better) if better else size + i if own < 0 else group[i]
        if moved == group:
            break
        group = moved
    return group


def best_of(bits: dict[int, int]) -> int:
    """Whoever has most evidence, if it speaks for copying; the lowest of equals, -1 for nobody."""
    return min((g for g, n in bits.items() if n == max(bits.values())), default=-1) if max(bits.values(), default=0) > 0 else -1
