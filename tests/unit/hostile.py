"""A hundred uploads that must not get in: by name, content, and the reason they are hostile."""

import io
import struct
import zlib

from PIL import Image, PngImagePlugin

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><body><script>alert(document.cookie)</script></body></html>"
PAYLOADS = (
    HTML, SVG, b"<?php system($_GET['c']); ?>", b"%PDF-1.7\n1 0 obj\n", b"PK\x05\x06" + bytes(18), b"<script>alert(1)</script>",
)


def picture(kind: str, side: int = 16, **options: object) -> bytes:
    output = io.BytesIO()
    Image.effect_noise((side, side), 40).convert("RGB").save(output, kind, **options)  # type: ignore[arg-type]
    return output.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + png_chunk(b"IEND", b"")


def hostile_images() -> dict[str, bytes]:
    """By what is wrong with them."""
    found: dict[str, bytes] = {
        "svg": SVG,
        "svg behind white space": b"\n \t" + SVG,
        "svg with a declaration": b'<?xml version="1.0"?>' + SVG,
        "gzipped svg": zlib.compress(SVG, wbits=31),
        "html": HTML,
        "nothing": b"",
        "one byte": b"\x89",
        "text": b"hello",
        "pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
        "zip": b"PK\x03\x04" + bytes(40),
        "elf": b"\x7fELF\x02\x01\x01" + bytes(64),
        "windows program": b"MZ\x90\x00\x03" + bytes(64),
        "bmp": picture("BMP"),
        "tiff": picture("TIFF"),
        "icon": picture("ICO"),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        "animated gif": picture("GIF", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]),
        "animated png": picture("PNG", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]),
        "animated webp": picture("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]),
        "bomb, wide": bomb(1_000_000, 10),
        "bomb, high": bomb(10, 1_000_000),
        "bomb, both": bomb(50_000, 50_000),
        "bomb, just over": bomb(4_001, 4_001),
        "no pixels": bomb(0, 0),
        "more bytes than allowed": picture("PNG") + bytes(9 * 1024 * 1024),
    }
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SVG.decode())
    found["png with markup in a text"] = picture("PNG", pnginfo=info)
    found["jpeg with markup in a comment"] = picture("JPEG", comment=HTML)
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        good = picture(kind)
        for number, payload in enumerate(PAYLOADS):
            found[f"{kind} and payload {number} behind it"] = good + payload
        found[f"{kind} behind html"] = HTML + good
        found[f"{kind} cut off"] = good[: len(good) // 2]
        found[f"{kind} without its end"] = good[:-2]
        found[f"{kind} and a second one"] = good + good
        found[f"{kind} and one byte more"] = good + b"\n"
        found[f"{kind} with zeros behind it"] = good + bytes(1000)
        found[f"{kind} of only a head"] = good[:12]
    return found


def hostile_rows() -> dict[str, tuple[str, bytes]]:
    """Files of rows by what is wrong with them: (kind, content)."""
    deep = b'{"text":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    return {
        "an empty csv": ("csv", b""),
        "a header alone": ("csv", b"text\n"),
        "no column of a task": ("csv", b"color,size\nred,1\n"),
        "a column twice": ("csv", b"text,text\na,b\n"),
        "a nameless column": ("csv", b"text,\na,b\n"),
        "a field too many": ("csv", b"text,label\na,1\nb,2,3\n"),
        "a field too few": ("csv", b"text,label\na\n"),
        "an empty text": ("csv", b"text,label\n,1\n"),
        "white space for a text": ("csv", b'text,label\n"   ",1\n'),
        "an open quote": ("csv", b'text,label\n"abc,1\n'),
        "latin-1": ("csv", "text\ncafé\n".encode("latin-1")),
        "utf-16": ("csv", "text\nabc\n".encode("utf-16")),
        "a NUL": ("csv", b"text\na\x00b\n"),
        "the same task twice": ("csv", b"text\nabc\nabc\n"),
        "too long a text": ("csv", b"text\n" + b"a" * 60_001 + b"\n"),
        "a field beyond all bounds": ("csv", b"text\n" + b"a" * (1 << 21) + b"\n"),
        "an image at a strange host": ("csv", b"image_url\nhttps://evil.example/a.png\n"),
        "an image at an inner host": ("csv", b"image_url\nhttps://169.254.169.254/latest/meta-data\n"),
        "an image by javascript": ("csv", b"image_url\njavascript:alert(1)\n"),
        "an image by file": ("csv", b"image_url\nfile:///etc/passwd\n"),
        "a pair of one": ("csv", b"first,second\nabc,\n"),
        "no JSON": ("jsonl", b"hello\n"),
        "an array": ("jsonl", b"[1,2]\n"),
        "a number for a text": ("jsonl", b'{"text": 5}\n'),
        "null for a text": ("jsonl", b'{"text": null}\n'),
        "an object for a text": ("jsonl", b'{"text": {"a": 1}}\n'),
        "NaN": ("jsonl", b'{"text": "a", "x": NaN}\n'),
        "a key twice": ("jsonl", b'{"text": "a", "text": "b"}\n'),
        "a lone surrogate": ("jsonl", b'{"text": "\\ud800"}\n'),
        "a NUL in JSON": ("jsonl", b'{"text": "\\u0000"}\n'),
        "too deep": ("jsonl", deep),
        "cut off": ("jsonl", b'{"text": "a"}\n{"text": "b"'),
        "one bad among good": ("jsonl", b'{"text": "a"}\n{"text": ""}\n{"text": "c"}\n'),
    }
