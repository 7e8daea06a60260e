"""The proofs, for all inputs at once; and that each of them can fail: a broken contract must be refuted.

`python -m scripts.deep.halmos` proves every check_ function of tests/forge/proofs, then breaks the contracts one by one, in a copy,
as refutations.toml says, and requires a counterexample from each proof named there. A proof that no refutation names is an
error."""

import argparse
import json
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.deep.tools import ROOT, copy_project, forge, proof_tool, replace_once, require, run

REFUTATIONS = Path(__file__).parent / "refutations.toml"
PASS, COUNTEREXAMPLE = 0, 1
ASSERTION_MS = 600_000


@dataclass(frozen=True)
class Refutation:
    """A break of a contract, and the proofs that must notice."""

    file: str
    old: str
    new: str
    refutes: tuple[str, ...]


def refutations() -> list[Refutation]:
    entries = tomllib.loads(REFUTATIONS.read_text())["refutation"]
    return [Refutation(e["file"], e["old"], e["new"], tuple(e["refutes"])) for e in entries]


def build(project: Path) -> None:
    require(run([forge(), "build"], project, FOUNDRY_PROFILE="halmos"), "forge build")


def prove(project: Path, name: str) -> dict[str, Any] | None:
    """What Halmos says of a proof; nothing when it finds no such proof."""
    report = project / ".tools" / "forge" / "halmos" / "report.json"
    report.unlink(missing_ok=True)
    command: list[str | Path] = [proof_tool("halmos"), "--match-contract", "Proof$", "--forge-build-out", ".tools/forge/halmos/out"]
    # Halmos puts `^(check|invariant)_.*` before the name.
    command += ["--match-test", f"{name.removeprefix('check_')}\\(", "--json-output", report]
    command += ["--loop", "6", "--solver-timeout-assertion", str(ASSERTION_MS), "--no-status"]
    done = run(command, project, FOUNDRY_PROFILE="halmos")
    if not report.exists():
        print(done.stdout[-1_000:], flush=True)
        return None
    results = json.loads(report.read_text())["test_results"]
    return next((proof for proofs in results.values() for proof in proofs if proof["name"].split("(")[0] == name), None)


def names() -> set[str]:
    """The proofs that are written down: one that Halmos does not find must not be taken for proved."""
    found = set()
    for path in sorted((ROOT / "tests" / "forge" / "proofs").glob("*.t.sol")):
        found |= {line.split("function ")[1].split("(")[0] for line in path.read_text().splitlines() if "function check_" in line}
    return found


def all_proved() -> bool:
    expected = names()
    build(ROOT)
    good = True
    for name in sorted(expected):
        proof = prove(ROOT, name)
        # A loop cut short would leave paths unexplored: no proof.
        proved = proof is not None and proof["exitcode"] == PASS and proof["num_bounded_loops"] == 0
        good &= proved
        detail = "not run"
        if proof is not None:
            detail = f"exit code {proof['exitcode']}, {proof['num_bounded_loops']} loops cut, {proof['time'][0]:.0f} s"
        print(f"{'proved' if proved else 'NOT PROVED':11} {name}  ({detail})", flush=True)
    unnamed = expected - {name for refutation in refutations() for name in refutation.refutes}
    for name in sorted(unnamed):
        print(f"NEVER FAILS {name}: no refutation names it")
    print(f"Halmos: {len(expected)} proofs, {len(unnamed)} of which nothing shows that they can fail", flush=True)
    return good and not unnamed


def all_refuted() -> bool:
    good = True
    for refutation in refutations():
        with tempfile.TemporaryDirectory(prefix="labelshare-refutation-") as folder:
            project = copy_project(Path(folder))
            replace_once(project / refutation.file, refutation.old, refutation.new)
            build(project)
            for name in refutation.refutes:
                proof = prove(project, name)
                refuted = proof is not None and proof["exitcode"] == COUNTEREXAMPLE
                good &= refuted
                broken = f"{refutation.file}: {refutation.old!r} -> {refutation.new!r}"
                print(f"{'refuted' if refuted else 'NOT REFUTED':11} {name}  by {broken}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("proofs", "refutations"), help="one half")
    options = parser.parse_args()
    good = options.only == "refutations" or all_proved()
    good &= options.only == "proofs" or all_refuted()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
