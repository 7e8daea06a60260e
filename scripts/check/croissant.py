"""Run where mlcroissant is: validates the croissant.json of each folder, loads its records, compares them with the rows.

    python -m tests.deep.croissant      makes the folders and runs this
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import mlcroissant

VALUES = (int, float, str, list)


class Warnings(logging.Handler):
    """What the validator grumbles about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def empty(value: Any) -> bool:
    return value is None or value != value


def faults(folder: Path) -> list[str]:
    """What is wrong with a folder."""
    heard = Warnings()
    logging.getLogger("absl").addHandler(heard)
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    found = [f"warning: {said}" for said in (*heard.said, *issues.warnings, *issues.errors)]
    rows = [json.loads(line) for line in (folder / "data" / "train.jsonl").read_text().splitlines()]
    records = [{name.removeprefix("rows/"): text(value) for name, value in record.items()} for record in dataset.records("rows")]
    if len(records) != len(rows):
        found.append(f"{len(records)} records of {len(rows)} rows")
    for number, (record, row) in enumerate(zip(records, rows, strict=False)):
        given = {name: value for name, value in row.items() if type(value) in VALUES}
        loaded = {name: value for name, value in record.items() if not empty(value)}
        if loaded != given:
            differing = sorted(name for name in given | loaded if given.get(name) != loaded.get(name))
            found.append(f"row {number} has other values of {', '.join(differing)} than its record")
    return found


def main() -> None:
    wrong = 0
    for folder in map(Path, sys.argv[1:]):
        said = faults(folder)
        print(f"{folder.name}: {'valid, every row loaded' if not said else '; '.join(said)}")
        wrong += bool(said)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
