"""What the soak compares: mirror and chain at the mirror's own block, the relayer's nonces, in the end all that was taken."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.models import Outbox, SignedSubmission, SignedVersion, Transaction
from indexer.models import Account, Checkpoint, Submission
from labelshare.chain.events import LabelRegistrySubmissionSkipped
from labelshare.client.chain import topic
from scripts.bench.load_world import World

TRIES = 30  # the chain may turn, or the database restart, while it is looked at


@dataclass(frozen=True)
class Audit:
    """`divergences`: in words, each with the block."""

    on_chain: int
    mirrored: int
    divergences: list[str]


def audit(world: World) -> Audit:
    """Compares at one block whose hash is the same before and after."""
    for _ in range(TRIES):
        try:
            found = _audit(world)
        except OperationalError:
            found = None
        if found is not None:
            return found
        time.sleep(0.5)
    return Audit(0, 0, [f"the mirror never stood still on the chain in {TRIES} looks"])


def _audit(world: World) -> Audit | None:
    with world.database.transaction() as session:
        checkpoint = session.scalars(select(Checkpoint)).one()
        mirrored = {
            (row.contributor, row.sequence): row.labels_root
            for row in session.scalars(select(Submission).where(Submission.round == world.round))
        }
        balances = {row.account: row.balance for row in session.scalars(select(Account))}
        doubled = _doubled_nonces(session)
    number = checkpoint.block_number
    accepted = [
        (event.contributor, event.sequence, event.labels_root)
        for log, event in world.submission_logs()
        if log.block_number <= number
    ]
    differing = [f"account {account}" for account, balance in balances.items() if world.balance(account, number) != balance]
    if world.block_hash(number) != checkpoint.block_hash:
        return None
    counts = Counter((who, sequence) for who, sequence, _ in accepted)
    chain = {(who, sequence): root for who, sequence, root in accepted}
    differing += [f"submission {key} twice on chain" for key, times in counts.items() if times > 1]
    differing += [f"submission {key} here or there only" for key in mirrored.keys() ^ chain.keys()]
    differing += [f"submission {key} with another root" for key in mirrored.keys() & chain.keys() if mirrored[key] != chain[key]]
    differing += doubled
    return Audit(len(chain), len(mirrored), [f"block {number}: {what}" for what in differing])


def _doubled_nonces(session: Session) -> list[str]:
    """Nonces for which versions with different calls were signed."""
    calls: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in session.execute(select(Transaction.nonce, SignedVersion.raw).join(Transaction)):
        fields = TypedTransaction.from_bytes(HexBytes(row.raw)).as_dict()
        calls[row.nonce].add((bytes(fields["to"]).hex(), bytes(fields["data"]).hex()))
    return [f"nonce {nonce} signed for {len(found)} calls" for nonce, found in calls.items() if len(found) > 1]


def final_problems(world: World, taken: int, seconds: float) -> list[str]:
    """Waits for rest; what is lost, doubled, out of order, refused or stuck then."""
    end = time.monotonic() + seconds
    while _unsettled(world) and time.monotonic() < end:
        time.sleep(1)
    problems = [f"{count} {what}" for what, count in _unsettled(world).items()]
    accepted: dict[str, list[int]] = defaultdict(list)
    for _, event in world.submission_logs():
        accepted[event.contributor].append(event.sequence)
    problems += [f"{who} has {found} on chain" for who, found in accepted.items() if found != list(range(len(found)))]
    on_chain = sum(map(len, accepted.values()))
    if on_chain < taken:
        problems.append(f"{taken - on_chain} of {taken} that were taken are not on chain")
    with world.database.transaction() as session:
        known = session.scalar(select(func.count()).select_from(SignedSubmission)) or 0
        given_up = select(func.count()).select_from(Outbox).where(Outbox.kind == "submission", Outbox.error.is_not(None))
        refused = session.scalar(given_up)
    if on_chain != known:
        problems.append(f"{known} were taken by the database, {on_chain} are on chain")
    skipped = sum(1 for _ in world.chain.events(LabelRegistrySubmissionSkipped, topic(world.round)))
    return problems + [f"{skipped} were sent twice or out of order"] * bool(skipped) + [f"{refused} are refused"] * bool(refused)


def _unsettled(world: World) -> dict[str, int]:
    """Rows and transactions that are not yet decided, and what the mirror lacks."""
    try:
        with world.database.transaction() as session:
            queued = select(func.count()).select_from(Outbox).where(Outbox.transaction_id.is_(None), Outbox.error.is_(None))
            pending = select(func.count()).select_from(Transaction).where(Transaction.status == "pending")
            counts = {"rows are queued": session.scalar(queued) or 0, "transactions are pending": session.scalar(pending) or 0}
            known = session.scalar(select(func.count()).select_from(SignedSubmission)) or 0
            mirrored = session.scalar(select(func.count()).select_from(Submission)) or 0
    except OperationalError:
        return {"looks at a database that does not answer": 1}
    counts["submissions are not mirrored"] = known - mirrored
    return {what: count for what, count in counts.items() if count}
