"""What submissions are checked against, read for a whole batch in three queries: this endpoint takes most of what the API does."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, cast, func, literal, select

from backend.models import Lease, SignedSubmission, Slot
from indexer.models import Account, Allowance, Checkpoint, Contributor, Dataset, Round
from indexer.models import Session as SessionKey


@dataclass(frozen=True)
class InFlight:
    """A submission taken here that the mirror does not show yet."""

    dataset: int
    sequence: int
    count: int
    bond: int
    signer: str
    admission: int


@dataclass(frozen=True)
class Facts:
    """A lease, and the mirror on its round, dataset, contributor and a signer. Bonds in base units. `row`: the columns of LEASED;
    `keys`: the contributor's session keys among those asked for, by address; `slots`: tasks of the lease that were not submitted;
    `now`: unix seconds, the later of this machine's clock and the mirror's."""

    row: Any
    keys: Mapping[str, Any]
    slots: frozenset[int]
    in_flight: Sequence[InFlight]
    now: int

    @property
    def spendable(self) -> int:
        """Base units that the LabelRegistry may still take from the contributor's account."""
        return min(self.row.balance or 0, self.row.amount or 0)


# Written once: to build a statement takes longer than to run it.
LEFT = (
    select(func.aggregate_strings(cast(Slot.task, String), ","))
    .where(Slot.lease_id == Lease.id, Slot.digest.is_(None))
    .correlate(Lease)
    .scalar_subquery()
)
LEASED = (
    select(
        Lease.id.label("lease"),
        Lease.contributor,
        Lease.count.label("most"),
        Lease.expires_at,
        LEFT.label("slots"),
        Round.id,
        Round.dataset,
        Round.phase,
        Round.deadline,
        Dataset.terms,
        Contributor.sequence.label("next_sequence"),
        Contributor.pending,
        Contributor.pending_open,
        Contributor.covered,
        Account.balance,
        Allowance.amount,
        Checkpoint.timestamp,
        SessionKey.key,
        SessionKey.dataset.label("key_dataset"),
        SessionKey.expiry,
        SessionKey.bond_left,
        SessionKey.revoked,
    )
    .join(Round, Round.id == Lease.round)
    .join(Dataset, Dataset.id == Round.dataset)
    .outerjoin(Contributor, and_(Contributor.dataset == Round.dataset, Contributor.contributor == Lease.contributor))
    .outerjoin(SessionKey, and_(SessionKey.contributor == Lease.contributor, SessionKey.key.in_(bindparam("keys", expanding=True))))
    # The Ledger's account of a user is their address, left-padded (labelshare.chain.naming.user_account).
    .outerjoin(Account, Account.account == literal("0x" + "0" * 24) + func.substr(Lease.contributor, 3))
    .outerjoin(Allowance, and_(Allowance.owner == Lease.contributor, Allowance.spender == bindparam("registry")))
    .outerjoin(Checkpoint, literal(True))
    .where(Lease.id.in_(bindparam("leases", expanding=True)))
)
IN_FLIGHT = (
    select(
        SignedSubmission.contributor,
        SignedSubmission.dataset,
        SignedSubmission.sequence,
        SignedSubmission.count,
        SignedSubmission.bond,
        SignedSubmission.signer,
        SignedSubmission.admission,
    )
    .outerjoin(
        Contributor,
        and_(Contributor.dataset == SignedSubmission.dataset, Contributor.contributor == SignedSubmission.contributor),
    )
    .where(SignedSubmission.contributor.in_(bindparam("people", expanding=True)), SignedSubmission.dropped.is_(False))
    .where(Contributor.sequence.is_(None) | (SignedSubmission.sequence >= Contributor.sequence))
)
KNOWN = select(SignedSubmission.digest).where(SignedSubmission.digest.in_(bindparam("digests", expanding=True)))


def facts_of(connection: Connection, leases: Collection[str], keys: Collection[str], registry: str) -> dict[str, Facts]:
    """Facts by lease, of those whose lease is here and whose round is mirrored. `keys`: who signed, lowercase addresses;
    `registry`: the LabelRegistry's address."""
    rows = defaultdict(list)
    for row in connection.execute(LEASED, {"leases": list(leases), "keys": list(keys), "registry": registry}):
        rows[row.lease].append(row)
    if not rows:
        return {}
    flying: dict[str, list[InFlight]] = defaultdict(list)
    for row in connection.execute(IN_FLIGHT, {"people": list({found[0].contributor for found in rows.values()})}):
        flying[row.contributor].append(InFlight(*row[1:]))
    now = int(time.time())
    return {lease: _facts(found, flying[found[0].contributor], now) for lease, found in rows.items()}


def known_of(connection: Connection, digests: Collection[str]) -> set[str]:
    """Which of these submissions were taken before."""
    return set(connection.scalars(KNOWN, {"digests": list(digests)}))


def _facts(rows: Sequence[Any], in_flight: Sequence[InFlight], now: int) -> Facts:
    """Of the rows of a lease, which differ in the session key."""
    row = rows[0]
    slots = frozenset(map(int, row.slots.split(","))) if row.slots else frozenset()
    return Facts(row, {r.key: r for r in rows if r.key is not None}, slots, in_flight, max(now, row.timestamp or 0))
