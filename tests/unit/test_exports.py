"""The formats of a download, read back by the tools that people use for them."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from backend.licenses import exports, hugging_face
from backend.licenses.exports import About, Row

IMAGE = "0x" + "ab" * 32
ABOUT = About(
    dataset=7,
    name='A "name": with — signs',
    description="What people think.",
    license="CC BY 4.0",
    task_type="text-choice",
    question="Is it good?",
    classes=["=bad", "good"],
    operator_url="https://label.example",
    chain_id=1,
    alpha=0.5,
    contributors=3,
    settled_at=1_790_000_000,
    rounds=1,
)


def rows(count: int = 3, content: object = None) -> Iterator[Row]:
    for i in range(count):
        shown = content if content is not None else {"text": f'=line {i}, "quoted"\n'}
        yield Row(1, i, "0x" + f"{i:064x}", shown, i % 2, 0.75, 1 if i == 0 else None, [1, 2])


def test_json_lines_hold_the_content_beside_what_was_found() -> None:
    lines = [json.loads(line) for line in b"".join(exports.jsonl(rows(), ABOUT)).splitlines()]
    assert [(line["text"][:6], line["class"], line["class_name"], line["verdict"]) for line in lines] == [
        ("=line ", 0, "=bad", 1),
        ("=line ", 1, "good", None),
        ("=line ", 0, "=bad", None),
    ]


def test_content_cannot_stand_for_what_was_found() -> None:
    (line,) = exports.jsonl(rows(1, {"class": 9, "text": "x"}), ABOUT)
    assert json.loads(line)["class"] == 0


def test_csv_is_read_back_and_starts_no_formula() -> None:
    text = b"".join(exports.csv_rows(rows(2_500), ABOUT)).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(found) == 2_500
    assert found[0]["content"].startswith("'=line 0")
    assert (found[0]["class_name"], found[0]["labels"], found[1]["verdict"]) == ("'=bad", "1 2", "")


def test_parquet_is_read_back_whole_and_comes_in_pieces() -> None:
    pieces = list(exports.parquet(rows(2_500), ABOUT))
    table = pq.read_table(io.BytesIO(b"".join(pieces)))
    assert len(pieces) > 2
    assert table.num_rows == 2_500
    assert json.loads(table["content"][3].as_py())["text"].startswith("=line 3")
    assert (table["votes"][0].as_py(), table["verdict"][1].as_py()) == ([1, 2], None)


def test_label_studio_gets_predictions_and_the_panels_truth() -> None:
    tasks = json.loads(b"".join(exports.label_studio(rows(2, {"image": IMAGE, "alt": ""}), ABOUT)))
    assert tasks[0]["data"]["image"] == f"https://label.example/v1/content/{IMAGE}"
    assert tasks[0]["predictions"][0]["result"][0]["value"] == {"choices": ["=bad"]}
    assert [len(task["annotations"]) for task in tasks] == [1, 0]
    assert json.loads(b"".join(exports.label_studio(rows(0), ABOUT))) == []


def test_the_hugging_face_folder_has_rows_images_card_and_croissant() -> None:
    deleted = "0x" + "cd" * 32
    both = [*rows(1, {"image": IMAGE, "alt": ""}), *rows(1, {"image": deleted, "alt": ""})]
    body = b"".join(hugging_face.folder(iter(both), ABOUT, lambda digest: ("image/png", b"PNG") if digest == IMAGE else None))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"README.md", "croissant.json", "data/train.jsonl", f"images/{IMAGE}"}
        card = archive.read("README.md").decode()
        front = json.loads(card.split("---\n")[1])
        assert (front["pretty_name"], front["configs"][0]["data_files"][0]["path"]) == (ABOUT.name, "data/train.jsonl")
        assert [json.loads(line)["file_name"] for line in archive.read("data/train.jsonl").splitlines()] == [
            f"images/{IMAGE}",
            f"images/{deleted}",
        ]
        croissant = json.loads(archive.read("croissant.json"))
        (file,) = croissant["distribution"]
        data = archive.read(file["contentUrl"])
        assert (file["sha256"], file["contentSize"]) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B")
        assert croissant["conformsTo"] == "http://mlcommons.org/croissant/1.0"
        assert {f["name"] for f in croissant["recordSet"][0]["field"]} <= set(
            json.loads(archive.read("data/train.jsonl").splitlines()[0])
        )


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_begins_as_a_formula_does_in_any_spreadsheet(first: str) -> None:
    text = b"".join(exports.csv_rows(rows(1, {"text": first + "cmd|' /C calc'!A0"}), ABOUT)).decode()
    (line,) = csv.DictReader(io.StringIO(text, newline=""))
    assert line["content"] == "'" + first + "cmd|' /C calc'!A0"


@pytest.mark.parametrize("image", ["../../.ssh/authorized_keys", "/etc/passwd", "0x" + "AB" * 32, "0x" + "ab" * 31, ""])
def test_a_row_names_no_file_outside_of_the_folder(image: str) -> None:
    asked: list[str] = []
    body = b"".join(hugging_face.folder(rows(1, {"image": image}), ABOUT, lambda digest: asked.append(digest)))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert "file_name" not in json.loads(archive.read("data/train.jsonl"))
        assert set(archive.namelist()) == {"README.md", "croissant.json", "data/train.jsonl"}
    assert asked == []
