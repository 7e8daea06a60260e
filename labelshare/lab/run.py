"""Runs the lab: every set, attack, seed and rule asked for, the same replay and verdicts for all rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelshare.lab.attacks import Attack, inject
from labelshare.lab.crowd_kit import CrowdKitFailed
from labelshare.lab.measures import Figures, judge
from labelshare.lab.panel import audit, draw_sample
from labelshare.lab.replay import Replay, load, stream
from labelshare.lab.rules import AUDIT_RATE, Rule
from labelshare.rules.fixed import Ints


@dataclass(frozen=True)
class Row:
    """The figures of one rule on one replay."""

    set: str
    attack: str
    rule: str
    seed: int
    figures: Figures


@dataclass(frozen=True)
class Missed:
    """A rule that gave nothing on a replay, and why."""

    set: str
    attack: str
    rule: str
    seed: int
    why: str


@dataclass(frozen=True)
class Result:
    """All rows of a run. `small`: sets of under 200 tasks, which tables show apart."""

    small: tuple[str, ...]
    rows: tuple[Row, ...]
    missed: tuple[Missed, ...]

    def with_others(self, earlier: "Result") -> "Result":
        """The rows of rules that an earlier run had and this one has not, and these."""
        here = {row.rule for row in self.rows} | {row.rule for row in self.missed}
        rows = tuple(row for row in earlier.rows if row.rule not in here)
        missed = tuple(row for row in earlier.missed if row.rule not in here)
        return Result(tuple(sorted({*self.small, *earlier.small})), rows + self.rows, missed + self.missed)


def replay(crowd: Replay, attack: Attack, seed: int) -> tuple[Replay, Ints]:
    """A crowd under attack and its verdicts. The sample and the honest validators' luck are the same for all attacks of a seed."""
    sample = draw_sample(crowd.labels.tasks, AUDIT_RATE, stream("sample", crowd.name, seed))
    attacked = inject(crowd, attack, stream("attack", crowd.name, attack.name, seed), sample)
    return attacked, audit(attacked, sample, stream("panel", crowd.name, seed), attack.corrupt)


def run(
    folders: Sequence[Path],
    attacks: Sequence[Attack],
    rules: Sequence[Rule],
    seeds: int,
    advance: Callable[[int], None] = lambda count: None,
) -> Result:
    """The whole lab. `advance` is told of each finished replay under each rule. Raises CrowdFileError."""
    rows: list[Row] = []
    missed: list[Missed] = []
    crowds = [load(folder) for folder in folders]
    for crowd in crowds:
        for outcome in _of_one_set(crowd, attacks, rules, seeds):
            if isinstance(outcome, Row):
                rows.append(outcome)
            else:
                missed.append(outcome)
            advance(1)
    return Result(tuple(crowd.name for crowd in crowds if crowd.small), tuple(rows), tuple(missed))


def _of_one_set(crowd: Replay, attacks: Sequence[Attack], rules: Sequence[Rule], seeds: int) -> Iterator[Row | Missed]:
    for attack in attacks:
        for seed in range(seeds):
            attacked, verdicts = replay(crowd, attack, seed)
            for rule in rules:
                try:
                    figures = judge(attacked, rule.pay(attacked, verdicts, seed))
                except CrowdKitFailed as failure:
                    yield Missed(crowd.name, attack.name, rule.name, seed, str(failure))
                else:
                    yield Row(crowd.name, attack.name, rule.name, seed, figures)
