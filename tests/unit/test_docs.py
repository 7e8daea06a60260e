"""The docs name tests that exist, and every invariant has some."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NAMED = re.compile(r"`(test_\w+)`")


def existing() -> set[str]:
    """Names of all tests, and of the files they are in."""
    names = set()
    for path in (ROOT / "tests").rglob("*.py"):
        names |= {path.stem, *re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)}
    for path in (ROOT / "tests" / "forge").rglob("*.sol"):
        names |= set(re.findall(r"function (test\w+|check_\w+|invariant\w+)", path.read_text()))
    return names


def test_every_test_that_the_docs_name_exists() -> None:
    known = existing()
    missing = {
        f"{path.name}: {name}"
        for path in (ROOT / "docs").glob("*.md")
        for name in NAMED.findall(path.read_text())
        if name not in known
    }
    assert not missing


def test_every_threat_is_linked_to_a_test_or_a_command() -> None:
    text = (ROOT / "docs" / "THREAT_MODEL.md").read_text()
    tables = text[text.index("## Money") : text.index("## What is not defended")]
    rows = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 30
    assert [row for row in rows if not NAMED.search(row.split("|")[3])] == []


def test_every_invariant_of_the_specification_has_a_test() -> None:
    text = (ROOT / "docs" / "SPECIFICATION.md").read_text()
    table = text[text.index("## 6. Invariants") : text.index("## 7.")]
    rows = re.findall(r"^\| (\d+) \|[^|]*\| (.*) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 13))
    assert all(NAMED.search(tests) for _, tests in rows)
