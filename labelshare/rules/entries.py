"""The entries of a settlement: as chunks that the contract takes, as sums, and as the root that a jury votes on (J3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from eth_utils.crypto import keccak

from labelshare.rules.eip712 import word

MAX_ENTRIES = 128  # entries of a chunk
MAX_STAKE_SLASHES = 16  # of them, entries that slash a validator's stake
MAX_SLASH_FEES = 5  # worst slash of a validator, audit fees a vote


class Role(IntEnum):
    CONTRIBUTOR = 0
    VALIDATOR = 1
    REQUESTER = 2


@dataclass(frozen=True)
class Entry:
    """What a settlement does to one account. `waiting`: labels or votes that stay undecided (then everything else is 0)."""

    role: Role
    account: str
    reward: int
    slash: int
    shares: int
    waiting: int


@dataclass(frozen=True)
class Totals:
    """The sums over a settlement's entries, in the order of the contract's struct: base units, units of shares, labels, votes."""

    entries: int
    contributor_reward: int
    validator_reward: int
    slash: int
    contributor_shares: int
    validator_shares: int
    requester_shares: int
    waiting_labels: int
    waiting_votes: int


def totals_of(entries: Sequence[Entry]) -> Totals:
    """The sums that a proposal of these entries must name."""

    def total(name: str, role: Role) -> int:
        return sum(int(getattr(entry, name)) for entry in entries if entry.role == role)

    return Totals(
        entries=len(entries),
        contributor_reward=total("reward", Role.CONTRIBUTOR),
        validator_reward=total("reward", Role.VALIDATOR),
        slash=sum(entry.slash for entry in entries),
        contributor_shares=total("shares", Role.CONTRIBUTOR),
        validator_shares=total("shares", Role.VALIDATOR),
        requester_shares=total("shares", Role.REQUESTER),
        waiting_labels=total("waiting", Role.CONTRIBUTOR),
        waiting_votes=total("waiting", Role.VALIDATOR),
    )


def in_chunks(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries in their order, in chunks that are as full as the contract takes them."""
    chunks: list[list[Entry]] = []
    slashes = 0
    for entry in entries:
        slashing = entry.role == Role.VALIDATOR and entry.slash > 0
        if not chunks or len(chunks[-1]) == MAX_ENTRIES or (slashing and slashes == MAX_STAKE_SLASHES):
            chunks.append([])
            slashes = 0
        chunks[-1].append(entry)
        slashes += slashing
    return chunks


def settlement_root(round_id: int, entries: Iterable[Entry]) -> bytes:
    """The running hash over a settlement's entries: of the round's number, then of each entry after what came before.

    Raises ValueError when a value is not of its type.
    """
    root = word("uint256", round_id)
    for entry in entries:
        root = keccak(
            root
            + word("uint8", int(entry.role))
            + word("address", entry.account)
            + word("uint96", entry.reward)
            + word("uint96", entry.slash)
            + word("uint64", entry.shares)
            + word("uint32", entry.waiting)
        )
    return root
