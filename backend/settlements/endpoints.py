"""The settlement endpoint."""

from fastapi import APIRouter
from sqlalchemy import select

from backend.context import Injected
from backend.errors import NotFound
from backend.settlements.schemas import EntryView, SettlementView
from indexer.models import Entry, Settlement
from labelshare.rules.entries import Role

router = APIRouter(tags=["settlements"])


@router.get("/rounds/{round_id}/settlement", summary="What a round pays whom, as published on chain")
def settlement(backend: Injected, round_id: int) -> SettlementView:
    with backend.database.transaction() as session:
        row = session.get(Settlement, round_id)
        if row is None:
            raise NotFound("no_settlement", f"Round {round_id} has no settlement on chain yet.")
        entries = session.scalars(select(Entry).where(Entry.round == round_id).order_by(Entry.chunk, Entry.position))
        return SettlementView(
            round=row.round,
            phase=row.phase,
            proposer=row.proposer,
            evidence_hash=row.evidence_hash,
            challenge_ends=row.challenge_ends,
            paid=str(row.paid),
            carried=str(row.carried),
            released=str(row.released),
            entries=[
                EntryView(
                    role=Role(e.role).name.lower(),
                    account=e.account,
                    reward=str(e.reward),
                    slash=str(e.slash),
                    shares=str(e.shares),
                    waiting=e.waiting,
                    distributed=e.distributed,
                )
                for e in entries
            ],
        )
