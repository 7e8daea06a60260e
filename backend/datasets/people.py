"""Contributors, owners and sales of a dataset, in pages."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, func, select, tuple_, type_coerce
from sqlalchemy.orm import Session

from backend import paging
from backend.datasets import schemas
from backend.datasets.service import get_dataset
from backend.errors import NotFound
from indexer.models import Block, Contributor, Dataset, Entry, Round, Sale, ShareBalance
from labelshare.rules.entries import Role


def part(shares: int, supply: int) -> float:
    """A holding as a part of all shares."""
    return round(shares / supply, 6) if supply else 0.0


def contributors(session: Session, dataset: int, cursor: str | None, limit: int) -> schemas.ContributorPage:
    """By address."""
    row = get_dataset(session, dataset)
    people = select(Contributor).where(Contributor.dataset == dataset).order_by(Contributor.contributor).limit(limit + 1)
    key = paging.decode(cursor, str)
    if key is not None:
        people = people.where(Contributor.contributor > key[0])
    page, after = paging.cut(session.scalars(people).all(), limit, lambda person: (person.contributor,))
    return schemas.ContributorPage(items=_view_contributors(session, row, page), next=after)


def contributor(session: Session, dataset: int, address: str) -> schemas.ContributorView:
    row = session.get(Contributor, (dataset, address))
    if row is None:
        raise NotFound("unknown_contributor", f"{address} has no label in dataset {dataset}, or none that is mirrored yet.")
    return _view_contributors(session, get_dataset(session, dataset), [row])[0]


def _view_contributors(session: Session, dataset: Dataset, rows: Sequence[Contributor]) -> list[schemas.ContributorView]:
    people = [row.contributor for row in rows]
    rewards: dict[str, int] = defaultdict(int)
    slashes: dict[str, int] = defaultdict(int)
    entries = (
        select(Entry.account, Entry.reward, Entry.slash)
        .join(Round, Round.id == Entry.round)
        .where(Round.dataset == dataset.id, Entry.distributed, Entry.role == Role.CONTRIBUTOR, Entry.account.in_(people))
    )
    for account, reward, slash in session.execute(entries):
        rewards[account] += reward
        slashes[account] += slash
    shares = select(ShareBalance).where(ShareBalance.dataset == dataset.id, ShareBalance.holder.in_(people))
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
            part=part(held[row.contributor].balance, dataset.supply) if row.contributor in held else 0.0,
            revenue=str(held[row.contributor].revenue if row.contributor in held else 0),
        )
        for row in rows
    ]


def owners(session: Session, dataset: int, cursor: str | None, limit: int) -> schemas.OwnerPage:
    """Holders of shares, the largest first."""
    row = get_dataset(session, dataset)
    text: Any = type_coerce(ShareBalance.balance, String)
    key = (func.length(text), text, ShareBalance.holder)
    rows = select(ShareBalance).where(ShareBalance.dataset == dataset, ShareBalance.balance != 0)
    position = paging.decode(cursor, int, str, str)
    if position is not None:
        rows = rows.where(tuple_(*key) < position)
    found = session.scalars(rows.order_by(*(column.desc() for column in key)).limit(limit + 1)).all()
    page, after = paging.cut(found, limit, lambda held: (len(str(held.balance)), str(held.balance), held.holder))
    roles = _roles(session, row, [held.holder for held in page])
    return schemas.OwnerPage(
        items=[
            schemas.OwnerView(
                holder=held.holder,
                role=roles.get(held.holder, "holder"),  # type: ignore[arg-type]
                shares=str(held.balance),
                part=part(held.balance, row.supply),
                revenue=str(held.revenue),
            )
            for held in page
        ],
        next=after,
    )


def _roles(session: Session, dataset: Dataset, holders: list[str]) -> dict[str, str]:
    entries = (
        select(Entry.account, func.min(Entry.role))
        .join(Round, Round.id == Entry.round)
        .where(Round.dataset == dataset.id, Entry.account.in_(holders))
        .group_by(Entry.account)
    )
    return {account: Role(role).name.lower() for account, role in session.execute(entries)}


def sales(session: Session, dataset: int, cursor: str | None, limit: int) -> schemas.SalePage:
    """Newest first."""
    get_dataset(session, dataset)
    rows = (
        select(Sale, Block.timestamp)
        .outerjoin(Block, Block.number == Sale.block_number)
        .where(Sale.dataset == dataset)
        .order_by(Sale.block_number.desc(), Sale.log_index.desc())
    )
    position = paging.decode(cursor, int, int)
    if position is not None:
        rows = rows.where(tuple_(Sale.block_number, Sale.log_index) < position)
    found = session.execute(rows.limit(limit + 1)).all()
    page, after = paging.cut(found, limit, lambda pair: (pair[0].block_number, pair[0].log_index))
    return schemas.SalePage(
        items=[
            schemas.SaleView(
                licensee=sale.licensee,
                buyer=sale.buyer,
                price=str(sale.price),
                fee=str(sale.fee),
                expiry=sale.expiry,
                last_round=sale.last_round,
                block=sale.block_number,
                timestamp=timestamp,
                tx_hash=sale.tx_hash,
            )
            for sale, timestamp in page
        ],
        next=after,
    )
