"""Bodies of the lease endpoint."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.types import Bytes32, Strict, Uint32

MAX_COUNT = 1024


class LeaseRequest(Strict):
    """`tasks`: the task indices wished for; without it, the `count` tasks that most need labels."""

    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 100
    tasks: Annotated[list[Uint32], Field(min_length=1, max_length=MAX_COUNT)] | None = None


class LeasedTask(BaseModel):
    """A task to label: its index in the round, content hash, and content."""

    index: int
    content_hash: Bytes32
    content: Any


class LeaseView(BaseModel):
    """Tasks kept until `expires_at` (unix seconds). `sequence`: the number to sign into the submission. `unavailable`: wished
    tasks that have no free slot, or that the contributor has already."""

    lease_id: str
    expires_at: int
    sequence: int
    classes: int
    tasks: list[LeasedTask]
    unavailable: list[int]
