"""Where a dataset's labels come from: each step of each round with its transaction."""

from collections import defaultdict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.datasets import schemas
from backend.datasets.cards import cards, state_of
from backend.datasets.service import get_dataset
from backend.errors import NotFound
from backend.explorer.traces import Trace, traces
from backend.tasks.service import metadata_of
from indexer.models import Account, Audit, PanelMember, Round, Settlement, ShareBalance, Submission
from labelshare.chain import events
from labelshare.chain.events import Event
from labelshare.rules.history import RULE, RULE_ID

STEPS: dict[type[Event], str] = {
    events.LabelRegistryRoundOpened: "opened",
    events.LabelRegistryRoundClosed: "closed",
    events.LabelRegistryRoundVoid: "void",
    events.AuditBoardPanelDrawn: "panel drawn",
    events.AuditBoardRevealOpened: "ballots sealed",
    events.AuditBoardAuditConcluded: "audited",
    events.SettlementSettlementProposed: "settlement proposed",
    events.SettlementChallengeWindowOpened: "settlement published",
    events.JuryChallenged: "challenged",
    events.JuryDisputeDecided: "judged",
    events.SettlementSettlementFinalized: "final",
    events.SettlementExitStarted: "exit started",
    events.SettlementSettlementDistributed: "paid",
    events.LabelRegistryRoundSettled: "settled",
}


def view_dataset(session: Session, dataset: int) -> schemas.DatasetView:
    """The dataset's page. Raises NotFound."""
    row = get_dataset(session, dataset)
    found = state_of(session, dataset)
    if found is None:
        raise NotFound("unknown_dataset", f"Dataset {dataset} is not mirrored.")
    escrow = session.get(Account, row.escrow_account)
    held = escrow.balance if escrow else 0
    created = traces(session, events.DatasetRegistryDatasetCreated, "dataset", [dataset])
    holders = select(func.count()).select_from(ShareBalance).where(ShareBalance.dataset == dataset, ShareBalance.balance != 0)
    return schemas.DatasetView(
        **cards(session, [found])[0].model_dump(),
        terms=row.terms,
        metadata=metadata_of(session, row),
        escrow=str(held),
        reserved=str(row.reserved),
        free=str(max(0, held - row.reserved)),
        shares=str(row.supply),
        holders=session.scalar(holders) or 0,
        rounds=list(session.scalars(select(Round.id).where(Round.dataset == dataset).order_by(Round.id))),
        waiting_labels=row.waiting_labels,
        created_tx=created[0].tx_hash if created else None,
        created_at=created[0].timestamp or None if created else None,
    )


def provenance(session: Session, dataset: int) -> schemas.ProvenanceView:
    """Every round's steps, in the chain's order."""
    row = get_dataset(session, dataset)
    rounds = session.scalars(select(Round).where(Round.dataset == dataset).order_by(Round.id)).all()
    numbers = [r.id for r in rounds]
    steps: dict[int, list[tuple[str, Trace]]] = defaultdict(list)
    for kind, name in STEPS.items():
        for trace in traces(session, kind, "round", numbers):
            steps[int(trace.values["round"])].append((name, trace))
    work = {
        number: (count, people)
        for number, count, people in session.execute(
            select(Submission.round, func.count(), func.count(func.distinct(Submission.contributor)))
            .where(Submission.round.in_(numbers))
            .group_by(Submission.round)
        )
    }
    panels: dict[int, list[str]] = defaultdict(list)
    members = select(PanelMember).join(Audit, (Audit.round == PanelMember.round) & (Audit.attempt == PanelMember.attempt))
    for member in session.scalars(members.where(PanelMember.round.in_(numbers)).order_by(PanelMember.validator)):
        panels[member.round].append(member.validator)
    hashes = dict(
        session.execute(select(Settlement.round, Settlement.evidence_hash).where(Settlement.round.in_(numbers))).all()
    )
    return schemas.ProvenanceView(
        dataset=dataset,
        rule=RULE if row.terms["rule_id"] == RULE_ID else "another",
        rule_id=row.terms["rule_id"],
        metadata_hash=str(row.terms.get("metadata_hash", "")),
        metadata_uri=str(row.terms.get("metadata_uri", "")),
        rounds=[
            schemas.RoundProvenance(
                round=r.id,
                tasks_root=r.tasks_root,
                task_count=r.task_count,
                labels=r.labels,
                submissions=work.get(r.id, (0, 0))[0],
                contributors=work.get(r.id, (0, 0))[1],
                panel=panels[r.id],
                evidence_hash=hashes.get(r.id),
                steps=[
                    schemas.StepView(step=name, timestamp=trace.timestamp or None, block=trace.block, tx_hash=trace.tx_hash)
                    for name, trace in sorted(steps[r.id], key=lambda step: (step[1].block, step[1].values["log_index"]))
                ],
            )
            for r in rounds
        ],
    )
