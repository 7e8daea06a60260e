"""crowd-kit's aggregations, run in crowd-kit's own environment: it asks for packages that this project should not carry."""

import subprocess
from pathlib import Path

from labelshare.lab.replay import plurality
from labelshare.rules.fixed import Ints
from labelshare.rules.sums import Labels

METHODS = {
    "crowd-kit Wawa": "Wawa",
    "crowd-kit Dawid-Skene": "DawidSkene",
    "crowd-kit one-coin": "OneCoinDawidSkene",
    "crowd-kit GLAD": "GLAD",
    "crowd-kit MACE": "MACE",
    "crowd-kit MMSR": "MMSR",
    "crowd-kit KOS": "KOS",
}
BINARY_ONLY = ("KOS",)
CHILD = Path(__file__).with_name("crowd_kit_child.py")


class CrowdKitFailed(RuntimeError):
    """crowd-kit could not aggregate; the message has its last line of complaint."""


def find_python(checkout: Path) -> Path | None:
    """The Python of the environment that `make crowd-kit` installs, if it is there."""
    python = checkout / ".tools" / "crowdkit-venv" / "bin" / "python"
    return python if python.exists() else None


def aggregate(python: Path, method: str, labels: Labels, timeout: float) -> Ints:
    """int64[tasks]: the answers; the plurality for a task that the method left out. Raises CrowdKitFailed."""
    rows = zip(labels.task.tolist(), labels.contributor.tolist(), labels.answer.tolist(), strict=True)
    table = "task,worker,label\n" + "".join(f"{t},{w},{k}\n" for t, w, k in rows)
    try:
        # -P: nothing in this folder may stand in for a package of the child.
        command: list[str | Path] = [
            python,
            "-P",
            CHILD,
            method,
        ]
        done = subprocess.run(command, input=table, capture_output=True, text=True, timeout=timeout, check=True)
    except subprocess.TimeoutExpired:
        raise CrowdKitFailed(f"{method} took more than {timeout:g} s.") from None
    except subprocess.CalledProcessError as error:
        raise CrowdKitFailed(f"{method}: {(error.stderr.strip().splitlines() or ['no message'])[-1]}") from error
    answers = plurality(labels)
    for line in done.stdout.splitlines()[1:]:
        task, answer = line.split(",")
        answers[int(task)] = int(float(answer))
    return answers


def binary_only(method: str, labels: Labels) -> bool:
    """Whether a method has no answer here because it knows two classes only."""
    return method in BINARY_ONLY and labels.classes != 2
