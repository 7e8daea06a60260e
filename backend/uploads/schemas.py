"""Bodies of the upload endpoints."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend.tasks.schemas import TaskType


class UploadView(BaseModel):
    """An upload that was taken: every row is a task. `columns`: which column became which member; `ignored`: the others.

    `classes`: the values of a label column, when there is one, as a guess at the label schema. `preview`: the first tasks.
    """

    upload_id: str
    kind: Literal["csv", "jsonl", "images"]
    task_type: TaskType
    tasks: int
    columns: Annotated[dict[str, str], Field(description="member of a task: column of the file")]
    ignored: list[str]
    classes: list[str]
    preview: list[Any]
    created_at: int
