"""What validators, requesters and buyers see of their own."""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.cards import cards, states_of
from backend.me.duties import open_duties
from backend.me.schemas import (
    DutyView,
    LicenseList,
    LicenseView,
    PastAudit,
    RequesterDataset,
    RequesterList,
    SeatView,
    ValidatorView,
)
from backend.me.work import names_of
from backend.settlements.reasons import reason
from backend.settlements.results import results_of
from indexer.models import Account, Dataset, Entry, Juror, License, PanelMember, Round, Seat, Settlement
from labelshare.chain.calls import call_data
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.rules.entries import Role

MOST = 500  # panels, juries and datasets that are shown


def validator(backend: Backend, account: str) -> ValidatorView:
    """Seats, duties and history."""
    with backend.database.reading() as session:
        seats = session.scalars(select(Seat).where(Seat.owner == account).order_by(Seat.pool, Seat.index)).all()
        duties = open_duties(session, account)
        panels = (
            select(PanelMember, Round)
            .join(Round, Round.id == PanelMember.round)
            .where(PanelMember.validator == account)
            .order_by(PanelMember.round.desc(), PanelMember.attempt.desc())
            .limit(MOST)
        )
        sat = session.execute(panels).all()
        juries = select(Juror, Round).join(Round, Round.id == Juror.round).where(Juror.juror == account)
        judged = session.execute(juries.order_by(Juror.round.desc()).limit(MOST)).all()
        rounds = [row.id for _, row in sat]
        entries = {
            e.round: e
            for e in session.scalars(
                select(Entry).where(Entry.round.in_(rounds), Entry.account == account, Entry.role == Role.VALIDATOR)
            )
        }
        phases = dict(session.execute(select(Settlement.round, Settlement.phase).where(Settlement.round.in_(rounds))).all())
    busy = {(duty.kind, duty.round, duty.attempt) for duty in duties}
    results = results_of(backend, rounds)
    history = []
    for member, row in sat:
        if ("audit", row.id, member.attempt) in busy:
            continue
        entry = entries.get(row.id) if member.revealed else None
        score = results[row.id].validators.get(account) if row.id in results else None
        why = (
            reason(entry.role, entry.reward, entry.slash, entry.waiting, phases.get(row.id, "").startswith("exit"), score)
            if entry
            else ("silent", "No ballot was revealed in time: stake was slashed.")
            if member.slashed
            else (None, None)
        )
        history.append(
            PastAudit(
                kind="audit",
                round=row.id,
                dataset=row.dataset,
                seats=member.weight,
                revealed=member.revealed,
                reward=str(entry.reward if entry else 0),
                slash=str(entry.slash if entry else 0),
                silence=str(member.slashed),
                kappa=round(score.kappa, 6) if score else None,
                reason=why[0],
                explanation=why[1],
            )
        )
    for juror, row in judged:
        if ("jury", row.id, juror.attempt) not in busy:
            history.append(
                PastAudit(
                    kind="jury",
                    round=row.id,
                    dataset=row.dataset,
                    seats=juror.weight,
                    revealed=juror.revealed,
                    reward="0",
                    slash=str(juror.slashed),
                    silence="0",
                    kappa=None,
                    reason="slashed" if juror.slashed else None,
                    explanation="Stake was slashed for silence, or for another root than the majority's."
                    if juror.slashed
                    else None,
                )
            )
    size = _seat_size(backend)
    live = sum(seat.left_at == 0 for seat in seats)
    return ValidatorView(
        account=account,
        seats=[
            SeatView(
                pool=seat.pool,
                seat=seat.index,
                active_from=seat.active_from,
                left_at=seat.left_at,
                release_at=seat.release_at,
                drained=seat.drained,
            )
            for seat in seats
        ],
        seat_size=None if size is None else str(size),
        stake=None if size is None else str(size * live),
        duties=[
            DutyView(
                kind=duty.kind,  # type: ignore[arg-type]
                round=duty.round,
                dataset=duty.dataset,
                attempt=duty.attempt,
                seats=duty.weight,
                step=duty.step,  # type: ignore[arg-type]
                due=duty.due,
                committed=duty.committed,
                revealed=duty.revealed,
                sealed=duty.sealed,
                held=duty.held,
            )
            for duty in duties
        ],
        history=history,
    )


def _seat_size(backend: Backend) -> int | None:
    """LBL base units of a seat, from the chain; None while the node is silent."""
    call = {"to": backend.deployment.address("Staking"), "data": "0x" + call_data("Staking", "seatSize", []).hex()}
    try:
        return int(str(backend.rpc.call("eth_call", call, "latest")), 16)
    except (RpcError, RpcUnavailable, ValueError):
        return None


def requester(session: Session, account: str) -> RequesterList:
    """The account's datasets, newest first, with what they cost and bring."""
    found = states_of(session, account, MOST)
    escrows = [row.escrow_account for row, _, _ in found]
    held = dict(session.execute(select(Account.account, Account.balance).where(Account.account.in_(escrows))).all())
    numbers = [row.id for row, _, _ in found]
    paid: dict[tuple[int, int], int] = defaultdict(int)
    entries = select(Round.dataset, Entry.role, Entry.reward).join(Round, Round.id == Entry.round)
    for dataset, role, reward in session.execute(entries.where(Round.dataset.in_(numbers), Entry.distributed)):
        paid[dataset, role] += reward
    return RequesterList(
        items=[
            RequesterDataset(
                dataset=row.id,
                name=card.name,
                state=card.state,
                escrow=str(held.get(row.escrow_account, 0)),
                reserved=str(row.reserved),
                free=str(max(0, held.get(row.escrow_account, 0) - row.reserved)),
                paid=str(paid[row.id, Role.CONTRIBUTOR]),
                audits=str(paid[row.id, Role.VALIDATOR]),
                revenue=str(row.revenue),
                sales=card.sales,
                labels=card.labels,
                label_budget=card.label_budget,
                alpha=card.alpha,
            )
            for (row, _, _), card in zip(found, cards(session, found), strict=True)
        ]
    )


def licenses(session: Session, account: str, now: int) -> LicenseList:
    """The account's licenses, the longest lasting first."""
    rows = session.execute(
        select(License, Dataset)
        .join(Dataset, Dataset.id == License.dataset)
        .where(License.licensee == account)
        .order_by(License.expiry.desc())
        .limit(MOST)
    ).all()
    names = names_of(session, [dataset for _, dataset in rows])
    return LicenseList(
        items=[
            LicenseView(
                dataset=row.dataset,
                name=names.get(row.dataset),
                expiry=row.expiry,
                last_round=row.last_round,
                live=row.expiry >= now,
            )
            for row, _ in rows
        ]
    )
