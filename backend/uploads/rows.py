"""CSV and JSONL into tasks: the kind guessed from the columns, every bad row named with its line and reason. Pure."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from backend.strict_json import check_text
from backend.tasks.content import WrongContent, check_content

MAX_ROWS = 100_000
MAX_FIELD = 1 << 20
MAX_COLUMNS = 1_000
HEAD = 20_000  # characters in which the header's delimiter shows
DELIMITERS = (",", ";", "\t")
SHOWN = 100  # bad rows that are named; the others are counted
MEMBERS: dict[str, dict[str, tuple[str, ...]]] = {
    "preference": {
        "prompt": ("prompt", "question", "instruction"),
        "a": ("a", "response_a", "answer_a", "output_a", "completion_a", "chosen"),
        "b": ("b", "response_b", "answer_b", "output_b", "completion_b", "rejected"),
    },
    "pair-choice": {
        "first": ("first", "sentence1", "text1", "text_a", "premise", "question1", "sentence_a"),
        "second": ("second", "sentence2", "text2", "text_b", "hypothesis", "question2", "sentence_b"),
    },
    "image-choice": {"image_url": ("image_url", "image", "url")},
    "text-choice": {"text": ("text", "sentence", "content", "document", "tweet", "body", "review", "question", "prompt")},
}
LABELS = ("label", "class", "category", "target", "answer")


@dataclass(frozen=True)
class BadRow:
    """A row that is no task: its line in the file, the column if one is at fault, and why."""

    line: int
    column: str | None
    reason: str


@dataclass
class Parsed:
    """What a file holds: tasks, or the rows that are bad; `columns` by member, and those that were ignored."""

    kind: str
    task_type: str = ""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def refuse(self, line: int, column: str | None, reason: str) -> None:
        self.bad.append(BadRow(line, column, reason))


def parse_rows(kind: str, body: bytes, task_type: str | None, hosts: tuple[str, ...]) -> Parsed:
    """Reads a csv or jsonl file. Every problem is in `bad`; nothing is raised."""
    parsed = Parsed(kind)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        parsed.refuse(body[: error.start].count(b"\n") + 1, None, "not UTF-8; save the file as UTF-8")
        return parsed
    rows = list(_csv(text, parsed) if kind == "csv" else _jsonl(text, parsed))
    if not rows:
        if not parsed.bad:
            parsed.refuse(1, None, "the file holds no rows")
        return parsed
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    if not _map_columns(parsed, columns, task_type):
        return parsed
    labels: dict[str, None] = {}
    label = next((name for name in columns if name.casefold() in LABELS and name not in parsed.columns.values()), None)
    seen: dict[str, int] = {}
    for line, row in rows:
        _take(parsed, line, row, seen, hosts)
        if label is not None and isinstance(row.get(label), (str, int)):
            labels[str(row[label])] = None
    parsed.ignored = [name for name in columns if name not in parsed.columns.values()]
    parsed.classes = sorted(labels) if 2 <= len(labels) <= 64 else []
    return parsed


def _csv(text: str, parsed: Parsed) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text[:HEAD]), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) != len(header) or "" in header:
            parsed.refuse(1, None, "the header has an empty name, or one twice")
            return
        if len(header) > MAX_COLUMNS:
            parsed.refuse(1, None, f"the header has {len(header)} columns; at most {MAX_COLUMNS} are taken")
            return
        start = reader.line_num + 1
        for row in reader:
            line, start = start, reader.line_num + 1
            if line > MAX_ROWS * 20 or len(parsed.bad) > MAX_ROWS:
                return
            if not row:
                continue
            if len(row) != len(header):
                parsed.refuse(line, None, f"has {len(row)} fields; the header has {len(header)}")
                continue
            yield line, dict(zip(header, row, strict=True))
    except csv.Error as error:
        parsed.refuse(reader.line_num, None, f"no CSV: {error}")


def _delimiter(head: str) -> str:
    """What parts the header into most columns. The csv module's own guess takes seconds over what strangers make of a file."""

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=columns)


def _jsonl(text: str, parsed: Parsed) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_unique)
            check_text(row)
        except (ValueError, RecursionError) as error:
            parsed.refuse(number, None, f"no JSON: {str(error)[:120]}")
            continue
        if not isinstance(row, dict):
            parsed.refuse(number, None, "a line holds one JSON object")
            continue
        yield number, row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has a key twice")
    return result


def _map_columns(parsed: Parsed, columns: list[str], task_type: str | None) -> bool:
    """Finds the kind of task, and which column is which member of it."""
    by_name = {name.casefold().strip(): name for name in columns}
    for kind, members in MEMBERS.items() if task_type is None else [(task_type, MEMBERS[task_type])]:
        found = {member: next((by_name[alias] for alias in aliases if alias in by_name), "") for member, aliases in members.items()}
        if all(found.values()) and len(set(found.values())) == len(found):
            parsed.task_type, parsed.columns = kind, found
            return True
    wanted = "; ".join(f"{kind}: {', '.join(members)}" for kind, members in MEMBERS.items())
    parsed.refuse(1, None, f"no columns of a task among {', '.join(columns)[:300]}. A file has, by kind of task, {wanted}")
    return False


def _take(parsed: Parsed, line: int, row: dict[str, Any], seen: dict[str, int], hosts: tuple[str, ...]) -> None:
    if len(parsed.tasks) >= MAX_ROWS:
        if not parsed.bad:
            parsed.refuse(line, None, f"more than {MAX_ROWS} rows; split the file")
        return
    task = {}
    for member, column in parsed.columns.items():
        value = row.get(column)
        if not isinstance(value, str) or not value.strip():
            parsed.refuse(line, column, "is empty" if value in ("", None) else "must be a text")
            return
        if "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            parsed.refuse(line, column, "holds a NUL or a lone surrogate")
            return
        task[member] = value.strip()
    try:
        check_content(parsed.task_type, task, hosts)
    except WrongContent as error:
        parsed.refuse(line, None, str(error))
        return
    key = json.dumps(task, sort_keys=True)
    if key in seen:
        parsed.refuse(line, None, f"is the same task as line {seen[key]}")
        return
    seen[key] = line
    parsed.tasks.append(task)
