"""Taking submissions: checked as strictly as the contract checks them, kept and queued in one transaction."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, insert, literal, select, text, update
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthorized
from backend.models import Label, Outbox, SignedSubmission, Slot, Transaction
from backend.relay.outbox import enqueue_new_item
from backend.signatures import signer_of, wrong_signer
from backend.submissions.facts import Facts, InFlight, facts_of, in_flight_of, lease_of
from backend.submissions.schemas import LabelBody, OpenLabelsRequest, ReceiptView, SubmissionBody, SubmissionView, SubmitRequest
from indexer.models import Submission
from labelshare.rules import eip712
from labelshare.rules.merkle import labels_root

TICKETED = 1
KNOWN = select(SignedSubmission.received_at).where(SignedSubmission.digest == bindparam("known"))
KEPT = insert(cast(Table, SignedSubmission.__table__))
USED = (
    update(Slot)
    .where(Slot.lease_id == bindparam("lease"), Slot.task.in_(bindparam("tasks", expanding=True)))
    .values(digest=bindparam("used_by"))
)
USED_ALL = update(Slot).where(Slot.lease_id == bindparam("lease"), Slot.digest.is_(None)).values(digest=bindparam("used_by"))
# PostgreSQL takes the columns at once; row by row is four times the work there, and none for SQLite.
ARRAYS = text(
    "INSERT INTO app_label (digest, task, answer, salt) SELECT :digest, rows.* "
    "FROM unnest(CAST(:tasks AS bigint[]), CAST(:answers AS bigint[]), CAST(:salts AS text[])) AS rows"
)
LABELS = insert(cast(Table, Label.__table__))


def take(backend: Backend, session: Session, round_id: int, request: SubmitRequest) -> SubmissionView:
    """Verifies and keeps a submission. The same one again gets the same receipt."""
    s = request.submission
    message = eip712.Submission(
        round_id, s.contributor, s.sequence, s.count, bytes.fromhex(s.labels_root[2:]), s.admission, s.deadline
    )
    digest = message.digest(backend.domain("LabelRegistry"))
    signer = _signer(digest, request.signature, s.contributor)
    signed_by = signer if isinstance(signer, str) else ""
    facts = facts_of(session, round_id, s.contributor, signed_by, backend.deployment.address("LabelRegistry"))
    if facts is None:
        raise NotFound("unknown_round", f"Round {round_id} is not on chain, or not mirrored yet.")
    if session.connection().execute(KNOWN, {"known": "0x" + digest.hex()}).first() is not None:
        known = session.get_one(SignedSubmission, "0x" + digest.hex())
        require_same(session, known, request)
        return view(session, known)
    check_labels(request, facts.terms["classes"])
    slots = _check_lease(session, request, round_id, facts.now)
    if facts.round.phase != "open" or facts.now > facts.round.deadline:
        raise Conflict("round_not_open", f"Round {round_id} takes no labels any more.")
    if s.deadline < facts.now:
        raise Invalid("submission_expired", f"The submission's deadline {s.deadline} is past.")
    if s.admission != TICKETED:
        raise Invalid("unsupported_admission", "This backend relays admission 1 (ticketed) only.")
    in_flight = in_flight_of(session, s.contributor)
    if signer != s.contributor and isinstance(signer, str) and facts.key is None:
        signer = wrong_signer(digest, request.signature, s.contributor, signer, " or a session key of theirs")
    bond = _check_order_and_bond(facts, in_flight, s, signer)
    kept = keep(backend, session, facts.round, request, digest, signed_by, bond, facts.now)
    _use_slots(session, kept.digest, request, slots)
    fields = [round_id, s.contributor, s.sequence, s.count, s.labels_root, s.admission, s.deadline]
    # The contract takes it until its own deadline and the round's: neither may pass while it is queued.
    include_by = min(s.deadline, facts.round.deadline)
    enqueue_new_item(session, "submission", f"submission:{kept.digest}", [fields, request.signature, "0x"], include_by)
    receipt = ReceiptView(received_at=kept.received_at, signature=kept.receipt)
    return SubmissionView(digest=kept.digest, status="queued", reason=None, tx_hash=None, receipt=receipt)


def view(session: Session, row: SignedSubmission) -> SubmissionView:
    """Where a submission is, by the mirror first, then by the outbox."""
    receipt = ReceiptView(received_at=row.received_at, signature=row.receipt)
    accepted = session.get(Submission, (row.round, row.contributor, row.sequence))
    if accepted is not None and accepted.labels_root == row.labels_root:
        return SubmissionView(digest=row.digest, status="accepted", reason=None, tx_hash=accepted.tx_hash, receipt=receipt)
    queued = session.scalar(select(Outbox).where(Outbox.key == f"submission:{row.digest}"))
    transaction = session.get(Transaction, queued.transaction_id) if queued and queued.transaction_id else None
    tx_hash = transaction.hash if transaction else None
    reason = queued.error if queued else None
    status = "skipped" if reason else ("sent" if transaction else "queued")
    return SubmissionView(digest=row.digest, status=status, reason=reason, tx_hash=tx_hash, receipt=receipt)


def find(session: Session, digest: str) -> SignedSubmission:
    row = session.get(SignedSubmission, digest)
    if row is None:
        raise NotFound("unknown_submission", "No submission with this digest was taken here.")
    return row


# Checks, in the order of `take`


def require_same(session: Session, known: SignedSubmission, request: SubmitRequest | OpenLabelsRequest) -> None:
    """Raises Conflict unless the request repeats what is kept."""
    rows = session.scalars(select(Label).where(Label.digest == known.digest))
    kept = {(row.task, row.answer, row.salt) for row in rows}
    if known.signature != request.signature or kept != {(x.task, x.answer, x.salt) for x in request.labels}:
        raise Conflict("digest_reused", "This signed submission is here already, with other labels or another signature.")


def check_labels(request: SubmitRequest | OpenLabelsRequest, classes: int | None) -> None:
    """Raises Invalid unless the labels are those of the root, and of known classes. `classes`: None for any."""
    labels = request.labels
    if len({label.task for label in labels}) != len(labels):
        raise Invalid("task_twice", "A submission holds a task at most once.")
    if len(labels) != request.submission.count:
        raise Invalid("wrong_count", f"The submission claims {request.submission.count} labels and holds {len(labels)}.")
    for label in labels:
        if classes is not None and label.answer >= classes:
            raise Invalid("unknown_class", f"Task {label.task} has answer {label.answer}; classes run from 0 to {classes - 1}.")
    if "0x" + labels_root([(x.task, x.answer, bytes.fromhex(x.salt[2:])) for x in labels]).hex() != request.submission.labels_root:
        raise Invalid("wrong_root", "labels_root is not the root of these labels (leaves: task, answer, salt; sorted by hash).")


def _check_lease(session: Session, request: SubmitRequest, round_id: int, now: int) -> set[int]:
    """The tasks of the lease that were not submitted, when it covers the request."""
    found = lease_of(session, request.lease_id)
    if found is None or found[0].round != round_id or found[0].contributor != request.submission.contributor:
        raise NotFound("unknown_lease", "There is no such lease of this contributor in this round; lease tasks first.")
    lease, slots = found
    if request.submission.count > lease.most:
        raise Forbidden("over_ticket", f"The lease covers {lease.most} labels; the submission has {request.submission.count}.")
    if lease.expires_at < now:
        raise Conflict("lease_expired", "The lease expired and its tasks may be others' now; lease again.")
    stray = sorted({label.task for label in request.labels} - slots)
    if stray:
        raise Forbidden("not_leased", f"Task {stray[0]} is not in this lease, or was submitted with it before.")
    return slots


def _use_slots(session: Session, digest: str, request: SubmitRequest, slots: set[int]) -> None:
    """Marks the slots of the labels as used. Most often these are all that the lease has left."""
    tasks = [label.task for label in request.labels]
    if len(tasks) == len(slots):
        marked = session.connection().execute(USED_ALL, {"used_by": digest, "lease": request.lease_id})
    else:
        marked = session.connection().execute(USED, {"used_by": digest, "lease": request.lease_id, "tasks": tasks})
    if marked.rowcount != len(tasks):  # the lease ended at this very moment, and another one took its slots back
        raise Conflict("lease_expired", "The lease expired and its tasks may be others' now; lease again.")


def _signer(digest: bytes, signature: str, contributor: str) -> str | DomainError:
    """The signer, or what is wrong with the signature: said only when nothing else is."""
    try:
        return signer_of(digest, signature, contributor)
    except DomainError as error:
        return error


def _check_order_and_bond(facts: Facts, in_flight: Sequence[InFlight], s: SubmissionBody, signer: str | DomainError) -> int:
    """The bond that the submission takes, in base units, after all that concerns sequence number, signer and bond."""
    ours = [flying for flying in in_flight if flying.dataset == facts.round.dataset]
    expected = max([facts.round.next_sequence or 0, *(flying.sequence + 1 for flying in ours)])
    if s.sequence != expected:
        raise Conflict("wrong_sequence", f"The submission's sequence number is {s.sequence}; the next is {expected}.")
    if isinstance(signer, DomainError):
        raise signer
    ticketed = sum(flying.count for flying in ours if flying.admission == TICKETED)
    bond = uncovered(facts.round, ticketed, s.count) * int(facts.terms["bond"])
    if signer != s.contributor:
        _check_key(facts, in_flight, signer, bond)
    spendable = facts.spendable - sum(flying.bond for flying in in_flight)
    if bond and spendable < bond:
        raise Conflict(
            "bond_unavailable",
            f"The bond is {bond} base units; the LabelRegistry may spend {max(0, spendable)} of the contributor's Ledger account. "
            "Deposit LBL and allow the LabelRegistry.",
        )
    return bond


def _check_key(facts: Facts, in_flight: Sequence[InFlight], signer: str, bond: int) -> None:
    key = facts.key
    assert key is not None, "whoever is neither contributor nor session key was refused before"
    if key.revoked or key.expiry < facts.now:
        raise Unauthorized("session_not_live", "The session key is revoked or expired; register a new one.")
    if key.key_dataset not in (0, facts.round.dataset):
        raise Forbidden("session_other_dataset", f"The session key is for dataset {key.key_dataset} only.")
    left = key.bond_left - sum(flying.bond for flying in in_flight if flying.signer == signer)
    if left < bond:
        raise Forbidden("session_bond_exceeded", f"The session key may bond {left} more base units, not {bond}.")


def uncovered(row: Any, in_flight: int, count: int) -> int:
    """Of `count` further ticketed labels, those whose bond must be taken: not covered by bonds that the Settlement holds, or will
    hold once what was taken here, `in_flight` labels, is on chain. `row`: the contributor's columns, None where there are none."""
    pending = (row.pending or 0) - (row.pending_open or 0) + in_flight
    return max(0, pending + count - max(row.covered or 0, pending))


def keep(
    backend: Backend,
    session: Session,
    row: Any,
    request: SubmitRequest | OpenLabelsRequest,
    digest: bytes,
    signer: str,
    bond: int,
    now: int,
) -> SignedSubmission:
    """The submission with its labels, in the database, under the operator's receipt. `row`: id and dataset of the round."""
    s, domain = request.submission, backend.domain("LabelRegistry")
    receipt = eip712.Receipt(row.id, s.contributor, s.sequence, digest, now)
    values = {
        "digest": "0x" + digest.hex(),
        "round": row.id,
        "dataset": row.dataset,
        "contributor": s.contributor,
        "sequence": s.sequence,
        "count": s.count,
        "labels_root": s.labels_root,
        "admission": s.admission,
        "deadline": s.deadline,
        "signature": request.signature,
        "signer": signer,
        "bond": bond,
        "received_at": now,
        "receipt": "0x" + backend.operator.sign_digest(receipt.digest(domain)).hex(),
        "dropped": False,
    }
    # Not through the session, which would follow the rows.
    session.connection().execute(KEPT, values)
    _keep_labels(session.connection(), str(values["digest"]), request.labels)
    return SignedSubmission(**values)


def _keep_labels(connection: Connection, digest: str, labels: Sequence[LabelBody]) -> None:
    if connection.dialect.name == "postgresql":
        columns = {"tasks": [x.task for x in labels], "answers": [x.answer for x in labels], "salts": [x.salt for x in labels]}
        connection.execute(ARRAYS, {"digest": digest, **columns})
    else:
        connection.execute(LABELS, [{"digest": digest, "task": x.task, "answer": x.answer, "salt": x.salt} for x in labels])


def drop_skipped(session: Session) -> int:
    """Frees sequence number and slots of submissions that the relayer has given up: the chain passed over them, or they came too
    late. How many."""
    given_up = select(Outbox.key).where(Outbox.kind == "submission", Outbox.error.is_not(None))
    key = literal("submission:") + SignedSubmission.digest
    waiting = session.scalars(select(SignedSubmission).where(SignedSubmission.dropped.is_(False), key.in_(given_up))).all()
    dropped = 0
    for row in waiting:
        if view(session, row).status == "skipped":
            row.dropped = True
            session.execute(update(Slot).where(Slot.digest == row.digest).values(digest=None))
            dropped += 1
    return dropped
