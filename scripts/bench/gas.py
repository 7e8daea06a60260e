"""The protocol's gas against its budgets: the job of 100 contributors with 320 labels each, a sale, and every call at its largest.

    make bench-gas

Prints a table, writes reports/bench/gas.json, and exits with 1 when a budget is broken. Blocks are a second apart and every key is
derived from its name, so that the figures repeat to the unit.
"""

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from brownie import accounts

from scripts.bench import gas_calls, gas_groups, gas_job, gas_sale
from scripts.bench.gas_chain import Measured, freeze_time
from scripts.bench.gas_job import CONTRIBUTORS, LABELS, SUBMISSIONS_PER_CALL, Job
from scripts.deploy import deploy_development

REPORT = Path(__file__).resolve().parents[2] / "reports" / "bench" / "gas.json"


@dataclass(frozen=True)
class Budget:
    key: str
    what: str
    most: int


BUDGETS = (
    Budget("gas_per_label_first", "gas a label, first job, all accounts new", 350),
    Budget("gas_per_label_later", "gas a label, later jobs", 183),
    Budget("submission_later", f"submission, later, in batches of {SUBMISSIONS_PER_CALL}", 30_000),
    Budget("sale_1_holder", "sale, 1 holder", 120_000),
    Budget("sale_1000_holders", "sale, 1,000 holders", 120_000),
    Budget("distribute_entry_later", "distribute, an entry, later", 25_000),
    Budget("max_call_gas", "any call at its largest allowed input", 15_000_000),
)
NOTE = """The first job counts everything from the round's opening to the last payment. What a wallet does once in its life,
whatever the number of jobs, stands apart: its allowance, its session key, its first deposit.
The next tenth would cost clarity: entries packed into two words (14 a label: nobody could read them in an explorer), chunks
published without an event (7: a mirror would have to read calldata)."""


def main() -> None:
    report = quietly(measure)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    figures = {budget.key: report[budget.key] for budget in BUDGETS}
    broken = broken_budgets(figures)
    print_steps(report)
    print_calls(report["calls"])
    print_budgets(figures)
    if broken:
        print(f"\nBroken: {', '.join(broken)}")
        sys.exit(1)


def measure() -> dict[str, object]:
    freeze_time()
    protocol = deploy_development(accounts[0], accounts[1])
    flow, crew = gas_job.prepare(protocol), gas_job.people()
    funding = gas_job.fund(flow, crew)
    onboarding = gas_job.onboard(flow, crew)
    first, later = gas_job.run(flow, crew), gas_job.run(flow, crew)
    sales = gas_sale.run(protocol)
    calls = gas_calls.run(protocol) | gas_groups.run(protocol) | largest_of(first, later)
    return {
        "gas_per_label_first": round(first.per_label, 1),
        "gas_per_label_later": round(later.per_label, 1),
        "submission_later": round(later.each("submit")),
        "sale_1_holder": sales[1],
        "sale_1000_holders": sales[1_000],
        "distribute_entry_later": round(later.largest("distribute") / min(gas_job.CHUNK, later.entries)),
        "max_call_gas": max(calls.values()),
        "once_a_wallet": {"deposit": per_wallet(funding)} | {name: per_wallet(step) for name, step in onboarding.items()},
        "steps": {"first": steps(first), "later": steps(later)},
        "calls": dict(sorted(calls.items(), key=lambda item: -item[1])),
    }


def quietly(work: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Brownie reports each transaction on the standard output."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            return work()
    except BaseException:
        print(said.getvalue()[-2_000:])
        raise


def broken_budgets(figures: dict[str, object]) -> list[str]:
    broken = [budget.key for budget in BUDGETS if figures[budget.key] > budget.most]
    if figures["sale_1_holder"] != figures["sale_1000_holders"]:
        broken.append("a sale costs the same whatever the number of holders")
    return broken


def per_wallet(step: Measured) -> int:
    return round(step.gas / CONTRIBUTORS)


def steps(job: Job) -> dict[str, dict[str, int]]:
    return {name: {"gas": step.gas, "transactions": step.transactions} for name, step in job.steps.items()}


def largest_of(*jobs: Job) -> dict[str, int]:
    entries = jobs[0].entries
    names = {"publish": f"publish: {entries} entries", "distribute": f"distribute: {entries} entries, accounts all new"}
    return {text: max(job.largest(step) for job in jobs) for step, text in names.items()}


def print_steps(report: dict[str, object]) -> None:
    print(f"\n{CONTRIBUTORS} contributors, {LABELS} labels each, one submission a contributor; gas a label:")
    first, later = report["steps"]["first"], report["steps"]["later"]
    for name, step in first.items():
        row = [job[name]["gas"] / (CONTRIBUTORS * LABELS) for job in (first, later)]
        print(f"  {name:12} {step['transactions']:3} calls   first {row[0]:6.1f}   later {row[1]:6.1f}")
    once = ", ".join(f"{name} {gas:,}" for name, gas in report["once_a_wallet"].items())
    print(f"  once a wallet, gas: {once}")


def print_calls(calls: dict[str, int]) -> None:
    print("\nCalls at their largest:")
    for name, gas in calls.items():
        print(f"  {gas:>12,}  {name}")


def print_budgets(figures: dict[str, object]) -> None:
    print(f"\n{'what':52} {'budget':>12} {'measured':>12}")
    for budget in BUDGETS:
        mark = "" if figures[budget.key] <= budget.most else "  broken"
        print(f"{budget.what:52} {budget.most:>12,} {figures[budget.key]:>12,}{mark}")
    print(f"\n{NOTE}")
