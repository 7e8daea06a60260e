"""`labelshare lab`: what the rule, and the rules of the literature, pay whom on real crowds with attackers among them."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from labelshare.lab import crowd_kit
from labelshare.lab.attacks import ATTACKS
from labelshare.lab.replay import find_sets
from labelshare.lab.report import write_report
from labelshare.lab.rules import OURS, all_rules
from labelshare.lab.run import Result, run
from labelshare.lab.summary import from_json, summarise, to_json
from labelshare.terminal import Bar, console

ROWS = "rows.json"
QUICK_SETS = ("bluebird", "rte", "face")
T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parent.parent


def lab(
    data: Annotated[Path, typer.Option(help="folder of sets, each with labels.csv.gz and truth.csv.gz")] = CHECKOUT / "data",
    sets: Annotated[str, typer.Option(help="names of sets, comma-separated; else all")] = "",
    attacks: Annotated[str, typer.Option(help="names of attacks, comma-separated; else all")] = "",
    rules: Annotated[str, typer.Option(help="names of rules, comma-separated; else all that run here")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="replays of each set and attack")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="three small sets, two seeds, without crowd-kit: half a minute")] = False,
    add: Annotated[bool, typer.Option("--add", help="keep the rows in --out of rules that are not run now")] = False,
    out: Annotated[Path, typer.Option("--out", help="folder for summary.json, tables and plots")] = Path("reports/lab"),
) -> None:
    """Replay real crowds with attackers among them, under this project's rule and those of the literature, side by side."""
    earlier = _earlier(out / ROWS) if add else None
    python = None if quick else crowd_kit.find_python(CHECKOUT)
    chosen_rules = _chosen("rule", rules, {rule.name: rule for rule in all_rules(python)})
    chosen_attacks = _chosen("attack", attacks, {attack.name: attack for attack in ATTACKS})
    folders = find_sets(data, tuple(name for name in sets.split(",") if name) or (QUICK_SETS if quick else ()))
    seeds = min(seeds, 2) if quick else seeds
    if python is None and not quick:
        console.print("crowd-kit's rules are left out: they run in an environment of their own, which `make crowd-kit` installs.")
    with Bar("replays", len(folders) * len(chosen_attacks) * len(chosen_rules) * seeds) as advance:
        result = run(folders, chosen_attacks, chosen_rules, seeds, advance)
    if earlier is not None:
        result = result.with_others(earlier)
    summary = summarise(result)
    write_report(summary, {ROWS: to_json(result)}, out)
    for name, row in summary["targets"].items():
        reached = f"{row['reached']:.3f}" if isinstance(row["reached"], float) else row["reached"]
        console.print(f"{OURS}: {name.replace('_', ' ')} {reached} (aim {row['aim']})", highlight=False)
    if result.missed:
        console.print(f"{len(result.missed)} replays gave nothing under some rule; summary.json says why.")
    console.print(f"Wrote summary.json, tables.md and plots to {out}")


def _earlier(path: Path) -> Result:
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path} cannot be added to: {error}.", param_hint="--add") from None


def _chosen(kind: str, names: str, known: dict[str, T]) -> tuple[T, ...]:
    """Those named, in the order named; all without names. Raises BadParameter."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise typer.BadParameter(f"There is no {kind} {', '.join(unknown)}; there are {', '.join(known)}.", param_hint=f"--{kind}s")
    return tuple(known[name] for name in wanted) or tuple(known.values())
