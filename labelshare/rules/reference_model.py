"""The consensus of `kappa-3` in plain Python (K1, K4, K7): the part of `reference` that models what is believed of each task.

A task is (round id, index), a person an account, labels are {(task, person): answer}; P, S, LO, λ, q and D are those of K4–K7.
A row over states has all classes as easy tasks, then all as hard ones. Numbers are integers of 1/ONE.
"""

from copy import copy
from functools import cache
from math import isqrt

from labelshare.rules.history import RuleTerms

ONE = 1 << 16
Row = list[int]
Task = tuple[int, int]
Labels = dict[tuple[Task, str], int]
Said = list[tuple[int, int, Row]]  # weight, answer, and how much each class was right


@cache
def log2_table() -> Row:
    """K1. round(ONE · log2(1 + (i + ½)/4096)), from its first 20 binary digits."""
    table = []
    for i in range(4096):
        x, digits = (2 * (4096 + i) + 1) << 87, 0  # in units of 2^-100
        for _ in range(20):
            x = x * x >> 100
            digits = 2 * digits + (x >> 101)
            x >>= x >> 101
        table.append((digits + 8) >> 4)
    return table


@cache
def exp2_table() -> Row:
    """K1. floor(ONE · 2^(−i/4096)): powers of the 4,096th root of ½, which is twelve square roots."""
    table, x, root = [], 1 << 160, 1 << 159  # in units of 2^-160
    for _ in range(12):
        root = isqrt(root << 160)
    for _ in range(4096):
        table.append(x >> 144)
        x = x * root >> 160
    return table


def log2(n: int) -> int:
    exponent = max(n, 1).bit_length() - 1
    return exponent * ONE + log2_table()[(max(n, 1) << 12 >> exponent) - 4096]


def exp2(x: int) -> int:
    return exp2_table()[x % ONE // 16] >> x // ONE


def normalised(log_odds: Row, possible: Row | None = None) -> Row:
    """`possible`: 0 for each state that a verdict rules out; without one, all are."""
    highest, may = max(log_odds), possible or [1] * len(log_odds)
    likelihood = [(exp2(highest - odds) + 1) * (left > 0) for odds, left in zip(log_odds, may, strict=True)]
    total = sum(likelihood)
    return [x * ONE // total for x in likelihood]


def by_class(states: Row) -> Row:
    half = len(states) // 2
    return [easy + hard for easy, hard in zip(states[:half], states[half:], strict=True)]


class Model:
    """K4. What is believed of the tasks when the low and the flagged are muted; verdicts are {task: class}."""

    def __init__(
        self, terms: RuleTerms, tasks: list[Task], labels: Labels, verdicts: dict[Task, int], low: set[str], flagged: set[str]
    ) -> None:
        self.terms, self.tasks, self.labels, self.low, self.flagged = terms, tasks, labels, low, flagged
        self.K, self.muted = range(terms.classes), low | flagged
        self.weight = min(2, (512 + terms.audit_rate) // (2 * terms.audit_rate))  # K3
        self.known = {task: [ONE * (k == verdict) for k in self.K] for task, verdict in verdicts.items()}
        votes = {task: [0 for _ in self.K] for task in tasks}
        for (task, person), x in labels.items():
            votes[task][x] += person not in self.muted
        shares = {task: [n * ONE // sum(row) if any(row) else ONE // len(row) for n in row] for task, row in votes.items()}
        P = shares | self.known
        if verdicts:
            n = self.counts(self.known)
            prior = self.crowd(n)
            audited = {person: [self.confusion(row, prior[k])[1] for k, row in enumerate(of)] for person, of in n.items()}
            self.sum_up(audited, [sum(row[k] for row in self.known.values()) for k in self.K])
            P = {task: [(p + q) // 2 for p, q in zip(shares[task], normalised(self.LO[task]), strict=True)] for task in tasks}
            P |= self.known
        easy = {task: max(shares[task]) for task in tasks}
        S = {task: [p * part // ONE for part in (easy[task], ONE - easy[task]) for p in P[task]] for task in tasks}
        for _ in range(8):
            self.learn(S)
            S = self.believed()
        self.P = {task: by_class(row) for task, row in S.items()} | self.known
        total = [sum(row[k] for row in self.P.values()) for k in self.K]
        self.q = [n * ONE // max(sum(total), 1) for n in total]
        self.D = ONE - sum(share * share for share in self.q) // ONE

    def without(self, people: set[str]) -> "Model":
        """K13. What is believed two steps on, with these muted too."""
        others = copy(self)
        others.muted = self.muted | people
        common = [sum(column) for column in zip(*map(normalised, self.LO.values()), strict=True)]
        others.sum_up(self.skill, common)
        others.learn(others.believed())
        return others

    def believed(self) -> dict[Task, Row]:
        """S from LO: an audited task has a state of its verdict's class."""
        anything = [1 for _ in self.K]
        return {task: normalised(row, self.known.get(task, anything) * 2) for task, row in self.LO.items()}

    def counts(self, S: dict[Task, Row]) -> dict[str, list[Row]]:
        """n: how often each person gave each answer, by class or state."""
        n = {person: [[0 for _ in self.K] for _ in next(iter(S.values()))] for _, person in self.labels}
        for (task, person), x in self.labels.items():
            for row, share in zip(n[person], S.get(task, ()), strict=False):
                row[x] += share * (self.weight if task in self.known else 1)
        return n

    def crowd(self, n: dict[str, list[Row]]) -> list[Row]:
        """The pseudo-labels of each class: four right ones, one of the crowd's, a sixty-fourth of each answer."""
        said = [[sum(n[person][k][x] for person in n if person not in self.muted) for x in self.K] for k in self.K]
        return [[4 * ONE * (k == x) + row[x] * ONE // max(sum(row), 1) + ONE // 64 for x in self.K] for k, row in enumerate(said)]

    def confusion(self, counts: Row, prior: Row) -> tuple[Row, Row]:
        """A and λ of a class."""
        A = [count + more for count, more in zip(counts, prior, strict=True)]
        return A, [log2(count) - log2(sum(A)) for count in A]

    def learn(self, S: dict[Task, Row]) -> None:
        """λ of everyone from their labels of all tasks, then LO from λ and S."""
        n = self.counts(S)
        of_class = {person: [by_class([*of[k], *of[k + len(self.K)]]) for k in self.K] for person, of in n.items()}
        prior = self.crowd(of_class)
        self.skill_of_class: dict[str, list[Row]] = {}
        skill: dict[str, list[Row]] = {}
        for person, of in n.items():
            known = [self.confusion(of_class[person][k], prior[k]) for k in self.K]
            self.skill_of_class[person] = [lam for _, lam in known]
            skill[person] = [self.of_kind(row, *known[s % len(self.K)], s) for s, row in enumerate(of)]
        self.sum_up(skill, [sum(column) for column in zip(*S.values(), strict=True)])

    def of_kind(self, counts: Row, A: Row, skill: Row, state: int) -> Row:
        """λ of a state from its counts and the A and λ of its class: on hard tasks nobody is right more often."""
        hard, right = divmod(state, len(self.K))
        result = []
        for x in self.K:
            share = A[x] * ONE // sum(A) + 1
            told = log2(counts[x] + 8 * share) - log2(sum(counts) + 8 * ONE) - log2(share) + log2(ONE)
            if hard:
                told = min(told, 0) if x == right else max(told, 0)
            result.append(min(skill[x] + told, 0))
        return result

    def sum_up(self, skill: dict[str, list[Row]], common: Row) -> None:
        """LO of all tasks, of classes or states as common as these."""
        self.skill = skill
        prior = [log2(count + ONE) - log2(sum(common) + len(common) * ONE) for count in common]
        self.LO = dict.fromkeys(self.tasks, prior)
        for task, person in self.labels:
            self.LO[task] = [odds + own for odds, own in zip(self.LO[task], self.own(task, person), strict=True)]

    def own(self, task: Task, person: str) -> Row:
        """What a label adds to its task's log-odds."""
        return [0 if person in self.muted else row[self.labels[task, person]] for row in self.skill[person]]

    def others_say(self, task: Task, person: str) -> Row:
        """p⁻ⁱ of K6 and K7."""
        return by_class(normalised([odds - own for odds, own in zip(self.LO[task], self.own(task, person), strict=True)]))

    def kappa(self, said: Said) -> int:
        """K7. κ of whoever said these: over chance in all tasks, and over chance in their own others; the lower of the two."""
        total, own = max(sum(weight for weight, _, _ in said), 1), sum(weight * right[x] for weight, x, right in said)
        base = [max(share, max(self.q) // 2) for share in self.q]
        spread = sum(share * (ONE - chance) for share, chance in zip(self.q, base, strict=True)) // ONE
        in_all = (own - sum(weight * base[x] for weight, x, _ in said)) * ONE // (total * max(spread, 1))
        known = [sum(weight * right[k] for weight, _, right in said) + self.q[k] for k in self.K]
        spread = max(ONE - sum((n // (total + 1)) ** 2 for n in known) // ONE, self.D // 2, 1)
        in_own = (own + own // total - sum(weight * (known[x] // total) for weight, x, _ in said)) * ONE // (total * spread)
        return max(-ONE, min(ONE, in_all, in_own))
