"""The lab's report: summary.json, tables in Markdown, plots as SVG. Tables are made from the summary alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelshare.crowd import CrowdFileError
from labelshare.lab.rules import OURS
from labelshare.lab.svg import bars, lines

Table = dict[str, Any]
CURVE = {"none": 0.0, "clique-10": 10.0, "clique-20": 20.0, "clique-33": 33.0, "clique-49": 49.0}
SHOWN_ATTACKS = (
    "random",
    "constant",
    "all-wrong",
    "picking",
    "clique-33",
    "good-mind",
    "camouflage",
    "leaked-sample",
    "corrupt-33",
)


def write_report(summary: Table, others: Mapping[str, str], folder: Path) -> None:
    """Writes everything, and other files by name, into a folder, which is made. Raises CrowdFileError where it cannot."""
    files = {
        "summary.json": json.dumps(summary, indent=1, ensure_ascii=False) + "\n",
        "tables.md": all_tables(summary),
        **plots(summary),
        **others,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CrowdFileError(f"{folder} cannot be written: {error.strerror}.") from error


def all_tables(summary: Table) -> str:
    """Every table, for tables.md."""
    return "\n\n".join(f"## {title}\n\n{make(summary)}" for title, make in TABLES.items()) + "\n"


def targets_table(summary: Table) -> str:
    """What the project aims at and what was reached."""
    rows = [(name.replace("_", " "), _cell(row["reached"]), str(row["aim"])) for name, row in summary["targets"].items()]
    return _markdown(("target", "reached", "aim"), rows)


def attacks_table(summary: Table) -> str:
    """This project's rule under every attack, means over the sets of 200 tasks and more."""
    rows = []
    for attack, row in summary["means"].get(OURS, {}).items():
        about = summary["attacks"][attack]
        share = f"{about['share']:.0%}" if about["share"] else ""
        keys = ("honest_net", "attack_net", "attack_labels", "attack_pot", "accuracy", "honest_flagged", "attack_flagged")
        rows.append((attack, share, about["attackers"], *(_cell(row[key]) for key in keys)))
    header = (
        "attack",
        "share",
        "attackers …",
        "honest net",
        "attack net",
        "of labels",
        "of the pot",
        "accuracy",
        "honest flagged",
        "attack flagged",
    )
    return _markdown(header, rows)


def rules_table(summary: Table) -> str:
    """All rules: what attackers earn a label, as a multiple of what honest people earn in the same replays."""
    attacks = [name for name in SHOWN_ATTACKS if name in summary["attacks"]]

    def multiple(row: Table | None) -> str:
        if row is None or row["attack_net"] is None:
            return ""
        return f"{row['attack_net'] / row['honest_net']:+.2f}" if row["honest_net"] > 0 else "n/a"

    rows = [(rule, *(multiple(by_attack.get(name)) for name in attacks)) for rule, by_attack in summary["means"].items()]
    return _markdown(("rule", *attacks), rows)


def quality_table(summary: Table) -> str:
    """All rules: accuracy without and with a clique of a third, pay against accuracy."""
    rows = []
    for rule, by_attack in summary["means"].items():
        clean, third = by_attack.get("none", {}), by_attack.get("clique-33", {})
        rows.append(
            (
                rule,
                str(clean.get("sets", "")),
                *(_cell(table.get(key)) for table, key in ((clean, "accuracy"), (third, "accuracy"))),
                *(_cell(clean.get(key)) for key in ("pay_spearman", "rank_spearman", "pay_spearman_all", "auc")),
            )
        )
    header = ("rule", "sets", "accuracy", "under a third", "Spearman of pay", "of its opinion", "of pay, thin evidence too", "AUC")
    return _markdown(header, rows)


def sets_table(summary: Table) -> str:
    """This project's rule by set: what attackers earn a label; small sets last, marked."""
    ours = summary["figures"].get(OURS, {})
    order = [name for name in summary["sets"] if name not in summary["small_sets"]] + summary["small_sets"]
    attacks = [name for name in ours if name != "none"]
    rows = [
        (
            f"{name} (small)" if name in summary["small_sets"] else name,
            *(_cell(ours[a].get(name, {}).get("attack_net")) for a in attacks),
        )
        for name in order
    ]
    return _markdown(("set", *attacks), rows)


TABLES: dict[str, Callable[[Table], str]] = {
    "Targets": targets_table,
    "This rule under attack": attacks_table,
    "All rules: attackers' pay a label against honest people's": rules_table,
    "All rules: accuracy, and pay against accuracy": quality_table,
    "This rule, set by set: attackers' net a label": sets_table,
}


def plots(summary: Table) -> dict[str, str]:
    """SVG texts by file name; a plot without figures is left out."""
    means = summary["means"]
    files = {}
    ours = {a: {"honest": r["honest_net"], "attackers": r["attack_net"]} for a, r in means.get(OURS, {}).items() if a != "none"}
    if ours:
        files["net.svg"] = bars(f"Net per label in rewards, {OURS}", ours)
        pot = {a: {"of labels": r["attack_labels"], "of the pot": r["attack_pot"]} for a, r in means[OURS].items() if a != "none"}
        files["pot.svg"] = bars(f"Attackers' share of labels and of the pot, {OURS}", pot)
    for key, name, title in (
        ("attack_pot", "clique.svg", "A clique's share of the pot"),
        ("accuracy", "accuracy.svg", "Accuracy of the answers with a clique"),
    ):
        curves = {rule: _curve(by_attack, key) for rule, by_attack in means.items()}
        curves = {rule: curve for rule, curve in curves.items() if len(curve) > 1}
        if curves:
            files[name] = lines(title, "% of the labels are the clique's", curves)
    judged = {r: {"Spearman of pay": t["none"]["pay_spearman"], "AUC": t["none"]["auc"]} for r, t in means.items() if "none" in t}
    if judged:
        files["pay.svg"] = bars("Pay against accuracy, no attackers", judged)
    return files


def _curve(by_attack: Table, key: str) -> list[tuple[float, float]]:
    there = [(share, by_attack[attack][key]) for attack, share in CURVE.items() if attack in by_attack]
    return [(share, value) for share, value in there if value is not None]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:+.3f}" if isinstance(value, float) and value < 0 else f"{value:.3f}" if isinstance(value, float) else str(value)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines_of = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines_of)
