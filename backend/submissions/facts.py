"""What a submission is checked against, read in three queries: this endpoint takes most of what the API does."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, literal, select
from sqlalchemy.orm import Session

from backend.models import Lease, SignedSubmission, Slot
from indexer.models import Account, Allowance, Checkpoint, Contributor, Dataset, Round
from indexer.models import Session as SessionKey
from labelshare.chain.naming import user_account


@dataclass(frozen=True)
class Facts:
    """The mirror on a round, its dataset, a contributor and a signer. Bonds in base units; `key`: the signer's session, if any;
    `now`: unix seconds, the later of this machine's clock and the mirror's."""

    round: Any
    key: Any
    spendable: int
    now: int

    @property
    def terms(self) -> dict[str, Any]:
        terms: dict[str, Any] = self.round.terms
        return terms


@dataclass(frozen=True)
class InFlight:
    """A submission taken here that the mirror does not show yet."""

    dataset: int
    sequence: int
    count: int
    bond: int
    signer: str
    admission: int


# Written once: to build a statement takes longer than to run it.
ON_CHAIN = (
    select(
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
    .join(Dataset, Dataset.id == Round.dataset)
    .outerjoin(Contributor, and_(Contributor.dataset == Round.dataset, Contributor.contributor == bindparam("who")))
    .outerjoin(SessionKey, and_(SessionKey.contributor == bindparam("who"), SessionKey.key == bindparam("signer")))
    .outerjoin(Account, Account.account == bindparam("account"))
    .outerjoin(Allowance, and_(Allowance.owner == bindparam("who"), Allowance.spender == bindparam("registry")))
    .outerjoin(Checkpoint, literal(True))
    .where(Round.id == bindparam("round"))
)
IN_FLIGHT = (
    select(
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
    .where(SignedSubmission.contributor == bindparam("who"), SignedSubmission.dropped.is_(False))
    .where(Contributor.sequence.is_(None) | (SignedSubmission.sequence >= Contributor.sequence))
)
LEASED = (
    select(Lease.round, Lease.contributor, Lease.count.label("most"), Lease.expires_at, Slot.task)
    .outerjoin(Slot, and_(Slot.lease_id == Lease.id, Slot.digest.is_(None)))
    .where(Lease.id == bindparam("lease"))
)


def facts_of(session: Session, round_id: int, contributor: str, signer: str, registry: str) -> Facts | None:
    """Everything about a round that is on chain; None when the round is not mirrored. `registry`: the LabelRegistry's address."""
    who = {"who": contributor, "account": user_account(contributor), "signer": signer, "registry": registry}
    row = session.connection().execute(ON_CHAIN, {"round": round_id, **who}).first()
    if row is None:
        return None
    spendable = min(row.balance or 0, row.amount or 0)
    return Facts(row, row if row.key is not None else None, spendable, max(int(time.time()), row.timestamp or 0))


def in_flight_of(session: Session, contributor: str) -> Sequence[InFlight]:
    """Submissions of a contributor that were taken here and whose sequence number the mirror shows as free still."""
    return [InFlight(*row) for row in session.connection().execute(IN_FLIGHT, {"who": contributor})]


def lease_of(session: Session, lease_id: str) -> tuple[Any, set[int]] | None:
    """A lease and the tasks of it that were not submitted; None when there is no such lease."""
    rows = session.connection().execute(LEASED, {"lease": lease_id}).all()
    return (rows[0], {row.task for row in rows if row.task is not None}) if rows else None
