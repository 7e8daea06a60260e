"""The settlement endpoint."""

from fastapi import APIRouter
from sqlalchemy import select

from backend.context import Injected
from backend.errors import NotFound
from backend.explorer.traces import traces
from backend.settlements.reasons import reason
from backend.settlements.results import results_of
from backend.settlements.schemas import EntryView, SettlementView
from backend.types import IdPath
from indexer.models import Entry, Settlement
from labelshare.chain.events import SettlementChunkPaid, SettlementSettlementFinalized
from labelshare.rules.entries import Role

router = APIRouter(tags=["settlements"])


@router.get("/rounds/{round_id}/settlement", summary="What a round pays whom and why, as published on chain")
def settlement(backend: Injected, round_id: IdPath) -> SettlementView:
    with backend.database.reading() as session:
        row = session.get(Settlement, round_id)
        if row is None:
            raise NotFound("no_settlement", f"Round {round_id} has no settlement on chain yet.")
        entries = session.scalars(select(Entry).where(Entry.round == round_id).order_by(Entry.chunk, Entry.position)).all()
        paid = {int(t.values["chunk"]): t.tx_hash for t in traces(session, SettlementChunkPaid, "round", [round_id])}
        final = traces(session, SettlementSettlementFinalized, "round", [round_id])
    result = results_of(backend, [round_id]).get(round_id)
    exited = row.phase in ("exiting", "exited")
    views = []
    for e in entries:
        scores = (result.validators if e.role == Role.VALIDATOR else result.contributors) if result else {}
        score = scores.get(e.account)
        code, text = reason(e.role, e.reward, e.slash, e.waiting, exited, score)
        views.append(
            EntryView(
                role=Role(e.role).name.lower(),
                account=e.account,
                reward=str(e.reward),
                slash=str(e.slash),
                shares=str(e.shares),
                waiting=e.waiting,
                distributed=e.distributed,
                kappa=round(score.kappa, 6) if score else None,
                reason=code,
                explanation=text,
                tx_hash=paid.get(e.chunk),
            )
        )
    return SettlementView(
        round=row.round,
        phase=row.phase,
        proposer=row.proposer,
        evidence_hash=row.evidence_hash,
        challenge_ends=row.challenge_ends,
        bond=str(row.bond),
        paid=str(row.paid),
        carried=str(row.carried),
        released=str(row.released),
        final_tx=final[-1].tx_hash if final else None,
        entries=views,
    )
