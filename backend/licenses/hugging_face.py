"""A folder for the Hugging Face hub, as a ZIP: rows, images, a card, and Croissant metadata. Streamed, entry by entry."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from backend.licenses.exports import About, Pipe, Row, plain

DATA = "data/train.jsonl"
TASKS = {"image-choice": "image-classification"}
HASH = re.compile(r"0x[0-9a-f]{64}")  # anything else would name files outside of the folder
CHUNK = 500  # rows that are written before bytes are sent


def folder(rows: Iterator[Row], about: About, image: Callable[[str], tuple[str, bytes] | None]) -> Iterator[bytes]:
    """`image` gives the media type and bytes of an image by its hash, None when it was deleted."""
    pipe = Pipe()
    wanted: dict[str, None] = {}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", card(about))
        archive.writestr("croissant.json", json.dumps(croissant(about), indent=2, ensure_ascii=False))
        yield pipe.take()
        with archive.open(DATA, "w", force_zip64=True) as data:
            for number, row in enumerate(rows, start=1):
                line = plain(row, about)
                if isinstance(line.get("image"), str) and HASH.fullmatch(line["image"]):
                    wanted[line["image"]] = None
                    line["file_name"] = f"images/{line['image']}"
                data.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                if number % CHUNK == 0:
                    yield pipe.take()
        for digest in wanted:
            found = image(digest)
            if found is not None:
                archive.writestr(f"images/{digest}", found[1], compress_type=zipfile.ZIP_STORED)
                yield pipe.take()
    yield pipe.take()


def card(about: About) -> str:
    """README.md with the hub's front matter."""
    kind = TASKS.get(about.task_type, "text-classification")
    front = {
        "pretty_name": about.name,
        "task_categories": [kind],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": DATA}]}],
        "tags": ["labelshare"],
    }
    if about.license:
        front["license_name"] = about.license
    classes = "\n".join(f"- {number}: {name}" for number, name in enumerate(about.classes))
    alpha = "unknown" if about.alpha is None else f"{about.alpha:.3f}"
    # JSON is YAML, and quotes what strangers wrote.
    return (
        f"---\n{json.dumps(front, indent=2, ensure_ascii=False)}\n---\n\n# {about.name}\n\n{about.description}\n\n"
        f"{about.question}\n\n{classes}\n\n"
        f"Labeled by {about.contributors} people; Krippendorff's alpha {alpha}. `class` is the consensus, `confidence` how "
        f"sure it is, `verdict` what a blind "
        f"panel of staked validators said where it audited. Every label is proven on chain {about.chain_id}: dataset "
        f"{about.dataset} of {about.operator_url}. "
        "Download the format `labelshare` and run `labelshare verify FILE --rpc URL`.\n"
    )


def croissant(about: About) -> dict[str, Any]:
    """Croissant 1.0 metadata (mlcommons.org/croissant)."""

    def column(name: str, kind: str) -> dict[str, Any]:
        source = {"fileObject": {"@id": "rows"}, "extract": {"jsonPath": f"$.{name}"}}
        return {"@type": "cr:Field", "@id": f"rows/{name}", "name": name, "dataType": kind, "source": source}

    kinds = {"class": "sc:Integer", "class_name": "sc:Text", "confidence": "sc:Float", "content_hash": "sc:Text"}
    return {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "sc": "https://schema.org/",
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
            "recordSet": "cr:recordSet",
            "field": "cr:field",
            "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
            "source": "cr:source",
            "extract": "cr:extract",
            "fileObject": "cr:fileObject",
            "jsonPath": "cr:jsonPath",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": about.description or about.question,
        "license": about.license or "as licensed on chain",
        "url": f"{about.operator_url}/datasets/{about.dataset}",
        "distribution": [
            {"@type": "cr:FileObject", "@id": "rows", "name": "rows", "contentUrl": DATA, "encodingFormat": "application/jsonlines"}
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": [column(name, kind) for name, kind in kinds.items()]}
        ],
    }
