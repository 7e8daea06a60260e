"""What requesters bring: guessed rightly, refused with line and reason, never half taken."""

import io

import pytest
from PIL import Image

from backend.errors import Invalid
from backend.uploads import service
from backend.uploads.images import BadImage, clean
from backend.uploads.rows import BadRow, parse_rows
from tests.unit.hostile import hostile_images, hostile_rows, picture

IMAGES, ROWS = hostile_images(), hostile_rows()


def test_there_are_a_hundred_hostile_uploads() -> None:
    assert len(IMAGES) + len(ROWS) >= 100


@pytest.mark.parametrize("name", IMAGES)
def test_a_hostile_image_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(BadImage, match=r"\w{2,}"):
        clean(IMAGES[name])


@pytest.mark.parametrize("name", ROWS)
def test_a_hostile_file_of_rows_is_refused_with_line_and_reason(name: str) -> None:
    parsed = parse_rows(*ROWS[name], None, ())
    assert parsed.bad
    assert all(row.line >= 1 and len(row.reason) > 5 for row in parsed.bad)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_good_image_is_encoded_anew(kind: str) -> None:
    found = clean(picture(kind, side=24))
    assert (found.width, found.height) == (24, 24)
    assert clean(found.body).width == 24


def test_exif_is_gone_and_the_picture_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "a camera that tells where its owner lives"
    output = io.BytesIO()
    Image.new("RGB", (30, 10), "blue").save(output, "JPEG", exif=exif, icc_profile=b"profile")
    found = clean(output.getvalue())
    assert (found.width, found.height) == (10, 30)
    assert b"camera" not in found.body
    opened = Image.open(io.BytesIO(found.body))
    assert not opened.getexif()
    assert "icc_profile" not in opened.info


@pytest.mark.parametrize(
    ("header", "task_type"),
    [
        ("text,label", "text-choice"),
        ("premise,hypothesis", "pair-choice"),
        ("prompt,response_a,response_b", "preference"),
        ("id,sentence1,sentence2", "pair-choice"),
        ("Tweet,id", "text-choice"),
    ],
)
def test_the_kind_of_task_is_guessed_from_the_columns(header: str, task_type: str) -> None:
    rows = "\n".join(",".join(f"{name} {row}" for name in header.split(",")) for row in range(3))
    parsed = parse_rows("csv", f"{header}\n{rows}\n".encode(), None, ())
    assert (parsed.bad, parsed.task_type, len(parsed.tasks)) == ([], task_type, 3)


def test_columns_labels_and_lines_are_told() -> None:
    parsed = parse_rows("csv", b'id;text;label\n1;"two\nlines";cat\n2;;dog\n3;x;cat\n', None, ())
    assert parsed.bad == [BadRow(4, "text", "is empty")]
    good = parse_rows("csv", b"id;text;label\n1;one;cat\n3;x;dog\n", None, ())
    assert (good.columns, good.ignored, good.classes) == ({"text": "text"}, ["id", "label"], ["cat", "dog"])


def test_images_by_url_come_from_allowed_hosts_only() -> None:
    row = b"image_url\nhttps://pictures.example/a.png\n"
    assert parse_rows("csv", row, None, ("pictures.example",)).bad == []
    assert "pictures" not in parse_rows("csv", row, None, ()).bad[0].reason.split("images from")[1]


@pytest.mark.parametrize(
    ("header", "column"),
    [('"a;b;c",text', "text"), ("id;text", "text"), ("id\ttext", "text"), ("text", "text"), ('"one\ntwo",text', "text")],
)
def test_the_header_alone_says_what_parts_the_columns(header: str, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not csv.Sniffer: 18,000 characters of quotes and line ends keep its expressions busy for seconds."""
    monkeypatch.setattr("csv.Sniffer.sniff", None)
    mark = next(mark for mark in (",", ";", "\t") if mark in header.split('"')[-1] or mark == "\t")
    row = "one" if header == "text" else f"1{mark}one"
    parsed = parse_rows("csv", f"{header}\n{row}\n".encode(), None, ())
    assert (parsed.bad, parsed.columns, parsed.tasks) == ([], {"text": column}, [{"text": "one"}])


def test_a_header_without_end_is_refused() -> None:
    header = ",".join(f"c{i}" for i in range(1_001))
    (bad,) = parse_rows("csv", f"{header},text\n".encode(), None, ()).bad
    assert "at most 1000" in bad.reason


def test_small_files_of_large_pictures_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand files of 62 kB hold 16 billion pixels: twelve minutes of work, and gigabytes once encoded."""
    files = [(f"{i}.png", picture("PNG", side=20 + i)) for i in range(3)]
    decoded: list[bytes] = []
    monkeypatch.setattr(service, "clean", lambda body: decoded.append(body) or clean(body))
    for name, most in (("MAX_PIXELS", 20 * 20 + 21 * 21 - 1), ("MAX_ENCODED", len(clean(files[0][1]).body) + 1)):
        with monkeypatch.context() as bound:
            bound.setattr(service, name, most)
            decoded.clear()
            with pytest.raises(Invalid) as refused:
                service.read(None, files, None)  # type: ignore[arg-type]
        assert [(row["line"], row["column"]) for row in refused.value.more["rows"]] == [(2, "1.png")]
        assert len(decoded) == 2, "what comes after is not decoded any more"
    assert len(service.read(None, files, None)[1]) == 3  # type: ignore[arg-type]
