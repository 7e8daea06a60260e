"""The same bytes whatever the order of the input, its types, the cut into blocks and the number of threads."""

import dataclasses
import hashlib
import random
from collections.abc import Sequence

import numpy as np
import pytest

from labelshare.rules.consensus import NO_VERDICT
from labelshare.rules.entries import settlement_root
from labelshare.rules.history import Settlement
from labelshare.rules.kappa import Scores, score
from labelshare.rules.settlement import settle
from labelshare.rules.sums import MAX_LABELS, MAX_TASKS, ONE_THREAD, Labels, Split
from tests.unit.histories import random_history, shuffled

SPLITS = [Split(1, 1), Split(7, 1), Split(64, 2), Split(1000, 3), Split(1 << 20, 8), Split(100, 8)]
PINNED = "04a9b2a1b4f972913dc23f96c2b108745264e61b1c73fcec79f3f50545a61a54"


@dataclasses.dataclass(frozen=True)
class Crowd:
    """A crowd of honest people, liars and a clique, with verdicts on a tenth of its tasks."""

    task: np.ndarray
    contributor: np.ndarray
    answer: np.ndarray
    verdicts: np.ndarray
    contributors: int = 60
    classes: int = 4

    def labels(self, split: Split, order: Sequence[int] | None = None, kind: str = "=i8") -> Labels:
        columns = [column if order is None else column[order] for column in (self.task, self.contributor, self.answer)]
        task, contributor, answer = (column.astype(kind) for column in columns)
        return Labels(task, contributor, answer, len(self.verdicts), self.contributors, self.classes, split)


def crowd() -> Crowd:
    rng, tasks, people, classes = random.Random(1), 1500, 60, 4
    truth = [rng.randrange(classes) for _ in range(tasks)]
    copied = [rng.randrange(classes) for _ in range(tasks)]
    rows = []
    for task in range(tasks):
        for person in rng.sample(range(people), rng.choice([0, 1, 3, 5, 9])):
            right = copied[task] if person < 8 else truth[task]
            rows.append((task, person, right if person < 8 or rng.random() < 0.5 + person / 130 else rng.randrange(classes)))
    verdicts = [answer if rng.random() < 0.1 else NO_VERDICT for answer in truth]
    task, person, answer = np.array(rows, dtype=np.int64).T
    return Crowd(task, person, answer, np.array(verdicts, dtype=np.int64))


def digest(scores: Scores) -> str:
    """Of everything that the rule found, the arrays in one byte order."""
    hashed = hashlib.sha256()
    for part in (scores.consensus, scores):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if not dataclasses.is_dataclass(value):
                hashed.update(np.ascontiguousarray(np.asarray(value), dtype="<i8").tobytes())
    return hashed.hexdigest()


def as_bytes(settlement: Settlement) -> bytes:
    parts = (settlement.consensus, settlement.confidence, settlement.scores, settlement.validator_scores)
    return settlement_root(1, settlement.entries) + repr(parts).encode()


def test_a_crowd_scores_as_it_always_did() -> None:
    """Pinned: another numpy, another machine, another version of this code must come to the same bytes."""
    found = crowd()
    scores = score(found.labels(ONE_THREAD), found.verdicts, 2)
    assert int(scores.low.sum()) >= 3
    assert int(scores.flagged.sum()) >= 5
    assert digest(scores) == PINNED


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_no_cut_and_no_number_of_threads_changes_a_score(split: Split) -> None:
    found = crowd()
    assert digest(score(found.labels(split), found.verdicts, 2)) == PINNED


@pytest.mark.parametrize("kind", [">i8", "<i8", ">i4", "<i2", "u2"])
def test_neither_order_nor_byte_order_nor_width_of_the_columns_changes_a_score(kind: str) -> None:
    found = crowd()
    order = list(range(len(found.task)))
    random.Random(kind).shuffle(order)
    verdicts = found.verdicts.astype(kind.replace("u", ">i"))
    assert digest(score(found.labels(Split(200, 2), order, kind), verdicts, 2)) == PINNED


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_settlements_are_the_same_bytes_in_any_order_on_any_number_of_threads(threads: int) -> None:
    rng = random.Random(threads)
    for seed in range(30):
        terms, rounds = random_history(seed)
        expected = as_bytes(settle(terms, rounds))
        again = [shuffled(rng, evidence) for evidence in rng.sample(rounds, len(rounds))]
        assert as_bytes(settle(terms, again, Split(rng.choice([1, 5, 40]), threads))) == expected



def test_labels_beyond_the_bounds_of_the_arithmetic_are_refused() -> None:
    none, zeros = np.zeros(0, np.int64), np.broadcast_to(np.int64(0), (MAX_LABELS + 1,))
    with pytest.raises(ValueError, match="the rule takes"):
        Labels(none, none, none, MAX_TASKS + 1, 1, 2)
    with pytest.raises(ValueError, match="the rule takes"):
        Labels(zeros, zeros, zeros, 1, 1, 2)
    with pytest.raises(ValueError, match="1 contributor indices for 2 labels"):
        Labels(zeros[:2], zeros[:1], zeros[:2], 1, 1, 2)


@pytest.mark.parametrize(("task", "contributor", "answer"), [(1, 0, 0), (0, 1, 0), (0, 0, 2), (-1, 0, 0), (0, 0, -1)])
def test_an_index_out_of_bounds_is_refused(task: int, contributor: int, answer: int) -> None:
    with pytest.raises(ValueError, match="indices are"):
        Labels(np.array([task]), np.array([contributor]), np.array([answer]), 1, 1, 2)
