"""The main job with real processes, and each of them killed in the middle of it."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labelshare.chain import deployment
from labelshare.client.verify import label_problems
from scripts.demo_report import EXPECTED_LABELS, problems_of
from scripts.stack import ROOT, SERVICES


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    """The report of a run in which every service was killed once."""
    command = [sys.executable, "-m", "scripts.demo", "--no-serve", "--newcomer"]
    command += ["--folder", str(folder / "run"), "--reports", str(folder)]
    command += ["--rpc-port", str(free_port()), "--port", str(free_port())]
    command += [word for name in SERVICES for word in ("--kill", name)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    loaded: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return loaded


def test_everything_promised_holds_although_each_process_was_killed(report: dict[str, Any]) -> None:
    assert problems_of(report) == []
    assert all(count >= 1 for count in report["restarts"].values())


def test_every_label_is_accepted_on_chain_once_and_verified(report: dict[str, Any]) -> None:
    datasets = report["datasets"].values()
    assert sum(d["labels_on_chain"] for d in datasets) == sum(d["labels_accepted"] for d in datasets) == EXPECTED_LABELS
    assert report["verify"] == {"checked": EXPECTED_LABELS, "failed": 0, "first_failure": None}


def test_the_ledger_added_up_at_every_step(report: dict[str, Any]) -> None:
    assert report["ledger"]["sum"] == report["ledger"]["held"]
    assert report["ledger"]["times_checked"] == 15


def test_the_report_has_the_keys_that_others_read(report: dict[str, Any]) -> None:
    expected = {
        "labels_accepted",
        "labels_on_chain",
        "accuracy_consensus",
        "accuracy_majority",
        "spearman_pay_accuracy",
        "gas_per_label",
    }
    for name in ("bluebird", "rte"):
        assert expected <= set(report["datasets"][name])
    assert {"net_per_label", "honest_net_per_label"} <= set(report["datasets"]["rte"]["attackers"])


def test_a_tampered_download_is_found_out_by_its_label(report: dict[str, Any], folder: Path) -> None:
    data = json.loads((folder / "bluebird.dataset.json").read_text())
    submission = data["rounds"][0]["submissions"][0]
    submission["labels"][3]["answer"] ^= 1
    problems = [problem for problem in label_problems(submission) if problem is not None]
    assert len(problems) == 1
    assert f"task {submission['labels'][3]['task']} " in problems[0]


def test_the_operators_key_is_in_no_log(report: dict[str, Any], folder: Path) -> None:
    key = (folder / "run" / "operator.key").read_text().strip().removeprefix("0x")
    assert deployment(folder / "run" / "deployment.json").chain_id == 31337
    for log in (folder / "run").glob("*.log"):
        assert key not in log.read_text(errors="replace")
