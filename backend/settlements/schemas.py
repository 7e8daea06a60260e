"""Bodies of the settlement endpoints."""

from pydantic import BaseModel

from backend.types import Address, Amount, Bytes32


class EntryView(BaseModel):
    """One account's line: role contributor, validator or requester; amounts in base units."""

    role: str
    account: Address
    reward: Amount
    slash: Amount
    shares: Amount
    waiting: int
    distributed: bool


class SettlementView(BaseModel):
    """A round's settlement on chain."""

    round: int
    phase: str
    proposer: Address
    evidence_hash: Bytes32
    challenge_ends: int
    paid: Amount
    carried: Amount
    released: Amount
    entries: list[EntryView]
