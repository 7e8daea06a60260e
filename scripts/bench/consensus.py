"""How often the consensus is right on the 14 real crowds: without audits and with, against two baselines, and what tuning is worth.

    python -m scripts.bench.consensus [--seeds 10] [--no-tuning]

Audits: a tenth of the tasks with a known answer, a panel of three, right in nine cases of ten; what counts is the other tasks.
Tuning: for each constant, the value that is best on 13 sets is taken on the 14th (leave one set out).
"""

import argparse
import random
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from labelshare.rules import consensus
from labelshare.rules.consensus import NO_VERDICT, audit_weight, fit
from labelshare.rules.fixed import ONE, Ints
from labelshare.rules.sums import Labels
from scripts.bench.incentives import AUDIT_RATE
from scripts.crowd_replay import DATA, load, panel_answer

PANEL = ("v0", "v1", "v2")
ACCURACY = 0.9
SETS = tuple(sorted(path.parent.name for path in DATA.glob("*/labels.csv.gz")))
TUNED = {
    "ITERATIONS": (4, 6, 8, 10, 12),
    "RIGHT_PRIOR": (0, 2, 4, 6),
    "CROWD_PRIOR": (0, 1, 2, 4),
    "SMOOTHING": (ONE // 32, ONE // 16, ONE // 8, ONE // 4),
    "KIND_PRIOR": (4, 8, 16, 32),
}


@dataclass(frozen=True)
class Set:
    """A crowd with its known answers, {task: class}."""

    name: str
    labels: Labels
    truth: dict[int, int]

    @staticmethod
    def read(name: str) -> "Set":
        crowd, truth, _ = load(name)
        task, worker, answer = np.array(crowd.labels).T
        return Set(name, Labels(task, worker, answer, len(crowd.tasks), len(crowd.workers), len(crowd.classes)), truth)

    def unaudited(self) -> Ints:
        return np.full(self.labels.tasks, NO_VERDICT)

    def audited(self, seed: int) -> Ints:
        """The verdicts of a sample; a panel without a plurality has none."""
        known, verdicts = sorted(self.truth), self.unaudited()
        for task in random.Random(f"audits {seed}").sample(known, -(-len(known) * AUDIT_RATE // 256)):
            said = [panel_answer(self.truth[task], ACCURACY, seed, self.labels.classes, v, task) for v in PANEL]
            if len(set(said)) < len(PANEL):
                verdicts[task] = statistics.mode(said)
        return verdicts

    def right(self, answers: Ints, verdicts: Ints) -> float:
        """The share of right answers among the tasks without a verdict."""
        return statistics.fmean(int(answers[task]) == k for task, k in self.truth.items() if verdicts[task] == NO_VERDICT)

    def rule(self, verdicts: Ints) -> float:
        nobody = np.zeros(self.labels.contributors, np.bool_)
        return self.right(fit(self.labels, verdicts, audit_weight(AUDIT_RATE), nobody).answers(), verdicts)

    def majority(self) -> float:
        return self.right(self._votes().argmax(axis=1), self.unaudited())

    def dawid_skene(self, iterations: int = 50) -> float:
        """Plain expectation maximisation, in floats."""
        labels, votes = self.labels, self._votes()
        posterior = (votes + 1e-9) / (votes + 1e-9).sum(axis=1, keepdims=True)
        for _ in range(iterations):
            skill = np.full((labels.contributors, labels.classes, labels.classes), 1e-2)
            np.add.at(skill, (labels.contributor, labels.answer), posterior[labels.task])
            skill = np.log(skill / skill.sum(axis=1, keepdims=True))
            odds = np.tile(np.log(posterior.mean(axis=0) + 1e-9), (labels.tasks, 1))
            np.add.at(odds, labels.task, skill[labels.contributor, labels.answer])
            posterior = np.exp(odds - odds.max(axis=1, keepdims=True))
            posterior /= posterior.sum(axis=1, keepdims=True)
        return self.right(posterior.argmax(axis=1), self.unaudited())

    def _votes(self) -> Ints:
        votes = np.zeros((self.labels.tasks, self.labels.classes), np.int64)
        np.add.at(votes, (self.labels.task, self.labels.answer), 1)
        return votes


@contextmanager
def tuned(constant: str, value: int) -> Iterator[None]:
    """The rule with another value of one of its constants."""
    shipped = getattr(consensus, constant)
    setattr(consensus, constant, value)
    try:
        yield
    finally:
        setattr(consensus, constant, shipped)


def leave_one_out(figures: dict[int, list[float]]) -> float:
    """The mean over the sets of the figure at the value that is best on the others; `figures` by value, then by set."""

    def best_without(left: int) -> int:
        return max(figures, key=lambda value: sum(figures[value]) - figures[value][left])

    return statistics.mean(figures[best_without(left)][left] for left in range(len(SETS)))


def show_sets(sets: list[Set], seeds: int) -> None:
    print(f"{'set':12} {'majority':>9} {'Dawid-Skene':>12} {'rule':>7} {'audited':>8}")
    rows = []
    for crowd in sets:
        audited = statistics.mean(crowd.rule(crowd.audited(seed)) for seed in range(seeds))
        rows.append((crowd.majority(), crowd.dawid_skene(), crowd.rule(crowd.unaudited()), audited))
        print("{:12} {:9.4f} {:12.4f} {:7.4f} {:8.4f}".format(crowd.name, *rows[-1]))
    print("{:12} {:9.4f} {:12.4f} {:7.4f} {:8.4f}".format("mean", *map(statistics.mean, zip(*rows, strict=True))))


def show_tuning(sets: list[Set]) -> None:
    everything: dict[int, list[float]] = {}
    for constant, values in TUNED.items():
        figures = {}
        for value in values:
            with tuned(constant, value):
                figures[value] = [crowd.rule(crowd.unaudited()) for crowd in sets]
            everything[len(everything)] = figures[value]
        means = "  ".join(f"{value}: {statistics.mean(of):.4f}" for value, of in figures.items())
        print(f"{constant:12} {means}  leave one set out: {leave_one_out(figures):.4f}")
    print(f"any one constant changed, leave one set out: {leave_one_out(everything):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--no-tuning", action="store_true")
    arguments = parser.parse_args()
    sets = [Set.read(name) for name in SETS]
    show_sets(sets, arguments.seeds)
    if not arguments.no_tuning:
        show_tuning(sets)


if __name__ == "__main__":
    main()
