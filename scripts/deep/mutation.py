"""Breaks the contracts one place at a time, as slither-mutate would, and asks whether any test notices.

The mutants are slither-mutate's; the sampling and the running are ours, because a killed slither-mutate leaves the mutant in the
source: here every mutant lives in a copy. forge's tests try first, in seconds; what survives them goes to the Brownie tests of that
contract.

Runs in the environment of Slither: `.tools/proof-venv/bin/python -m scripts.deep.mutation --cap 5`. Exits with 1 when fewer than
90% of a contract's mutants are killed, or when the tests fail without any mutant."""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from slither import Slither
from slither.core.declarations import Contract
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

from scripts.deep.tools import ROOT, TOOLS, copy_project, environment, forge, require, run

KILLED_PERCENT = 90
FORGE_SECONDS, BROWNIE_SECONDS = 600, 1_800
BROWNIE_SOURCES = ("brownie-config.yaml", "build", "scripts", "tests", "labelshare", "pyproject.toml")


@dataclass(frozen=True)
class Target:
    """Contracts that count as one, and the tests that are to notice."""

    name: str
    contracts: tuple[str, ...]
    forge_tests: str
    brownie_tests: tuple[str, ...]


TARGETS = (
    Target("Ledger", ("Ledger",), "Ledger.*", ("test_ledger.py", "test_ledger_conservation.py", "test_wallets.py")),
    Target("DatasetShares", ("DatasetShares",), "Shares.*", ("test_dataset_shares.py", "test_dataset_shares_exact.py")),
    Target("Staking", ("Staking",), "Staking.*", ("test_staking.py", "test_credentials.py")),
    Target(
        "Settlement",
        ("Settlement", "Proposals", "Limits"),
        "(Settlement|Limits).*",
        ("test_whole_flow.py", "test_exits.py", "test_jury.py"),
    ),
)


@dataclass(frozen=True)
class Mutant:
    contract: str
    mutator: str
    file: str
    line: int
    start: int
    end: int
    old: str
    new: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.mutator}] {' '.join(self.old.split())!r} -> {' '.join(self.new.split())!r}"


# Mutants that are the same program, whatever is tested: `i++` for `++i` where nobody reads the value; of an unsigned number `<= 0`
# for `== 0` and `> 0` for `!= 0`; in a loop that counts up by one from below `!= n` for `< n`; a count of a loop's steps in
# 128 bits; an immutable set where it is declared, for a constant.
SAME = (
    (r"^\+\+(\w+)$", r"\1++"),
    (r"^(.+) == (0|bytes32\(0\)|address\(0\))$", r"\1 <= \2"),
    (r"^(.+) != (0|bytes32\(0\)|address\(0\))$", r"\1 > \2"),
    (r"^([ij]) < ([\w.]+)$", r"\1 != \2"),
    (r"^uint256 (i|j|picked|broken)$", r"uint128 \1"),
    (r"^(\w+ \w+) constant (\w+ = .+)$", r"\1 immutable \2"),
)


def is_same(old: str, new: str) -> bool:
    return any(re.match(pattern, old) and re.sub(pattern, same, old) == new for pattern, same in SAME)


def mutators() -> list[type[AbstractMutator]]:
    found = (getattr(all_mutators, name) for name in sorted(vars(all_mutators)))
    return [m for m in found if isinstance(m, type) and issubclass(m, AbstractMutator) and m is not AbstractMutator]


def mutants_of(contract: Contract) -> Iterator[Mutant]:
    for mutator in mutators():
        made = mutator(contract.compilation_unit, 0, "", "", contract, None, False, Path(), [])._mutate()
        for file, patches in made.get("patches", {}).items():
            for patch in patches:
                if patch["old_string"] != patch["new_string"] and not is_same(patch["old_string"], patch["new_string"]):
                    yield Mutant(
                        contract.name,
                        mutator.NAME,
                        str(Path(file).relative_to(ROOT)),
                        patch["line_number"],
                        patch["start"],
                        patch["end"],
                        patch["old_string"],
                        patch["new_string"],
                    )


def sample(slither: Slither, target: Target, seed: int) -> list[Mutant]:
    """All mutants of the target in an order that depends on the seed alone."""
    mutants: dict[tuple[str, int, int, str], Mutant] = {}
    for name in target.contracts:
        (contract,) = slither.get_contract_from_name(name)
        for mutant in mutants_of(contract):
            mutants.setdefault((mutant.file, mutant.start, mutant.end, mutant.new), mutant)
    ordered = sorted(mutants.values(), key=lambda m: (m.file, m.start, m.end, m.new))
    random.Random(f"{seed} {target.name}").shuffle(ordered)
    return ordered


class Bench:
    """The copy in which mutants are tried."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = copy_project(folder, *BROWNIE_SOURCES)
        self.port = port
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for tool in ("node_modules", "home"):
            (folder / ".tools" / tool).symlink_to(TOOLS / tool)

    def forge_build(self) -> bool:
        return run([forge(), "build"], self.folder, FORGE_SECONDS, FOUNDRY_PROFILE="mutation").returncode == 0

    def forge_tests_pass(self, target: Target) -> bool:
        command = [forge(), "test", "--match-contract", target.forge_tests, "--fail-fast"]
        return self._passes(command, FORGE_SECONDS, FOUNDRY_PROFILE="mutation")

    def brownie_tests_pass(self, target: Target) -> bool:
        tests = [f"tests/contracts/{name}" for name in target.brownie_tests]
        return self._passes(
            [self.folder / "scripts" / "brownie", "test", *tests, "-x"], BROWNIE_SECONDS, LABELSHARE_BROWNIE_PORT=str(self.port)
        )

    def _passes(self, command: list[str | Path], seconds: float, **changes: str) -> bool:
        try:
            return run(command, self.folder, seconds, **changes).returncode == 0
        except subprocess.TimeoutExpired:
            # A mutant that never ends is noticed.
            return False

    def verdict(self, target: Target, mutant: Mutant, with_brownie: bool) -> str:
        """Who killed it: `forge`, `brownie`; or `survived`; or `invalid` when it does not compile."""
        path = self.folder / mutant.file
        source = path.read_bytes()
        path.write_bytes(mutant.applied(source))
        try:
            if not self.forge_build():
                return "invalid"
            if not self.forge_tests_pass(target):
                return "forge"
            if with_brownie and not self.brownie_tests_pass(target):
                return "brownie"
            return "survived"
        finally:
            path.write_bytes(source)


def campaign(bench: Bench, target: Target, mutants: list[Mutant], cap: int, with_brownie: bool) -> dict[str, list[Mutant]]:
    if not (bench.forge_build() and bench.forge_tests_pass(target)):
        sys.exit(f"{target.name}: forge's tests fail without any mutant")
    if with_brownie and not bench.brownie_tests_pass(target):
        sys.exit(f"{target.name}: Brownie's tests fail without any mutant")
    verdicts: dict[str, list[Mutant]] = {"forge": [], "brownie": [], "survived": [], "invalid": []}
    for mutant in mutants:
        if sum(len(verdicts[v]) for v in ("forge", "brownie", "survived")) == cap:
            break
        start = time.monotonic()
        verdict = bench.verdict(target, mutant, with_brownie)
        verdicts[verdict].append(mutant)
        print(f"{verdict:9} {time.monotonic() - start:5.0f} s  {mutant}", flush=True)
    return verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cap", type=int, default=50, help="mutants a contract")
    parser.add_argument("--seed", type=int, default=1, help="which of them")
    parser.add_argument("--only", choices=[t.name for t in TARGETS], action="append", help="these contracts, not all")
    parser.add_argument("--no-brownie", action="store_true", help="forge's tests alone")
    parser.add_argument("--port", type=int, default=19_205, help="of the chain that Brownie's tests run on")
    options = parser.parse_args()
    require(run([forge(), "build", "--build-info", "--force"], FOUNDRY_PROFILE="mutation"), "forge build")
    # Slither asks forge for its configuration.
    os.environ.update(environment(FOUNDRY_PROFILE="mutation"))
    slither = Slither(str(ROOT), ignore_compile=True, foundry_out_directory=".tools/forge/mutation/out")
    report, good = {}, True
    for target in TARGETS:
        if options.only and target.name not in options.only:
            continue
        mutants = sample(slither, target, options.seed)
        folder = Path(tempfile.mkdtemp(prefix="labelshare-mutation-"))
        try:
            verdicts = campaign(Bench(folder, options.port), target, mutants, options.cap, not options.no_brownie)
        finally:
            shutil.rmtree(folder)
        killed, survived = len(verdicts["forge"]) + len(verdicts["brownie"]), len(verdicts["survived"])
        good &= killed * 100 >= KILLED_PERCENT * (killed + survived) and killed != 0
        print(
            f"{target.name}: {killed} of {killed + survived} killed ({len(verdicts['forge'])} by forge,"
            f" {len(verdicts['brownie'])} by Brownie), {len(verdicts['invalid'])} did not compile, {len(mutants)} there are",
            flush=True,
        )
        report[target.name] = {verdict: [asdict(m) for m in found] for verdict, found in verdicts.items()}
    (ROOT / "reports").mkdir(exist_ok=True)
    (ROOT / "reports" / "mutation.json").write_text(json.dumps(report, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
