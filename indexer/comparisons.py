"""What of the mirror the contracts can be asked for, row by row: a view for each kind of row, and what it should answer.

Everything the contracts keep in a view is here or, where several rows make one answer, in indexer/gathered.py. What only events
tell (sales, skipped submissions, punishments) follows from the Ledger's accounts and the seats, which are compared in full.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from indexer.handlers.governance import INFLOWS
from indexer.models import (
    Account,
    Allowance,
    Audit,
    Contributor,
    Credential,
    Dataset,
    License,
    OpenSubmission,
    Parameter,
    Round,
    Seat,
    Session,
    Settlement,
    ShareBalance,
    State,
    ValidatorVotes,
)

NOBODY, NO_HASH = "0x" + 40 * "0", "0x" + 64 * "0"
ROUND_PHASES = ("none", "open", "closed", "void", "settled")
DRAWING_PHASES = ("none", "seeding", "committing", "revealing", "audited", "failed")
SETTLEMENT_PHASES = {"proposed": 1, "published": 2, "final": 3, "distributed": 4, "exited": 4, "exiting": 5, "challenged": 6}
PARAMETERS = {"fee_bps": "feeBps", "min_window": "minWindow", "min_seat_fee": "minSeatFee"}

Row = Any


@dataclass(frozen=True)
class Check:
    """A view, its arguments, and what it must answer, by the names of its outputs; a single unnamed one is called `value`. An array
    of structs is a tuple of tuples."""

    contract: str
    function: str
    arguments: list[Any]
    expected: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """A view, its arguments from a row, and the answers that the row implies."""

    model: type[State]
    contract: str
    function: Callable[[Row], str] | str
    arguments: Callable[[Row], list[Any]]
    expected: Callable[[Row], dict[str, Any]]

    def check(self, row: Row) -> Check:
        function = self.function if isinstance(self.function, str) else self.function(row)
        return Check(self.contract, function, self.arguments(row), self.expected(row))


def _round(row: Row) -> dict[str, Any]:
    names = (
        "dataset",
        "task_count",
        "label_budget",
        "labels",
        "open_labels",
        "sample_size",
        "deadline",
        "last",
        "reserve",
        "tasks_root",
    )
    return {name: getattr(row, name) for name in names} | {"phase": ROUND_PHASES.index(row.phase)}


def _session(row: Row) -> dict[str, Any]:
    return {"expiry": row.expiry, "dataset": row.dataset, "bond_left": row.bond_left, "revoked": row.revoked}


def _contributor(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("sequence", "labels", "pending", "pending_open", "covered")}


def _seat(row: Row) -> dict[str, Any]:
    if row.owner is None:
        return {"owner": NOBODY}
    return {"owner": row.owner, "active_from": row.active_from, "left_at": row.left_at, "drained": row.drained}


def _drawing(row: Row) -> dict[str, Any]:
    names = ("attempt", "misses", "seed_block", "as_of", "slots", "commit_ends")
    return {name: getattr(row, name) for name in names} | {
        "phase": DRAWING_PHASES.index(row.phase),
        "seed": row.seed or NO_HASH,
    }


def _settlement(row: Row) -> dict[str, Any]:
    phase = SETTLEMENT_PHASES.get(row.phase, 0)
    if phase in (0, 4, 5):
        return {"phase": phase}
    names = ("proposer", "chunks", "published", "distributed", "challenge_ends", "bond", "evidence_hash")
    return {"phase": phase} | {name: getattr(row, name) for name in names}


def _totals(row: Row) -> dict[str, Any]:
    return {name: int(value) for name, value in row.totals.items()} if SETTLEMENT_PHASES.get(row.phase, 0) in (1, 2, 3, 6) else {}


def _parameter_view(row: Row) -> str:
    return PARAMETERS.get(row.name, "isPaused")


def _paused(row: Row) -> list[Any]:
    return [] if row.name in PARAMETERS else [INFLOWS.index(row.name.removesuffix("_paused"))]


COMPARISONS = (
    Comparison(Account, "Ledger", "balanceOf", lambda r: [r.account], lambda r: {"value": r.balance}),
    Comparison(Allowance, "Ledger", "allowance", lambda r: [r.owner, r.spender], lambda r: {"value": r.amount}),
    Comparison(Dataset, "DatasetRegistry", "reservedOf", lambda r: [r.id], lambda r: {"value": r.reserved}),
    Comparison(Dataset, "DatasetRegistry", "escrowAccountOf", lambda r: [r.id], lambda r: {"value": r.escrow_account}),
    Comparison(Dataset, "DatasetMarket", "priceOf", lambda r: [r.id], lambda r: {"value": r.price}),
    Comparison(Dataset, "DatasetShares", "supplyOf", lambda r: [r.id], lambda r: {"value": r.supply}),
    Comparison(Dataset, "DatasetShares", "accOf", lambda r: [r.id], lambda r: {"value": r.acc}),
    Comparison(
        Dataset, "Settlement", "waitingOf", lambda r: [r.id], lambda r: {"labels": r.waiting_labels, "votes": r.waiting_votes}
    ),
    Comparison(Round, "LabelRegistry", "roundOf", lambda r: [r.id], _round),
    Comparison(Round, "LabelRegistry", "openSubmissionsOf", lambda r: [r.id], lambda r: {"value": r.open_submissions}),
    Comparison(Session, "LabelRegistry", "sessionOf", lambda r: [r.contributor, r.key], _session),
    Comparison(Contributor, "LabelRegistry", "contributorOf", lambda r: [r.dataset, r.contributor], _contributor),
    Comparison(
        OpenSubmission,
        "LabelRegistry",
        "openSubmissionOf",
        lambda r: [r.round, r.position],
        lambda r: {"contributor": r.contributor, "count": r.count},
    ),
    Comparison(Seat, "Staking", "seatOf", lambda r: [r.pool, r.index], _seat),
    Comparison(ShareBalance, "DatasetShares", "balanceOf", lambda r: [r.holder, r.dataset], lambda r: {"value": r.balance}),
    Comparison(
        License,
        "DatasetMarket",
        "licenseOf",
        lambda r: [r.dataset, r.licensee],
        lambda r: {"expiry": r.expiry, "last_round": r.last_round},
    ),
    Comparison(Audit, "AuditBoard", "auditOf", lambda r: [r.round], _drawing),
    Comparison(ValidatorVotes, "AuditBoard", "pendingVotesOf", lambda r: [r.dataset, r.validator], lambda r: {"value": r.pending}),
    Comparison(Settlement, "Settlement", "proposalOf", lambda r: [r.round], _settlement),
    Comparison(Settlement, "Settlement", "totalsOf", lambda r: [r.round], _totals),
    Comparison(Settlement, "Settlement", "requiredRootOf", lambda r: [r.round], lambda r: {"value": r.required_root or NO_HASH}),
    Comparison(Credential, "Credentials", "expiryOf", lambda r: [r.credential, r.account], lambda r: {"value": r.expiry}),
    Comparison(Parameter, "Parameters", _parameter_view, _paused, lambda r: {"value": r.value}),
)
