"""Where forge, Slither and Halmos are, and how to call them: their exit codes decide, nothing is piped away."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
PROOF_BIN = TOOLS / "proof-venv" / "bin"
# What a copy of the project needs in order to compile and test its contracts.
SOURCES = ("contracts", "tests/forge", "foundry.toml", "scripts/solc.js", "package.json")


def forge() -> Path:
    """The native binary: the npm wrapper beside it exits 0 whatever happened."""
    found = sorted((TOOLS / "node_modules" / "@foundry-rs").glob("forge-*-*/bin/forge"))
    if not found:
        sys.exit("forge is not installed. Run: make setup")
    return found[0]


def proof_tool(name: str) -> Path:
    path = PROOF_BIN / name
    if not path.exists():
        sys.exit(f"{name} is not installed. Run: make .tools/proof.done")
    return path


def environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join((str(forge().parent), str(PROOF_BIN), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1", "NO_COLOR": "1", **changes}


def run(
    command: Sequence[str | Path], cwd: Path = ROOT, timeout: float | None = None, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Runs to the end and hands back exit code and output, stderr after stdout."""
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments, cwd=cwd, env=environment(**changes), timeout=timeout, text=True, capture_output=True, check=False
    )
    done.stdout += done.stderr
    return done


def require(done: subprocess.CompletedProcess[str], what: str) -> str:
    if done.returncode != 0:
        sys.exit(f"{what} failed with {done.returncode}:\n{done.stdout[-4_000:]}")
    return done.stdout


def copy_project(to: Path, *more: str) -> Path:
    """A copy whose contracts may be broken at will; compiler, packages and caches come along, so that only changes are compiled."""
    for name in (*SOURCES, *more):
        source, target = ROOT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    solc = to / ".tools" / "solcx" / "solc-v0.8.30"
    solc.parent.mkdir(parents=True)
    solc.symlink_to("../../scripts/solc.js")
    return to


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"{path.name} holds this {text.count(old)} times, not once: {old}")
    path.write_text(text.replace(old, new))
