"""A crowd as columns of integers, and a replay of it: perhaps with attackers among its labels."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labelshare.crowd import CrowdFileError, read_labels, read_truth
from labelshare.rules.fixed import Bools, Ints
from labelshare.rules.sums import Labels

UNKNOWN = -1
FEW_TASKS = 200  # below, a set is shown apart: its statistics are weak


@dataclass(frozen=True, eq=False)
class Replay:
    """Labels of one set, as given or with attackers.

    Attributes:
        truth: int64[tasks], UNKNOWN where the set has no answer.
        stand_in: int64[tasks], the truth, or the plurality of the crowd as given where there is none: what a panel sees.
        attacker: bool[contributors]; they come after the honest ones.
        faked: bool[n], the labels that an attacker gave as part of the attack (camouflage and honest beginnings are not).
        script: int64[tasks], what corrupt validators vote for, UNKNOWN where they vote honestly.
        later: bool[n], labels of a second round that came after the first was settled; none in a replay of one round.
    """

    name: str
    labels: Labels
    truth: Ints
    stand_in: Ints
    attacker: Bools
    faked: Bools
    script: Ints
    later: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def two_rounds(self) -> bool:
        return bool(self.later.any())

    @property
    def small(self) -> bool:
        return self.labels.tasks < FEW_TASKS


def stream(*parts: object) -> np.random.Generator:
    """A random stream that depends on nothing but its name, on any machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:16], "big"))


def only(labels: Labels, mask: Bools) -> Labels:
    """The labels of a mask, over the same tasks and contributors."""
    columns = labels.task[mask], labels.contributor[mask], labels.answer[mask]
    return Labels(*columns, labels.tasks, labels.contributors, labels.classes)


def plurality(labels: Labels) -> Ints:
    """int64[tasks]: the commonest answer of each task, the lowest of equals."""
    votes = np.zeros((labels.tasks, labels.classes), np.int64)
    np.add.at(votes, (labels.task, labels.answer), 1)
    result: Ints = votes.argmax(axis=1)
    return result


def load(folder: Path) -> Replay:
    """The set in a folder with labels.csv.gz and truth.csv.gz. Raises CrowdFileError."""
    crowd = read_labels(folder / "labels.csv.gz")
    table = np.array(crowd.labels, dtype=np.int64)
    labels = Labels(table[:, 0], table[:, 1], table[:, 2], len(crowd.tasks), len(crowd.workers), len(crowd.classes))
    truth = np.full(labels.tasks, UNKNOWN, np.int64)
    for task, answer in read_truth(folder / "truth.csv.gz", crowd).items():
        truth[task] = answer
    nobody, none = np.zeros(labels.contributors, np.bool_), np.zeros(len(table), np.bool_)
    stand_in = np.where(truth == UNKNOWN, plurality(labels), truth)
    return Replay(folder.name, labels, truth, stand_in, nobody, none, np.full(labels.tasks, UNKNOWN, np.int64))


def find_sets(folder: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """The sets below a folder, all or those named, by name. Raises CrowdFileError that says what to do."""
    found = {
        path.parent.name: path.parent for path in sorted(folder.glob("*/labels.csv.gz")) if (path.parent / "truth.csv.gz").exists()
    }
    if not found:
        raise CrowdFileError(
            f"{folder} holds no crowds: expected folders with labels.csv.gz (task,worker,label) and truth.csv.gz (task,label). "
            "The 14 sets are in the project's data/ folder: run from a checkout, or name a folder with --data."
        )
    unknown = [name for name in names if name not in found]
    if unknown:
        raise CrowdFileError(f"{folder} has no set {', '.join(unknown)}; it has {', '.join(found)}.")
    return [found[name] for name in names or found]
