"""A round as the mirror has it, in the form that the keeper's rules take."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.settlements.service import panel_of
from indexer.models import Audit, Block, Dataset, Dispute, Juror, Round, Settlement
from labelshare.keeper import Group, RoundState

WITHOUT_PROPOSAL = ("expired", "overturned", "hung")
MAX_PROPOSALS = 3


def round_state(session: Session, row: Round, audit: Audit | None, settlement: Settlement | None) -> RoundState:
    """The round's state for `due_step`; times in unix seconds."""
    terms = session.get_one(Dataset, row.dataset).terms
    phase = settlement.phase if settlement else None
    published_by = _time(session, settlement.proposed_block) + terms["challenge_window"] if settlement else 0
    return RoundState(
        phase=row.phase,
        labels=row.labels,
        label_budget=row.label_budget,
        deadline=row.deadline,
        audit=_panel(session, row, audit) if audit else None,
        jury=_jury(session, row) if phase == "challenged" else None,
        settlement_phase=None if phase in WITHOUT_PROPOSAL else phase,
        challenge_ends=settlement.challenge_ends if settlement else 0,
        publish_ends=published_by,
        exit_due=_exit_due(session, audit, settlement, terms["exit_delay"]) if audit else 0,
    )


def settled_at(session: Session, dataset: Dataset) -> int:
    """Unix seconds at which the dataset's last round was settled, 0 before."""
    return _time(session, dataset.settled_block)


def _exit_due(session: Session, audit: Audit, settlement: Settlement | None, delay: int) -> int:
    """Unix seconds after which the round may exit when nothing is proposed; 0: at once."""
    used_up = settlement is not None and settlement.attempt - settlement.overturned >= MAX_PROPOSALS
    if audit.phase == "failed" or used_up or (settlement is not None and settlement.phase == "hung"):
        return 0
    reopened = settlement.reopened_block if settlement else 0
    return max(_time(session, audit.concluded_block), _time(session, reopened)) + delay


def _panel(session: Session, row: Round, audit: Audit) -> Group:
    panel = panel_of(session, audit)
    return Group(
        phase=audit.phase,
        seed_block=audit.seed_block,
        commit_ends=audit.commit_ends,
        reveal_ends=audit.reveal_ends,
        members=len(panel),
        committed=sum(member.commitment is not None for member in panel),
        revealed=sum(member.revealed for member in panel),
        attesting=sum(member.shown is None for member in panel) if row.open_submissions else 0,
    )


def _jury(session: Session, row: Round) -> Group:
    disputes = select(Dispute).where(Dispute.round == row.id).order_by(Dispute.number.desc())
    dispute = session.scalars(disputes.limit(1)).one()
    jurors = session.scalars(select(Juror).where(Juror.round == row.id, Juror.attempt == dispute.attempt)).all()
    return Group(
        phase=dispute.phase,
        seed_block=dispute.seed_block,
        commit_ends=dispute.commit_ends,
        reveal_ends=dispute.reveal_ends,
        members=len(jurors),
        committed=sum(juror.commitment is not None for juror in jurors),
        revealed=sum(juror.revealed for juror in jurors),
    )


def _time(session: Session, block: int) -> int:
    """Timestamp of a mirrored block, 0 for block 0."""
    return session.get_one(Block, block).timestamp if block else 0
