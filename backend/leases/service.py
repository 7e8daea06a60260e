"""Leasing tasks: no two contributors get the same slot, none gets a task twice, the budget is never overdrawn."""

import json
import secrets
from collections import Counter

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import draft_of, get_dataset, get_round, task_contents
from backend.errors import Conflict, Forbidden
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
    session.execute(delete(Slot).where(Slot.digest.is_(None), Slot.expires_at < now))
    wished = list(dict.fromkeys(request.tasks)) if request.tasks is not None else None
    if wished is not None:
        _take_back(session, round_id, contributor, wished)
    taken: dict[int, set[int]] = {}
    own = set()
    for slot in session.scalars(select(Slot).where(Slot.round == round_id)):
        taken.setdefault(slot.task, set()).add(slot.slot)
        if slot.contributor == contributor:
            own.add(slot.task)
    used = sum(len(slots) for slots in taken.values())
    minimum, sure = dataset.terms["min_labels"], sure_tasks(session, round_id) if draft.adaptive else frozenset()
    wanted = {t for t in range(row.task_count) if t not in sure or len(taken.get(t, ())) < minimum}
    free = [t for t in sorted(wanted - own) if len(taken.get(t, ())) < draft.labels_per_task]
    chosen = _choose(free, wished, Counter({t: len(s) for t, s in taken.items()}), request.count)[: row.label_budget - used]
    if not chosen:
        if not wanted:
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
    for task in chosen:
        slot_number = next(i for i in range(draft.labels_per_task) if i not in taken.get(task, ()))
        session.add(
            Slot(
                round=round_id,
                task=task,
                slot=slot_number,
                contributor=contributor,
                lease_id=granted.id,
                expires_at=granted.expires_at,
                digest=None,
            )
        )
    session.flush()
    contents = task_contents(session, draft)
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


def _take_back(session: Session, round_id: int, contributor: str, tasks: list[int]) -> None:
    """Frees the contributor's own unused slots of tasks that they wish for anew: the answer to an earlier lease may be lost."""
    own = delete(Slot).where(Slot.round == round_id, Slot.contributor == contributor, Slot.digest.is_(None))
    session.execute(own.where(Slot.task.in_(tasks)))


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


def _choose(free: list[int], wished: list[int] | None, taken: Counter[int], count: int) -> list[int]:
    """The wished tasks that are free, in their order; else the `count` free tasks with the fewest labels."""
    if wished is not None:
        open_tasks = set(free)
        return [task for task in wished if task in open_tasks]
    return sorted(free, key=lambda task: (taken[task], task))[:count]

