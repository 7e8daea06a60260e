"""Bodies of the license endpoints."""

from typing import Literal

from pydantic import BaseModel

Format = Literal["labelshare", "jsonl", "csv", "parquet", "label-studio", "huggingface"]


class ExportView(BaseModel):
    """A format: what to ask for, what comes, how to load it, and for the file with proofs how to check it."""

    format: Format
    title: str
    media_type: str
    file: str
    load: str
    verify: str | None


class ExportList(BaseModel):
    items: list[ExportView]
