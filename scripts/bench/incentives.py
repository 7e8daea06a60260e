"""What the rule pays whom: the demo's two settings over many seeds, in the library, without a chain.

    python -m scripts.bench.incentives [--seeds 20]
"""

import argparse
import random
import statistics
from collections import Counter
from dataclasses import dataclass

from labelshare.lab.measures import spearman
from labelshare.rules.entries import Role
from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, Settlement, SubmissionEvidence
from labelshare.rules.settlement import settle
from scripts.crowd_replay import Label, accuracy, load, majority, panel_answer, with_clique, worker_accuracy

REWARD = 10**18
AUDIT_RATE = 26
PANEL = 3
VALIDATORS = 12
SEATS = 3  # a validator: two seats of a panel may be one validator's


@dataclass(frozen=True)
class Outcome:
    accuracy: float
    majority: float
    spearman: float
    honest_net: float
    clique_net: float


def address(name: str) -> str:
    """A stable stand-in for a wallet's address."""
    return "0x" + name.encode().hex().rjust(40, "0")


def terms(classes: int, max_labels: int) -> RuleTerms:
    amounts = (REWARD, REWARD // 2, REWARD // 4, REWARD)
    return RuleTerms(classes, *amounts, AUDIT_RATE, 5000, 3, max_labels, 8000, 1000, 1000, address("req"))


def run(
    labels: list[Label], truth: dict[int, int], classes: int, seed: int, panel: int = PANEL
) -> tuple[Outcome, Settlement]:
    """One last round: a sample and a panel drawn by `seed`, settled by the rule."""
    rng = random.Random(f"round {seed}")
    tasks = 1 + max(task for task, _, _ in labels)
    sample = tuple(sorted(rng.sample(range(tasks), -(-tasks * AUDIT_RATE // 256))))
    seats = Counter(seat // SEATS for seat in rng.sample(range(VALIDATORS * SEATS), panel))

    def answers(validator: str) -> tuple[int, ...]:
        return tuple(panel_answer(truth.get(t, 0), 0.9, seed, classes, validator, t) for t in sample)

    ballots = tuple(Ballot(address(f"v{v}"), weight, answers(f"v{v}")) for v, weight in sorted(seats.items()))
    workers = sorted({worker for _, worker, _ in labels})
    by_worker = {w: tuple((t, k) for t, v, k in labels if v == w) for w in workers}
    submissions = tuple(SubmissionEvidence(address(w), 0, False, len(rows), rows) for w, rows in by_worker.items())
    evidence = RoundEvidence(1, seed.to_bytes(32, "big"), True, tasks, sample, submissions, ballots)
    result = settle(terms(classes, 64), [evidence])
    pay = {e.account: (e.reward - e.slash) / REWARD for e in result.entries if e.role == Role.CONTRIBUTOR}
    rate = {w: pay[address(w)] / len(by_worker[w]) for w in workers}
    hits = worker_accuracy(labels, truth)
    judged = [w for w in workers if w in hits]

    def net(mark: str) -> float:
        group = [w for w in workers if w.startswith(mark)]
        return sum(pay[address(w)] for w in group) / max(1, sum(len(by_worker[w]) for w in group))

    outcome = Outcome(
        accuracy=accuracy(dict(enumerate(result.consensus)), truth),
        majority=accuracy(majority(labels), truth),
        spearman=spearman([rate[w] for w in judged], [hits[w] for w in judged]),
        honest_net=net("w"),
        clique_net=net("c"),
    )
    return outcome, result


def setting(name: str, clique: float, seed: int, panel: int = PANEL) -> Outcome:
    crowd, truth, labels = load(name)
    classes = len(crowd.classes)
    if clique:
        labels = with_clique(labels, clique, seed, classes)
    return run(labels, truth, classes, seed, panel)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    columns = ("set", "clique", "accuracy min/median", "majority", "spearman min/median", "honest", "clique mean/max")
    print("{:10} {:>6} {:>20} {:>8} {:>20} {:>7} {:>16}".format(*columns))
    for name, clique in (("bluebird", 0.0), ("rte", 0.0), ("rte", 0.2), ("rte", 0.33)):
        rows = [setting(name, clique, seed) for seed in seeds]
        accuracies, ranks = [r.accuracy for r in rows], [r.spearman for r in rows]
        nets = [r.clique_net for r in rows]
        print(
            f"{name:10} {clique:6.2f} {min(accuracies):9.4f}/{statistics.median(accuracies):9.4f}  {rows[0].majority:8.4f} "
            f"{min(ranks):9.3f}/{statistics.median(ranks):9.3f}  {statistics.mean(r.honest_net for r in rows):+7.3f} "
            f"{statistics.mean(nets):+7.3f}/{max(nets):+7.3f}"
        )


if __name__ == "__main__":
    main()
