"""The mirror's tables: raw events, one table per event, the current state they add up to, and the checkpoint.

The backend reads these and never writes them. Addresses, hashes and bytes are lowercase 0x strings; uint256 are exact (Uint).
"""

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Boolean, Column, Dialect, Integer, String, Table, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from labelshare.chain.events import EVENTS, Event


class Uint(TypeDecorator[int]):
    """An unsigned integer below 2^256, kept as decimal text: no database's INTEGER holds it."""

    impl = String(78)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not 0 <= value < 1 << 256:
            raise ValueError(f"{value} is not a uint256")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Bounded(TypeDecorator[int]):
    """A number or a time that fits BIGINT, but for nonsense: users may sign times and ids up to 2^256. Larger ones are kept as
    the largest, so that nobody can stop the mirror; the event's own table has the exact value."""

    impl = BigInteger
    cache_ok = True
    LARGEST = (1 << 63) - 1

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else min(value, self.LARGEST)


class Base(DeclarativeBase):
    """Tables of the mirror."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: Bounded, dict[str, Any]: JSON}


class State(Base):
    """A table that is derived from events and rebuilt from them."""

    __abstract__ = True


# Where the mirror stands


class Block(Base):
    """A mirrored block; timestamp in unix seconds."""

    __tablename__ = "mirror_block"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(66))
    parent_hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]


class Checkpoint(Base):
    """The last block whose events are all here. One row a chain. The journal reaches back to the block `undoable_to`."""

    __tablename__ = "mirror_checkpoint"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int]
    block_hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]
    undoable_to: Mapped[int]


class Undo(Base):
    """What a block changed: a state row (its key as JSON) as it was before, JSON, or null when it was not there."""

    __tablename__ = "mirror_undo"
    block_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    before: Mapped[str | None] = mapped_column(Text)


class RawEvent(Base):
    """A log as the chain gave it."""

    __tablename__ = "mirror_raw_event"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int] = mapped_column(index=True)
    transaction_hash: Mapped[str] = mapped_column(String(66))
    address: Mapped[str] = mapped_column(String(42))
    topics: Mapped[str] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)


def _event_table(kind: type[Event]) -> Table:
    name = "event_" + "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")
    return Table(
        name,
        Base.metadata,
        Column("block_number", BigInteger, primary_key=True, autoincrement=False),
        Column("log_index", Integer, primary_key=True, autoincrement=False),
        *(Column(f.name, _column_type(f.type)) for f in fields(kind)),
    )


def _column_type(annotation: Any) -> Any:
    return {int: Uint(), str: Text(), bool: Boolean()}.get(annotation, JSON())


EVENT_TABLES: dict[type[Event], Table] = {kind: _event_table(kind) for kind in EVENTS.values()}


def event_row(event: Event, block_number: int, log_index: int) -> dict[str, Any]:
    """An event as a row of its table. In JSON columns integers are decimal strings."""
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    plain = {name: _json(value) if isinstance(value, tuple) or is_dataclass(value) else value for name, value in values.items()}
    return {"block_number": block_number, "log_index": log_index, **plain}


def _json(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# Current state


class Account(State):
    """A Ledger account and its balance in base units."""

    __tablename__ = "account"
    account: Mapped[str] = mapped_column(String(66), primary_key=True)
    balance: Mapped[int] = mapped_column(Uint)


class Allowance(State):
    """What a spender may still move from an owner's Ledger account, base units. nonce: the owner's next for a signed allowance, as
    of the last one for this spender; the owner's is the largest over all spenders."""

    __tablename__ = "allowance"
    owner: Mapped[str] = mapped_column(String(42), primary_key=True)
    spender: Mapped[str] = mapped_column(String(42), primary_key=True)
    amount: Mapped[int] = mapped_column(Uint)
    nonce: Mapped[int]


class Dataset(State):
    """A dataset: terms by name (amounts as decimal strings), reserve, license price, shares, and the labels and votes that wait
    for a later round. settled_block: where its last round was settled, 0 before."""

    __tablename__ = "dataset"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    requester: Mapped[str] = mapped_column(String(42))
    operator: Mapped[str] = mapped_column(String(42))
    terms: Mapped[dict[str, Any]]
    escrow_account: Mapped[str] = mapped_column(String(66))
    reserved: Mapped[int] = mapped_column(Uint)
    price: Mapped[int] = mapped_column(Uint)
    supply: Mapped[int] = mapped_column(Uint)
    acc: Mapped[int] = mapped_column(Uint)
    revenue: Mapped[int] = mapped_column(Uint)
    waiting_labels: Mapped[int]
    waiting_votes: Mapped[int]
    settled_block: Mapped[int]


class Round(State):
    """A round. Phase: open, closed, void or settled. `labels`: as the chain counts them, without void ones; open_submissions: how
    many the open path took."""

    __tablename__ = "round"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dataset: Mapped[int] = mapped_column(index=True)
    phase: Mapped[str] = mapped_column(String(16))
    tasks_root: Mapped[str] = mapped_column(String(66))
    task_count: Mapped[int]
    label_budget: Mapped[int]
    labels: Mapped[int]
    open_labels: Mapped[int]
    open_submissions: Mapped[int]
    sample_size: Mapped[int]
    deadline: Mapped[int]
    last: Mapped[bool]
    reserve: Mapped[int] = mapped_column(Uint)
    opened_block: Mapped[int]
    closed_block: Mapped[int | None]


class Session(State):
    """A session key; dataset 0 means all; bond_left in base units."""

    __tablename__ = "session"
    contributor: Mapped[str] = mapped_column(String(42), primary_key=True)
    key: Mapped[str] = mapped_column(String(42), primary_key=True)
    dataset: Mapped[int]
    expiry: Mapped[int]
    max_bond: Mapped[int] = mapped_column(Uint)
    bond_left: Mapped[int] = mapped_column(Uint)
    revoked: Mapped[bool]


class Contributor(State):
    """A contributor of a dataset: the next submission's sequence number, labels accepted, of these pending, of these at the open
    bond. Open labels are neither before the panel's word on them."""

    __tablename__ = "contributor"
    dataset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contributor: Mapped[str] = mapped_column(String(42), primary_key=True)
    sequence: Mapped[int]
    labels: Mapped[int]
    pending: Mapped[int]
    pending_open: Mapped[int]
    last_round: Mapped[int]
    open_round: Mapped[int]


class Submission(State):
    """An accepted submission."""

    __tablename__ = "submission"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contributor: Mapped[str] = mapped_column(String(42), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    labels_root: Mapped[str] = mapped_column(String(66))
    signer: Mapped[str] = mapped_column(String(42))
    admission: Mapped[int]
    bond: Mapped[int] = mapped_column(Uint)
    block_number: Mapped[int]
    tx_hash: Mapped[str] = mapped_column(String(66))


class OpenSubmission(State):
    """A submission on the open path; `position` is its bit in the panel's attestations. Counted: None before the panel's word,
    False when it is void."""

    __tablename__ = "open_submission"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contributor: Mapped[str] = mapped_column(String(42), primary_key=True)
    position: Mapped[int]
    sequence: Mapped[int]
    count: Mapped[int]
    labels_root: Mapped[str] = mapped_column(String(66))
    counted: Mapped[bool | None]


class SkippedSubmission(State):
    """A submission that the contract passed over, and why (a SkipReason's number)."""

    __tablename__ = "skipped_submission"
    block_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(index=True)
    contributor: Mapped[str] = mapped_column(String(42), index=True)
    sequence: Mapped[int]
    reason: Mapped[int]
    tx_hash: Mapped[str] = mapped_column(String(66))


class Seat(State):
    """A slot of a staking pool. left_at 0: in. No owner: free."""

    __tablename__ = "seat"
    pool: Mapped[str] = mapped_column(String(66), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str | None] = mapped_column(String(42), index=True)
    active_from: Mapped[int]
    left_at: Mapped[int]
    release_at: Mapped[int]
    drained: Mapped[bool]


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
    """What governance and guardian set: fee_bps, min_window (seconds), min_seat_fee (base units), and 1 for each of datasets_paused, rounds_paused,
    submissions_paused and purchases_paused."""

    __tablename__ = "parameter"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(Uint)


class ShareBalance(State):
    """Shares of a dataset that a holder has, and the revenue paid to them so far (base units)."""

    __tablename__ = "share_balance"
    dataset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str] = mapped_column(String(42), primary_key=True)
    balance: Mapped[int] = mapped_column(Uint)
    revenue: Mapped[int] = mapped_column(Uint)


class License(State):
    """A licensee's right to a dataset, until expiry (unix seconds), up to last_round."""

    __tablename__ = "license"
    dataset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    licensee: Mapped[str] = mapped_column(String(42), primary_key=True)
    expiry: Mapped[int]
    last_round: Mapped[int]


class Sale(State):
    """A license sold; price and fee in base units."""

    __tablename__ = "sale"
    block_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dataset: Mapped[int] = mapped_column(index=True)
    licensee: Mapped[str] = mapped_column(String(42))
    buyer: Mapped[str] = mapped_column(String(42))
    price: Mapped[int] = mapped_column(Uint)
    fee: Mapped[int] = mapped_column(Uint)
    expiry: Mapped[int]
    last_round: Mapped[int]
    tx_hash: Mapped[str] = mapped_column(String(66))


STATE_TABLES: list[Table] = [
    Base.metadata.tables[mapper.class_.__tablename__] for mapper in Base.registry.mappers if issubclass(mapper.class_, State)
]
