"""A dataset's metadata, and what its tasks may hold."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.types import Bytes32, Strict

TaskType = Literal["image-choice", "text-choice", "pair-choice", "preference"]
Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=20_000)]
Text = Annotated[str, Field(min_length=1, max_length=60_000)]

PRACTICE_ITEMS = 3


class LabelClass(Strict):
    """A class of the label schema; its number is its place in the list, from 0."""

    name: Short
    description: Annotated[str, Field(max_length=1_000)] = ""


class PracticeItem(Strict):
    """A task that anyone may try: content as a task of the dataset has it, the right class, and why."""

    content: Any
    answer: Annotated[int, Field(ge=0, lt=64)]
    explanation: Annotated[str, Field(min_length=1, max_length=1_000)]


class Metadata(Strict):
    """What a dataset's terms name by hash: instructions and label schema. Its hash is keccak256 of its canonical JSON (T5).

    `preference` takes two or three classes: A, B, and a tie. `practice`: three items, or none.
    """

    name: Short
    description: Annotated[str, Field(max_length=4_000)] = ""
    license: Annotated[str, Field(max_length=200)] = ""
    language: Annotated[str, Field(max_length=40)] = ""
    task_type: TaskType
    question: Annotated[str, Field(min_length=1, max_length=500)]
    instructions: Long = ""
    classes: Annotated[list[LabelClass], Field(min_length=2, max_length=64)]
    practice: Annotated[list[PracticeItem], Field(max_length=PRACTICE_ITEMS, default_factory=list)]


class MetadataView(BaseModel):
    """`hash` and `uri` go into the dataset's terms (metadata_hash, metadata_uri)."""

    hash: Bytes32
    uri: str


class ImageTask(Strict):
    """`image`: the hash of an uploaded image, shown from /v1/content/{hash}; or `image_url`, at a host this operator allows."""

    image: Bytes32 | None = None
    image_url: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]{1,200}(:[0-9]{1,5})?/[!-~]{0,1800}$")] | None = None
    alt: Annotated[str, Field(max_length=1_000)] = ""


class TextTask(Strict):
    text: Text


class PairTask(Strict):
    first: Text
    second: Text


class PreferenceTask(Strict):
    """Two answers of models to a prompt."""

    prompt: Text
    a: Text
    b: Text


class PracticeTask(BaseModel):
    item: int
    content: Any


class PracticeView(BaseModel):
    """Three items to try without a wallet; `answer` them one by one."""

    dataset: int
    task_type: TaskType
    question: str
    classes: list[str]
    items: list[PracticeTask]


class PracticeAnswer(Strict):
    item: Annotated[int, Field(ge=0, lt=PRACTICE_ITEMS)]
    answer: Annotated[int, Field(ge=0, lt=64)]


class PracticeFeedback(BaseModel):
    right: bool
    expected: int
    explanation: str


class TakedownRequest(Strict):
    """Please delete a task's content: whoever finds themselves or their work in it may ask."""

    content_hash: Bytes32
    reason: Annotated[str, Field(min_length=10, max_length=4_000)]


class TakedownView(BaseModel):
    """Outcome: open until the requester or the operator decides, then erased or kept."""

    id: int
    content_hash: Bytes32
    reason: str
    outcome: Literal["open", "erased", "kept"]
    created_at: int


class TakedownStatus(BaseModel):
    """What became of a request; its reason is for those who decide."""

    id: int
    content_hash: Bytes32
    outcome: Literal["open", "erased", "kept"]
    created_at: int


class TakedownPage(Page):
    items: list[TakedownView]


class ErasureRequest(Strict):
    """`erase`: false closes the requests about this content and keeps it."""

    content_hash: Bytes32
    erase: bool = True


class ErasureView(BaseModel):
    """What is left: the hash in the round's tree, and labels under it. `requests`: takedowns that this answered."""

    content_hash: Bytes32
    erased: bool
    requests: int
