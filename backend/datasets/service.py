"""Datasets and rounds: reading the mirror, and asking the operator to open a round."""

from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets import schemas
from backend.errors import Forbidden, Invalid, NotFound
from backend.models import Draft, DraftTask, Outbox, Task
from backend.relay.outbox import enqueue_call
from backend.tasks.content import WrongContent, check_content
from backend.tasks.service import metadata_of, require_images
from backend.uploads.service import uploaded_contents
from indexer.models import EVENT_TABLES, Account, Checkpoint, Dataset, Round
from labelshare.chain.events import LedgerDeposited, LedgerWithdrawn
from labelshare.rules.evidence import canonical_json
from labelshare.rules.history import RULE, RULE_ID
from labelshare.rules.merkle import tasks_tree

MAX_TASK_BYTES = 64 * 1024
MAX_DEPTH = 32  # levels of a task's JSON


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


def require_owner(row: Dataset, account: str) -> None:
    """Raises Forbidden unless the account is the dataset's requester or operator."""
    if account not in (row.requester, row.operator):
        raise Forbidden(
            "not_requester", f"Only {row.requester} (requester) or {row.operator} (operator) of dataset {row.id} may do this."
        )


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


def tasks_at(session: Session, draft: Draft, indices: list[int]) -> dict[int, Task]:
    """Some tasks of a draft by index."""
    found: dict[int, Task] = {}
    for start in range(0, len(indices), 500):
        rows = select(DraftTask.index, Task).join(Task, DraftTask.content_hash == Task.content_hash)
        rows = rows.where(DraftTask.draft_id == draft.id, DraftTask.index.in_(indices[start : start + 500]))
        found.update(session.execute(rows).all())
    return found


# Drafts


def open_round(backend: Backend, session: Session, dataset: int, account: str, request: schemas.RoundRequest) -> Draft:
    """Stores the tasks and asks the relayer to open the round. The same tasks again give the same draft."""
    row = get_dataset(session, dataset)
    require_owner(row, account)
    if row.operator != backend.operator.address:
        raise Forbidden("other_operator", f"Dataset {dataset} has operator {row.operator}; this one is {backend.operator.address}.")
    if row.terms["rule_id"] != RULE_ID:
        raise Forbidden("unknown_rule", f"Dataset {dataset} names another scoring rule than {RULE}, the one that is settled here.")
    if request.deadline <= backend.now(session):
        raise Invalid("deadline_past", "The round's deadline must be ahead.")
    contents = _contents(backend, session, row, account, request)
    if not request.label_budget <= len(contents) * request.labels_per_task:
        raise Invalid("budget_too_large", "label_budget is more than tasks × labels_per_task; nobody could fill it.")
    hashes = [keccak(content) for content in contents]
    root = "0x" + tasks_tree(hashes).root.hex()
    known = session.scalar(select(Draft).where(Draft.dataset == dataset, Draft.tasks_root == root))
    if known is not None:
        return known
    _keep_tasks(session, ["0x" + h.hex() for h in hashes], [content.decode() for content in contents])
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


def _contents(backend: Backend, session: Session, row: Dataset, account: str, request: schemas.RoundRequest) -> list[bytes]:
    """The canonical JSON of the round's tasks, in order. Raises Invalid for a task that is not of the dataset's kind."""
    if (request.tasks is None) == (request.upload_id is None):
        raise Invalid("no_tasks", "Give either tasks or the upload_id of an upload of yours.")
    if request.upload_id is not None:
        return uploaded_contents(session, request.upload_id, account)
    metadata, tasks = metadata_of(session, row), request.tasks or []
    for index, task in enumerate(tasks if metadata else []):
        try:
            check_content(metadata.task_type if metadata else "", task, backend.settings.task_hosts)
        except WrongContent as error:
            raise Invalid("wrong_content", f"Task {index} is no {metadata.task_type if metadata else ''} task: {error}.") from error
    if metadata is not None:
        require_images(session, tasks)
    return [_content(index, task) for index, task in enumerate(tasks)]


def _content(index: int, task: Any) -> bytes:
    if not _is_flat(task, MAX_DEPTH):
        raise Invalid("task_too_deep", f"Task {index} is nested deeper than {MAX_DEPTH} levels, which not every reader takes.")
    content = canonical_json(task)
    if len(content) > MAX_TASK_BYTES:
        raise Invalid("task_too_large", f"Task {index} has {len(content)} bytes of JSON, over {MAX_TASK_BYTES}; link to files.")
    return content


def _is_flat(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested at most so deep: answers and evidence of deeper ones could not be written."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat(item, levels - 1) for item in inner)


def _keep_tasks(session: Session, hashes: list[str], contents: list[str]) -> None:
    """Keeps those contents that are not here yet."""
    known: set[str] = set()
    for start in range(0, len(hashes), 500):
        known.update(session.scalars(select(Task.content_hash).where(Task.content_hash.in_(hashes[start : start + 500]))))
    fresh = {h: content for h, content in zip(hashes, contents, strict=True) if h not in known}
    session.add_all(Task(content_hash=h, content=content) for h, content in fresh.items())


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
