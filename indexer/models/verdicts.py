"""Current state: audits, settlements, disputes, and what governance and issuers set."""

from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from indexer.models.base import State, Uint


class Audit(State):
    """A round's audit. Phase: seeding, committing, revealing, audited or failed. concluded_block: where it became audited, else 0.
    A closing round is audited at once, without a panel."""

    __tablename__ = "audit"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    phase: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    misses: Mapped[int]
    seed_block: Mapped[int]
    as_of: Mapped[int]
    slots: Mapped[int]
    seed: Mapped[str | None] = mapped_column(String(66))
    commit_ends: Mapped[int]
    reveal_ends: Mapped[int]
    concluded_block: Mapped[int]


class PanelMember(State):
    """A validator on a panel; answers as 0x hex once revealed; slashed in base units, for silence; `shown`: the bits of the open
    submissions that were shown to them, None before they attest."""

    __tablename__ = "panel_member"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    validator: Mapped[str] = mapped_column(String(42), primary_key=True)
    weight: Mapped[int]
    commitment: Mapped[str | None] = mapped_column(String(66))
    revealed: Mapped[bool]
    answers: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[str | None] = mapped_column(String(66))
    slashed: Mapped[int] = mapped_column(Uint)
    shown: Mapped[int | None] = mapped_column(Uint)


class ValidatorVotes(State):
    """Votes (audited tasks × seats) of a validator in a dataset that no settlement has decided."""

    __tablename__ = "validator_votes"
    dataset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    validator: Mapped[str] = mapped_column(String(42), primary_key=True)
    pending: Mapped[int]


class Settlement(State):
    """A round's settlement. Phase: proposed, published, challenged, final, distributed; expired, overturned, hung; exiting, exited.

    `attempt`: proposals so far, of which `overturned` by a jury. `required_root`: which alone may be proposed again.
    `proposed_block`, `reopened_block`: where the last proposal began, and where the last one ended without a settlement, 0 before.
    """

    __tablename__ = "settlement"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dataset: Mapped[int]
    phase: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    overturned: Mapped[int]
    required_root: Mapped[str | None] = mapped_column(String(66))
    proposed_block: Mapped[int]
    reopened_block: Mapped[int]
    proposer: Mapped[str] = mapped_column(String(42))
    evidence_hash: Mapped[str] = mapped_column(String(66))
    chunks: Mapped[int]
    published: Mapped[int]
    distributed: Mapped[int]
    challenge_ends: Mapped[int]
    bond: Mapped[int] = mapped_column(Uint)
    totals: Mapped[dict[str, Any]]
    paid: Mapped[int] = mapped_column(Uint)
    carried: Mapped[int] = mapped_column(Uint)
    released: Mapped[int] = mapped_column(Uint)


class Entry(State):
    """One account's line of a settlement, in base units and shares. Role: 0 contributor, 1 validator, 2 requester."""

    __tablename__ = "entry"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chunk: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[int]
    account: Mapped[str] = mapped_column(String(42), index=True)
    reward: Mapped[int] = mapped_column(Uint)
    slash: Mapped[int] = mapped_column(Uint)
    shares: Mapped[int] = mapped_column(Uint)
    waiting: Mapped[int]
    distributed: Mapped[bool]


class Dispute(State):
    """A challenge of a published settlement, and its jury. Phase: seeding, committing, revealing, upheld, overturned or hung.

    `number`: 1 or 2, of the round. `attempt`: the sitting jury's, counted over the round. `root`: the majority's, None without.
    `to_winner`, `to_jurors`, `to_treasury`: base units of the loser's bond.
    """

    __tablename__ = "dispute"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    challenger: Mapped[str] = mapped_column(String(42))
    bond: Mapped[int] = mapped_column(Uint)
    proposed: Mapped[str] = mapped_column(String(66))
    phase: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    misses: Mapped[int]
    seed_block: Mapped[int]
    as_of: Mapped[int]
    slots: Mapped[int]
    seed: Mapped[str | None] = mapped_column(String(66))
    commit_ends: Mapped[int]
    reveal_ends: Mapped[int]
    root: Mapped[str | None] = mapped_column(String(66))
    to_winner: Mapped[int] = mapped_column(Uint)
    to_jurors: Mapped[int] = mapped_column(Uint)
    to_treasury: Mapped[int] = mapped_column(Uint)


class Juror(State):
    """A validator on a jury; slashed in base units, for silence or dissent."""

    __tablename__ = "juror"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    juror: Mapped[str] = mapped_column(String(42), primary_key=True)
    weight: Mapped[int]
    commitment: Mapped[str | None] = mapped_column(String(66))
    revealed: Mapped[bool]
    root: Mapped[str | None] = mapped_column(String(66))
    salt: Mapped[str | None] = mapped_column(String(66))
    slashed: Mapped[int] = mapped_column(Uint)


class Credential(State):
    """Who an issuer attests for a domain of theirs, up to `expiry` (unix seconds); 0: revoked."""

    __tablename__ = "credential"
    credential: Mapped[str] = mapped_column(String(66), primary_key=True)
    account: Mapped[str] = mapped_column(String(42), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(42))
    domain: Mapped[str] = mapped_column(Text)
    expiry: Mapped[int]


class Parameter(State):
    """What governance and guardian set: fee_bps, min_window (seconds), min_seat_fee (base units), and 1 for each of
    datasets_paused, rounds_paused, submissions_paused and purchases_paused."""

    __tablename__ = "parameter"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(Uint)
