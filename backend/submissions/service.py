"""Taking submissions: checked as strictly as the contract checks them, kept and queued in one transaction."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import get_dataset, get_round
from backend.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from backend.leases.service import next_sequence
from backend.models import Label, Lease, Outbox, SignedSubmission, Slot, Transaction
from backend.relay.outbox import enqueue_item
from backend.signatures import signer_of, wrong_signer
from backend.submissions.schemas import LabelBody, OpenLabelsRequest, ReceiptView, SubmissionView, SubmitRequest
from indexer.models import Account, Allowance, Contributor, Dataset, Round, SkippedSubmission, Submission
from indexer.models import Session as SessionKey
from labelshare.chain.naming import user_account
from labelshare.rules import eip712
from labelshare.rules.merkle import labels_tree

TICKETED = 1
SKIP_REASONS = (
    "none",
    "round_not_open",
    "expired",
    "wrong_sequence",
    "invalid_count",
    "empty_root",
    "unsupported_admission",
    "budget_exhausted",
    "not_admitted",
    "invalid_signature",
    "session_not_live",
    "session_other_dataset",
    "session_bond_exceeded",
    "bond_unavailable",
    "credential_missing",
    "open_limit",
)


def take(backend: Backend, session: Session, round_id: int, request: SubmitRequest) -> SubmissionView:
    """Verifies and keeps a submission. The same one again gets the same receipt."""
    row = get_round(session, round_id)
    dataset = get_dataset(session, row.dataset)
    s = request.submission
    message = eip712.Submission(
        round_id, s.contributor, s.sequence, s.count, bytes.fromhex(s.labels_root[2:]), s.admission, s.deadline
    )
    digest = message.digest(backend.domain("LabelRegistry"))
    known = session.get(SignedSubmission, "0x" + digest.hex())
    if known is not None:
        require_same(session, known, request)
        return view(session, known)
    now = backend.now(session)
    check_labels(request, dataset)
    lease = _check_lease(session, request, round_id, now)
    if row.phase != "open" or now > row.deadline:
        raise Conflict("round_not_open", f"Round {round_id} takes no labels any more.")
    if s.deadline < now:
        raise Invalid("submission_expired", f"The submission's deadline {s.deadline} is past.")
    if s.admission != TICKETED:
        raise Invalid("unsupported_admission", "This backend relays admission 1 (ticketed) only.")
    expected = next_sequence(session, row.dataset, s.contributor)
    if s.sequence != expected:
        raise Conflict("wrong_sequence", f"The submission's sequence number is {s.sequence}; the next is {expected}.")
    signer = signer_of(digest, request.signature, s.contributor)
    bond = uncovered(session, row.dataset, s.contributor, s.count) * int(dataset.terms["bond"])
    _check_signer(session, row, s.contributor, (digest, request.signature, signer), bond, now)
    _check_bond(backend, session, s.contributor, bond)
    kept = keep(backend, session, row, request, message, signer, bond, now)
    session.execute(
        update(Slot)
        .where(Slot.lease_id == lease.id, Slot.task.in_([label.task for label in request.labels]))
        .values(digest=kept.digest)
    )
    fields = [round_id, s.contributor, s.sequence, s.count, s.labels_root, s.admission, s.deadline]
    enqueue_item(session, "submission", f"submission:{kept.digest}", [fields, request.signature, "0x"])
    return view(session, kept)


def view(session: Session, row: SignedSubmission) -> SubmissionView:
    """Where a submission is, by the mirror first, then by the outbox."""
    receipt = ReceiptView(received_at=row.received_at, signature=row.receipt)
    accepted = session.get(Submission, (row.round, row.contributor, row.sequence))
    if accepted is not None and accepted.labels_root == row.labels_root:
        return SubmissionView(digest=row.digest, status="accepted", reason=None, tx_hash=accepted.tx_hash, receipt=receipt)
    queued = session.scalar(select(Outbox).where(Outbox.key == f"submission:{row.digest}"))
    transaction = session.get(Transaction, queued.transaction_id) if queued and queued.transaction_id else None
    tx_hash = transaction.hash if transaction else None
    skipped = session.scalar(
        select(SkippedSubmission).where(
            SkippedSubmission.round == row.round,
            SkippedSubmission.contributor == row.contributor,
            SkippedSubmission.sequence == row.sequence,
            SkippedSubmission.tx_hash == tx_hash,
        )
    )
    reason = SKIP_REASONS[skipped.reason] if skipped else (queued.error if queued else None)
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


def check_labels(request: SubmitRequest | OpenLabelsRequest, dataset: Dataset) -> None:
    labels = request.labels
    if len({label.task for label in labels}) != len(labels):
        raise Invalid("task_twice", "A submission holds a task at most once.")
    if len(labels) != request.submission.count:
        raise Invalid("wrong_count", f"The submission claims {request.submission.count} labels and holds {len(labels)}.")
    classes = dataset.terms["classes"]
    for label in labels:
        if label.answer >= classes:
            raise Invalid("unknown_class", f"Task {label.task} has answer {label.answer}; classes run from 0 to {classes - 1}.")
    if "0x" + labels_tree([_leaf(label) for label in labels]).root.hex() != request.submission.labels_root:
        raise Invalid("wrong_root", "labels_root is not the root of these labels (leaves: task, answer, salt; sorted by hash).")


def _leaf(label: LabelBody) -> tuple[int, int, bytes]:
    return label.task, label.answer, bytes.fromhex(label.salt[2:])


def _check_lease(session: Session, request: SubmitRequest, round_id: int, now: int) -> Lease:
    lease = session.get(Lease, request.lease_id)
    if lease is None or lease.round != round_id or lease.contributor != request.submission.contributor:
        raise NotFound("unknown_lease", "There is no such lease of this contributor in this round; lease tasks first.")
    if request.submission.count > lease.count:
        raise Forbidden("over_ticket", f"The ticket covers {lease.count} labels; the submission has {request.submission.count}.")
    if lease.expires_at < now:
        raise Conflict("lease_expired", "The lease expired and its tasks may be others' now; lease again.")
    slots = session.scalars(select(Slot.task).where(Slot.lease_id == lease.id, Slot.digest.is_(None)))
    stray = sorted({label.task for label in request.labels} - set(slots))
    if stray:
        raise Forbidden("not_leased", f"Task {stray[0]} is not in this lease, or was submitted with it before.")
    return lease


def _check_signer(
    session: Session, row: Round, contributor: str, signed: tuple[bytes, str, str], bond: int, now: int
) -> None:
    """`signed`: digest, signature and whose it is."""
    digest, signature, signer = signed
    if signer == contributor:
        return
    key = session.get(SessionKey, (contributor, signer))
    if key is None:
        raise wrong_signer(digest, signature, contributor, signer, " or a session key of theirs")
    if key.revoked or key.expiry < now:
        raise Unauthorized("session_not_live", "The session key is revoked or expired; register a new one.")
    if key.dataset not in (0, row.dataset):
        raise Forbidden("session_other_dataset", f"The session key is for dataset {key.dataset} only.")
    in_flight = _bonds_in_flight(session, SignedSubmission.contributor == contributor, SignedSubmission.signer == signer)
    left = key.bond_left - in_flight
    if left < bond:
        raise Forbidden("session_bond_exceeded", f"The session key may bond {left} more base units, not {bond}.")


def _check_bond(backend: Backend, session: Session, contributor: str, bond: int) -> None:
    if bond == 0:
        return
    account = session.get(Account, user_account(contributor))
    allowance = session.get(Allowance, (contributor, backend.deployment.address("LabelRegistry")))
    spendable = min(account.balance if account else 0, allowance.amount if allowance else 0)
    spendable -= _bonds_in_flight(session, SignedSubmission.contributor == contributor)
    if spendable < bond:
        raise Conflict(
            "bond_unavailable",
            f"The bond is {bond} base units; the LabelRegistry may spend {max(0, spendable)} of the contributor's Ledger account. "
            "Deposit LBL and allow the LabelRegistry.",
        )


def uncovered(session: Session, dataset: int, contributor: str, count: int) -> int:
    """Of `count` further ticketed labels, those whose bond must be taken: not covered by bonds that the Settlement holds, or will
    hold once what was taken here is on chain."""
    row = session.get(Contributor, (dataset, contributor))
    pending, covered = (row.pending - row.pending_open, row.covered) if row else (0, 0)
    conditions = (SignedSubmission.contributor == contributor, SignedSubmission.dataset == dataset)
    in_flight = _in_flight(session, *conditions, SignedSubmission.admission == TICKETED)
    pending += sum(submission.count for submission in in_flight)
    return max(0, pending + count - max(covered, pending))


def _bonds_in_flight(session: Session, *conditions: ColumnElement[bool]) -> int:
    return sum(row.bond for row in _in_flight(session, *conditions))


def _in_flight(session: Session, *conditions: ColumnElement[bool]) -> Iterable[SignedSubmission]:
    """Submissions taken here that the mirror does not show yet."""
    mirrored = select(Submission.labels_root).where(
        Submission.round == SignedSubmission.round,
        Submission.contributor == SignedSubmission.contributor,
        Submission.sequence == SignedSubmission.sequence,
    )
    return session.scalars(select(SignedSubmission).where(*conditions, SignedSubmission.dropped.is_(False), ~mirrored.exists()))


def keep(
    backend: Backend,
    session: Session,
    row: Round,
    request: SubmitRequest | OpenLabelsRequest,
    message: eip712.Submission,
    signer: str,
    bond: int,
    now: int,
) -> SignedSubmission:
    """The submission with its labels, in the database, under the operator's receipt."""
    digest = message.digest(backend.domain("LabelRegistry"))
    receipt = eip712.Receipt(row.id, message.contributor, message.sequence, digest, now)
    signed = backend.operator.sign_digest(receipt.digest(backend.domain("LabelRegistry")))
    kept = SignedSubmission(
        digest="0x" + digest.hex(),
        round=row.id,
        dataset=row.dataset,
        contributor=message.contributor,
        sequence=message.sequence,
        count=message.count,
        labels_root=request.submission.labels_root,
        admission=message.admission,
        deadline=message.deadline,
        signature=request.signature,
        signer=signer,
        bond=bond,
        received_at=now,
        receipt="0x" + signed.hex(),
        dropped=False,
    )
    session.add(kept)
    session.flush()
    session.add_all(Label(digest=kept.digest, task=x.task, answer=x.answer, salt=x.salt) for x in request.labels)
    return kept


def drop_skipped(session: Session) -> int:
    """Frees sequence number and slots of submissions that the chain passed over. How many."""
    dropped = 0
    waiting = select(SignedSubmission).where(SignedSubmission.dropped.is_(False)).where(
        select(func.count())
        .select_from(SkippedSubmission)
        .where(SkippedSubmission.round == SignedSubmission.round, SkippedSubmission.contributor == SignedSubmission.contributor)
        .scalar_subquery()
        > 0
    )
    for row in session.scalars(waiting).all():
        if view(session, row).status == "skipped":
            row.dropped = True
            session.execute(update(Slot).where(Slot.digest == row.digest).values(digest=None))
            dropped += 1
    return dropped
