"""Taking submissions: checked as strictly as the contract checks them, kept and queued in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import literal, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Conflict, DomainError, NotFound
from backend.models import Label, Outbox, SignedSubmission, Slot, Transaction
from backend.signatures import signer_of
from backend.submissions import keeping
from backend.submissions.checks import Signed, check, root_of
from backend.submissions.facts import Facts, facts_of, known_of
from backend.submissions.schemas import OpenLabelsRequest, ReceiptView, SubmissionBody, SubmissionView, SubmitRequest
from indexer.models import Round, Submission
from labelshare.rules import eip712


@dataclass(frozen=True)
class Handed:
    """A request as it came. `by_wallet`: the contributor's own contract said that the signature is theirs."""

    round_id: int
    request: SubmitRequest
    by_wallet: bool = False


Answer = SubmissionView | Exception


def take_all(backend: Backend, batch: Sequence[Handed], again: bool = False) -> list[Answer]:
    """What becomes of each submission, once everything is committed; of a contributor there is one at most. The same one again
    gets the same receipt. `again`: this one met another of its number, and looks a second time."""
    signed = [_signed(backend, handed) for handed in batch]
    try:
        with backend.database.transaction() as session:
            return _take(backend, session, signed)
    except (IntegrityError, DataError, keeping.SlotsGone) as error:
        trouble = error
    if len(batch) > 1:  # One of these is to blame, most often since another process was there first: it alone is told so.
        return [answer for handed in batch for answer in take_all(backend, [handed])]
    if isinstance(trouble, keeping.SlotsGone):
        return [Conflict("lease_expired", "The lease expired and its tasks may be others' now; lease again.")]
    if isinstance(trouble, DataError):
        raise trouble
    if not again:  # What was there first is the same submission, or another with its sequence number.
        return take_all(backend, batch, again=True)
    return [Conflict("wrong_sequence", "Another submission took this sequence number at the same time; lease again.")]


def digest_of(backend: Backend, round_id: int, s: SubmissionBody) -> bytes:
    """What is signed of a submission."""
    root = bytes.fromhex(s.labels_root[2:])
    message = eip712.Submission(round_id, s.contributor, s.sequence, s.count, root, s.admission, s.deadline)
    return message.digest(backend.domain("LabelRegistry"))


def _signed(backend: Backend, handed: Handed) -> Signed:
    request, s = handed.request, handed.request.submission
    digest = digest_of(backend, handed.round_id, s)
    signer: str | DomainError = s.contributor
    if not handed.by_wallet:
        try:
            signer = signer_of(digest, request.signature, s.contributor)
        except DomainError as error:
            signer = error
    return Signed(handed.round_id, request, digest, signer, root_of(request))


def _take(backend: Backend, session: Session, batch: Sequence[Signed]) -> list[Answer]:
    connection = session.connection()
    keys = [signed.signer for signed in batch if isinstance(signed.signer, str)]
    leases = [signed.request.lease_id for signed in batch]
    facts = facts_of(connection, leases, keys, backend.deployment.address("LabelRegistry"))
    # After the facts: whatever these show of the same submission, taken elsewhere at this moment, is known then.
    known = known_of(connection, [signed.key for signed in batch])
    answers: dict[str, Answer] = {}
    good: list[tuple[Signed, Facts, int]] = []
    for signed in batch:
        try:
            if signed.key in known:
                answers[signed.key] = _again(session, signed)
            else:
                found = facts.get(signed.request.lease_id)
                good.append((signed, *_checked(session, signed, found)))
        except DomainError as error:
            answers[signed.key] = error
    answers |= _keep(backend, session, good) if good else {}
    return [answers[signed.key] for signed in batch]


def _again(session: Session, signed: Signed) -> SubmissionView:
    row = session.get_one(SignedSubmission, signed.key)
    require_same(session, row, signed.request)
    return view(session, row)


def _checked(session: Session, signed: Signed, facts: Facts | None) -> tuple[Facts, int]:
    """The facts and the bond. Raises a DomainError."""
    if facts is None:
        if session.get(Round, signed.round_id) is None:
            raise NotFound("unknown_round", f"Round {signed.round_id} is not on chain, or not mirrored yet.")
        raise NotFound("unknown_lease", "There is no such lease of this contributor in this round; lease tasks first.")
    return facts, check(facts, signed)


def _keep(backend: Backend, session: Session, good: Sequence[tuple[Signed, Facts, int]]) -> dict[str, Answer]:
    """Keeps and queues what was found good; the answers by digest."""
    # Everybody takes rows in the same order, so that no two processes wait for each other.
    good = sorted(good, key=lambda one: one[0].request.submission.contributor)
    queue = []
    for x, facts, bond in good:
        taken = keeping.Taken(x.request, x.round_id, facts.row.dataset, x.digest, str(x.signer), bond, facts.now)
        # The contract takes it until its own deadline and the round's: neither may pass while it is queued.
        queue.append(keeping.Queued(taken, x.request, min(x.request.submission.deadline, facts.row.deadline)))
    rows = keeping.keep_and_queue(backend, session.connection(), queue)
    return {
        row["digest"]: SubmissionView(
            digest=row["digest"],
            status="queued",
            reason=None,
            tx_hash=None,
            receipt=ReceiptView(received_at=row["received_at"], signature=row["receipt"]),
        )
        for row in rows
    }


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


def require_same(session: Session, known: SignedSubmission, request: SubmitRequest | OpenLabelsRequest) -> None:
    """Raises Conflict unless the request repeats what is kept."""
    rows = session.scalars(select(Label).where(Label.digest == known.digest))
    kept = {(row.task, row.answer, row.salt) for row in rows}
    if known.signature != request.signature or kept != {(x.task, x.answer, x.salt) for x in request.labels}:
        raise Conflict("digest_reused", "This signed submission is here already, with other labels or another signature.")


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
