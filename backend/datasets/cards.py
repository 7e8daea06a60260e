"""Datasets in lists: searched, filtered, sorted, a page at a time, with a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, String, case, func, literal, or_, select, tuple_, type_coerce
from sqlalchemy.orm import Session, aliased

from backend import paging
from backend.datasets.schemas import DatasetCard, DatasetPage
from backend.errors import Invalid
from backend.product_models import DatasetMetadata, RoundResult
from indexer.models import Contributor, Dataset, Round, Sale

METADATA_HASH = Dataset.terms["metadata_hash"].as_string()


def page(session: Session, filters: dict[str, Any], sort: str, cursor: str | None, limit: int) -> DatasetPage:
    """A page of cards. `filters`: q, state, task_type, requester, operator; None leaves one out. Raises Invalid."""
    if "\x00" in (filters["q"] or ""):
        raise Invalid("invalid_search", "What is searched for holds a NUL character; leave it out.")
    rows = _query(**filters)
    key = _sort_key(sort)
    position = paging.decode(cursor, int, str, int)
    if position is not None:
        rows = rows.where(tuple_(*key) > position if sort == "oldest" else tuple_(*key) < position)
    order = [column.asc() if sort == "oldest" else column.desc() for column in key]
    found = session.execute(rows.order_by(*order).limit(limit + 1)).all()
    shown, following = paging.cut(found, limit, lambda row: _position(row[0], sort))
    return DatasetPage(items=cards(session, [(row[0], row[1], row[2]) for row in shown]), next=following)


def _sort_key(sort: str) -> tuple[Any, ...]:
    """Three columns whose order is that of the list. Amounts are kept as decimal text: a longer one is larger."""
    amounts: dict[str, Any] = {"price": Dataset.price, "revenue": Dataset.revenue}
    if sort not in amounts:
        return literal(0), literal(""), Dataset.id
    text = type_coerce(amounts[sort], String)
    return func.length(text), text, Dataset.id


def _position(row: Dataset, sort: str) -> tuple[int, str, int]:
    """Where a dataset stands in the order of `_sort_key`."""
    text = str(getattr(row, sort)) if sort in ("price", "revenue") else ""
    return len(text), text, row.id


def _query(
    q: str | None = None,
    state: str | None = None,
    task_type: str | None = None,
    requester: str | None = None,
    operator: str | None = None,
) -> Select[Any]:
    last = aliased(Round)
    newest = select(func.max(Round.id)).where(Round.dataset == Dataset.id).correlate(Dataset).scalar_subquery()
    now = _state(last)
    rows = (
        select(Dataset, DatasetMetadata, now)
        .outerjoin(DatasetMetadata, DatasetMetadata.hash == METADATA_HASH)
        .outerjoin(last, last.id == newest)
    )
    if q:
        needle = q.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = rows.where(
            or_(
                func.lower(DatasetMetadata.name).like(f"%{needle}%", escape="\\"),
                func.lower(DatasetMetadata.body).like(f"%{needle}%", escape="\\"),
                Dataset.requester == q.lower(),
                *([Dataset.id == int(q)] if q.isdecimal() and q.isascii() and len(q) < 16 else []),
            )
        )
    conditions = (
        (state, now),
        (task_type, DatasetMetadata.task_type),
        (requester, Dataset.requester),
        (operator, Dataset.operator),
    )
    for value, column in conditions:
        if value is not None:
            rows = rows.where(column == value)
    return rows


def _state(last: Any) -> Any:
    return case(
        (last.id.is_(None), "new"),
        (last.phase == "open", "labeling"),
        (last.phase == "closed", "settling"),
        (last.last, "finished"),
        else_="idle",
    )


def state_of(session: Session, dataset: int) -> tuple[Dataset, DatasetMetadata | None, str] | None:
    """A dataset with its metadata and state, as `cards` takes it."""
    row = session.execute(_query().where(Dataset.id == dataset)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def states_of(session: Session, requester: str, limit: int) -> list[tuple[Dataset, DatasetMetadata | None, str]]:
    """A requester's datasets, newest first, as `cards` takes them."""
    rows = session.execute(_query(requester=requester).order_by(Dataset.id.desc()).limit(limit))
    return [(row[0], row[1], row[2]) for row in rows]


def cards(session: Session, rows: Sequence[tuple[Dataset, DatasetMetadata | None, str]]) -> list[DatasetCard]:
    """Cards of datasets, in their order."""
    numbers = [row[0].id for row in rows]
    sums = {
        dataset: counts
        for dataset, *counts in session.execute(
            select(Round.dataset, func.sum(Round.task_count), func.sum(Round.labels), func.sum(Round.label_budget))
            .where(Round.dataset.in_(numbers))
            .group_by(Round.dataset)
        )
    }
    people = _counts(session, Contributor.dataset, numbers)
    sales = _counts(session, Sale.dataset, numbers)
    open_rounds = {
        row.dataset: row for row in session.scalars(select(Round).where(Round.dataset.in_(numbers), Round.phase == "open"))
    }
    alphas: dict[int, str | None] = defaultdict(lambda: None)
    results = select(RoundResult.dataset, RoundResult.alpha).where(RoundResult.dataset.in_(numbers)).order_by(RoundResult.round)
    alphas.update(session.execute(results).all())
    return [
        DatasetCard(
            dataset=row.id,
            name=metadata.name if metadata else None,
            task_type=metadata.task_type if metadata else None,  # type: ignore[arg-type]
            state=state,  # type: ignore[arg-type]
            requester=row.requester,
            operator=row.operator,
            reward=str(row.terms["reward"]),
            classes=row.terms["classes"],
            tasks=sums.get(row.id, [0])[0],
            labels=sums.get(row.id, [0, 0])[1],
            label_budget=sums.get(row.id, [0, 0, 0])[2],
            contributors=people.get(row.id, 0),
            price=str(row.price),
            revenue=str(row.revenue),
            sales=sales.get(row.id, 0),
            alpha=None if alphas[row.id] is None else float(alphas[row.id] or 0),
            open_round=open_rounds[row.id].id if row.id in open_rounds else None,
            deadline=open_rounds[row.id].deadline if row.id in open_rounds else None,
        )
        for row, metadata, state in rows
    ]


def _counts(session: Session, column: Any, numbers: list[int]) -> dict[int, int]:
    return dict(session.execute(select(column, func.count()).where(column.in_(numbers)).group_by(column)).all())
