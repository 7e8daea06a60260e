"""Replaying a real crowd with seeded company: cliques of copying spammers, panels of a given accuracy, and the measures of both."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from labelshare.crowd import Crowd, read_labels, read_truth

DATA = Path(__file__).resolve().parent.parent / "data"
Label = tuple[int, str, int]


def load(name: str) -> tuple[Crowd, dict[int, int], list[Label]]:
    """A crowd of data/, its truth, and its labels as (task, worker, class) with workers named w0, w1, …"""
    crowd = read_labels(DATA / name / "labels.csv.gz")
    truth = read_truth(DATA / name / "truth.csv.gz", crowd)
    return crowd, truth, [(task, f"w{worker}", answer) for task, worker, answer in crowd.labels]


def with_clique(labels: Sequence[Label], share: float, seed: int, classes: int, labels_per_identity: int = 60) -> list[Label]:
    """The crowd with a random `share` of its label seats taken by identities c0, c1, …, all giving one random answer to a task."""
    rng = random.Random(f"clique {seed}")
    seats = set(rng.sample(range(len(labels)), round(share * len(labels))))
    answer_to: dict[int, int] = {}
    identities: list[set[int]] = []
    replayed = []
    for seat, (task, worker, answer) in enumerate(labels):
        if seat not in seats:
            replayed.append((task, worker, answer))
            continue
        free = next((i for i, done in enumerate(identities) if task not in done and len(done) < labels_per_identity), None)
        if free is None:
            free = len(identities)
            identities.append(set())
        identities[free].add(task)
        replayed.append((task, f"c{free}", answer_to.setdefault(task, rng.randrange(classes))))
    return replayed


def panel_answer(truth: int, accuracy: float, seed: int, classes: int, validator: str, task: int) -> int:
    """A validator's answer to a task: the truth with the given probability, else another class at random."""
    rng = random.Random(f"panel {seed} {validator} {task}")
    if rng.random() < accuracy:
        return truth
    return rng.choice([k for k in range(classes) if k != truth])


def majority(labels: Sequence[Label]) -> dict[int, int]:
    """The commonest answer of each task, the lowest of equals."""
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    for task, _, answer in labels:
        votes[task][answer] += 1
    return {task: min(count, key=lambda k, c=count: (-c[k], k)) for task, count in votes.items()}


def accuracy(answers: dict[int, int], truth: dict[int, int]) -> float:
    """The share of tasks with a known truth that are answered right."""
    return sum(answers.get(task) == answer for task, answer in truth.items()) / len(truth)


def worker_accuracy(labels: Sequence[Label], truth: dict[int, int]) -> dict[str, float]:
    """The share of each worker's labels that is right, over tasks with a known truth."""
    right: dict[str, list[bool]] = defaultdict(list)
    for task, worker, answer in labels:
        if task in truth:
            right[worker].append(truth[task] == answer)
    return {worker: sum(hits) / len(hits) for worker, hits in right.items()}
