"""What the steps of a job cost has not changed without anyone meaning it. `make gas-snapshot` renews the figures."""

import json

from scripts.bench.gas_snapshot import PATH, measure
from scripts.deploy import Deployed

TOLERANCE = 0.01


def test_the_steps_of_a_job_cost_what_the_snapshot_says(protocol: Deployed) -> None:
    known, measured = json.loads(PATH.read_text()), measure(protocol)
    assert set(measured) == set(known)
    changed = {step: (known[step], gas) for step, gas in measured.items() if abs(gas - known[step]) > TOLERANCE * known[step]}
    assert not changed, f"gas before and now: {changed}. If that is meant: make gas-snapshot"
