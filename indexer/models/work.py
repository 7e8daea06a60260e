"""Current state: money, datasets, rounds, submissions, seats, shares and licenses."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from indexer.models.base import State, Uint


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
    for a later round. pending_open: labels of the open path that the panel counted and no settlement decided. settled_block: where
    its last round was settled, 0 before."""

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
    pending_open: Mapped[int] = mapped_column(default=0)
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
    bond; ticketed labels whose bonds are held. Open labels are neither accepted nor pending before the panel's word on them.
    decided: pending until the round that a settlement is being distributed of is settled, as on chain."""

    __tablename__ = "contributor"
    dataset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contributor: Mapped[str] = mapped_column(String(42), primary_key=True)
    sequence: Mapped[int]
    labels: Mapped[int]
    pending: Mapped[int]
    pending_open: Mapped[int]
    covered: Mapped[int]
    last_round: Mapped[int]
    open_round: Mapped[int]
    decided: Mapped[bool] = mapped_column(default=False)


class Submission(State):
    """An accepted submission; `bond` is what it took, none where bonds of earlier rounds cover it."""

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
