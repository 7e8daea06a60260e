"""Taking uploads: all of one or nothing of it."""

import json
import secrets
from dataclasses import asdict
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Invalid, NotFound
from backend.product_models import StoredFile, Upload, UploadTask
from backend.tasks.content import images_of
from backend.tasks.service import shown_images
from backend.uploads.images import BadImage, CleanImage, clean
from backend.uploads.rows import MAX_ROWS, SHOWN, BadRow, Parsed, parse_rows
from backend.uploads.schemas import UploadView
from labelshare.rules.evidence import canonical_json

KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
PREVIEW = 5
MAX_PIXELS = 400_000_000  # of all images of an upload: small files may hold large pictures
MAX_ENCODED = 256 * 1024 * 1024  # bytes
KEPT_SECONDS = 7 * 24 * 3600
NAME = 120  # characters of a file's name that are repeated in an answer

File = tuple[str, bytes]


def read(backend: Backend, files: list[File], task_type: str | None) -> tuple[Parsed, list[CleanImage]]:
    """The tasks in the files, and the images that they show. Raises Invalid, naming each bad row or file."""
    kinds = {KINDS.get(name[name.rfind(".") :].lower(), "images") for name, _ in files}
    if len(kinds) != 1 or (kinds != {"images"} and len(files) != 1):
        raise Invalid("mixed_upload", "Send either one CSV or JSONL file, or images only.")
    (kind,) = kinds
    if kind == "images":
        parsed, images = _images(files, task_type)
    else:
        parsed, images = parse_rows(kind, files[0][1], task_type, backend.settings.task_hosts), []
    if parsed.bad:
        shown = [asdict(row) for row in sorted(parsed.bad, key=lambda row: row.line)[:SHOWN]]
        first = shown[0]
        raise Invalid(
            "bad_rows",
            f"Nothing was taken: {len(parsed.bad)} of the rows are bad. Line {first['line']}: {first['reason']}.",
            rows=shown,
            bad=len(parsed.bad),
        )
    return parsed, images


def _images(files: list[File], task_type: str | None) -> tuple[Parsed, list[CleanImage]]:
    parsed = Parsed("images", "image-choice", columns={"image": "file"})
    if task_type not in (None, "image-choice"):
        parsed.refuse(1, None, f"images make image-choice tasks, not {task_type}")
    images: list[CleanImage] = []
    pixels = encoded = 0
    seen: dict[str, int] = {}
    for number, (name, body) in enumerate(files, start=1):
        shown = name[:NAME].replace("\x00", "")
        try:
            image = clean(body)
        except BadImage as error:
            parsed.bad.append(BadRow(number, shown, f"the file {error}"))
            continue
        pixels += image.width * image.height
        encoded += len(image.body)
        if pixels > MAX_PIXELS or encoded > MAX_ENCODED:
            most = f"{MAX_PIXELS // 10**6} million pixels, or {MAX_ENCODED // 2**20} MiB once encoded"
            parsed.bad.append(BadRow(number, shown, f"with those before it, it is more than {most}; send less at once"))
            break
        digest = "0x" + keccak(image.body).hex()
        if digest in seen:
            parsed.bad.append(BadRow(number, shown, f"is the same picture as file {seen[digest]}"))
            continue
        seen[digest] = number
        images.append(image)
        parsed.tasks.append({"image": digest, "alt": ""})
    return parsed, images


def keep(backend: Backend, session: Session, owner: str, parsed: Parsed, images: list[CleanImage]) -> UploadView:
    """Keeps tasks and images in one transaction. Uploads that no round used are forgotten after a week."""
    now = backend.now(session)
    _forget(session, now - KEPT_SECONDS)
    for image in images:
        digest = "0x" + keccak(image.body).hex()
        if session.get(StoredFile, digest) is None:
            row = StoredFile(hash=digest, media_type=image.media_type, width=image.width, height=image.height, body=image.body)
            session.add(row)
    summary = {"columns": parsed.columns, "ignored": parsed.ignored, "classes": parsed.classes, "tasks": len(parsed.tasks)}
    upload = Upload(
        id=secrets.token_hex(16),
        owner=owner,
        kind=parsed.kind,
        task_type=parsed.task_type,
        summary=json.dumps(summary),
        created_at=now,
    )
    session.add(upload)
    session.flush()
    session.add_all(
        UploadTask(upload_id=upload.id, index=i, content=canonical_json(task).decode()) for i, task in enumerate(parsed.tasks)
    )
    session.flush()
    return view(session, upload)


def view(session: Session, upload: Upload) -> UploadView:
    first = select(UploadTask.content).where(UploadTask.upload_id == upload.id).order_by(UploadTask.index).limit(PREVIEW)
    summary: dict[str, Any] = json.loads(upload.summary)
    return UploadView(
        upload_id=upload.id,
        kind=upload.kind,  # type: ignore[arg-type]
        task_type=upload.task_type,  # type: ignore[arg-type]
        preview=[json.loads(content) for content in session.scalars(first)],
        created_at=upload.created_at,
        **summary,
    )


def find(session: Session, upload_id: str, account: str) -> Upload:
    """The account's own upload. Raises NotFound for another's, too: ids are secrets."""
    upload = session.get(Upload, upload_id)
    if upload is None or upload.owner != account:
        raise NotFound("unknown_upload", "There is no such upload of yours; it may be older than a week. Upload again.")
    return upload


def uploaded_contents(session: Session, upload_id: str, account: str) -> list[bytes]:
    """The tasks of the account's upload as canonical JSON, in order."""
    find(session, upload_id, account)
    rows = select(UploadTask.content).where(UploadTask.upload_id == upload_id).order_by(UploadTask.index).limit(MAX_ROWS)
    return [content.encode() for content in session.scalars(rows)]


def _forget(session: Session, before: int) -> None:
    """Deletes old uploads, and the images that only they showed."""
    old = select(Upload.id).where(Upload.created_at < before)
    pictures = select(UploadTask.content).where(UploadTask.upload_id.in_(old.where(Upload.kind == "images")))
    images = images_of([json.loads(content) for content in session.scalars(pictures)])
    session.execute(delete(UploadTask).where(UploadTask.upload_id.in_(old)))
    session.execute(delete(Upload).where(Upload.created_at < before))
    unused = sorted(images - shown_images(session, images))
    for start in range(0, len(unused), 500):
        session.execute(delete(StoredFile).where(StoredFile.hash.in_(unused[start : start + 500])))
