"""A folder for the Hugging Face hub, as a ZIP: rows, images, a card, and Croissant metadata. Streamed, entry by entry."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from backend.licenses.exports import About, Pipe, Row, plain

DATA = "data/train.jsonl"
TASKS = {"image-choice": "image-classification"}
HASH = re.compile(r"0x[0-9a-f]{64}")  # anything else would name files outside of the folder
CHUNK = 500  # rows that are written before bytes are sent


KINDS: dict[type, str] = {int: "sc:Integer", float: "sc:Float", str: "sc:Text", list: "sc:Integer"}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{prefix: f"http://mlcommons.org/croissant/{path}" for prefix, path in (("cr", ""), ("rai", "RAI/"))},
    "sc": "https://schema.org/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        term: f"cr:{term}"
        for term in (
            *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format"),
            *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
            *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
        )
    },
}


def folder(rows: Iterator[Row], about: About, image: Callable[[str], tuple[str, bytes] | None]) -> Iterator[bytes]:
    """`image` gives the media type and bytes of an image by its hash, None when it was deleted."""
    pipe = Pipe()
    wanted: dict[str, None] = {}
    digest, size = hashlib.sha256(), 0
    members: dict[str, type] = {}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", card(about))
        yield pipe.take()
        with archive.open(DATA, "w", force_zip64=True) as data:
            for number, row in enumerate(rows, start=1):
                line = plain(row, about)
                if isinstance(line.get("image"), str) and HASH.fullmatch(line["image"]):
                    wanted[line["image"]] = None
                    line["file_name"] = f"images/{line['image']}"
                members.update({name: type(value) for name, value in line.items() if type(value) in KINDS and name not in members})
                written = json.dumps(line, ensure_ascii=False).encode() + b"\n"
                data.write(written)
                digest.update(written)
                size += len(written)
                if number % CHUNK == 0:
                    yield pipe.take()
        metadata = croissant(about, digest.hexdigest(), size, members)
        archive.writestr("croissant.json", json.dumps(metadata, indent=2, ensure_ascii=False))
        for name in wanted:
            found = image(name)
            if found is not None:
                archive.writestr(f"images/{name}", found[1], compress_type=zipfile.ZIP_STORED)
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


def croissant(about: About, digest: str, size: int, members: Mapping[str, type]) -> dict[str, Any]:
    """Croissant 1.0 metadata (mlcommons.org/croissant); `make check-croissant` has it validated and loaded.

    Args:
        digest, size: SHA-256 in hex, and bytes, of the file of rows.
        members: of the rows, each with the type of its values.
    """

    def column(name: str, kind: type) -> dict[str, Any]:
        many = {"repeated": True} if kind is list else {}
        source = {"fileObject": {"@id": "rows.jsonl"}, "extract": {"column": name}}
        return {"@type": "cr:Field", "@id": f"rows/{name}", "name": name, "dataType": KINDS[kind], **many, "source": source}

    url = f"{about.operator_url}/datasets/{about.dataset}"
    rows = {"@type": "cr:FileObject", "@id": "rows.jsonl", "name": "rows.jsonl", "contentUrl": DATA, "sha256": digest}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": about.description or about.question,
        "license": about.license or "as licensed on chain",
        "url": url,
        "creator": {"@type": "sc:Organization", "name": f"{about.contributors} contributors of Labelshare", "url": url},
        "datePublished": datetime.fromtimestamp(about.settled_at, UTC).date().isoformat(),
        "version": f"{about.rounds}.0.0",
        "citeAs": f"{about.name}. Labelshare dataset {about.dataset} on chain {about.chain_id}, {url}",
        "distribution": [{**rows, "contentSize": f"{size} B", "encodingFormat": "application/jsonlines"}],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": [column(*member) for member in members.items()]}
        ],
    }
