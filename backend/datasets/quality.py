"""Agreement, the audited sample, the consensus, and how far open rounds are."""

import json
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend import paging
from backend.context import Backend
from backend.datasets import requester_schemas, schemas
from backend.datasets.service import draft_of, get_dataset, require_owner, tasks_at
from backend.models import Draft, Progress, SignedSubmission
from backend.settlements.agreement import krippendorff
from backend.settlements.panels import TaskVerdict, verdicts_of
from backend.settlements.results import DECIDED, Result, label_counts, results_of
from backend.tasks.service import metadata_of
from indexer.models import Account, Audit, Dataset, Entry, Round, Settlement, ShareBalance
from labelshare.rules.entries import Role

WEAK = 200  # tasks below which κ and α say little


def quality(backend: Backend, dataset: int) -> schemas.QualityView:
    """Of every decided round."""
    with backend.database.reading() as session:
        row = get_dataset(session, dataset)
        metadata = metadata_of(session, row)
        decided = select(Round, Settlement.phase).join(Settlement, Settlement.round == Round.id)
        decided = decided.where(Round.dataset == dataset, Settlement.phase.in_(DECIDED), Round.task_count > 0).order_by(Round.id)
        rounds = session.execute(decided).all()
    results = results_of(backend, [number.id for number, _ in rounds])
    shown = [_round_quality(results[r.id], r, phase) for r, phase in rounds if r.id in results]
    classes = row.terms["classes"]
    names = [entry.name for entry in metadata.classes] if metadata else []
    return schemas.QualityView(
        dataset=dataset,
        classes=names if len(names) == classes else [str(k) for k in range(classes)],
        rounds=shown,
        weak=sum(r.tasks for r in shown) < WEAK,
    )


def _round_quality(result: Result, row: Round, phase: str) -> schemas.RoundQuality:
    return schemas.RoundQuality(
        round=row.id,
        alpha=None if result.alpha is None else round(result.alpha, 6),
        labels=result.labels,
        tasks=row.task_count,
        class_labels=result.label_counts,
        class_tasks=result.class_counts if result.consensus else [],
        audited=result.verdicts,
        right=result.right,
        mean_confidence=round(sum(result.confidence) / len(result.confidence), 4) if result.confidence else None,
        exited=phase.startswith("exit"),
    )


def sample(backend: Backend, dataset: int, cursor: str | None, limit: int) -> schemas.SamplePage:
    """Audited tasks, the newest round's first, with what the panel said."""
    start = paging.decode(cursor, int, int) or (1 << 62, -1)
    with backend.database.reading() as session:
        classes = get_dataset(session, dataset).terms["classes"]
        audited = select(Round, Audit).join(Audit, Audit.round == Round.id)
        audited = audited.where(Round.dataset == dataset, Audit.phase == "audited", Round.id <= start[0], Round.sample_size > 0)
        found: list[tuple[Round, TaskVerdict]] = []
        for row, audit in session.execute(audited.order_by(Round.id.desc())):
            verdicts = verdicts_of(session, row, audit, classes)
            found += [(row, verdict) for verdict in verdicts if row.id < start[0] or verdict[0] > start[1]]
            if len(found) > limit:
                break
        page, after = paging.cut(found, limit, lambda item: (item[0].id, item[1][0]))
        contents = _contents(session, [(row, verdict[0]) for row, verdict in page])
    results = results_of(backend, sorted({row.id for row, _ in page}))
    items = []
    for row, (task, votes, verdict) in page:
        if (row.id, task) not in contents:
            continue
        content_hash, content = contents[row.id, task]
        consensus = results[row.id].consensus if row.id in results else []
        items.append(
            schemas.SampleRow(
                round=row.id,
                index=task,
                content_hash=content_hash,
                content=content,
                votes=votes,
                verdict=verdict,
                consensus=consensus[task] if consensus else None,
            )
        )
    return schemas.SamplePage(items=items, next=after)


def _contents(session: Session, wanted: Sequence[tuple[Round, int]]) -> dict[tuple[int, int], tuple[str, object]]:
    """(content hash, content) by (round, task), of those tasks that this operator holds."""
    by_round: dict[int, list[int]] = {}
    rounds = {row.id: row for row, _ in wanted}
    for row, task in wanted:
        by_round.setdefault(row.id, []).append(task)
    found: dict[tuple[int, int], tuple[str, object]] = {}
    for number, tasks in by_round.items():
        row = rounds[number]
        draft = session.scalar(select(Draft).where(Draft.dataset == row.dataset, Draft.tasks_root == row.tasks_root))
        if draft is not None:
            for index, kept in tasks_at(session, draft, tasks).items():
                found[number, index] = (kept.content_hash, json.loads(kept.content))
    return found


def consensus(backend: Backend, dataset: int, account: str, cursor: str | None, limit: int) -> requester_schemas.ConsensusPage:
    """The consensus of settled rounds task by task, for whoever paid for it. Raises Forbidden for others."""
    start = paging.decode(cursor, int, int) or (1 << 62, -1)
    with backend.database.reading() as session:
        require_owner(get_dataset(session, dataset), account)
        decided = select(Round).join(Settlement, Settlement.round == Round.id)
        decided = decided.where(Round.dataset == dataset, Settlement.phase.in_(("final", "distributed")), Round.id <= start[0])
        rounds = session.scalars(decided.order_by(Round.id.desc())).all()
    results = results_of(backend, [row.id for row in rounds])
    keys = [
        (row, task)
        for row in rounds
        for task in range(row.task_count)
        if row.id in results and (row.id < start[0] or task > start[1])
    ][: limit + 1]
    page, after = paging.cut(keys, limit, lambda item: (item[0].id, item[1]))
    with backend.database.reading() as session:
        contents = _contents(session, page)
        classes = get_dataset(session, dataset).terms["classes"]
        verdicts = {
            (row.id, task): verdict
            for row in {row.id: row for row, _ in page}.values()
            for task, _, verdict in verdicts_of(session, row, session.get_one(Audit, row.id), classes)
        }
    return requester_schemas.ConsensusPage(
        items=[
            requester_schemas.ConsensusRow(
                round=row.id,
                index=task,
                content_hash=contents[row.id, task][0],
                content=contents[row.id, task][1],
                consensus=results[row.id].consensus[task],
                confidence=results[row.id].confidence[task],
                verdict=verdicts.get((row.id, task)),
            )
            for row, task in page
            if (row.id, task) in contents
        ],
        next=after,
    )


def progress(backend: Backend, session: Session, dataset: int, account: str) -> requester_schemas.ProgressView:
    """Money and open rounds of a dataset, for its requester and operator. Raises Forbidden for others."""
    row = get_dataset(session, dataset)
    require_owner(row, account)
    escrow = session.get(Account, row.escrow_account)
    held = escrow.balance if escrow else 0
    entries = (
        select(Entry.role, Entry.reward).join(Round, Round.id == Entry.round).where(Round.dataset == dataset, Entry.distributed)
    )
    paid: Counter[int] = Counter()
    for role, reward in session.execute(entries):
        paid[role] += reward
    own = session.get(ShareBalance, (dataset, row.requester))
    live = select(Round).where(Round.dataset == dataset, Round.phase.in_(("open", "closed"))).order_by(Round.id)
    return requester_schemas.ProgressView(
        dataset=dataset,
        escrow=str(held),
        reserved=str(row.reserved),
        free=str(max(0, held - row.reserved)),
        paid=str(paid[Role.CONTRIBUTOR]),
        audits=str(paid[Role.VALIDATOR]),
        revenue=str(own.revenue if own else 0),
        rounds=[_round_progress(session, row, live_round, backend.now(session)) for live_round in session.scalars(live)],
    )


def _round_progress(session: Session, dataset: Dataset, row: Round, now: int) -> requester_schemas.RoundProgress:
    draft_of(session, row)
    counts = label_counts(session, row.id)
    given = Counter(sum(unit.values()) for unit in counts.values())
    given[0] = row.task_count - len(counts)
    sure = session.get(Progress, row.id)
    reward = int(dataset.terms["reward"])
    here = select(SignedSubmission).where(SignedSubmission.round == row.id, SignedSubmission.dropped.is_(False)).subquery()
    people, recent = session.execute(
        select(
            func.count(func.distinct(here.c.contributor)),
            func.coalesce(func.sum(here.c.count).filter(here.c.received_at > now - 3600), 0),
        )
    ).one()
    return requester_schemas.RoundProgress(
        round=row.id,
        phase=row.phase,
        labels=row.labels,
        label_budget=row.label_budget,
        tasks=row.task_count,
        filled=[given[n] for n in range(max(given) + 1)],
        contributors=people,
        sure_tasks=int.from_bytes(sure.sure, "little").bit_count() if sure else None,
        labels_spared=sure.spared if sure else 0,
        saved=str(reward * sure.spared if sure else 0),
        spent_at_most=str(reward * row.labels),
        reserve=str(row.reserve),
        alpha=_rounded(krippendorff(counts.values())),
        class_labels=[sum(unit.get(k, 0) for unit in counts.values()) for k in range(dataset.terms["classes"])],
        labels_last_hour=recent,
        deadline=row.deadline,
    )


def _rounded(alpha: float | None) -> float | None:
    return None if alpha is None else round(alpha, 6)
