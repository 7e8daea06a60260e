"""What requesters bring: guessed rightly, refused with line and reason, never half taken."""

import io

import pytest
from PIL import Image

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
