"""The app's tables for what people do in the browser: sign-ins, metadata, uploads, files, results kept for showing."""

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models import AppBase


class SignInNonce(AppBase):
    """A nonce that no sign-in has used; it is deleted by being used."""

    __tablename__ = "app_nonce"
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(index=True)


class Login(AppBase):
    """A session of a signed-in account. Only the token's hash is kept, so that the table opens nothing."""

    __tablename__ = "app_login"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(42))
    expires_at: Mapped[int] = mapped_column(index=True)


class Repeated(AppBase):
    """The first answer to a request with an Idempotency-Key, by account and key. `request`: hash of path and body."""

    __tablename__ = "app_repeated"
    account: Mapped[str] = mapped_column(String(42), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(index=True)


class DatasetMetadata(AppBase):
    """A dataset's metadata (canonical JSON) by its hash, which the terms on chain name; name and type are also in `body`."""

    __tablename__ = "app_metadata"
    hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    task_type: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)


class Upload(AppBase):
    """Rows that a requester brought, all of them good: an upload with a bad row is not kept. Kind: csv, jsonl or images."""

    __tablename__ = "app_upload"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(42))
    kind: Mapped[str] = mapped_column(String(16))
    task_type: Mapped[str] = mapped_column(String(32))
    summary: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int]


class UploadTask(AppBase):
    """The tasks of an upload, in order: canonical JSON."""

    __tablename__ = "app_upload_task"
    upload_id: Mapped[str] = mapped_column(ForeignKey("app_upload.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(Text)


class StoredFile(AppBase):
    """An image as it was encoded here, by the hash of these bytes."""

    __tablename__ = "app_file"
    hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(32))
    width: Mapped[int]
    height: Mapped[int]
    body: Mapped[bytes]


class Takedown(AppBase):
    """A request to delete a task's content. Outcome: open, erased or kept."""

    __tablename__ = "app_takedown"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(66), index=True)
    reason: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int]


class SealedBallot(AppBase):
    """A panel member's answers under a key that only their wallet can derive, so that a lost browser loses nothing."""

    __tablename__ = "app_sealed_ballot"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    validator: Mapped[str] = mapped_column(String(42), primary_key=True)
    ciphertext: Mapped[str] = mapped_column(Text)


class HeldVerdict(AppBase):
    """A juror's verdict, kept until the jury reveals."""

    __tablename__ = "app_verdict"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    juror: Mapped[str] = mapped_column(String(42), primary_key=True)
    root: Mapped[str] = mapped_column(String(66))
    salt: Mapped[str] = mapped_column(String(66))


class RoundResult(AppBase):
    """What the rule says of a settled round, computed once: JSON of α, class balance, κ by account, consensus, confidence."""

    __tablename__ = "app_round_result"
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dataset: Mapped[int]
    alpha: Mapped[str | None] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index("app_round_result_dataset", "dataset", "round"),)
