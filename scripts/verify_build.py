"""Two builds of the same sources give the same bytecode, wherever they are: `make check-build`.

Compiles in two clean folders at paths of different length and depth, with nothing of this folder's build, and compares creation
code and runtime code, metadata hash included, with each other and with build/ here.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = (".venv", "node_modules", ".tools/node_modules")
SOURCES = ("contracts", "scripts", "brownie-config.yaml")

Code = dict[str, tuple[str, str]]


def clean_copy(folder: Path) -> Path:
    """The sources, and links to what make setup installed."""
    for name in INSTALLED:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT / name)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "tests" / "contracts").mkdir(parents=True)  # Brownie wants the folders that its configuration names
    compiler = folder / ".tools" / "solcx" / "solc-v0.8.30"
    compiler.parent.mkdir()
    compiler.symlink_to(folder / "scripts" / "solc.js")
    return folder


def compiled(folder: Path) -> Code:
    """Creation and runtime code by contract name. Ends the program when the compiler fails."""
    run = subprocess.run([folder / "scripts" / "brownie", "compile"], capture_output=True, text=True, check=False)
    if run.returncode != 0 or not code_in(folder):
        sys.exit(f"verify_build: compiling in {folder} failed:\n{run.stdout}{run.stderr}")
    return code_in(folder)


def code_in(folder: Path) -> Code:
    builds = (json.loads(path.read_text()) for path in sorted((folder / "build" / "contracts").glob("*.json")))
    # OpenZeppelin's own are left out: Brownie drops some of them from build/ when it loads the project again.
    ours = (b for b in builds if b["bytecode"] and b["sourcePath"].startswith("contracts/"))
    return {b["contractName"]: (b["bytecode"], b["deployedBytecode"]) for b in ours}


def differences(one: Code, other: Code) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="labelshare-build-") as temporary:
        first = compiled(clean_copy(Path(temporary) / "a"))
        second = compiled(clean_copy(Path(temporary) / "another" / "folder, deeper" / "with-a-longer-name"))
    for what, other in (("two clean builds", second), ("a clean build and build/ here", code_in(ROOT))):
        if different := differences(first, other):
            sys.exit(f"verify_build: {what} differ in {', '.join(different)}. If build/ here is stale, run: make setup")
    print(f"{len(first)} contracts: two clean builds at different paths, and build/ here, have identical bytecode.")


if __name__ == "__main__":
    main()
