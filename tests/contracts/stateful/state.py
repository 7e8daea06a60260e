"""What the model knows: the protocol's state in plain Python, kept beside the chain."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from eth_abi.abi import encode
from eth_utils import keccak

ONE = 1 << 16
P = 1 << 64
Entry = tuple[int, str, int, int, int, int]
CONTRIBUTOR, VALIDATOR, REQUESTER = 0, 1, 2
ENTRY_TYPE = "(uint8,address,uint96,uint96,uint64,uint32)"


def user(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def sub(contract: str, key: bytes | int) -> bytes:
    return keccak(user(contract) + (key if isinstance(key, bytes) else key.to_bytes(32, "big")))


def root_of(round_id: int, entries: list[Entry]) -> bytes:
    root = round_id.to_bytes(32, "big")
    for entry in entries:
        root = keccak(encode(["bytes32", ENTRY_TYPE], [root, entry]))
    return root


@dataclass
class Member:
    """One of a panel or jury. `said`: what they committed to, a ballot's answers or a root."""

    weight: int
    said: bytes | None = None
    revealed: bool = False


@dataclass
class Group:
    """A panel or a jury. `eligible`: the owner of each slot as of the block that fixed the pool, or None (Invariant 9)."""

    size: int
    phase: str = "None"
    attempt: int = 0
    misses: int = 0
    seed_block: int = 0
    eligible: list[str | None] = field(default_factory=list)
    seats: list[int] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    commit_ends: int = 0
    reveal_ends: int = 0
    concluded_at: int = 0

    def weight(self, revealed: bool = False) -> int:
        return sum(m.weight for m in self.members.values() if m.revealed or not revealed)

    def committed(self) -> bool:
        return any(m.said is not None for m in self.members.values())


@dataclass
class Votes:
    """Votes of a validator that no settlement decided, the last round they come from, and whether they lock the stake."""

    count: int
    round: int
    locked: bool = True


@dataclass
class Proposal:
    proposer: str
    bond: int
    chunks: list[list[Entry]]
    totals: dict[str, int]
    publish_ends: int
    published: int = 0
    challenge_ends: int = 0
    root: bytes = b""
    distributed: set[int] = field(default_factory=set)

    def entries(self) -> list[Entry]:
        return [e for chunk in self.chunks for e in chunk]


@dataclass
class Dispute:
    challenger: str
    bond: int
    proposed: bytes
    larger: bool = False


@dataclass
class Round:
    id: int
    dataset: int
    tasks: int
    budget: int
    sample: int
    deadline: int
    last: bool
    reserve: int
    panel: Group
    jury: Group
    phase: str = "Open"
    labels: int = 0
    open_labels: int = 0
    open: list[tuple[str, int]] = field(default_factory=list)
    attestations: dict[str, int] = field(default_factory=dict)
    settlement: str = "None"
    proposal: Proposal | None = None
    proposals: int = 0
    disputes: int = 0
    dispute: Dispute | None = None
    reopened_at: int = 0
    hung: bool = False
    required: bytes = b""
    right: list[Entry] | None = None
    exit_rates: tuple[int, int, int] = (0, 0, 0)
    fraction_at_final: Fraction = field(default_factory=Fraction)
    acc_at_final: int = 0


@dataclass
class Contributor:
    sequence: int = 0
    pending: int = 0
    pending_open: int = 0
    covered: int = 0
    undecided: int = 0
    round: int = 0
    open_round: int = 0
    labels: int = 0
    earned: int = 0

    @property
    def ticketed(self) -> int:
        """Ticketed labels whose bonds must stay: the pending ones, and those paid in a round that is not yet settled."""
        return self.pending - self.pending_open + self.undecided


@dataclass
class Holder:
    """`acc` is what the contract rounds by; `owed` exact, `paid` in units, `touches` how often a unit may have been lost."""

    balance: int = 0
    acc: int = 0
    fraction: Fraction = field(default_factory=Fraction)
    owed: Fraction = field(default_factory=Fraction)
    paid: int = 0
    touches: int = 0


@dataclass
class Dataset:
    id: int
    terms: dict[str, Any]
    reserved: int = 0
    waiting: tuple[int, int] = (0, 0)
    contributors: dict[str, Contributor] = field(default_factory=dict)
    votes: dict[str, Votes] = field(default_factory=dict)
    current: int = 0
    accepted: int = 0
    finished: bool = False
    settled_at: int = 0
    settled: int = 0
    distributed: int = 0
    reserved_ever: int = 0
    supply: int = 0
    acc: int = 0
    rem: int = 0
    fraction: Fraction = field(default_factory=Fraction)
    revenue: int = 0
    holders: dict[str, Holder] = field(default_factory=dict)
    price: int = 0

    def bond_of(self, who: str) -> int:
        """Bonds of what is pending: the most a settlement can slash."""
        c = self.contributors[who]
        return int((c.pending - c.pending_open) * self.terms["bond"] + c.pending_open * self.terms["openBond"])

    def kept_for(self, who: str) -> int:
        """Bonds that cover nothing pending: what anyone can have released."""
        c = self.contributors[who]
        return int((c.covered - c.ticketed) * self.terms["bond"])

    def pending_open(self) -> int:
        return sum(c.pending_open for c in self.contributors.values())

    def pending(self) -> dict[str, Contributor]:
        return {who: c for who, c in sorted(self.contributors.items()) if c.pending}

    def pending_votes(self) -> int:
        return sum(v.count for v in self.votes.values())

    def carried(self) -> int:
        return int(self.waiting[0] * self.terms["reward"] + self.waiting[1] * self.terms["auditFee"])


@dataclass
class Seat:
    owner: str
    active_from: int
    left_at: int = 0
    release_at: int = 0
    drained: bool = False


@dataclass
class Staker:
    loose: int = 0
    seats_in: int = 0
    suspended_from: int = 0
    suspended_until: int = 0
    eligible_from: int = 0
    backing: list[int] = field(default_factory=list)


@dataclass
class Pool:
    seats: list[Seat] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    stakers: dict[str, Staker] = field(default_factory=dict)

    def size(self) -> tuple[int, int]:
        drawable = [s.seats_in for s in self.stakers.values() if s.seats_in and not s.suspended_from]
        return sum(drawable), len(drawable)


@dataclass
class Session:
    expiry: int
    dataset: int
    bond_left: int
    revoked: bool = False


@dataclass
class State:
    """`balances` is what the model expects of the Ledger, `books` what its events say."""

    balances: dict[bytes, int] = field(default_factory=dict)
    books: dict[bytes, int] = field(default_factory=dict)
    wallets: dict[str, int] = field(default_factory=dict)
    datasets: dict[int, Dataset] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    pools: dict[bytes, Pool] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    credentials: dict[tuple[bytes, str], int] = field(default_factory=dict)
    withdrawals: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    consumed: list[Any] = field(default_factory=list)
