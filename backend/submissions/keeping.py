"""Writing submissions down, all of a batch at once, under the operator's receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, insert, text, update

from backend.context import Backend
from backend.models import Label, SignedSubmission, Slot
from backend.relay.outbox import enqueue_new_items
from backend.submissions.schemas import OpenLabelsRequest, SubmitRequest
from labelshare.rules import eip712

KEPT = insert(cast(Table, SignedSubmission.__table__))
LABELS = insert(cast(Table, Label.__table__))
# PostgreSQL takes the columns at once, as the text of arrays; row by row is several times the work there, and none for SQLite.
ARRAYS = text(
    "INSERT INTO app_label (digest, task, answer, salt) SELECT * "
    "FROM unnest(CAST(:digests AS text[]), CAST(:tasks AS bigint[]), CAST(:answers AS bigint[]), CAST(:salts AS text[]))"
)
USED = (
    update(Slot)
    .where(Slot.lease_id == bindparam("lease"), Slot.task.in_(bindparam("tasks", expanding=True)))
    .values(digest=bindparam("used_by"))
)
USED_ALL = update(Slot).where(Slot.lease_id == bindparam("lease"), Slot.digest.is_(None)).values(digest=bindparam("used_by"))


@dataclass(frozen=True)
class Taken:
    """A submission that is to be kept. `signer`: lowercase address; `bond`: base units; `now`: unix seconds of the receipt."""

    request: SubmitRequest | OpenLabelsRequest
    round: int
    dataset: int
    digest: bytes
    signer: str
    bond: int
    now: int


def keep(backend: Backend, connection: Connection, batch: Sequence[Taken]) -> list[dict[str, Any]]:
    """Keeps submissions with their labels. The rows of app_submission, receipts included, by column."""
    rows = [_row(backend, taken) for taken in batch]
    connection.execute(KEPT, rows)
    if connection.dialect.name == "postgresql":
        connection.execute(ARRAYS, _arrays(batch))
    else:
        connection.execute(
            LABELS,
            [
                {"digest": row["digest"], "task": x.task, "answer": x.answer, "salt": x.salt}
                for row, taken in zip(rows, batch, strict=True)
                for x in taken.request.labels
            ],
        )
    return rows


def use_slots(connection: Connection, used: Sequence[tuple[SubmitRequest, str, int]]) -> None:
    """Marks the slots of the labels as used. `used`: request, digest and how many slots its lease has left: most often these are
    all of the request's."""
    whole, parts = [], []
    for request, digest, left in used:
        row: dict[str, Any] = {"used_by": digest, "lease": request.lease_id}
        if len(request.labels) == left:
            whole.append(row)
        else:
            parts.append(row | {"tasks": [label.task for label in request.labels]})
    if whole:
        connection.execute(USED_ALL, whole)
    for row in parts:
        connection.execute(USED, row)


def relay(connection: Connection, batch: Sequence[tuple[SubmitRequest, int, str, int]]) -> None:
    """Queues submissions for the relayer. `batch`: request, round, digest, and the unix second after which it is too late."""
    items = []
    for request, round_id, digest, include_by in batch:
        s = request.submission
        fields = [round_id, s.contributor, s.sequence, s.count, s.labels_root, s.admission, s.deadline]
        items.append((f"submission:{digest}", [fields, request.signature, "0x"], include_by))
    enqueue_new_items(connection, "submission", items)


def _row(backend: Backend, taken: Taken) -> dict[str, Any]:
    s = taken.request.submission
    receipt = eip712.Receipt(taken.round, s.contributor, s.sequence, taken.digest, taken.now)
    return {
        "digest": "0x" + taken.digest.hex(),
        "round": taken.round,
        "dataset": taken.dataset,
        "contributor": s.contributor,
        "sequence": s.sequence,
        "count": s.count,
        "labels_root": s.labels_root,
        "admission": s.admission,
        "deadline": s.deadline,
        "signature": taken.request.signature,
        "signer": taken.signer,
        "bond": taken.bond,
        "received_at": taken.now,
        "receipt": "0x" + backend.operator.sign_digest(receipt.digest(backend.domain("LabelRegistry"))).hex(),
        "dropped": False,
    }


def _arrays(batch: Sequence[Taken]) -> dict[str, str]:
    """The columns of all labels as PostgreSQL writes arrays: hex and digits need no quotes."""
    labels = [x for taken in batch for x in taken.request.labels]
    digests = [digest for taken in batch for digest in repeat("0x" + taken.digest.hex(), len(taken.request.labels))]
    columns = {
        "digests": digests,
        "tasks": [str(x.task) for x in labels],
        "answers": [str(x.answer) for x in labels],
        "salts": [x.salt for x in labels],
    }
    return {name: "{" + ",".join(values) + "}" for name, values in columns.items()}
