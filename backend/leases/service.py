"""Leasing tasks: no two contributors get the same slot, none gets a task twice, the budget is never overdrawn."""

import json
import secrets

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import draft_of, get_dataset, get_round, tasks_at
from backend.errors import Conflict, Forbidden
from backend.leases import slots
from backend.leases.progress import sure_tasks
from backend.leases.schemas import LeasedTask, LeaseRequest, LeaseView
from backend.models import Lease, SignedSubmission, Slot
from indexer.models import Contributor, Dataset, Round


def lease(backend: Backend, session: Session, round_id: int, contributor: str, request: LeaseRequest) -> LeaseView:
    """Leases free slots to the contributor. Raises Conflict when the round is not open or nothing is free.

    There is no ticket in it (an Assignment, by which others than the operator may relay): with one, labels get on chain that the
    operator was never shown, no evidence can hold them, and the round exits.

    Two processes that pick the same slot meet in the table's constraints: the second transaction fails and is tried again.
    """
    row = get_round(session, round_id)
    dataset = get_dataset(session, row.dataset)
    now = backend.now(session)
    _require_open(row, dataset, backend, now)
    draft = draft_of(session, row)
    # One lease of a round at a time: constraints guard the slots, this lock the budget (SQLite has one writer anyway).
    session.refresh(draft, with_for_update=True)
    counts = slots.open_round(session, round_id, draft)
    slots.give_back(session, counts, Slot.expires_at < now)
    wished = list(dict.fromkeys(request.tasks)) if request.tasks is not None else None
    if wished is not None:
        # The contributor's own unused slots of tasks that they wish for anew: the answer to an earlier lease may be lost.
        slots.give_back(session, counts, and_(Slot.contributor == contributor, Slot.task.in_(wished)))
    minimum, sure = dataset.terms["min_labels"], sure_tasks(session, round_id) if draft.adaptive else frozenset()
    most = min(request.count if wished is None else len(wished), row.label_budget - counts.taken)
    chosen = slots.free_tasks(
        session, counts, draft, contributor, lambda task, taken: task not in sure or taken < minimum, wished, most
    )
    if not chosen:
        if len(sure) == row.task_count and not slots.any_below(session, counts, minimum):
            raise Conflict("nothing_wanted", "Every task of the round has labels enough: its consensus is sure.")
        raise Conflict("nothing_free", "No slot is free for this contributor in the round now; leases expire, so ask again later.")
    granted = Lease(
        id=secrets.token_hex(16),
        round=round_id,
        contributor=contributor,
        sequence=next_sequence(session, row.dataset, contributor),
        count=len(chosen),
        expires_at=now + backend.settings.lease_seconds,
    )
    session.add(granted)
    common = {"contributor": contributor, "lease_id": granted.id, "expires_at": granted.expires_at, "digest": None}
    slots.take(session, counts, chosen, common)
    session.flush()
    contents = tasks_at(session, draft, chosen)
    return LeaseView(
        lease_id=granted.id,
        expires_at=granted.expires_at,
        sequence=granted.sequence,
        classes=dataset.terms["classes"],
        tasks=[
            LeasedTask(index=t, content_hash=contents[t].content_hash, content=json.loads(contents[t].content)) for t in chosen
        ],
        unavailable=sorted(set(wished or ()) - set(chosen)),
    )


def next_sequence(session: Session, dataset: int, contributor: str) -> int:
    """The number of the contributor's next submission: after those on chain and those on their way there."""
    mirrored = session.get(Contributor, (dataset, contributor))
    highest = session.scalar(
        select(func.max(SignedSubmission.sequence)).where(
            SignedSubmission.dataset == dataset, SignedSubmission.contributor == contributor, SignedSubmission.dropped.is_(False)
        )
    )
    return max(mirrored.sequence if mirrored else 0, 0 if highest is None else highest + 1)


def _require_open(row: Round, dataset: Dataset, backend: Backend, now: int) -> None:
    if dataset.operator != backend.operator.address:
        raise Forbidden("other_operator", f"Round {row.id} is run by {dataset.operator}; ask there.")
    if row.phase != "open" or now > row.deadline:
        raise Conflict("round_not_open", f"Round {row.id} takes no labels any more.")
