"""Images from strangers: looked at closely, decoded, and encoded anew, so that nothing but the picture is kept. Pure.

Whatever is also something else (HTML, SVG, a script, an archive, a PDF, a second file behind the first) is refused, not cleaned.
"""

import io
import re
import struct
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 16_000_000
MAX_SIDE = 8_192
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
FOREIGN = re.compile(
    rb"<script|<html|<!doctype|<\?php|<\?xml|<svg[\s>/]|<iframe|<body[\s>]|<foreignobject|javascript:|%PDF-|#!/bin/|MZ\x90\x00\x03|\x7fELF\x02\x01",
    re.IGNORECASE,
)
ARCHIVE_END = b"PK\x05\x06"
ARCHIVE_REACH = 66_000  # bytes from a file's end in which a ZIP's directory ends
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


class BadImage(ValueError):
    """The file is no image that is taken; the message says why."""


@dataclass(frozen=True)
class CleanImage:
    """An image as encoded here."""

    media_type: str
    width: int
    height: int
    body: bytes


def clean(body: bytes) -> CleanImage:
    """Decodes and encodes anew. Raises BadImage. Bounded: bytes, pixels, sides, frames."""
    if len(body) > MAX_BYTES:
        raise BadImage(f"has {len(body)} bytes; an image holds at most {MAX_BYTES}")
    kind = _kind(body)
    _require_whole(kind, body)
    if FOREIGN.search(body) or ARCHIVE_END in body[-ARCHIVE_REACH:]:
        raise BadImage("holds something else beside the picture: markup, a script, a document or an archive")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return _encode(kind, body)
        except BadImage:
            raise
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, struct.error, IndexError, KeyError) as error:
            raise BadImage(f"is damaged: {type(error).__name__}") from error
        except (Image.DecompressionBombError, Warning, MemoryError, OverflowError) as error:
            raise BadImage("would grow beyond all bounds when decoded") from error


def _encode(kind: str, body: bytes) -> CleanImage:
    with Image.open(io.BytesIO(body), formats=[kind]) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE or min(width, height) < 1:
            raise BadImage(f"is {width} × {height} pixels; at most {MAX_PIXELS} and {MAX_SIDE} a side are taken")
        if getattr(opened, "n_frames", 1) != 1:
            raise BadImage("is an animation")
        opened.load()
        upright = ImageOps.exif_transpose(opened)
        see_through = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        mode = "RGBA" if see_through else "L" if upright.mode in ("1", "L") else "RGB"
        # A new image of the same pixels: no profile, comment or EXIF comes along.
        picture = Image.new(mode, upright.size)
        picture.paste(upright.convert(mode))
    output = io.BytesIO()
    if kind == "JPEG":
        picture.save(output, "JPEG", quality=90)
    else:
        picture.save(output, "PNG", optimize=False)
    return CleanImage("image/jpeg" if kind == "JPEG" else "image/png", picture.width, picture.height, output.getvalue())


def _kind(body: bytes) -> str:
    if body.startswith(PNG_HEAD):
        return "PNG"
    if body.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "WEBP"
    if body[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    raise BadImage(f"is none of {', '.join(FORMATS)}")


def _require_whole(kind: str, body: bytes) -> None:
    """Raises BadImage unless the file ends where its picture does."""
    ends = {"PNG": _png_end, "JPEG": _jpeg_end, "WEBP": _webp_end, "GIF": _gif_end}[kind](body)
    if not ends:
        raise BadImage("does not end where its picture does: cut off, or something is hidden behind it")


def _png_end(body: bytes) -> bool:
    position = len(PNG_HEAD)
    while position + 12 <= len(body):
        length = int.from_bytes(body[position : position + 4], "big")
        name = body[position + 4 : position + 8]
        position += 12 + length
        if name == b"IEND":
            return length == 0 and position == len(body)
    return False


def _jpeg_end(body: bytes) -> bool:
    """Walks the segments, then the entropy-coded data, to the end marker."""
    position = 2
    while position + 4 <= len(body):
        if body[position] != 0xFF:
            return False
        marker = body[position + 1]
        if marker == 0xD9:
            return position + 2 == len(body)
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:
            position += 1 if marker == 0xFF else 2
            continue
        position += 2 + int.from_bytes(body[position + 2 : position + 4], "big")
        if marker == 0xDA:
            while position + 1 < len(body) and not (body[position] == 0xFF and body[position + 1] not in (0, *range(0xD0, 0xD8))):
                following = body.find(b"\xff", position + 1)
                position = following if following >= 0 else len(body)
    return body[position : position + 2] == b"\xff\xd9" and position + 2 == len(body)


def _webp_end(body: bytes) -> bool:
    return int.from_bytes(body[4:8], "little") + 8 == len(body)


def _gif_end(body: bytes) -> bool:
    """Walks the blocks to the trailer."""
    if len(body) < 14:
        return False
    position = 13 + (3 << ((body[10] & 7) + 1) if body[10] & 0x80 else 0)
    while position < len(body):
        block = body[position]
        if block == 0x3B:
            return position + 1 == len(body)
        if block == 0x21:
            position += 2
        elif block == 0x2C and position + 10 <= len(body):
            flags = body[position + 9]
            position += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        else:
            return False
        while position < len(body) and body[position]:
            position += body[position] + 1
        position += 1
    return False
