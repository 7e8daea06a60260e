"""Endpoints of rounds."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from backend import paging
from backend.context import Injected
from backend.datasets.service import get_round
from backend.paging import Cursor, Limit
from backend.rounds import schemas
from backend.rounds.views import view_disputes, view_rounds
from backend.types import IdPath, IdQuery
from indexer.models import Round

router = APIRouter(tags=["rounds"])
Phase = Literal["open", "closed", "void", "settled"]


@router.get("/rounds", summary="Rounds, newest first")
def rounds(
    backend: Injected,
    dataset: IdQuery = None,
    phase: Annotated[Phase | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.RoundPage:
    rows = select(Round).order_by(Round.id.desc()).limit(limit + 1)
    key = paging.decode(cursor, int)
    if dataset is not None:
        rows = rows.where(Round.dataset == dataset)
    if phase is not None:
        rows = rows.where(Round.phase == phase)
    if key is not None:
        rows = rows.where(Round.id < key[0])
    with backend.database.reading() as session:
        page, after = paging.cut(session.scalars(rows).all(), limit, lambda row: (row.id,))
        return schemas.RoundPage(items=view_rounds(session, page), next=after)


@router.get("/rounds/{round_id}", summary="One round, with its audit and settlement, and what comes next")
def one_round(backend: Injected, round_id: IdPath) -> schemas.RoundView:
    with backend.database.reading() as session:
        return view_rounds(session, [get_round(session, round_id)])[0]


@router.get("/rounds/{round_id}/disputes", summary="Challenges of its settlement, and their juries")
def disputes(backend: Injected, round_id: IdPath) -> schemas.DisputesView:
    with backend.database.reading() as session:
        get_round(session, round_id)
        return view_disputes(session, round_id)
