"""Rounds as they are shown, any number of them with the same few queries."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.explorer.traces import traces
from backend.models import Progress
from backend.rounds.schemas import DisputesView, DisputeView, NextStep, RoundView, VerdictView
from indexer.models import Audit, Block, Dataset, Dispute, Juror, PanelMember, Round, Settlement
from labelshare.chain.events import JuryChallenged

REOPENED = (None, "expired", "overturned", "hung")


def view_rounds(session: Session, rows: Sequence[Round]) -> list[RoundView]:
    """Views of rounds, in their order."""
    numbers = [row.id for row in rows]
    audits = {a.round: a for a in session.scalars(select(Audit).where(Audit.round.in_(numbers)))}
    settlements = {s.round: s for s in session.scalars(select(Settlement).where(Settlement.round.in_(numbers)))}
    progress = {p.round: p for p in session.scalars(select(Progress).where(Progress.round.in_(numbers)))}
    datasets = select(Dataset.id, Dataset.terms).where(Dataset.id.in_({row.dataset for row in rows}))
    terms: dict[int, dict[str, Any]] = dict(session.execute(datasets).all())
    concluded = {audit.concluded_block for audit in audits.values()} | {s.reopened_block for s in settlements.values()}
    concluded |= {s.proposed_block for s in settlements.values()}
    times = dict(session.execute(select(Block.number, Block.timestamp).where(Block.number.in_(concluded))).all())
    panels: dict[int, list[PanelMember]] = defaultdict(list)
    for member in session.scalars(select(PanelMember).where(PanelMember.round.in_(numbers)).order_by(PanelMember.validator)):
        if member.attempt == audits[member.round].attempt:
            panels[member.round].append(member)
    return [
        _view(row, audits.get(row.id), settlements.get(row.id), progress.get(row.id), panels[row.id], terms[row.dataset], times)
        for row in rows
    ]


def _view(
    row: Round,
    audit: Audit | None,
    settlement: Settlement | None,
    progress: Progress | None,
    panel: list[PanelMember],
    terms: dict[str, object],
    times: dict[int, int],
) -> RoundView:
    return RoundView(
        round=row.id,
        dataset=row.dataset,
        phase=row.phase,
        audit_phase=audit.phase if audit else None,
        settlement_phase=settlement.phase if settlement else None,
        tasks_root=row.tasks_root,
        task_count=row.task_count,
        label_budget=row.label_budget,
        labels=row.labels,
        sample_size=row.sample_size,
        deadline=row.deadline,
        last=row.last,
        attempt=audit.attempt if audit else None,
        commit_ends=audit.commit_ends if audit else None,
        reveal_ends=audit.reveal_ends if audit else None,
        challenge_ends=settlement.challenge_ends if settlement else None,
        panel=[member.validator for member in panel],
        committed=sum(member.commitment is not None for member in panel),
        revealed=sum(member.revealed for member in panel),
        evidence_hash=settlement.evidence_hash if settlement else None,
        sure_tasks=int.from_bytes(progress.sure, "little").bit_count() if progress else None,
        labels_spared=progress.spared if progress else 0,
        saved=str(int(str(terms["reward"])) * progress.spared if progress else 0),
        reserve=str(row.reserve),
        next=_next(row, audit, settlement, terms, times),
    )


def _next(
    row: Round, audit: Audit | None, settlement: Settlement | None, terms: dict[str, object], times: dict[int, int]
) -> NextStep | None:
    if row.phase == "open":
        full = row.labels >= row.label_budget
        return NextStep(step="close", by="anyone", at=None) if full else NextStep(step="label", by="contributors", at=row.deadline)
    if row.phase != "closed" or audit is None:
        return None
    if audit.phase == "seeding":
        return NextStep(step="draw", by="anyone", at=None)
    if audit.phase == "committing":
        return NextStep(step="commit", by="validators", at=audit.commit_ends)
    if audit.phase == "revealing":
        return NextStep(step="reveal", by="validators", at=audit.reveal_ends)
    phase = settlement.phase if settlement else None
    if audit.phase == "failed" or phase == "exiting":
        return NextStep(step="exit", by="anyone", at=None)
    if phase == "published" and settlement is not None:
        return NextStep(step="finalize", by="anyone", at=settlement.challenge_ends)
    if phase == "challenged":
        return NextStep(step="judge", by="jury", at=None)
    if phase == "proposed" and settlement is not None:
        until = times.get(settlement.proposed_block, 0) + int(str(terms["challenge_window"]))
        return NextStep(step="publish", by="operator", at=until)
    if phase in REOPENED:
        since = max(times.get(audit.concluded_block, 0), times.get(settlement.reopened_block, 0) if settlement else 0)
        return NextStep(step="propose", by="operator", at=since + int(str(terms["exit_delay"])))
    return NextStep(step="distribute", by="anyone", at=None)


def view_disputes(session: Session, round_id: int) -> DisputesView:
    """The round's disputes in order, with the jury that sits or sat last."""
    disputes = session.scalars(select(Dispute).where(Dispute.round == round_id).order_by(Dispute.number)).all()
    juries: dict[int, list[Juror]] = defaultdict(list)
    for juror in session.scalars(select(Juror).where(Juror.round == round_id).order_by(Juror.juror)):
        juries[juror.attempt].append(juror)
    challenges = {int(trace.values["dispute"]): trace.tx_hash for trace in traces(session, JuryChallenged, "round", [round_id])}
    return DisputesView(
        items=[
            DisputeView(
                number=row.number,
                phase=row.phase,
                challenger=row.challenger,
                bond=str(row.bond),
                proposed_root=row.proposed,
                jury_root=row.root,
                commit_ends=row.commit_ends,
                reveal_ends=row.reveal_ends,
                jurors=[juror.juror for juror in juries[row.attempt]],
                verdicts=[
                    VerdictView(
                        juror=juror.juror,
                        seats=juror.weight,
                        committed=juror.commitment is not None,
                        root=juror.root,
                        slashed=str(juror.slashed),
                    )
                    for juror in juries[row.attempt]
                ],
                committed=sum(juror.commitment is not None for juror in juries[row.attempt]),
                revealed=sum(juror.revealed for juror in juries[row.attempt]),
                to_winner=str(row.to_winner),
                to_jurors=str(row.to_jurors),
                to_treasury=str(row.to_treasury),
                tx_hash=challenges.get(row.number),
            )
            for row in disputes
        ]
    )
