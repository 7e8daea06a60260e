"""The vectors, computed by Solidity. tests/unit/test_vectors.py does the same in Python."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from brownie import VectorProbe

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def probe(deployer: Any) -> Any:
    return deployer.deploy(VectorProbe)


def struct_hash(probe: Any, name: str, values: list[Any]) -> str:
    if name in ("Allowance", "Withdrawal"):
        return str(getattr(probe, name.lower())((*values, b"")))
    if name in ("Session", "Submission"):
        return str(getattr(probe, name.lower())(tuple(values)))
    return str(getattr(probe, name.lower())(*values))


def test_struct_hashes_and_signers_are_those_of_the_vectors(probe: Any) -> None:
    vectors = load("signatures")
    for name, vector in vectors["messages"].items():
        assert struct_hash(probe, name, vector["values"]) == vector["struct_hash"], name
        assert probe.recover(vector["digest"], vector["signature"]).lower() == vectors["signer"], name


def test_every_leaf_and_proof_leads_to_the_root(probe: Any) -> None:
    for tree in load("trees"):
        for leaf in tree["leaves"]:
            assert probe.leaf(*leaf["row"]) == leaf["leaf"]
            assert probe.verify(leaf["proof"], tree["root"], leaf["leaf"])


def test_a_leaf_of_another_tree_does_not(probe: Any) -> None:
    first, second = load("trees")[-2:]
    assert not probe.verify(first["leaves"][0]["proof"], second["root"], first["leaves"][0]["leaf"])


def test_seeds_panels_and_samples_are_those_of_the_vectors(probe: Any) -> None:
    for vector in load("draws"):
        assert probe.seed(vector["block_hash"], vector["round"], vector["attempt"]) == vector["seed"]
        taken: list[int] = []
        for seat in probe.seats(vector["seed"], vector["slots"], 64):
            if seat not in taken and seat % 5 != 4 and len(taken) < vector["panel_size"]:
                taken.append(seat)
        panel = Counter(f"0x{seat % vector['owners'] + 1:040x}" for seat in taken)
        assert sorted(map(list, panel.items())) == vector["panel"]
        tasks = list(range(vector["tasks"]))
        size = len(vector["sample"])
        for i, j in enumerate(probe.shuffle(vector["seed"], vector["tasks"], size)):
            tasks[i], tasks[j] = tasks[j], tasks[i]
        assert sorted(tasks[:size]) == vector["sample"]


def test_commitments_are_those_of_the_vectors(probe: Any) -> None:
    for v in load("ballots"):
        commitment = probe.commitment(v["round"], v["attempt"], v["validator"], v["answers"], v["salt"])
        assert commitment == v["commitment"]


def test_roots_and_verdicts_are_those_of_the_vectors(probe: Any) -> None:
    for v in load("verdicts"):
        assert probe.settlementRoot(v["round"], v["entries"]) == v["root"]
        assert probe.verdictCommitment(v["round"], v["attempt"], v["juror"], v["root"], v["salt"]) == v["commitment"]
