"""Audits: what the panel may see and when, and the ballots it hands in."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend import product_models
from backend.audits import schemas
from backend.context import Backend
from backend.datasets.service import draft_of, get_dataset, get_round, task_contents
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.models import EvidenceSignature, HeldBallot, Label, SignedSubmission
from backend.relay.outbox import enqueue_call
from backend.settlements.service import evidence_of, labels_of, sample_of
from backend.signatures import require_signer
from indexer.models import Audit, Dispute, Juror, OpenSubmission, PanelMember, Round
from labelshare.rules import draw, eip712
from labelshare.rules.merkle import tasks_tree

AFTER_COMMIT = ("revealing", "audited")


def view_audit(session: Session, round_id: int, validator: str) -> schemas.AuditView:
    """The sample, for a member of the panel, while ballots are taken."""
    row, audit = _audit(session, round_id)
    _member(session, audit, validator)
    if audit.phase not in ("committing", "revealing"):
        raise Conflict("no_ballots_now", f"The audit of round {round_id} is {audit.phase}.")
    contents = task_contents(session, draft_of(session, row))
    tree = tasks_tree([bytes.fromhex(task.content_hash[2:]) for task in contents])
    return schemas.AuditView(
        attempt=audit.attempt,
        classes=get_dataset(session, row.dataset).terms["classes"],
        commit_ends=audit.commit_ends,
        reveal_ends=audit.reveal_ends,
        sample=[
            schemas.SampledTask(
                index=i,
                content_hash=contents[i].content_hash,
                content=json.loads(contents[i].content),
                proof=["0x" + sibling.hex() for sibling in tree.proof(i)],
            )
            for i in sample_of(row, audit)
        ],
    )


def seal(session: Session, round_id: int, validator: str, request: schemas.SealedBallot) -> None:
    """Keeps a panel member's encrypted answers, in place of earlier ones."""
    _, audit = _audit(session, round_id)
    _member(session, audit, validator)
    if audit.phase not in ("committing", "revealing"):
        raise Conflict("no_ballots_now", f"The audit of round {round_id} is {audit.phase}.")
    session.merge(
        product_models.SealedBallot(round=round_id, attempt=audit.attempt, validator=validator, ciphertext=request.ciphertext)
    )


def sealed(session: Session, round_id: int, validator: str) -> schemas.SealedBallot:
    _, audit = _audit(session, round_id)
    _member(session, audit, validator)
    kept = session.get(product_models.SealedBallot, (round_id, audit.attempt, validator))
    if kept is None:
        raise NotFound("nothing_sealed", f"No answers of {validator} to round {round_id} are kept here.")
    return schemas.SealedBallot(ciphertext=kept.ciphertext)


def commit(backend: Backend, session: Session, round_id: int, request: schemas.CommitRequest) -> None:
    """Queues a sealed ballot."""
    _, audit = _audit(session, round_id)
    member = _member(session, audit, request.validator)
    if audit.phase != "committing" or backend.now(session) > audit.commit_ends:
        raise Conflict("not_committing", f"The audit of round {round_id} takes no commitments now.")
    if member.commitment is not None:
        raise Conflict("already_committed", "This validator has committed already.")
    message = eip712.Commit(round_id, audit.attempt, request.validator, bytes.fromhex(request.commitment[2:]))
    require_signer(message.digest(backend.domain("AuditBoard")), request.signature, request.validator)
    key = f"commit:{round_id}:{audit.attempt}:{request.validator}"
    enqueue_call(session, key, "AuditBoard", "commit", round_id, request.validator, request.commitment, request.signature)


def hold_ballot(session: Session, round_id: int, request: schemas.RevealRequest) -> None:
    """Keeps a ballot that fits its commitment; the keeper reveals it when the panel reveals."""
    row, audit = _audit(session, round_id)
    member = _member(session, audit, request.validator)
    if member.commitment is None:
        raise Conflict("not_committed", "There is no commitment of this validator in the mirror yet; commit first, then try again.")
    answers = bytes.fromhex(request.answers[2:])
    if len(answers) != row.sample_size:
        raise Invalid("wrong_length", f"The ballot has {len(answers)} answers; the sample has {row.sample_size} tasks.")
    salt = bytes.fromhex(request.salt[2:])
    if "0x" + draw.commitment(round_id, audit.attempt, request.validator, answers, salt).hex() != member.commitment:
        raise Invalid("wrong_reveal", "Answers and salt do not hash to the commitment.")
    key = (round_id, audit.attempt, request.validator)
    if session.get(HeldBallot, key) is None:
        session.add(
            HeldBallot(
                round=round_id, attempt=audit.attempt, validator=request.validator, answers=request.answers, salt=request.salt
            )
        )


def attest(backend: Backend, session: Session, round_id: int, request: schemas.AttestationRequest) -> None:
    """Queues a panel member's word on the open submissions, while ballots are revealed. The first word stands."""
    row, audit = _audit(session, round_id)
    member = _member(session, audit, request.validator)
    if row.open_submissions == 0:
        raise Conflict("nothing_to_attest", f"Round {round_id} has no open submission.")
    if member.shown is not None:
        raise Conflict("already_attested", "This validator has attested already.")
    if audit.phase != "revealing":
        raise Conflict("not_revealing", f"The audit of round {round_id} is {audit.phase}; attest while ballots are revealed.")
    shown = int(request.shown)
    if shown >= 1 << 256:
        raise Invalid("not_a_bitmap", "`shown` has one bit for each open submission.")
    message = eip712.Attestation(round_id, audit.attempt, request.validator, shown)
    require_signer(message.digest(backend.domain("AuditBoard")), request.signature, request.validator)
    key = f"attest:{round_id}:{audit.attempt}:{request.validator}"
    enqueue_call(session, key, "AuditBoard", "attest", round_id, request.validator, request.shown, request.signature)


def open_labels(session: Session, round_id: int, validator: str) -> schemas.OpenLabelsView:
    """What this operator holds of the round's open submissions, in the chain's order, for a panel whose ballots are sealed."""
    _, audit = _audit(session, round_id)
    _member(session, audit, validator)
    if audit.phase not in AFTER_COMMIT:
        raise Forbidden("too_early", "The audit is blind: labels are shown once every ballot is sealed.")
    rows = session.scalars(
        select(SignedSubmission)
        .join(
            OpenSubmission,
            (OpenSubmission.round == SignedSubmission.round)
            & (OpenSubmission.contributor == SignedSubmission.contributor)
            & (OpenSubmission.sequence == SignedSubmission.sequence)
            & (OpenSubmission.labels_root == SignedSubmission.labels_root),
        )
        .where(OpenSubmission.round == round_id)
        .order_by(OpenSubmission.position)
    )
    return schemas.OpenLabelsView(
        items=[
            schemas.OpenShown(
                contributor=row.contributor,
                sequence=row.sequence,
                labels=[schemas.OpenLabel(task=x.task, answer=x.answer, salt=x.salt) for x in labels_of(session, row)],
            )
            for row in rows
        ]
    )


def evidence_body(backend: Backend, session: Session, round_id: int, account: str) -> bytes:
    """The evidence file's bytes, for the panel (never before its ballots are sealed); after the audit also for the requester, and
    for the jury of a dispute over this or a later round of the dataset."""
    row, audit = _audit(session, round_id)
    requester = get_dataset(session, row.dataset).requester
    if audit.phase == "audited" and (account == requester or _is_juror(session, row, account)):
        return evidence_of(backend, session, row).body
    _member(session, audit, account)
    if audit.phase not in AFTER_COMMIT:
        raise Forbidden("too_early", "The audit is blind: the evidence is shown once every ballot is sealed.")
    return evidence_of(backend, session, row).body


def keep_evidence_signature(
    backend: Backend, session: Session, round_id: int, request: schemas.EvidenceSignatureRequest
) -> None:
    """Keeps a panel member's signature over the evidence hash, by which they let this operator propose."""
    row, audit = _audit(session, round_id)
    _member(session, audit, request.validator)
    if audit.phase not in AFTER_COMMIT:
        raise Forbidden("too_early", "The evidence is shown and signed once every ballot is sealed.")
    evidence = evidence_of(backend, session, row)
    message = eip712.Evidence(round_id, bytes.fromhex(evidence.hash[2:]), backend.operator.address)
    require_signer(message.digest(backend.domain("Settlement")), request.signature, request.validator)
    if session.get(EvidenceSignature, (round_id, request.validator)) is None:
        session.add(EvidenceSignature(round=round_id, validator=request.validator, signature=request.signature))


def own_labels(session: Session, round_id: int, contributor: str) -> list[schemas.LabelRow]:
    """A contributor's labels in a round, with their salts."""
    get_round(session, round_id)
    rows = session.execute(
        select(SignedSubmission.sequence, Label)
        .join(Label, Label.digest == SignedSubmission.digest)
        .where(SignedSubmission.round == round_id, SignedSubmission.contributor == contributor)
        .order_by(SignedSubmission.sequence, Label.task)
    )
    return [schemas.LabelRow(sequence=n, task=x.task, answer=x.answer, salt=x.salt) for n, x in rows]


def _audit(session: Session, round_id: int) -> tuple[Round, Audit]:
    row = get_round(session, round_id)
    audit = session.get(Audit, round_id)
    if audit is None:
        raise NotFound("no_audit", f"Round {round_id} is not closed, or its audit is not mirrored yet.")
    return row, audit


def _is_juror(session: Session, row: Round, account: str) -> bool:
    """Whether the account sits on a jury whose verdict this round's evidence is part of."""
    drawn = (
        select(Juror.round)
        .join(Dispute, (Dispute.round == Juror.round) & (Dispute.attempt == Juror.attempt))
        .join(Round, Round.id == Juror.round)
        .where(Juror.juror == account, Juror.round >= row.id, Round.dataset == row.dataset)
        .where(Dispute.phase.in_(("committing", "revealing")))
    )
    return session.scalar(drawn.limit(1)) is not None


def _member(session: Session, audit: Audit, validator: str) -> PanelMember:
    member = session.get(PanelMember, (audit.round, audit.attempt, validator))
    if member is None:
        raise Forbidden("not_on_panel", f"{validator} is not on the panel of round {audit.round}.")
    return member
