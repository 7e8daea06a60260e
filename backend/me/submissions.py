"""The live receipt: how far submissions are, from the outbox to the last payment, any number with the same few queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend import paging
from backend.context import Backend
from backend.explorer.traces import Trace, traces
from backend.me.refusals import refusal
from backend.me.schemas import MySubmission, Stage, StageView, SubmissionPage
from backend.models import Outbox, SignedSubmission, Transaction
from backend.relay.skips import SKIP_REASONS
from backend.settlements.reasons import reason
from backend.settlements.results import Result, Score, results_of
from indexer.models import Audit, Block, Dataset, Entry, Round, Settlement, SkippedSubmission, Submission
from labelshare.chain import events
from labelshare.rules.entries import Role

Id = tuple[int, str, int]
FINAL = ("final", "distributed", "exiting", "exited")


@dataclass
class _Facts:
    """What the database says about some submissions and their rounds."""

    accepted: dict[Id, Submission] = field(default_factory=dict)
    skipped: dict[Id, list[SkippedSubmission]] = field(default_factory=dict)
    sent: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    datasets: dict[int, Dataset] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    audits: dict[int, Audit] = field(default_factory=dict)
    settlements: dict[int, Settlement] = field(default_factory=dict)
    entries: dict[tuple[int, str], Entry] = field(default_factory=dict)
    audited: dict[int, Trace] = field(default_factory=dict)
    final: dict[int, Trace] = field(default_factory=dict)
    paid: dict[tuple[int, int], Trace] = field(default_factory=dict)
    last_round: dict[tuple[int, str], int] = field(default_factory=dict)


def page(backend: Backend, account: str, dataset: int | None, cursor: str | None, limit: int) -> SubmissionPage:
    """The account's submissions taken here, newest first."""
    rows = select(SignedSubmission).where(SignedSubmission.contributor == account)
    if dataset is not None:
        rows = rows.where(SignedSubmission.dataset == dataset)
    key = paging.decode(cursor, int, str)
    if key is not None:
        rows = rows.where(tuple_(SignedSubmission.received_at, SignedSubmission.digest) < key)
    order = (SignedSubmission.received_at.desc(), SignedSubmission.digest.desc())
    with backend.database.reading() as session:
        found = session.scalars(rows.order_by(*order).limit(limit + 1)).all()
        shown, after = paging.cut(found, limit, lambda row: (row.received_at, row.digest))
        facts = _facts(session, shown)
    return SubmissionPage(items=_views(backend, shown, facts), next=after)


def one(backend: Backend, row: SignedSubmission) -> MySubmission:
    """The receipt of one submission."""
    with backend.database.reading() as session:
        facts = _facts(session, [row])
    return _views(backend, [row], facts)[0]


def _views(backend: Backend, rows: Sequence[SignedSubmission], facts: _Facts) -> list[MySubmission]:
    wanted = {row.round for row in rows} | set(facts.last_round.values())
    results = results_of(backend, sorted(wanted)) if rows else {}
    return [_view(row, facts, results) for row in rows]


def _facts(session: Session, rows: Sequence[SignedSubmission]) -> _Facts:
    rounds, people = {row.round for row in rows}, {row.contributor for row in rows}
    facts = _Facts()
    mine = (Submission.round.in_(rounds), Submission.contributor.in_(people))
    facts.accepted = {(s.round, s.contributor, s.sequence): s for s in session.scalars(select(Submission).where(*mine))}
    skipped = select(SkippedSubmission).where(SkippedSubmission.round.in_(rounds), SkippedSubmission.contributor.in_(people))
    for skip in session.scalars(skipped):
        facts.skipped.setdefault((skip.round, skip.contributor, skip.sequence), []).append(skip)
    keys = {f"submission:{row.digest}": row.digest for row in rows}
    queued = select(Outbox.key, Outbox.error, Transaction.hash).outerjoin(Transaction, Transaction.id == Outbox.transaction_id)
    facts.sent = {keys[key]: (error, tx) for key, error, tx in session.execute(queued.where(Outbox.key.in_(list(keys))))}
    blocks = {s.block_number for s in facts.accepted.values()}
    facts.times = dict(session.execute(select(Block.number, Block.timestamp).where(Block.number.in_(blocks))).all())
    datasets = {row.dataset for row in rows}
    facts.datasets = {d.id: d for d in session.scalars(select(Dataset).where(Dataset.id.in_(datasets)))}
    facts.rounds = {r.id: r for r in session.scalars(select(Round).where(Round.id.in_(rounds)))}
    facts.audits = {a.round: a for a in session.scalars(select(Audit).where(Audit.round.in_(rounds)))}
    facts.settlements = {s.round: s for s in session.scalars(select(Settlement).where(Settlement.round.in_(rounds)))}
    entries = select(Entry).where(Entry.round.in_(rounds), Entry.account.in_(people), Entry.role == Role.CONTRIBUTOR)
    facts.entries = {(e.round, e.account): e for e in session.scalars(entries)}
    facts.audited = {int(t.values["round"]): t for t in traces(session, events.AuditBoardAuditConcluded, "round", rounds)}
    for kind in (events.SettlementSettlementFinalized, events.SettlementExitStarted):
        facts.final |= {int(t.values["round"]): t for t in traces(session, kind, "round", rounds)}
    chunks = traces(session, events.SettlementChunkPaid, "round", rounds)
    facts.paid = {(int(t.values["round"]), int(t.values["chunk"])): t for t in chunks}
    before = (
        select(Round.dataset, Entry.account, Round.id)
        .join(Round, Round.id == Entry.round)
        .where(Round.dataset.in_(datasets), Entry.account.in_(people), Entry.role == Role.CONTRIBUTOR, Entry.distributed)
        .order_by(Round.id)
    )
    facts.last_round = {(dataset, account): number for dataset, account, number in session.execute(before)}
    return facts


def _view(row: SignedSubmission, facts: _Facts, results: dict[int, Result]) -> MySubmission:
    stages, failed = _stages(row, facts)
    entry, result = facts.entries.get((row.round, row.contributor)), results.get(row.round)
    settled = entry if any(stage.stage == "settled" for stage in stages) else None
    score = result.contributors.get(row.contributor) if result else None
    code, text = failed, refusal(failed)
    if settled is not None:
        exited = facts.settlements[row.round].phase.startswith("exit")
        code, text = reason(settled.role, settled.reward, settled.slash, settled.waiting, exited, score)
    before = results.get(facts.last_round.get((row.dataset, row.contributor), -1))
    known = before.contributors.get(row.contributor) if before else None
    most = int(facts.datasets[row.dataset].terms["reward"]) * row.count
    return MySubmission(
        digest=row.digest,
        dataset=row.dataset,
        round=row.round,
        sequence=row.sequence,
        labels=row.count,
        received_at=row.received_at,
        stage=stages[-1].stage,
        stages=stages,
        most=str(most),
        expected=_expected(most, known),
        bond=str(row.bond),
        reward=str(settled.reward) if settled else None,
        slash=str(settled.slash) if settled else None,
        shares=str(settled.shares) if settled else None,
        kappa=round(score.kappa, 6) if score else None,
        reason=code,
        explanation=text,
        next_at=_next_at(row, facts) if stages[-1].stage in ("on_chain", "audited") else None,
    )


def _expected(most: int, known: Score | None) -> str | None:
    return None if known is None else str(most * round(known.pay_rate * 1_000_000) // 1_000_000)


def _stages(row: SignedSubmission, facts: _Facts) -> tuple[list[StageView], str | None]:
    """The stages reached, in order, and why it failed if it did."""
    key = (row.round, row.contributor, row.sequence)
    error, sent = facts.sent.get(row.digest, (None, None))
    stages = [StageView(stage="queued", at=row.received_at, tx_hash=None)]
    if sent is not None:
        stages.append(StageView(stage="sent", at=None, tx_hash=sent))
    accepted = facts.accepted.get(key)
    if accepted is None or accepted.labels_root != row.labels_root:
        passed = next((skip for skip in facts.skipped.get(key, []) if skip.tx_hash == sent), None)
        why = SKIP_REASONS[passed.reason] if passed else error
        if why is not None:
            stages.append(StageView(stage="failed", at=None, tx_hash=passed.tx_hash if passed else None))
        return stages, why
    stages.append(StageView(stage="on_chain", at=facts.times.get(accepted.block_number), tx_hash=accepted.tx_hash))
    if row.round in facts.audited and facts.audits[row.round].phase in ("audited", "failed"):
        stages.append(_stage("audited", facts.audited[row.round]))
    entry, settlement = facts.entries.get((row.round, row.contributor)), facts.settlements.get(row.round)
    if entry is None or settlement is None or settlement.phase not in FINAL or row.round not in facts.final:
        return stages, None
    stages.append(_stage("settled", facts.final[row.round]))
    if entry.distributed:
        trace = facts.paid.get((row.round, entry.chunk), facts.final[row.round])
        stages.append(_stage("waiting" if entry.waiting else "paid", trace))
    return stages, None


def _stage(name: Stage, trace: Trace) -> StageView:
    return StageView(stage=name, at=trace.timestamp or None, tx_hash=trace.tx_hash)


def _next_at(row: SignedSubmission, facts: _Facts) -> int | None:
    """When the round moves on at the latest: its deadline, the end of the ballots, or of the challenge window."""
    audit, settlement = facts.audits.get(row.round), facts.settlements.get(row.round)
    if facts.rounds[row.round].phase == "open":
        return facts.rounds[row.round].deadline
    if settlement is not None and settlement.challenge_ends:
        return settlement.challenge_ends
    return (audit.reveal_ends or audit.commit_ends or None) if audit is not None else None
