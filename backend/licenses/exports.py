"""What a licensee downloads, in the formats that people's tools read: rows first, then each format as a stream of bytes."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 1_000  # rows that are encoded at once
# The full-width forms, too: some spreadsheets take them for the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS = ("round", "task", "content_hash", "content", "class", "class_name", "confidence", "verdict", "labels")


@dataclass(frozen=True)
class Row:
    """A task with what was found out about it. `votes`: labels by class; `verdict`: the panel's class, None where it was not
    audited."""

    round: int
    task: int
    content_hash: str
    content: Any
    consensus: int
    confidence: float
    verdict: int | None
    votes: list[int]


@dataclass(frozen=True)
class About:
    """The dataset that rows are of. `settled_at`: its last settlement so far, unix seconds; `rounds`: how many rounds are in it."""

    dataset: int
    name: str
    description: str
    license: str
    task_type: str
    question: str
    classes: list[str]
    operator_url: str
    chain_id: int
    alpha: float | None
    contributors: int
    settled_at: int
    rounds: int


def plain(row: Row, about: About) -> dict[str, Any]:
    """A row as an object: the members of its content beside what was found out."""
    content = row.content if isinstance(row.content, dict) else {"content": row.content}
    found = {
        "class": row.consensus,
        "class_name": about.classes[row.consensus],
        "confidence": row.confidence,
        "verdict": row.verdict,
        "votes": row.votes,
        "round": row.round,
        "task": row.task,
        "content_hash": row.content_hash,
    }
    return {**{name: value for name, value in content.items() if name not in found}, **found}


def jsonl(rows: Iterator[Row], about: About) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(plain(row, about), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def csv_rows(rows: Iterator[Row], about: About) -> Iterator[bytes]:
    """A fixed header; the content is one column of JSON unless it is a single text. No cell starts a formula."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for number, row in enumerate(rows, start=1):
        content = row.content
        text = (
            content["text"] if isinstance(content, dict) and set(content) == {"text"} else json.dumps(content, ensure_ascii=False)
        )
        name = about.classes[row.consensus]
        verdict = "" if row.verdict is None else row.verdict
        labels = " ".join(map(str, row.votes))
        cells = (row.round, row.task, row.content_hash, _cell(text), row.consensus, _cell(name), row.confidence, verdict, labels)
        writer.writerow(cells)
        if number % BATCH == 0:
            yield _drain(buffer)
    yield _drain(buffer)


def _cell(text: str) -> str:
    """Spreadsheets run cells that start like a formula: an apostrophe keeps them texts."""
    return "'" + text if text.startswith(FORMULA) else text


def _drain(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


SCHEMA = pa.schema(
    [
        ("round", pa.int64()),
        ("task", pa.int64()),
        ("content_hash", pa.string()),
        ("content", pa.string()),
        ("class", pa.int32()),
        ("class_name", pa.string()),
        ("confidence", pa.float64()),
        ("verdict", pa.int32()),
        ("votes", pa.list_(pa.int32())),
    ]
)


class Pipe(io.RawIOBase):
    """Where a writer puts bytes that are to be sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        body = bytes(data)
        self._parts.append(body)
        self._written += len(body)
        return len(body)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        body = b"".join(self._parts)
        self._parts.clear()
        return body


def parquet(rows: Iterator[Row], about: About) -> Iterator[bytes]:
    """A row group each thousand rows; the content is a column of JSON."""
    pipe = Pipe()
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), SCHEMA) as writer:
        for batch in _batches(rows):
            columns = {
                "round": [r.round for r in batch],
                "task": [r.task for r in batch],
                "content_hash": [r.content_hash for r in batch],
                "content": [json.dumps(r.content, ensure_ascii=False) for r in batch],
                "class": [r.consensus for r in batch],
                "class_name": [about.classes[r.consensus] for r in batch],
                "confidence": [r.confidence for r in batch],
                "verdict": [r.verdict for r in batch],
                "votes": [r.votes for r in batch],
            }
            writer.write_table(pa.table(columns, schema=SCHEMA))
            yield pipe.take()
    yield pipe.take()


def label_studio(rows: Iterator[Row], about: About) -> Iterator[bytes]:
    """Label Studio's JSON: the consensus as a prediction, the panel's verdict as ground truth."""
    yield b"["
    for number, row in enumerate(rows):
        data = row.content if isinstance(row.content, dict) else {"content": row.content}
        if isinstance(data.get("image"), str):
            data = {**data, "image": f"{about.operator_url}/v1/content/{data['image']}"}
        task: dict[str, Any] = {
            "id": number + 1,
            "data": data,
            "meta": {"round": row.round, "task": row.task, "content_hash": row.content_hash},
            "predictions": [{"model_version": "labelshare", "score": row.confidence, "result": [_choice(about, row.consensus)]}],
            "annotations": [],
        }
        if row.verdict is not None:
            task["annotations"] = [{"ground_truth": True, "result": [_choice(about, row.verdict)]}]
        yield (b"," if number else b"") + json.dumps(task, ensure_ascii=False).encode()
    yield b"]\n"


def _choice(about: About, answer: int) -> dict[str, Any]:
    to = "image" if about.task_type == "image-choice" else "text"
    return {"from_name": "class", "to_name": to, "type": "choices", "value": {"choices": [about.classes[answer]]}}


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
