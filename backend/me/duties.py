"""What waits for a validator now: ballots, reveals, attestations, evidence to sign, disputes to judge."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.models import EvidenceSignature, HeldBallot
from backend.product_models import HeldVerdict, SealedBallot
from indexer.models import Audit, Dispute, Juror, PanelMember, Round


@dataclass(frozen=True)
class Duty:
    """Something to do before `due` (unix seconds, 0: no time is set yet). Kind: audit or jury.

    Step: commit, reveal, attest, sign_evidence, or wait for others; `sealed`: the answers are kept here, encrypted; `held`: the
    opened ballot is kept here, and the keeper reveals it.
    """

    kind: str
    round: int
    dataset: int
    attempt: int
    weight: int
    step: str
    due: int
    committed: bool
    revealed: bool
    sealed: bool
    held: bool


def open_duties(session: Session, account: str) -> list[Duty]:
    """Duties of panels and juries that are not over, the most urgent first."""
    duties = [*_panels(session, account), *_juries(session, account)]
    return sorted(duties, key=lambda duty: (duty.step == "wait", duty.due, duty.round))


def waiting_for(session: Session, account: str) -> int:
    """How many duties need the account now."""
    return sum(duty.step != "wait" for duty in open_duties(session, account))


def _panels(session: Session, account: str) -> list[Duty]:
    rows = session.execute(
        select(PanelMember, Audit, Round, EvidenceSignature.round, SealedBallot.round, HeldBallot.round)
        .join(Audit, (Audit.round == PanelMember.round) & (Audit.attempt == PanelMember.attempt))
        .join(Round, Round.id == PanelMember.round)
        .outerjoin(
            EvidenceSignature,
            (EvidenceSignature.round == PanelMember.round) & (EvidenceSignature.validator == PanelMember.validator),
        )
        .outerjoin(SealedBallot, _same_ballot(SealedBallot))
        .outerjoin(HeldBallot, _same_ballot(HeldBallot))
        .where(PanelMember.validator == account, Round.phase == "closed")
    )
    duties = []
    for member, audit, row, signed, sealed, held in rows:
        step = _panel_step(member, audit, row, signed is not None, held is not None)
        if step is None:
            continue
        due = audit.commit_ends if audit.phase == "committing" else audit.reveal_ends
        duties.append(
            Duty(
                kind="audit",
                round=row.id,
                dataset=row.dataset,
                attempt=audit.attempt,
                weight=member.weight,
                step=step,
                due=due,
                committed=member.commitment is not None,
                revealed=member.revealed,
                sealed=sealed is not None,
                held=held is not None,
            )
        )
    return duties


def _same_ballot(kind: type[SealedBallot] | type[HeldBallot]):  # type: ignore[no-untyped-def]
    return (kind.round == PanelMember.round) & (kind.attempt == PanelMember.attempt) & (kind.validator == PanelMember.validator)


def _panel_step(member: PanelMember, audit: Audit, row: Round, signed: bool, held: bool) -> str | None:
    if audit.phase == "committing":
        return "commit" if member.commitment is None else "wait" if held else "reveal"
    if member.commitment is None or audit.phase not in ("revealing", "audited"):
        return None
    if audit.phase == "revealing" and not member.revealed:
        return "wait" if held else "reveal"
    if audit.phase == "revealing" and row.open_submissions and member.shown is None:
        return "attest"
    return "wait" if signed else "sign_evidence"


def _juries(session: Session, account: str) -> list[Duty]:
    same = (HeldVerdict.round == Juror.round) & (HeldVerdict.attempt == Juror.attempt) & (HeldVerdict.juror == Juror.juror)
    rows = session.execute(
        select(Juror, Dispute, Round, HeldVerdict.round)
        .join(Dispute, (Dispute.round == Juror.round) & (Dispute.attempt == Juror.attempt))
        .join(Round, Round.id == Juror.round)
        .outerjoin(HeldVerdict, same)
        .where(Juror.juror == account, Dispute.phase.in_(("committing", "revealing")))
    )
    return [
        Duty(
            kind="jury",
            round=row.id,
            dataset=row.dataset,
            attempt=dispute.attempt,
            weight=juror.weight,
            step=_jury_step(juror, dispute, held is not None),
            due=dispute.commit_ends if dispute.phase == "committing" else dispute.reveal_ends,
            committed=juror.commitment is not None,
            revealed=juror.revealed,
            sealed=False,
            held=held is not None,
        )
        for juror, dispute, row, held in rows
        if dispute.phase == "committing" or juror.commitment is not None
    ]


def _jury_step(juror: Juror, dispute: Dispute, held: bool) -> str:
    if juror.commitment is None:
        return "commit"
    return "wait" if held or juror.revealed else "reveal"
