"""Bodies of the explorer's endpoints."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from backend.paging import Page
from backend.types import Address, Amount, Bytes32


class EventView(BaseModel):
    """An event of one of our contracts. `topic`: what it is about; `fields`: its members, integers as decimal strings."""

    id: Annotated[str, Field(description="<block>-<log index>", examples=["120-3"])]
    topic: str
    name: Annotated[str, Field(examples=["SubmissionAccepted"])]
    contract: str
    block: int
    log_index: int
    timestamp: int | None
    tx_hash: Bytes32
    dataset: int | None
    round: int | None
    accounts: list[Address]
    fields: dict[str, Any]


class EventPage(Page):
    """Newest first. A page may be short, or empty, before the last: the filter looked at many others."""

    items: list[EventView]


class Totals(BaseModel):
    """Of everything that is mirrored. Amounts in base units."""

    datasets: int
    rounds: int
    open_rounds: int
    submissions: int
    labels: int
    contributors: int
    validators: int
    seats: int
    sales: int
    revenue: Amount
    rewards: Annotated[Amount, Field(description="pay distributed")]


class NetworkView(BaseModel):
    """Where the mirror stands. `lag`: seconds since the last mirrored block; `head`: the node's block, null while it is silent."""

    chain_id: int
    mirror_block: int
    mirror_timestamp: int
    lag: int
    head: int | None
    behind: Annotated[int | None, Field(description="blocks that the mirror is behind the node")]
    queued: Annotated[int, Field(description="things to relay that are not yet in a transaction")]
    unmined: Annotated[int, Field(description="transactions sent and not yet mined")]
    ledger_sum: Amount
    ledger_held: Amount
    ledger_even: bool
    paused: list[str]
    totals: Totals
