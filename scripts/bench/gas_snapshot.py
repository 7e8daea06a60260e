"""A small job's gas, step by step: committed, and measured again by tests/contracts/test_gas_snapshot.py.

    make gas-snapshot       renews tests/contracts/gas_snapshot.json after a change that is meant to cost or to save
"""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

from brownie import accounts

from scripts.bench import gas_job
from scripts.deploy import Deployed, deploy_development

PATH = Path(__file__).resolve().parents[2] / "tests" / "contracts" / "gas_snapshot.json"
CREW = 8


def measure(protocol: Deployed) -> dict[str, int]:
    """Gas of each step of two jobs of 8 contributors, all new and then the same ones."""
    flow, crew = gas_job.prepare(protocol), gas_job.people()[:CREW]
    gas_job.fund(flow, crew)
    steps = {name: step.gas for name, step in gas_job.onboard(flow, crew).items()}
    for job in ("first", "later"):
        steps |= {f"{name}, {job}": step.gas for name, step in gas_job.run(flow, crew).steps.items()}
        _pay_every_validator(flow)
    return steps


def _pay_every_validator(flow: gas_job.BenchFlow) -> None:
    """Else the later job's figures would hang on how many of its panel the first one paid, which the draw decides."""
    for who in flow.validators:
        flow.credit(who.address, 1)
        give = flow.protocol.dataset_shares.safeTransferFrom
        give(flow.requester, who.address, flow.dataset, 1, b"", {"from": flow.requester})


def main() -> None:
    with redirect_stdout(io.StringIO()):
        steps = measure(deploy_development(accounts[0], accounts[1]))
    PATH.write_text(json.dumps(steps, indent=2) + "\n")
    print(f"Wrote {PATH}")
