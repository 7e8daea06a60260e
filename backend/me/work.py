"""A contributor's work, the audited part of it, and money over time."""

import json
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend import paging
from backend.context import Backend
from backend.datasets.people import part
from backend.datasets.service import tasks_at
from backend.explorer.traces import Trace, traces
from backend.me.money import claimable
from backend.me.schemas import AuditedPage, AuditedRow, Payment, RevenueView, WorkList, WorkView
from backend.models import Draft, Label, SignedSubmission
from backend.product_models import DatasetMetadata
from backend.settlements.panels import verdicts_of
from backend.settlements.reasons import kappa_means
from backend.settlements.results import DECIDED, results_of
from indexer.models import Audit, Contributor, Dataset, Entry, Round, Settlement, ShareBalance, Submission
from labelshare.chain import events
from labelshare.rules.entries import Role

MOST_PAYMENTS = 2_000


def names_of(session: Session, datasets: list[Dataset]) -> dict[int, str]:
    """Names of those datasets whose metadata is kept here."""
    hashes = {str(row.terms.get("metadata_hash")): row.id for row in datasets}
    by_hash: dict[str, list[int]] = defaultdict(list)
    for row in datasets:
        by_hash[str(row.terms.get("metadata_hash"))].append(row.id)
    found = session.execute(select(DatasetMetadata.hash, DatasetMetadata.name).where(DatasetMetadata.hash.in_(list(hashes))))
    return {dataset: name for metadata_hash, name in found for dataset in by_hash[metadata_hash]}


def work(backend: Backend, account: str) -> WorkList:
    """By dataset, newest first: what was labeled, what it earned, what is owned."""
    with backend.database.reading() as session:
        labeled = {row.dataset: row for row in session.scalars(select(Contributor).where(Contributor.contributor == account))}
        held = {row.dataset: row for row in session.scalars(select(ShareBalance).where(ShareBalance.holder == account))}
        numbers = sorted({*labeled, *held}, reverse=True)
        datasets = {row.id: row for row in session.scalars(select(Dataset).where(Dataset.id.in_(numbers)))}
        names = names_of(session, list(datasets.values()))
        rewards: dict[int, int] = defaultdict(int)
        slashes: dict[int, int] = defaultdict(int)
        entries = select(Round.dataset, Entry.reward, Entry.slash).join(Round, Round.id == Entry.round)
        for dataset, reward, slash in session.execute(entries.where(Entry.account == account, Entry.distributed)):
            rewards[dataset] += reward
            slashes[dataset] += slash
        last = dict(
            session.execute(
                select(Round.dataset, Round.id)
                .join(Settlement, Settlement.round == Round.id)
                .where(Round.dataset.in_(list(labeled)), Settlement.phase.in_(DECIDED))
                .order_by(Round.id)
            ).all()
        )
    due = claimable(backend, account, [n for n in numbers if n in held and held[n].balance and datasets[n].revenue])
    results = results_of(backend, sorted(last.values()))
    items = []
    for number in numbers:
        row, mine, shares = datasets[number], labeled.get(number), held.get(number)
        result = results.get(last.get(number, -1))
        score = result.contributors.get(account) if result else None
        free = mine.covered - (mine.pending - mine.pending_open) if mine else 0
        items.append(
            WorkView(
                dataset=number,
                name=names.get(number),
                labels=mine.labels if mine else 0,
                pending=mine.pending if mine else 0,
                reward=str(rewards[number]),
                slash=str(slashes[number]),
                shares=str(shares.balance if shares else 0),
                part=part(shares.balance if shares else 0, row.supply),
                revenue=str(shares.revenue if shares else 0),
                claimable=None if due is None else str(due.get(number, 0)),
                releasable=str(max(0, free) * int(row.terms["bond"])),
                kappa=round(score.kappa, 6) if score else None,
                kappa_means=kappa_means(score.kappa) if score else None,
                pay_rate=round(score.pay_rate, 6) if score else None,
                audited=score.audited if score else None,
                flagged=score.flagged if score else False,
                waiting=score.waiting if score else False,
            )
        )
    return WorkList(items=items)


def audited(backend: Backend, account: str, dataset: int | None, cursor: str | None, limit: int) -> AuditedPage:
    """The account's labels that a panel looked at, newest round first."""
    start = paging.decode(cursor, int, int) or (1 << 62, -1)
    with backend.database.reading() as session:
        rounds = (
            select(Round, Audit)
            .join(Audit, Audit.round == Round.id)
            .where(Audit.phase == "audited", Round.sample_size > 0, Round.id <= start[0])
            .where(Round.id.in_(select(Submission.round).where(Submission.contributor == account)))
        )
        if dataset is not None:
            rounds = rounds.where(Round.dataset == dataset)
        found: list[AuditedRow] = []
        for row, audit in session.execute(rounds.order_by(Round.id.desc())):
            found += [item for item in _audited_round(session, row, audit, account) if row.id < start[0] or item.index > start[1]]
            if len(found) > limit:
                break
    page, after = paging.cut(found, limit, lambda item: (item.round, item.index))
    return AuditedPage(items=list(page), next=after)


def _audited_round(session: Session, row: Round, audit: Audit, account: str) -> list[AuditedRow]:
    classes = session.get_one(Dataset, row.dataset).terms["classes"]
    verdicts = verdicts_of(session, row, audit, classes)
    sample = [task for task, _, _ in verdicts]
    answers: dict[int, int] = {}
    mine = (
        select(Label.task, Label.answer)
        .join(SignedSubmission, SignedSubmission.digest == Label.digest)
        .where(SignedSubmission.round == row.id, SignedSubmission.contributor == account, SignedSubmission.dropped.is_(False))
    )
    for begin in range(0, len(sample), 500):
        answers.update(session.execute(mine.where(Label.task.in_(sample[begin : begin + 500]))).all())
    draft = session.scalar(select(Draft).where(Draft.dataset == row.dataset, Draft.tasks_root == row.tasks_root))
    tasks = tasks_at(session, draft, sorted(answers)) if draft else {}
    return [
        AuditedRow(
            dataset=row.dataset,
            round=row.id,
            index=task,
            content_hash=tasks[task].content_hash if task in tasks else None,
            content=json.loads(tasks[task].content) if task in tasks else None,
            answer=answers[task],
            votes=votes,
            verdict=verdict,
            right=None if verdict is None else answers[task] == verdict,
        )
        for task, votes, verdict in verdicts
        if task in answers
    ]


def revenue(session: Session, account: str) -> RevenueView:
    """Pay and revenue as they came in, each with its transaction."""
    entries = (
        select(Entry, Round.dataset)
        .join(Round, Round.id == Entry.round)
        .where(Entry.account == account, Entry.distributed, Entry.role != Role.REQUESTER)
    )
    own = [(entry, dataset) for entry, dataset in session.execute(entries) if entry.reward]
    chunks = traces(session, events.SettlementChunkPaid, "round", {entry.round for entry, _ in own})
    paid = {(int(t.values["round"]), int(t.values["chunk"])): t for t in chunks}
    came: list[tuple[str, int, int, Trace]] = [
        ("pay", dataset, entry.reward, paid[entry.round, entry.chunk])
        for entry, dataset in own
        if (entry.round, entry.chunk) in paid
    ]
    came += [
        ("revenue", int(t.values["dataset"]), int(t.values["amount"]), t)
        for t in traces(session, events.DatasetSharesRevenuePaid, "holder", [account])
    ]
    came.sort(key=lambda item: (item[3].block, item[3].values["log_index"]))
    totals: dict[tuple[str, int], int] = defaultdict(int)
    items = []
    for kind, dataset, amount, trace in came:
        totals[kind, dataset] += amount
        items.append(
            Payment(
                kind=kind,  # type: ignore[arg-type]
                dataset=dataset,
                amount=str(amount),
                total=str(totals[kind, dataset]),
                block=trace.block,
                timestamp=trace.timestamp or None,
                tx_hash=trace.tx_hash,
            )
        )
    return RevenueView(items=items[-MOST_PAYMENTS:])
