"""Random histories of datasets, with what the scoring rule tells apart: copiers, liars, open labels, exits, one class."""

import random
from dataclasses import replace

from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, SubmissionEvidence
from scripts.bench.incentives import address


def random_terms(rng: random.Random) -> RuleTerms:
    amounts = rng.choice([(1000, 400, 250, 1000), (10**18, 5 * 10**17, 10**16, 10**18), (7, 3, 1, 5)])
    split = rng.choice([(8000, 1000, 1000), (9000, 700, 300), (10_000, 0, 0)])
    rate, most = rng.choice([26, 64, 64, 128]), rng.randint(3, 9)
    return RuleTerms(rng.randint(2, 5), *amounts, rate, rng.choice([3000, 5000, 10_000]), 3, most, *split, address("req"))


class Dataset:
    """People with habits of their own, whose rounds are drawn one after the other."""

    def __init__(self, rng: random.Random, terms: RuleTerms) -> None:
        self.rng, self.terms = rng, terms
        self.one_class = rng.random() < 0.2
        habits = [0.3, 1.0, 1.0, 1.0] if self.one_class else [0.3, 0.8, 0.95]
        self.accuracy = {address(f"p{i}"): rng.choice(habits) for i in range(rng.randint(3, 8))}
        self.clique = [address(f"c{i}") for i in range(0 if self.one_class else rng.choice([0, 0, 3, 4]))]
        self.sequences: dict[str, int] = {}

    def round(self, number: int, last: bool) -> RoundEvidence:
        rng, tasks = self.rng, self.rng.randint(16, 22) if self.clique else self.rng.randint(3, 14)
        truth = [0 if self.one_class else rng.randrange(self.terms.classes) for _ in range(tasks)]
        copied = [rng.randrange(self.terms.classes) for _ in range(tasks)]
        sample = tuple(sorted(rng.sample(range(tasks), -(-tasks * self.terms.audit_rate // 256))))
        submissions = [self._submission(name, truth, accuracy) for name, accuracy in self.accuracy.items() if rng.random() < 0.8]
        submissions += [self._submission(name, truth, accuracy) for name, accuracy in self.accuracy.items() if rng.random() < 0.2]
        submissions += [self._submission(name, copied, 1.0) for name in self.clique]
        ballots = tuple(self._ballot(address(f"v{v}"), truth, sample) for v in rng.sample(range(5), rng.randint(0, 4)))
        exited = not last and rng.random() < 0.25
        if exited and rng.random() < 0.5:
            sample, ballots = (), ()  # its audit failed
        return RoundEvidence(number, rng.randbytes(32), last, tasks, sample, tuple(submissions), ballots, exited)

    def _submission(self, name: str, answers: list[int], accuracy: float) -> SubmissionEvidence:
        rng, tasks = self.rng, len(answers)
        chosen = rng.sample(range(-1, tasks + 1), rng.choice([0, tasks // 2, tasks, tasks])) if rng.random() < 0.3 else range(tasks)
        labels = [(task, self._answer(answers[task % tasks], accuracy)) for task in chosen]
        if labels and rng.random() < 0.03:
            labels.append(labels[0])
        open_path = rng.random() < 0.25
        void = open_path and rng.random() < 0.3
        sequence = self.sequences[name] = self.sequences.get(name, -1) + 1
        return SubmissionEvidence(name, sequence, open_path, len(labels) + (rng.random() < 0.05), tuple(labels), void)

    def _ballot(self, name: str, truth: list[int], sample: tuple[int, ...]) -> Ballot:
        accuracy = 1.0 if self.one_class else self.rng.choice([0.2, 0.9, 0.9])
        return Ballot(name, self.rng.choice([1, 1, 1, 2]), tuple(self._answer(truth[task], accuracy) for task in sample))

    def _answer(self, right: int, accuracy: float) -> int:
        """Now and then a class that there is not."""
        return right if self.rng.random() < accuracy else self.rng.randrange(self.terms.classes + 1)


def random_history(seed: int) -> tuple[RuleTerms, list[RoundEvidence]]:
    """Terms, and one to three rounds whose last one did not exit, sometimes a closing round."""
    rng = random.Random(seed)
    terms = random_terms(rng)
    dataset = Dataset(rng, terms)
    count = rng.randint(1, 3)
    last = rng.random() < 0.5
    rounds = [dataset.round(number, last and number == count) for number in range(1, count + 1)]
    if rounds[-1].exited or (not last and rng.random() < 0.3):
        rounds.append(RoundEvidence(count + 1, b"", True, 0, (), (), ()))
    return terms, rounds


def shuffled(rng: random.Random, evidence: RoundEvidence) -> RoundEvidence:
    """The round with everything in another order that may come in any."""
    submissions = [replace(s, labels=tuple(rng.sample(s.labels, len(s.labels)))) for s in evidence.submissions]
    rng.shuffle(submissions)
    ballots = tuple(rng.sample(evidence.ballots, len(evidence.ballots)))
    return replace(evidence, submissions=tuple(submissions), ballots=ballots)
