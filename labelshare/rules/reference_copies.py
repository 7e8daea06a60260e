"""The copies test of `kappa-2` in plain Python (K13): the part of `reference` that finds groups who agree too often."""

from collections import Counter, defaultdict
from itertools import combinations

from labelshare.rules.reference_model import ONE, Model, Row, Task, by_class, exp2, log2, normalised

Bits = dict[tuple[int, int], int]  # evidence between two numbers, the lower one first


def copies(model: Model, known: set[str]) -> set[str]:
    """Members of groups that copy. Those in `known` are left out: they were found before."""
    labeled = Counter(person for _, person in model.labels)
    people = sorted(labeled)
    number = {person: i for i, person in enumerate(people)}
    among = {person for person in people if labeled[person] >= 6 and person not in known}
    said: dict[Task, dict[str, int]] = {task: {} for task in model.tasks}
    for (task, person), x in model.labels.items():
        said[task][person] = x
    step = 1 + sum(len(of) * (len(of) - 1) // 2 for of in said.values()) // 2**19
    pairs = [
        (task, number[one], number[two], evidence(model, task, one, two, said[task]))
        for task in model.tasks[::step]
        for one, two in combinations(sorted(among & set(said[task])), 2)
    ]
    between: Bits = Counter()
    for _, one, two, bits in pairs:
        between[one, two] = between.get((one, two), 0) + bits
    group = joined(between, len(people))
    inside: dict[tuple[Task, int], Row] = defaultdict(list)
    for task, one, two, bits in pairs:
        if group[one] == group[two]:
            inside[task, group[one]].append(bits)
    total: Counter[int] = Counter()
    for (_, name), row in inside.items():
        members = next(h for h in range(2, len(people) + 1) if h * (h - 1) // 2 >= len(row))
        total[name] += sum(2 * bits // members for bits in row)
    found = set()
    for person in among:
        mine = [other for other in people if group[number[other]] == group[number[person]]]
        seen = sum(other in said[task] for task in model.tasks[::step] for other in mine)
        chance = 8 * ONE + len(mine) * log2(len(among)) // 4 + seen * ONE // 32
        if len(mine) > 1 and total[group[number[person]]] > chance:
            found.add(person)
    return found


def evidence(model: Model, task: Task, one: str, two: str, said: dict[str, int]) -> int:
    """Of two labels of a task, in bits: how likely one is as a copy of the other, against how likely between honest people."""
    odds = [all_ - a - b for all_, a, b in zip(model.LO[task], model.own(task, one), model.own(task, two), strict=True)]
    belief = model.known.get(task) or by_class(normalised(odds))
    given = {who: [exp2(-row[said[who]]) for row in model.skill_of_class[who]] for who in (one, two)}
    both = sum(p * a * b // (ONE * ONE) for p, a, b in zip(belief, given[one], given[two], strict=True))
    same = said[one] == said[two]
    expected = 0
    for told, other in ((one, two), (two, one)):
        by_skill = both * ONE // (sum(p * a for p, a in zip(belief, given[told], strict=True)) // ONE + 1)
        alike = list(said.values()).count(said[other]) - 1 - same
        expected += log2(max(by_skill, (alike * ONE + 4 * by_skill) // (len(said) - 2 + 4)))
    slip = ONE // (16 * len(model.K))
    return log2(ONE - ONE // 16 + slip if same else slip) - expected // 2


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
