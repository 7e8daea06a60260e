"""How many slots of each task of an open round are taken, kept beside the slots themselves: what a lease costs does not grow with
the round. The caller holds the lock of the round's draft."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, func, insert, literal, select, tuple_, update
from sqlalchemy.orm import Session

from backend.models import Draft, DraftTask, OpenRound, OpenTask, Slot

PAGE = 500
COUNTS = cast(Table, OpenTask.__table__)
MOVED = (
    update(COUNTS)
    .where(COUNTS.c.round == bindparam("of_round"), COUNTS.c.task == bindparam("of_task"))
    .values(taken=COUNTS.c.taken + bindparam("by"))
)
OWN = exists().where(Slot.round == OpenTask.round, Slot.task == OpenTask.task, Slot.contributor == bindparam("who"))
FREE = (
    select(OpenTask.task, OpenTask.taken)
    .where(OpenTask.round == bindparam("round"), OpenTask.taken < bindparam("per_task"), ~OWN)
    .order_by(OpenTask.taken, OpenTask.task)
)
# The index has this order: a page is read where the last one ended.
NEXT = FREE.where(tuple_(OpenTask.taken, OpenTask.task) > tuple_(bindparam("taken"), bindparam("task"))).limit(PAGE)
WISHED = FREE.where(OpenTask.task.in_(bindparam("tasks", expanding=True)))


def open_round(session: Session, round_id: int, draft: Draft) -> OpenRound:
    """The round's count of slots; at its first lease those of its tasks are written, from whatever slots there are."""
    found = session.get(OpenRound, round_id)
    if found is not None:
        return found
    here = and_(Slot.round == round_id, Slot.task == DraftTask.index)
    counted = select(literal(round_id), DraftTask.index, func.count(Slot.slot)).outerjoin(Slot, here)
    rows = counted.where(DraftTask.draft_id == draft.id).group_by(DraftTask.index)
    session.execute(insert(OpenTask).from_select(["round", "task", "taken"], rows))
    taken = session.scalar(select(func.sum(OpenTask.taken)).where(OpenTask.round == round_id))
    found = OpenRound(round=round_id, taken=int(taken or 0))
    session.add(found)
    return found


def give_back(session: Session, counts: OpenRound, which: ColumnElement[bool]) -> None:
    """Frees those unused slots of the round."""
    unused = delete(Slot).where(Slot.round == counts.round, Slot.digest.is_(None), which)
    gone = session.scalars(unused.returning(Slot.task), execution_options={"synchronize_session": False}).all()
    _count(session, counts, gone, -1)


def free_tasks(
    session: Session,
    counts: OpenRound,
    draft: Draft,
    contributor: str,
    wanted: Callable[[int, int], bool],
    wished: Collection[int] | None,
    most: int,
) -> list[int]:
    """At most `most` tasks with a free slot, of which the contributor has none: of the `wished` ones, else those with the fewest
    labels. `wanted`: whether a task (index, slots taken) should get another label."""
    asked: dict[str, Any] = {"round": counts.round, "per_task": draft.labels_per_task, "who": contributor}
    if wished is not None:
        rows = {row.task: row.taken for row in session.execute(WISHED, asked | {"tasks": list(wished)})}
        return [task for task in wished if task in rows and wanted(task, rows[task])][:most]
    chosen: list[int] = []
    after = {"taken": -1, "task": -1}
    while len(chosen) < most:
        page = session.execute(NEXT, asked | after).all()
        chosen += [task for task, taken in page if wanted(task, taken)]
        if len(page) < PAGE:
            break
        after = {"taken": page[-1].taken, "task": page[-1].task}
    return chosen[:most]


def take(session: Session, counts: OpenRound, tasks: Sequence[int], common: dict[str, Any]) -> None:
    """Takes the lowest free slot of each task. `common`: the other columns of Slot."""
    used: dict[int, set[int]] = {task: set() for task in tasks}
    for task, slot in session.execute(select(Slot.task, Slot.slot).where(Slot.round == counts.round, Slot.task.in_(tasks))):
        used[task].add(slot)
    rows = [
        {"round": counts.round, "task": task, "slot": next(i for i in range(len(there) + 1) if i not in there), **common}
        for task, there in used.items()
    ]
    session.execute(insert(Slot), rows)
    _count(session, counts, tasks, 1)


def any_below(session: Session, counts: OpenRound, minimum: int) -> bool:
    """Whether a task of the round has fewer slots taken than that."""
    below = select(OpenTask.task).where(OpenTask.round == counts.round, OpenTask.taken < minimum).limit(1)
    return session.scalar(below) is not None


def _count(session: Session, counts: OpenRound, tasks: Sequence[int], by: int) -> None:
    if tasks:
        rows = [{"of_round": counts.round, "of_task": task, "by": by * n} for task, n in sorted(Counter(tasks).items())]
        session.connection().execute(MOVED, rows)
        counts.taken += by * len(tasks)
