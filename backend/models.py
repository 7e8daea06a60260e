"""The app's tables. Times are unix seconds; hashes, addresses and bytes are lowercase 0x strings; bonds are exact (Uint)."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from indexer.models import Uint


class AppBase(DeclarativeBase):
    """Tables that the backend writes; made by migrations."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, bytes: LargeBinary}


class Task(AppBase):
    """A task's content (canonical JSON), by its hash."""

    __tablename__ = "app_task"
    content_hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    content: Mapped[str] = mapped_column(Text)


class Draft(AppBase):
    """A round that the operator was asked to open. The mirror tells its number, by (dataset, tasks_root).

    `adaptive`: tasks whose consensus is sure get no more labels (K12).
    """

    __tablename__ = "app_draft"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    dataset: Mapped[int]
    tasks_root: Mapped[str] = mapped_column(String(66))
    labels_per_task: Mapped[int]
    adaptive: Mapped[bool]
    __table_args__ = (UniqueConstraint("dataset", "tasks_root"),)


class DraftTask(AppBase):
    """The tasks of a draft, in order."""

    __tablename__ = "app_draft_task"
    draft_id: Mapped[int] = mapped_column(ForeignKey("app_draft.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[str] = mapped_column(ForeignKey("app_task.content_hash"))


class Lease(AppBase):
    """Tasks kept for a contributor until `expires_at`."""

    __tablename__ = "app_lease"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    round: Mapped[int]
    contributor: Mapped[str] = mapped_column(String(42))
    sequence: Mapped[int]
    count: Mapped[int]
    expires_at: Mapped[int]


class Slot(AppBase):
    """A task's slot that is leased, or used by a submission (then `digest` is set). The constraints are the guarantee that no
    two contributors get the same slot, and none the same task twice."""

    __tablename__ = "app_slot"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contributor: Mapped[str] = mapped_column(String(42))
    lease_id: Mapped[str] = mapped_column(String(32), index=True)
    expires_at: Mapped[int]
    digest: Mapped[str | None] = mapped_column(String(66))
    __table_args__ = (
        UniqueConstraint("round", "task", "contributor"),
        Index(
            "app_slot_unused", "round", "expires_at", sqlite_where=text("digest IS NULL"), postgresql_where=text("digest IS NULL")
        ),
    )


class OpenRound(AppBase):
    """How many slots of a round are taken; there since its first lease."""

    __tablename__ = "app_open_round"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken: Mapped[int]


class OpenTask(AppBase):
    """How many slots of a task are taken: the rows of app_slot, counted as they come and go."""

    __tablename__ = "app_open_task"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken: Mapped[int]
    __table_args__ = (Index("app_open_task_fewest", "round", "taken", "task"),)


class Progress(AppBase):
    """How sure the consensus of an open adaptive round was at so many labels. `sure`: a bit a task, the lowest first; `spared`:
    labels that the sure tasks could still have taken."""

    __tablename__ = "app_progress"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    labels: Mapped[int]
    sure: Mapped[bytes]
    spared: Mapped[int]


class SignedSubmission(AppBase):
    """A submission as it was signed, and the operator's receipt. Dropped: the chain passed over it; its sequence is free again."""

    __tablename__ = "app_submission"
    digest: Mapped[str] = mapped_column(String(66), primary_key=True)
    round: Mapped[int] = mapped_column(index=True)
    dataset: Mapped[int]
    contributor: Mapped[str] = mapped_column(String(42))
    sequence: Mapped[int]
    count: Mapped[int]
    labels_root: Mapped[str] = mapped_column(String(66))
    admission: Mapped[int]
    deadline: Mapped[int]
    signature: Mapped[str] = mapped_column(String(132))
    signer: Mapped[str] = mapped_column(String(42))
    bond: Mapped[int] = mapped_column(Uint)
    received_at: Mapped[int]
    receipt: Mapped[str] = mapped_column(String(132))
    dropped: Mapped[bool]
    __table_args__ = (
        Index("app_submission_contributor", "contributor", "received_at"),
        Index(
            "app_submission_live",
            "dataset",
            "contributor",
            "sequence",
            unique=True,
            sqlite_where=text("NOT dropped"),
            postgresql_where=text("NOT dropped"),
        ),
    )


class Label(AppBase):
    """One label of a submission, with its salt."""

    __tablename__ = "app_label"
    digest: Mapped[str] = mapped_column(ForeignKey("app_submission.digest"), primary_key=True)
    task: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    answer: Mapped[int]
    salt: Mapped[str] = mapped_column(String(66))


class Outbox(AppBase):
    """Something to relay, once. `transaction_id`: the transaction it went into. Error: why it never can. `include_by`: unix
    seconds after which the chain would pass over it, None for never. `attempts`: transactions that it was in and that reverted."""

    __tablename__ = "app_outbox"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    payload: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("app_transaction.id"), index=True)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int]
    include_by: Mapped[int | None]
    attempts: Mapped[int]
    __table_args__ = (
        Index(
            "app_outbox_queued",
            "id",
            sqlite_where=text("transaction_id IS NULL AND error IS NULL"),
            postgresql_where=text("transaction_id IS NULL AND error IS NULL"),
        ),
    )


class Transaction(AppBase):
    """One nonce of one sender on one chain, and what is called with it. States: backend/relay/__init__.py.

    `hash`: of the version that is on chain, else of the newest one. `block_number`, `block_hash`: where it was mined. `final`: no
    reorganization can undo that any more.
    """

    __tablename__ = "app_transaction"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    chain_id: Mapped[int]
    sender: Mapped[str] = mapped_column(String(42))
    nonce: Mapped[int]
    target: Mapped[str] = mapped_column(String(42))
    data: Mapped[str] = mapped_column(Text)
    gas: Mapped[int]
    hash: Mapped[str] = mapped_column(String(66), index=True)
    status: Mapped[str] = mapped_column(String(16))
    block_number: Mapped[int | None]
    block_hash: Mapped[str | None] = mapped_column(String(66))
    final: Mapped[bool]
    __table_args__ = (
        UniqueConstraint("chain_id", "sender", "nonce"),
        Index("app_transaction_watched", "nonce", sqlite_where=text("NOT final"), postgresql_where=text("NOT final")),
    )


class SignedVersion(AppBase):
    """Signed bytes of a transaction: the first, and each that replaced it at higher fees (wei). `block`: the head when signed."""

    __tablename__ = "app_signed_version"
    hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("app_transaction.id"), index=True)
    raw: Mapped[str] = mapped_column(Text)
    max_fee: Mapped[int] = mapped_column(Uint)
    tip: Mapped[int] = mapped_column(Uint)
    block: Mapped[int]


class RelayLease(AppBase):
    """Which relayer sends for a key. `fence` grows with each holder, `beat` with each sign of life; `state` says what it waits
    for, "" for nothing."""

    __tablename__ = "app_relay_lease"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sender: Mapped[str] = mapped_column(String(42), primary_key=True)
    fence: Mapped[int]
    beat: Mapped[int]
    held: Mapped[bool]
    state: Mapped[str] = mapped_column(Text)


class HeldBallot(AppBase):
    """A validator's ballot, kept until the panel reveals."""

    __tablename__ = "app_ballot"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    validator: Mapped[str] = mapped_column(String(42), primary_key=True)
    answers: Mapped[str] = mapped_column(Text)
    salt: Mapped[str] = mapped_column(String(66))


class EvidenceFile(AppBase):
    """The evidence of a round (F1), exactly the bytes that were hashed."""

    __tablename__ = "app_evidence"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(66))
    body: Mapped[bytes]


class EvidenceSignature(AppBase):
    """A panel member's signature that they hold the evidence."""

    __tablename__ = "app_evidence_signature"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    validator: Mapped[str] = mapped_column(String(42), primary_key=True)
    signature: Mapped[str] = mapped_column(String(132))
