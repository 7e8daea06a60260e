"""Bodies of the settlement endpoints."""

from typing import Annotated

from pydantic import BaseModel, Field

from backend.types import Address, Amount, Bytes32


class EntryView(BaseModel):
    """One account's line: role contributor, validator or requester; amounts in base units. κ and why, once final."""

    role: str
    account: Address
    reward: Amount
    slash: Amount
    shares: Amount
    waiting: int
    distributed: bool
    kappa: float | None
    reason: Annotated[str, Field(description="paid, nothing, slashed, copied, waiting, exit, requester_shares")]
    explanation: str
    tx_hash: Annotated[Bytes32 | None, Field(description="in which it was distributed")]


class SettlementView(BaseModel):
    """A round's settlement on chain."""

    round: int
    phase: str
    proposer: Address
    evidence_hash: Bytes32
    challenge_ends: int
    bond: Amount
    paid: Amount
    carried: Amount
    released: Amount
    final_tx: Bytes32 | None
    entries: list[EntryView]
