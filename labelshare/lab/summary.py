"""From a run's rows to the figures that the documents and the targets use, and back from a file of them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from labelshare.lab.attacks import ATTACKS
from labelshare.lab.measures import MIN_JUDGED, MIN_PEOPLE, Figures
from labelshare.lab.replay import FEW_TASKS
from labelshare.lab.rules import AUDIT_RATE, OURS
from labelshare.lab.run import Missed, Result, Row

Table = dict[str, Any]
SPAM = ("random", "constant", "all-wrong", "picking")
CLIQUES = ("clique-10", "clique-20", "clique-33")


def summarise(result: Result) -> Table:
    """What `summary.json` holds: every figure by rule, attack and set (means over seeds), and the targets."""
    by_place: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    # Stable: ours first, the others as they came.
    for row in sorted(result.rows, key=lambda row: row.rule != OURS):
        by_place[row.rule, row.attack, row.set].append(row)
    figures: Table = {}
    for (rule, attack, name), rows in by_place.items():
        figures.setdefault(rule, {}).setdefault(attack, {})[name] = _means(rows)
    return {
        "definitions": {
            "audit_rate": f"{AUDIT_RATE}/256",
            "min_judged": MIN_JUDGED,
            "min_people": MIN_PEOPLE,
            "small_set_tasks": FEW_TASKS,
        },
        "sets": list(dict.fromkeys(row.set for row in result.rows)),
        "small_sets": list(result.small),
        "attacks": {attack.name: {"share": attack.share, "attackers": attack.what} for attack in ATTACKS},
        "seeds": {rule: 1 + max(row.seed for row in result.rows if row.rule == rule) for rule in figures},
        "missed": [asdict(row) for row in result.missed],
        "means": _over_sets(figures, result.small),
        "figures": figures,
        "targets": _targets(figures) if OURS in figures else {},
    }


def to_json(result: Result) -> str:
    """Every row, so that a later run may add to it."""
    table = {"small": result.small, "rows": [asdict(row) for row in result.rows], "missed": [asdict(row) for row in result.missed]}
    return json.dumps(table)


def from_json(text: str) -> Result:
    """The result in a file of `to_json`. Raises ValueError for anything else."""
    try:
        table = json.loads(text)
        rows = tuple(Row(**{**row, "figures": Figures(**row["figures"])}) for row in table["rows"])
        return Result(tuple(table["small"]), rows, tuple(Missed(**row) for row in table["missed"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a file of the lab's rows ({error})") from error


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is there."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _means(rows: Sequence[Row]) -> Table:
    tables = [row.figures.as_dict() for row in rows]
    return {key: mean([table[key] for table in tables]) for key in tables[0]}


def _over_sets(figures: Table, small: Sequence[str]) -> Table:
    """Means over the sets of 200 tasks and more, by rule and attack."""
    result: Table = {}
    for rule, attacks in figures.items():
        for attack, by_set in attacks.items():
            there = [table for name, table in by_set.items() if name not in small]
            if there:
                means = {key: mean([table[key] for table in there]) for key in there[0]}
                result.setdefault(rule, {})[attack] = {**means, "sets": len(there)}
    return result


def _targets(figures: Table) -> Table:
    """What the project aims at, by this project's rule, over all sets: what was reached, and the aim."""
    ours = figures[OURS]

    def values(attack: str, key: str) -> list[float]:
        return [table[key] for table in ours.get(attack, {}).values() if table[key] is not None]

    def losing(attack: str) -> str:
        nets = values(attack, "attack_net")
        return f"{sum(net < 0 for net in nets)} of {len(nets)}"

    table: Table = {
        "pay_spearman": {"reached": mean(values("none", "pay_spearman")), "aim": 0.76},
        "kappa_spearman": {"reached": mean(values("none", "rank_spearman")), "aim": 0.79},
        "auc": {"reached": mean(values("none", "auc")), "aim": 0.87},
        "honest_labels_flagged": {"reached": mean(values("none", "honest_flagged")), "aim": 0.01},
        "honest_labels_flagged_under_the_worst_attack": {
            "reached": max((mean(values(a, "honest_flagged")) or 0.0 for a in ours), default=None),
            "aim": 0.01,
        },
    }
    for attack in (*SPAM, *CLIQUES, "clique-49"):
        if attack in ours:
            aim = "all" if attack in SPAM else "13 of 14" if attack in CLIQUES else "12 of 14"
            table[f"{attack} loses on"] = {"reached": losing(attack), "aim": aim}
    if "clique-33" in ours and "none" in ours:
        lost = (mean(values("none", "accuracy")) or 0.0) - (mean(values("clique-33", "accuracy")) or 0.0)
        table["accuracy_lost_to_a_third"] = {"reached": lost, "aim": 0.03}
    if "good-mind" in ours:
        rates = [t["attack_net"] / t["honest_net"] for t in ours["good-mind"].values() if t["honest_net"] > 0]
        table["good_mind_against_honest_rate"] = {"reached": mean(rates), "aim": 0.5}
        table["good_mind_honest_flagged"] = {"reached": mean(values("good-mind", "honest_flagged")), "aim": 0.02}
    return table
