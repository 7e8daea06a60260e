"""Datasets and rounds: reading the mirror, and asking the operator to open a round."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets import schemas
from backend.errors import Forbidden, Invalid, NotFound
from backend.models import Draft, DraftTask, Outbox, Progress, Task
from backend.relay.outbox import enqueue_call
from indexer.models import (
    EVENT_TABLES,
    Account,
    Audit,
    Checkpoint,
    Contributor,
    Dataset,
    Entry,
    PanelMember,
    Round,
    Sale,
    Settlement,
    ShareBalance,
)
from labelshare.chain.events import LedgerDeposited, LedgerWithdrawn
from labelshare.rules.evidence import canonical_json
from labelshare.rules.history import RULE, RULE_ID
from labelshare.rules.merkle import tasks_tree

MAX_TASK_BYTES = 64 * 1024


def get_dataset(session: Session, dataset: int) -> Dataset:
    row = session.get(Dataset, dataset)
    if row is None:
        raise NotFound("unknown_dataset", f"Dataset {dataset} is not on chain, or not mirrored yet.")
    return row


def get_round(session: Session, round_id: int) -> Round:
    row = session.get(Round, round_id)
    if row is None:
        raise NotFound("unknown_round", f"Round {round_id} is not on chain, or not mirrored yet.")
    return row


def draft_of(session: Session, row: Round) -> Draft:
    """The tasks this backend opened a round with. Raises NotFound for a round that somebody else's backend holds."""
    draft = session.scalar(select(Draft).where(Draft.dataset == row.dataset, Draft.tasks_root == row.tasks_root))
    if draft is None:
        raise NotFound("tasks_elsewhere", f"The tasks of round {row.id} are not stored at this operator.")
    return draft


def task_contents(session: Session, draft: Draft) -> list[Task]:
    """The tasks of a draft in order of index."""
    rows = select(Task).join(DraftTask, DraftTask.content_hash == Task.content_hash)
    return list(session.scalars(rows.where(DraftTask.draft_id == draft.id).order_by(DraftTask.index)))


# Drafts


def open_round(backend: Backend, session: Session, dataset: int, account: str, request: schemas.RoundRequest) -> Draft:
    """Stores the tasks and asks the relayer to open the round. The same tasks again give the same draft."""
    row = get_dataset(session, dataset)
    if account not in (row.requester, row.operator):
        raise Forbidden("not_requester", f"Only {row.requester} (requester) or {row.operator} (operator) may open a round.")
    if row.operator != backend.operator.address:
        raise Forbidden("other_operator", f"Dataset {dataset} has operator {row.operator}; this one is {backend.operator.address}.")
    if row.terms["rule_id"] != RULE_ID:
        raise Forbidden("unknown_rule", f"Dataset {dataset} names another scoring rule than {RULE}, the one that is settled here.")
    if request.deadline <= backend.now(session):
        raise Invalid("deadline_past", "The round's deadline must be ahead.")
    if not request.label_budget <= len(request.tasks) * request.labels_per_task:
        raise Invalid("budget_too_large", "label_budget is more than tasks × labels_per_task; nobody could fill it.")
    contents = [_content(index, task) for index, task in enumerate(request.tasks)]
    hashes = [keccak(content) for content in contents]
    root = "0x" + tasks_tree(hashes).root.hex()
    known = session.scalar(select(Draft).where(Draft.dataset == dataset, Draft.tasks_root == root))
    if known is not None:
        return known
    for content_hash, content in zip(hashes, contents, strict=True):
        if session.get(Task, "0x" + content_hash.hex()) is None:
            session.add(Task(content_hash="0x" + content_hash.hex(), content=content.decode()))
    draft = Draft(dataset=dataset, tasks_root=root, labels_per_task=request.labels_per_task, adaptive=request.adaptive)
    session.add(draft)
    session.flush()
    session.add_all(DraftTask(draft_id=draft.id, index=i, content_hash="0x" + h.hex()) for i, h in enumerate(hashes))
    arguments = (dataset, root, len(hashes), request.label_budget, request.deadline, request.last)
    enqueue_call(session, _open_key(draft), "LabelRegistry", "openRound", *arguments)
    return draft


def view_draft(session: Session, draft_id: int) -> schemas.DraftView:
    draft = session.get(Draft, draft_id)
    if draft is None:
        raise NotFound("unknown_draft", f"There is no draft {draft_id}.")
    round_id = session.scalar(select(Round.id).where(Round.dataset == draft.dataset, Round.tasks_root == draft.tasks_root))
    error = session.scalar(select(Outbox.error).where(Outbox.key == _open_key(draft)))
    return schemas.DraftView(draft_id=draft.id, dataset=draft.dataset, tasks_root=draft.tasks_root, round=round_id, error=error)


def _open_key(draft: Draft) -> str:
    return f"open:{draft.dataset}:{draft.tasks_root}"


def _content(index: int, task: Any) -> bytes:
    content = canonical_json(task)
    if len(content) > MAX_TASK_BYTES:
        raise Invalid("task_too_large", f"Task {index} has {len(content)} bytes of JSON, over {MAX_TASK_BYTES}; link to files.")
    return content


# Views


def view_dataset(session: Session, row: Dataset) -> schemas.DatasetView:
    account = session.get(Account, row.escrow_account)
    return schemas.DatasetView(
        dataset=row.id,
        requester=row.requester,
        operator=row.operator,
        terms=row.terms,
        escrow=str(account.balance if account else 0),
        reserved=str(row.reserved),
        price=str(row.price),
        shares=str(row.supply),
        revenue=str(row.revenue),
        rounds=list(session.scalars(select(Round.id).where(Round.dataset == row.id).order_by(Round.id))),
    )


def view_round(session: Session, row: Round) -> schemas.RoundView:
    audit, settlement = session.get(Audit, row.id), session.get(Settlement, row.id)
    attempt = audit.attempt if audit else None
    members = select(PanelMember.validator).where(PanelMember.round == row.id, PanelMember.attempt == attempt)
    progress = session.get(Progress, row.id)
    reward = int(get_dataset(session, row.dataset).terms["reward"])
    return schemas.RoundView(
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
        attempt=attempt,
        commit_ends=audit.commit_ends if audit else None,
        reveal_ends=audit.reveal_ends if audit else None,
        challenge_ends=settlement.challenge_ends if settlement else None,
        panel=sorted(session.scalars(members)) if audit else [],
        evidence_hash=settlement.evidence_hash if settlement else None,
        sure_tasks=int.from_bytes(progress.sure, "little").bit_count() if progress else None,
        labels_spared=progress.spared if progress else 0,
        saved=str(reward * progress.spared if progress else 0),
    )


def view_contributors(session: Session, dataset: int) -> list[schemas.ContributorView]:
    get_dataset(session, dataset)
    rows = select(Contributor).where(Contributor.dataset == dataset).order_by(Contributor.contributor)
    return _view_contributors(session, dataset, session.scalars(rows).all())


def view_contributor(session: Session, dataset: int, address: str) -> schemas.ContributorView:
    row = session.get(Contributor, (get_dataset(session, dataset).id, address))
    if row is None:
        raise NotFound("unknown_contributor", f"{address} has no label in dataset {dataset} on chain, or none mirrored yet.")
    return _view_contributors(session, dataset, [row])[0]


def _view_contributors(session: Session, dataset: int, rows: Sequence[Contributor]) -> list[schemas.ContributorView]:
    people = {row.contributor for row in rows}
    rewards: dict[str, int] = defaultdict(int)
    slashes: dict[str, int] = defaultdict(int)
    entries = select(Entry).join(Round, Round.id == Entry.round).where(Round.dataset == dataset, Entry.distributed, Entry.role == 0)
    shares = select(ShareBalance).where(ShareBalance.dataset == dataset)
    if len(people) == 1:
        (only,) = people
        entries, shares = entries.where(Entry.account == only), shares.where(ShareBalance.holder == only)
    for entry in session.scalars(entries):
        rewards[entry.account] += entry.reward
        slashes[entry.account] += entry.slash
    held = {row.holder: row for row in session.scalars(shares)}
    return [
        schemas.ContributorView(
            contributor=row.contributor,
            labels=row.labels,
            pending=row.pending,
            pending_open=row.pending_open,
            covered=row.covered,
            reward=str(rewards[row.contributor]),
            slash=str(slashes[row.contributor]),
            shares=str(held[row.contributor].balance if row.contributor in held else 0),
            revenue=str(held[row.contributor].revenue if row.contributor in held else 0),
        )
        for row in rows
    ]


def view_sales(session: Session, dataset: int) -> list[schemas.SaleView]:
    get_dataset(session, dataset)
    rows = session.scalars(select(Sale).where(Sale.dataset == dataset).order_by(Sale.block_number, Sale.log_index))
    return [
        schemas.SaleView(
            licensee=row.licensee,
            buyer=row.buyer,
            price=str(row.price),
            fee=str(row.fee),
            expiry=row.expiry,
            block=row.block_number,
            tx_hash=row.tx_hash,
        )
        for row in rows
    ]


def view_health(session: Session) -> schemas.HealthView:
    checkpoint = session.scalar(select(Checkpoint))
    if checkpoint is None:
        raise NotFound("no_mirror", "The mirror is empty: start the indexer (python -m indexer).")
    deposited, withdrawn = EVENT_TABLES[LedgerDeposited], EVENT_TABLES[LedgerWithdrawn]
    held = sum(session.scalars(select(deposited.c.amount))) - sum(session.scalars(select(withdrawn.c.amount)))
    queued = session.scalar(select(func.count()).select_from(Outbox).where(Outbox.transaction_id.is_(None), Outbox.error.is_(None)))
    ledger = schemas.LedgerView(sum=str(sum(session.scalars(select(Account.balance)))), held=str(held))
    return schemas.HealthView(
        mirror_block=checkpoint.block_number, mirror_timestamp=checkpoint.timestamp, queued=queued or 0, ledger=ledger
    )
