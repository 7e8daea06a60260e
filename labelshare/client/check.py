"""Checking a proposed settlement against the one that the rule gives: what differs, entry by entry: the tool of panel and jury."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from labelshare.chain.events import SettlementChunkPublished, SettlementSettlementProposed
from labelshare.client.chain import Chain, topic
from labelshare.client.recompute import recompute
from labelshare.client.round_state import SETTLEMENT_PHASES
from labelshare.rules.entries import Entry, Role, settlement_root, totals_of
from labelshare.rules.evidence import evidence_hash

UNDER_WAY = ("proposed", "published", "challenged")
DECIDED = ("final", "distributed")


class NothingProposed(ValueError):
    """No settlement of the round stands on chain; the message says where the round is."""


@dataclass(frozen=True)
class Proposal:
    """A round's proposal as the chain has it.

    Attributes:
        phase: as in the specification, section 4.
        entries: those published so far, in their order; all of them once `complete`.
    """

    round: int
    phase: str
    proposer: str
    evidence_hash: str
    totals: dict[str, int]
    entries: tuple[Entry, ...]
    complete: bool

    @property
    def root(self) -> bytes | None:
        """The root over its entries, once all are published."""
        return settlement_root(self.round, self.entries) if self.complete else None


@dataclass(frozen=True)
class Check:
    """What a proposal is against what the rule gives.

    Attributes:
        root: of the entries that the rule gives.
        problems: what is wrong with what is paid: the first thing that differs of totals and of entries. None: it is right.
        evidence_differs: the proposal names other evidence. If it pays what is due all the same it is not to be challenged, for a
            jury judges what is paid; but what it names is not the file that buyers will verify.
    """

    proposal: Proposal
    root: bytes
    problems: tuple[str, ...]
    evidence_differs: bool

    @property
    def right(self) -> bool:
        return not self.problems


def proposal_of(chain: Chain, round_id: int) -> Proposal:
    """Raises NothingProposed."""
    phase = SETTLEMENT_PHASES[chain.read("Settlement", "proposalOf", round_id)[0]]
    if phase not in (*UNDER_WAY, *DECIDED):
        raise NothingProposed(f"No settlement of round {round_id} stands: it is {phase or 'not proposed, or its proposal ended'}.")
    log, proposed = list(chain.events(SettlementSettlementProposed, topic(round_id)))[-1]
    chunks = {
        event.chunk: event.entries
        for at, event in chain.events(SettlementChunkPublished, topic(round_id), since=log.block_number)
        if (at.block_number, at.log_index) > (log.block_number, log.log_index)
    }
    return Proposal(
        round=round_id,
        phase=phase,
        proposer=proposed.proposer,
        evidence_hash=proposed.evidence_hash,
        totals=asdict(proposed.totals),
        entries=tuple(
            Entry(Role(e.role), e.account, e.reward, e.slash, e.shares, e.waiting)
            for chunk in sorted(chunks)
            for e in chunks[chunk]
        ),
        complete=len(chunks) == proposed.chunks,
    )


def check(chain: Chain, round_id: int, bodies: Mapping[int, bytes]) -> Check:
    """Recomputes a round's settlement from the evidence files by round and the chain, and compares.

    Raises NothingProposed, EvidenceMissing, EvidenceMismatch.
    """
    proposal = proposal_of(chain, round_id)
    expected = recompute(chain, round_id, bodies).entries
    named = "0x" + evidence_hash(bodies[round_id]).hex() if round_id in bodies else None
    return Check(
        proposal=proposal,
        root=settlement_root(round_id, expected),
        problems=problems_of(expected, proposal),
        evidence_differs=named not in (None, proposal.evidence_hash),
    )


def problems_of(expected: Sequence[Entry], proposal: Proposal) -> tuple[str, ...]:
    """The first thing that differs of totals, and of entries."""
    problems = (_totals_problem(expected, proposal), _entries_problem(expected, proposal))
    return tuple(problem for problem in problems if problem is not None)


def _totals_problem(expected: Sequence[Entry], proposal: Proposal) -> str | None:
    for name, due in asdict(totals_of(expected)).items():
        if proposal.totals[name] != due:
            return f"its total {name.replace('_', ' ')} is {proposal.totals[name]}, the rule gives {due}"
    return None


def _entries_problem(expected: Sequence[Entry], proposal: Proposal) -> str | None:
    """The first published entry that is not the one due at its place."""
    for number, published in enumerate(proposal.entries):
        due = expected[number] if number < len(expected) else None
        if published != due:
            return f"entry {number} {_difference(published, due, expected)}"
    if proposal.complete and len(proposal.entries) < len(expected):
        missing = expected[len(proposal.entries)]
        return f"entry {len(proposal.entries)} is missing: {_name(missing)}"
    return None


def _difference(published: Entry, due: Entry | None, expected: Sequence[Entry]) -> str:
    if due is None or (published.role, published.account) != (due.role, due.account):
        known = any((e.role, e.account) == (published.role, published.account) for e in expected)
        where = "is out of its place" if known else "has nothing due"
        return f"is of {_name(published)}, who {where}" + (f"; {_name(due)} is due here" if due else "")
    wrong = [
        f"{field.name} is {getattr(published, field.name)}, the rule gives {getattr(due, field.name)}"
        for field in fields(Entry)
        if getattr(published, field.name) != getattr(due, field.name)
    ]
    return f"({_name(published)}): " + "; ".join(wrong)


def _name(entry: Entry) -> str:
    return f"{entry.role.name.lower()} {entry.account}"
