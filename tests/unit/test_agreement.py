"""Krippendorff's alpha, against its definition and the literature's example."""

from itertools import permutations

import pytest

from backend.settlements.agreement import krippendorff

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: nominal data, four observers, missing values.
EXAMPLE = [
    [1, 1, None, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2],
    [None, 5, 5, 5], [None, None, 1, 1], [None, None, 3, None],
]  # fmt: skip


def counts(unit: list[int | None]) -> dict[int, int]:
    return {k: unit.count(k) for k in {x for x in unit if x is not None}}


def by_pairs(units: list[list[int | None]]) -> float:
    """The definition, pair by pair."""
    kept = [[x for x in unit if x is not None] for unit in units]
    kept = [unit for unit in kept if len(unit) > 1]
    total = sum(map(len, kept))
    observed = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in kept) / total
    values = [x for unit in kept for x in unit]
    expected = sum(a != b for a, b in permutations(values, 2)) / (total * (total - 1))
    return 1 - observed / expected


def test_alpha_is_that_of_the_literature() -> None:
    assert krippendorff(map(counts, EXAMPLE)) == pytest.approx(0.743, abs=0.0005)


def test_alpha_is_that_of_the_definition() -> None:
    units: list[list[int | None]] = [[0, 1, 1], [2, 2], [0, 0, 1, 2], [1], [2, 1, 2]]
    assert krippendorff(map(counts, units)) == pytest.approx(by_pairs(units))


def test_one_class_or_no_two_labels_of_a_task_say_nothing() -> None:
    assert krippendorff([]) is None
    assert krippendorff([{0: 1}, {1: 1}]) is None
    assert krippendorff([{0: 3}, {0: 2}]) is None
    assert krippendorff([{0: 2}, {1: 2}]) == 1
