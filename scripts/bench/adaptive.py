"""How many labels a task needs when asking stops at a sure consensus (K12), against a majority vote with a fixed number.

    python -m scripts.bench.adaptive [--seeds 3]

Each crowd's labels of a task arrive in a random order. Every task gets the minimum; then, in passes, each task that still wants a
label gets its next one, if the crowd has one, and the consensus is fitted anew. Truth is only looked at to print the accuracy.
"""

import argparse
import random
import statistics
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from labelshare.rules.consensus import NO_VERDICT, fit, wants_label
from labelshare.rules.sums import Labels
from scripts.crowd_replay import Label, accuracy, load, majority

MINIMUM, MAXIMUM = 3, 9
FIXED = (3, 5, 7, 9)
SETS = (
    *("adult", "bluebird", "dog", "face", "music", "possent", "product"),
    *("relevance", "rte", "sp", "sp_amt", "weather", "weather_amt", "zc_all"),
)


def orders(labels: Sequence[Label], seed: int) -> dict[int, list[Label]]:
    """The labels of each task in the order in which they arrive."""
    by_task: dict[int, list[Label]] = defaultdict(list)
    for label in labels:
        by_task[label[0]].append(label)
    rng = random.Random(seed)
    for task in sorted(by_task):
        rng.shuffle(by_task[task])
    return by_task


def consensus(labels: Sequence[Label], classes: int) -> tuple[dict[int, int], dict[int, int]]:
    """(class, max P) by task."""
    workers = {worker: i for i, worker in enumerate(sorted({worker for _, worker, _ in labels}))}
    tasks = {task: i for i, task in enumerate(sorted({task for task, _, _ in labels}))}
    columns = np.array([(tasks[t], workers[w], k) for t, w, k in labels], np.int64)
    table = Labels(columns[:, 0], columns[:, 1], columns[:, 2], len(tasks), len(workers), classes)
    posterior = fit(table, np.full(len(tasks), NO_VERDICT), 1, np.zeros(len(workers), np.bool_)).posterior
    return (
        {task: int(posterior[:, i].argmax()) for task, i in tasks.items()},
        {task: int(posterior[:, i].max()) for task, i in tasks.items()},
    )


def adaptive(arrivals: dict[int, list[Label]], classes: int) -> tuple[dict[int, int], int]:
    """(class by task, labels used)."""
    used = {task: min(MINIMUM, len(coming)) for task, coming in arrivals.items()}
    while True:
        answers, sure = consensus([label for task in arrivals for label in arrivals[task][: used[task]]], classes)
        more = []
        for task, coming in arrivals.items():
            agreeing = sum(answer == answers[task] for _, _, answer in coming[: used[task]])
            if used[task] < len(coming) and wants_label(sure[task], agreeing, used[task], MINIMUM, MAXIMUM):
                more.append(task)
        if not more:
            return answers, sum(used.values())
        for task in more:
            used[task] += 1


def measure(name: str, seeds: int) -> list[float]:
    """Labels a task and accuracy of the adaptive replay, then the accuracy of a majority vote with each fixed number."""
    crowd, truth, labels = load(name)
    rows = []
    for seed in range(seeds):
        arrivals = orders(labels, seed)
        answers, used = adaptive(arrivals, len(crowd.classes))
        votes = [accuracy(majority([x for coming in arrivals.values() for x in coming[:count]]), truth) for count in FIXED]
        rows.append([used / len(arrivals), accuracy(answers, truth), *votes])
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    print(f"{'set':12} {'there are':>9} {'labels a task':>14} {'accuracy':>9}" + "".join(f"{f'vote of {n}':>11}" for n in FIXED))
    table = {}
    for name in SETS:
        _, _, labels = load(name)
        there = len(labels) / len({task for task, _, _ in labels})
        table[name] = [there, *measure(name, seeds)]
        print_row(name, table[name])
    for text, names in (("all", list(table)), ("7 or more", [n for n in table if table[n][0] >= 7])):
        print_row(text, [statistics.mean(column) for column in zip(*(table[n] for n in names), strict=True)])


def print_row(text: str, row: list[float]) -> None:
    print(f"{text:12} {row[0]:9.2f} {row[1]:14.2f} {row[2]:9.4f}" + "".join(f"{v:11.4f}" for v in row[3:]))


if __name__ == "__main__":
    main()
