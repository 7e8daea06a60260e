"""Everything the relayer reads and writes in SQL. Each change is one transaction behind the lease's fence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from backend.db import Database
from backend.models import Outbox, SignedVersion, Transaction
from backend.relay.calls import Call
from backend.relay.fees import Fees
from backend.relay.lease import Lease
from backend.relay.outbox import BATCHED
from backend.relay.skips import OUT_OF_ORDER, Skips, skip_of
from backend.relay.steps import Steps

MOST_ATTEMPTS = 4  # transactions in which a row may fail
URGENT = 120  # seconds before its include-by at which a kind is sent before all others


@dataclass(frozen=True)
class Mined:
    """A receipt: which version, in which block, whether the call succeeded, and which submissions it passed over."""

    hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    skips: Skips


@dataclass(frozen=True)
class Signed:
    """A version of a transaction that was just signed; `block`: the head at that time."""

    raw: str
    hash: str
    fees: Fees
    block: int


class Store:
    """The tables as one key on one chain sees them."""

    def __init__(self, database: Database, lease: Lease, chain_id: int, sender: str, steps: Steps) -> None:
        self.database, self.lease, self.steps = database, lease, steps
        self._key: dict[str, object] = {"chain_id": chain_id, "sender": sender}

    @contextmanager
    def change(self, storing: str | None = None) -> Iterator[Session]:
        """A SQL transaction behind the fence; `storing` is the step before its commit. Raises LeaseLost."""
        with self.database.transaction() as session:
            self.lease.require(session)
            yield session
            if storing is not None:
                session.flush()
                self.steps(storing)

    # Reading

    def next_rows(self, now: int) -> Sequence[Outbox]:
        """What goes into the next transaction: the oldest queued row, with others of its kind in order when the kind is batched.

        A kind of which a row must be included soon comes first. A row whose batch reverted goes alone.
        """
        with self.database.transaction() as session:
            queued = _queued()
            first = session.scalar(queued.limit(1))
            if first is None:
                return []
            soon = session.scalar(queued.where(Outbox.include_by <= now + URGENT).limit(1))
            if soon is not None and soon.kind != first.kind:
                first = session.scalars(queued.where(Outbox.kind == soon.kind).limit(1)).one()
            if first.kind not in BATCHED:
                return [first]
            rows = session.scalars(queued.where(Outbox.kind == first.kind).limit(BATCHED[first.kind][2])).all()
        together = next((i for i, row in enumerate(rows) if row.attempts), len(rows))
        return rows[: max(1, together)]

    def open_rows(self, also: Transaction | None) -> Sequence[Outbox]:
        """All rows that are in no transaction and not refused, oldest first, and those of a transaction that is given up."""
        with self.database.transaction() as session:
            rows = list(session.scalars(_queued()))
            if also is not None:
                rows += session.scalars(select(Outbox).where(Outbox.transaction_id == also.id).order_by(Outbox.id))
            return rows

    def is_empty(self) -> bool:
        """Whether nothing was ever sent, and nothing is to be."""
        with self.database.transaction() as session:
            return self._next_nonce(session) is None and session.scalar(_queued().limit(1)) is None

    def pending(self) -> list[Transaction]:
        """Transactions without a receipt, by nonce."""
        return self._transactions(Transaction.status == "pending", Transaction.final.is_(False))

    def unsettled(self) -> list[Transaction]:
        """Transactions on chain that a reorganization could still drop, by nonce."""
        return self._transactions(Transaction.status != "pending", Transaction.final.is_(False))

    def versions(self, transactions: Sequence[Transaction]) -> dict[int, list[SignedVersion]]:
        """All signed bytes of each nonce, the newest first."""
        if not transactions:
            return {}
        ids = [transaction.id for transaction in transactions]
        with self.database.transaction() as session:
            rows = session.scalars(select(SignedVersion).where(SignedVersion.transaction_id.in_(ids))).all()
        found: dict[int, list[SignedVersion]] = {transaction.nonce: [] for transaction in transactions}
        nonces = {transaction.id: transaction.nonce for transaction in transactions}
        for row in sorted(rows, key=lambda version: version.max_fee, reverse=True):
            found[nonces[row.transaction_id]].append(row)
        return found

    def next_nonce(self) -> int | None:
        """One above the highest stored nonce; None before the first."""
        with self.database.transaction() as session:
            return self._next_nonce(session)

    def last_block(self) -> int | None:
        """The highest block in which a transaction of ours is known to be."""
        with self.database.transaction() as session:
            return session.scalar(select(func.max(Transaction.block_number)).filter_by(**self._key))

    def _next_nonce(self, session: Session) -> int | None:
        highest = session.scalar(select(func.max(Transaction.nonce)).filter_by(**self._key))
        return None if highest is None else highest + 1

    def _transactions(self, *conditions: ColumnElement[bool]) -> list[Transaction]:
        with self.database.transaction() as session:
            chosen = select(Transaction).filter_by(**self._key).where(*conditions)
            return list(session.scalars(chosen.order_by(Transaction.nonce)))

    # Signing

    @contextmanager
    def signing(self, rows: Sequence[Outbox], on_chain: int) -> "Iterator[Signing]":
        """The SQL transaction in which rows get a nonce and bytes. `on_chain`: the sender's next nonce there. Raises LeaseLost."""
        with self.change("storing") as session:
            free = session.scalars(_queued().where(Outbox.id.in_([row.id for row in rows])).with_for_update()).all()
            if len(free) != len(rows):
                raise RuntimeError("a queued row was taken by somebody who does not hold the lease")
            yield Signing(session, self._key, free, max(on_chain, self._next_nonce(session) or 0))

    def replace(self, transaction: Transaction, signed: Signed) -> None:
        """Keeps a dearer version. Raises LeaseLost."""
        with self.change("replacement storing") as session:
            row = session.get_one(Transaction, transaction.id)
            row.hash = signed.hash
            session.add(_version(row, signed))

    # What became of it

    def refuse(self, rows: Sequence[Outbox], reason: str) -> None:
        """These never go out. Raises LeaseLost."""
        with self.change("refusing") as session:
            for row in rows:
                session.get_one(Outbox, row.id).error = reason

    def settle(self, transaction: Transaction, mined: Mined) -> None:
        """A receipt was found. Raises LeaseLost."""
        with self.change("receipt storing") as session:
            self.settle_in(session, session.get_one(Transaction, transaction.id), mined)

    def settle_in(self, session: Session, row: Transaction, mined: Mined) -> None:
        row.status = "mined" if mined.succeeded else "reverted"
        row.hash, row.block_number, row.block_hash = mined.hash, mined.block_number, mined.block_hash
        if mined.succeeded and not mined.skips:
            return
        for item in session.scalars(select(Outbox).where(Outbox.transaction_id == row.id)):
            skipped = skip_of(item, mined.skips)
            if not mined.succeeded:
                _try_again(item, "reverted on chain", again=item.kind in BATCHED)
            elif skipped is not None:
                _try_again(item, skipped, again=skipped == OUT_OF_ORDER)

    def reopen(self, transactions: Sequence[Transaction]) -> None:
        """A reorganization dropped these; calls that had reverted may succeed now. Raises LeaseLost."""
        with self.change("reopening") as session:
            for transaction in transactions:
                row = session.get_one(Transaction, transaction.id)
                row.status, row.block_number, row.block_hash = "pending", None, None
                session.execute(update(Outbox).where(Outbox.transaction_id == row.id).values(error=None))

    def move(self, transaction: Transaction, mined: Mined) -> None:
        """A reorganization put it into another block. Raises LeaseLost."""
        self.reopen([transaction])
        self.settle(transaction, mined)

    def finish(self, transactions: Sequence[Transaction]) -> None:
        """These are in finalized blocks. Raises LeaseLost."""
        with self.change("final storing") as session:
            ids = [transaction.id for transaction in transactions]
            session.execute(update(Transaction).where(Transaction.id.in_(ids)).values(final=True))

    def adopt(
        self,
        known: Transaction | None,
        nonce: int,
        call: Call,
        gas: int,
        signed: Signed,
        mined: Mined,
        rows: Sequence[Outbox],
    ) -> None:
        """Takes in a transaction that somebody else signed with this key, or an earlier life of this database did.

        `known`: what we had stored for its nonce, which can never be mined any more; its rows go back to the queue, but for `rows`,
        which are in the one on chain. Raises LeaseLost.
        """
        with self.change("adopting") as session:
            if known is None:
                row = _keep(session, self._key, nonce, call, gas, signed)
            else:
                row = session.get_one(Transaction, known.id)
                row.target, row.data, row.gas = call.target, "0x" + call.data.hex(), gas
                session.execute(update(Outbox).where(Outbox.transaction_id == row.id).values(transaction_id=None))
                session.add(_version(row, signed))
            for item in rows:
                session.get_one(Outbox, item.id).transaction_id = row.id
            self.settle_in(session, row, mined)
            row.status = row.status if rows else "foreign"

    def add_version(self, transaction: Transaction, signed: Signed) -> None:
        """A version of ours that this database had forgotten. Raises LeaseLost."""
        with self.change("adopting") as session:
            session.add(_version(session.get_one(Transaction, transaction.id), signed))


@dataclass(frozen=True)
class Signing:
    """An open SQL transaction with the nonce that the rows get."""

    session: Session
    key: dict[str, object]
    rows: Sequence[Outbox]
    nonce: int

    def keep(self, call: Call, gas: int, signed: Signed) -> Transaction:
        row = _keep(self.session, self.key, self.nonce, call, gas, signed)
        for item in self.rows:
            item.transaction_id = row.id
        return row


def _keep(session: Session, key: dict[str, object], nonce: int, call: Call, gas: int, signed: Signed) -> Transaction:
    data = "0x" + call.data.hex()
    row = Transaction(**key, nonce=nonce, target=call.target, data=data, gas=gas, hash=signed.hash, status="pending", final=False)
    session.add(row)
    session.flush()
    session.add(_version(row, signed))
    return row


def _queued() -> Select[Outbox]:
    return select(Outbox).where(Outbox.transaction_id.is_(None), Outbox.error.is_(None)).order_by(Outbox.id)


def _version(row: Transaction, signed: Signed) -> SignedVersion:
    fees = signed.fees
    return SignedVersion(
        hash=signed.hash, transaction_id=row.id, raw=signed.raw, max_fee=fees.most, tip=fees.tip, block=signed.block
    )


def _try_again(item: Outbox, reason: str, again: bool) -> None:
    """An item that the chain may yet take goes back to the queue, alone, a few times; anything else is refused. Of a call, whoever
    wants its effect asks again if it is still due."""
    item.attempts += 1
    if again and item.attempts < MOST_ATTEMPTS:
        item.transaction_id = None
    else:
        item.error = reason
