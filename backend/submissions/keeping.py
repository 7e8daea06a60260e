"""Writing submissions down, all of a batch at once, under the operator's receipts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, insert, text, update

from backend.context import Backend
from backend.models import Label, Outbox, SignedSubmission, Slot
from backend.relay.outbox import new_rows
from backend.submissions.schemas import OpenLabelsRequest, SubmitRequest
from labelshare.rules import eip712

KEPT = insert(cast(Table, SignedSubmission.__table__))
LABELS = insert(cast(Table, Label.__table__))
QUEUED = insert(cast(Table, Outbox.__table__))
USED = (
    update(Slot)
    .where(Slot.lease_id == bindparam("lease"), Slot.digest.is_(None), Slot.task.in_(bindparam("tasks", expanding=True)))
    .values(digest=bindparam("used_by"))
)
KEPT_COLUMNS, QUEUED_COLUMNS = (
    ", ".join(column.name for column in cast(Table, model.__table__).columns if column.name != "id")
    for model in (SignedSubmission, Outbox)
)
# PostgreSQL takes a batch in one statement, the labels as the text of arrays: row by row is several times the work there, and none
# for SQLite.
AT_ONCE = text(
    "WITH labels AS MATERIALIZED (SELECT * FROM unnest(CAST(:digests AS text[]), CAST(:tasks AS bigint[]), "
    "CAST(:answers AS bigint[]), CAST(:salts AS text[])) AS l(digest, task, answer, salt)), "
    f"kept AS (INSERT INTO app_submission ({KEPT_COLUMNS}) "
    f"SELECT {KEPT_COLUMNS} FROM json_populate_recordset(CAST(NULL AS app_submission), CAST(:rows AS json))), "
    f"queued AS (INSERT INTO app_outbox ({QUEUED_COLUMNS}) "
    f"SELECT {QUEUED_COLUMNS} FROM json_populate_recordset(CAST(NULL AS app_outbox), CAST(:queue AS json))), "
    "used AS (UPDATE app_slot SET digest = labels.digest FROM labels JOIN unnest(CAST(:leases AS text[]), CAST(:of AS text[])) "
    "AS leased(lease, digest) ON leased.digest = labels.digest "
    "WHERE lease_id = leased.lease AND app_slot.task = labels.task AND app_slot.digest IS NULL RETURNING 1), "
    "shown AS (INSERT INTO app_label (digest, task, answer, salt) SELECT digest, task, answer, salt FROM labels) "
    "SELECT count(*) FROM used"
)


class SlotsGone(Exception):
    """A lease of the batch ended, or was used up, at this very moment: nothing of the batch may be committed."""


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


@dataclass(frozen=True)
class Queued:
    """With what is done besides for one that is relayed: the slots of `lease` are used, and the contract takes it until
    `include_by`, unix seconds."""

    taken: Taken
    request: SubmitRequest
    include_by: int


def keep(backend: Backend, connection: Connection, taken: Taken) -> None:
    """Keeps one submission that is on chain already."""
    row = _row(backend, taken)
    connection.execute(KEPT, row)
    connection.execute(LABELS, _labels(row, taken))


def keep_and_queue(backend: Backend, connection: Connection, batch: Sequence[Queued]) -> list[dict[str, Any]]:
    """Keeps submissions with their labels, uses their slots, queues them for the relayer. The rows, with receipts, by column.

    Raises SlotsGone."""
    rows = [_row(backend, queued.taken) for queued in batch]
    queue = new_rows("submission", [_item(row, queued.include_by) for row, queued in zip(rows, batch, strict=True)])
    if connection.dialect.name == "postgresql":
        used = connection.scalar(AT_ONCE, _columns(rows, queue, batch))
        _require_used(used, sum(len(queued.request.labels) for queued in batch))
        return rows
    connection.execute(KEPT, rows)
    for row, queued in zip(rows, batch, strict=True):
        labels = _labels(row, queued.taken)
        connection.execute(LABELS, labels)
        tasks = [label["task"] for label in labels]
        marked = connection.execute(USED, {"used_by": row["digest"], "lease": queued.request.lease_id, "tasks": tasks})
        _require_used(marked.rowcount, len(tasks))
    connection.execute(QUEUED, queue)
    return rows


def _require_used(used: int | None, labels: int) -> None:
    if used != labels:
        raise SlotsGone


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


def _item(row: dict[str, Any], include_by: int) -> tuple[str, Any, int]:
    """Key, what the LabelRegistry's `submit` takes, and until when."""
    fields = [row[name] for name in ("round", "contributor", "sequence", "count", "labels_root", "admission", "deadline")]
    return f"submission:{row['digest']}", [fields, row["signature"], "0x"], include_by


def _labels(row: dict[str, Any], taken: Taken) -> list[dict[str, Any]]:
    return [{"digest": row["digest"], "task": x.task, "answer": x.answer, "salt": x.salt} for x in taken.request.labels]


def _columns(rows: Sequence[dict[str, Any]], queue: Sequence[dict[str, Any]], batch: Sequence[Queued]) -> dict[str, str]:
    """What AT_ONCE is given: rows as JSON, columns as PostgreSQL writes arrays, where hex and digits need no quotes."""
    labels = [x for queued in batch for x in queued.request.labels]
    arrays = {
        "digests": [row["digest"] for row, queued in zip(rows, batch, strict=True) for _ in queued.request.labels],
        "tasks": [str(x.task) for x in labels],
        "answers": [str(x.answer) for x in labels],
        "salts": [x.salt for x in labels],
        "leases": [queued.request.lease_id for queued in batch],
        "of": [row["digest"] for row in rows],
    }
    columns = {name: "{" + ",".join(values) + "}" for name, values in arrays.items()}
    return columns | {"rows": json.dumps(rows), "queue": json.dumps(queue)}
