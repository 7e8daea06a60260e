"""How much labelers agree: Krippendorff's alpha for nominal data. Pure."""

from collections.abc import Iterable, Mapping
from fractions import Fraction


def krippendorff(counts: Iterable[Mapping[int, int]]) -> float | None:
    """α of units (tasks), each with its labels counted by class; tasks with one label say nothing.

    1: all agree, 0: as by chance, below 0: worse. None without two labels of a task, or when only one class was ever given.
    """
    totals: dict[int, int] = {}
    disagreement = Fraction(0)
    for unit in counts:
        labels = sum(unit.values())
        if labels < 2:
            continue
        disagreement += Fraction(labels * labels - sum(n * n for n in unit.values()), labels - 1)
        for answer, n in unit.items():
            totals[answer] = totals.get(answer, 0) + n
    labels = sum(totals.values())
    expected = labels * labels - sum(n * n for n in totals.values())
    return float(1 - disagreement * (labels - 1) / expected) if expected else None
