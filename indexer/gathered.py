"""What of the mirror the contracts can be asked for once several rows are put together: panels and juries, each as its contract
lists it, with what was revealed hashed to what was committed; the latest dispute of each round; a settlement's entries as the root
they add up to.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Executable, func, select

from indexer.comparisons import DRAWING_PHASES, NO_HASH, Check
from indexer.models import Audit, Dispute, Entry, Juror, PanelMember, Settlement
from labelshare.rules import entries as rules
from labelshare.rules.draw import commitment
from labelshare.rules.jury import verdict_commitment

PAGE = 1_000
DISPUTE_PHASES = {"upheld": "audited", "overturned": "audited", "hung": "failed"}
ROOTED = ("published", "challenged", "final", "distributed")
"""Phases of a settlement in which the contract holds the root of its entries."""

Row = Any


def gathered(connection: Connection) -> Iterator[Check]:
    """In the transaction of this connection."""
    yield from _panels(connection)
    yield from _juries(connection)
    yield from _disputes(connection)
    yield from _entries(connection)


def _panels(connection: Connection) -> Iterator[Check]:
    chosen = select(PanelMember.__table__, Audit.attempt.label("current")).join(Audit, Audit.round == PanelMember.round)
    for round_id, panel in _latest(connection, chosen.order_by(PanelMember.round, PanelMember.attempt), "validator"):
        members = tuple((m.validator, m.weight, m.revealed, _ballot(m)) for m in panel)
        yield Check("AuditBoard", "panelOf", [round_id], {"value": members})
        for m in panel:
            if m.attempt == m.current:
                shown = {"given": m.shown is not None, "shown": m.shown or 0}
                yield Check("AuditBoard", "attestationOf", [round_id, m.validator], shown)


def _juries(connection: Connection) -> Iterator[Check]:
    latest = select(func.max(Dispute.attempt)).where(Dispute.round == Juror.round).scalar_subquery()
    chosen = select(Juror.__table__, latest.label("current"))
    for round_id, jury in _latest(connection, chosen.order_by(Juror.round, Juror.attempt), "juror"):
        members = tuple((j.juror, j.weight, j.revealed, _verdict(j)) for j in jury)
        yield Check("Jury", "jurorsOf", [round_id], {"value": members})
        for j in jury:
            if j.attempt == j.current:
                yield Check("Jury", "rootOf", [round_id, j.juror], {"value": j.root or NO_HASH})


def _latest(connection: Connection, chosen: Executable, member: str) -> Iterator[tuple[int, list[Row]]]:
    """Of each round the group that was drawn last, by address: what the contracts keep."""
    for round_id, rows in groupby(_rows(connection, chosen), attrgetter("round")):
        members = list(rows)
        last = members[-1].attempt
        yield round_id, sorted((m for m in members if m.attempt == last), key=attrgetter(member))


def _ballot(member: Row) -> str:
    """The commitment that the contract must hold: of what was revealed, where it was."""
    if not member.revealed:
        return member.commitment or NO_HASH
    answers, salt = bytes.fromhex(member.answers[2:]), bytes.fromhex(member.salt[2:])
    return "0x" + commitment(member.round, member.attempt, member.validator, answers, salt).hex()


def _verdict(juror: Row) -> str:
    if not juror.revealed:
        return juror.commitment or NO_HASH
    root, salt = bytes.fromhex(juror.root[2:]), bytes.fromhex(juror.salt[2:])
    return "0x" + verdict_commitment(juror.round, juror.attempt, juror.juror, root, salt).hex()


def _disputes(connection: Connection) -> Iterator[Check]:
    chosen = select(Dispute.__table__).order_by(Dispute.round, Dispute.number)
    for round_id, rows in groupby(_rows(connection, chosen), attrgetter("round")):
        *_, row = rows
        challenge = {"challenger": row.challenger, "count": row.number, "bond": row.bond, "proposed": row.proposed}
        yield Check("Jury", "disputeOf", [round_id], challenge)
        phase = DRAWING_PHASES.index(DISPUTE_PHASES.get(row.phase, row.phase))
        drawing = {name: getattr(row, name) for name in ("attempt", "misses", "seed_block", "as_of", "slots")}
        if row.seed is not None:  # Else this jury was not drawn, and the contract still has what the one before it left.
            drawing |= {name: getattr(row, name) for name in ("seed", "commit_ends", "reveal_ends")}
        yield Check("Jury", "drawingOf", [round_id], {"phase": phase, **drawing})


def _entries(connection: Connection) -> Iterator[Check]:
    rooted = select(Settlement.round).where(Settlement.phase.in_(ROOTED))
    chosen = select(Entry.__table__).where(Entry.round.in_(rooted)).order_by(Entry.round, Entry.chunk, Entry.position)
    for round_id, rows in groupby(_rows(connection, chosen), attrgetter("round")):
        entries = list(rows)
        root = rules.settlement_root(round_id, map(_entry, entries))
        yield Check("Settlement", "proposalOf", [round_id], {"root": "0x" + root.hex()})
        for chunk, distributed in sorted({entry.chunk: entry.distributed for entry in entries}.items()):
            yield Check("Settlement", "isDistributed", [round_id, chunk], {"value": distributed})


def _entry(row: Row) -> rules.Entry:
    return rules.Entry(rules.Role(row.role), row.account, row.reward, row.slash, row.shares, row.waiting)


def _rows(connection: Connection, chosen: Executable) -> Iterator[Row]:
    yield from connection.execution_options(yield_per=PAGE).execute(chosen)
