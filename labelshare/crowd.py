"""Reading crowd labels from CSV files: columns task,worker,label (labels) and task,label (truth)."""

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class CrowdFileError(ValueError):
    """A file cannot be read as crowd labels; the message names the file, the row and what is expected."""


@dataclass(frozen=True)
class Crowd:
    """Labels by index, in order of first appearance.

    Attributes:
        tasks, workers, classes: the files' own names.
        labels: (task, worker, class) indices, each (task, worker) once.
        repeated: how many later answers of a worker to the same task were dropped.
    """

    tasks: tuple[str, ...]
    workers: tuple[str, ...]
    classes: tuple[str, ...]
    labels: tuple[tuple[int, int, int], ...]
    repeated: int


def read_rows(path: Path, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The named columns of a CSV file, gzipped when its name ends in .gz. Raises CrowdFileError."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        kind = "gzipped UTF-8 text" if path.suffix == ".gz" else "UTF-8 text"
        raise CrowdFileError(f"{path}: cannot be read as {kind} ({error}).") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise CrowdFileError(f"{path}: the header lacks {', '.join(missing)}; expected columns {','.join(columns)}.")
    rows = []
    try:
        for row in reader:
            values = tuple(row[name] for name in columns)
            if None in row or any(value is None or value == "" for value in values):
                raise CrowdFileError(f"{path}, line {reader.line_num}: expected a value for each of {','.join(columns)}.")
            rows.append(values)
    except csv.Error as error:
        raise CrowdFileError(f"{path}, line {reader.line_num}: {error}.") from error
    if not rows:
        raise CrowdFileError(f"{path}: no rows below the header.")
    return rows


def read_labels(path: Path) -> Crowd:
    """Reads task,worker,label. Classes are numbered in sorted order, as numbers when all are. Raises CrowdFileError."""
    rows = read_rows(path, ("task", "worker", "label"))
    tasks, workers = _numbered(row[0] for row in rows), _numbered(row[1] for row in rows)
    classes = {name: i for i, name in enumerate(_sorted_classes({row[2] for row in rows}))}
    if len(classes) < 2:
        raise CrowdFileError(f"{path}: every label is {rows[0][2]!r}; scoring needs at least two classes.")
    first: dict[tuple[int, int], int] = {}
    for task, worker, label in rows:
        first.setdefault((tasks[task], workers[worker]), classes[label])
    labels = tuple((t, w, k) for (t, w), k in first.items())
    return Crowd(tuple(tasks), tuple(workers), tuple(classes), labels, len(rows) - len(labels))


def read_truth(path: Path, crowd: Crowd) -> dict[int, int]:
    """Class index by task index from task,label; tasks nobody labeled are left out. Raises CrowdFileError on an unknown class."""
    tasks = {name: i for i, name in enumerate(crowd.tasks)}
    classes = {name: i for i, name in enumerate(crowd.classes)}
    truth = {}
    for number, (task, label) in enumerate(read_rows(path, ("task", "label")), start=2):
        if label not in classes:
            raise CrowdFileError(f"{path}, line {number}: class {label!r} is none of {', '.join(crowd.classes)}.")
        if task in tasks:
            truth[tasks[task]] = classes[label]
    return truth


def _numbered(names: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name in names:
        numbers.setdefault(name, len(numbers))
    return numbers


def _sorted_classes(names: set[str]) -> list[str]:
    if all(name.lstrip("-").isdigit() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)
