"""A validator's stake: seats bought, left and collected, a suspension ended, a lock of waiting votes lifted. Sends transactions."""

from dataclasses import dataclass

from labelshare.chain.events import AuditBoardBallotRevealed, StakingSeatJoined
from labelshare.client.chain import Chain, topic
from labelshare.client.wallet import Wallet

OPEN_POOL = "0x" + "0" * 64
MAX_SEATS = 64  # seats that a call may join, leave or collect


class StakeError(ValueError):
    """There is nothing to do with this stake now; the message says why."""


@dataclass(frozen=True)
class Seat:
    """A seat of a validator. `left_at`: the block in which it left, 0 while it is in; `release_at`: when it can be collected, unix
    seconds; `drained`: a slash consumed it."""

    pool: str
    number: int
    active_from: int
    left_at: int
    release_at: int
    drained: bool


class Stake:
    """One validator's stake in one pool: the open one, or that of a credential."""

    def __init__(self, chain: Chain, wallet: Wallet, pool: str = OPEN_POOL) -> None:
        self.chain = chain
        self.wallet = wallet
        self.pool = pool

    def seats(self) -> list[Seat]:
        """Those that are in, and those that left and were not collected."""
        numbers = {event.seat for _, event in self.chain.events(StakingSeatJoined, self.pool, None, _address(self.wallet.address))}
        found = []
        for number in sorted(numbers):
            owner, active_from, left_at, drained = self.chain.read("Staking", "seatOf", self.pool, number)
            if owner.lower() == self.wallet.address:
                release_at = int(self.chain.read("Staking", "releaseAtOf", self.pool, number)) if left_at else 0
                found.append(Seat(self.pool, number, active_from, left_at, release_at, drained))
        return found

    def locks(self) -> int:
        """Panels, juries and undecided votes that keep the stake from being collected."""
        return int(self.chain.read("Staking", "locksOf", self.wallet.address))

    def backing(self) -> tuple[int, int]:
        """Base units that back the validator in the pool, and what of it is the change of a broken seat."""
        where = (self.pool, self.wallet.address)
        return int(self.chain.read("Staking", "stakeOf", *where)), int(self.chain.read("Staking", "looseOf", *where))

    def join(self, count: int) -> None:
        """Buys seats out of the wallet's Ledger account."""
        size = int(self.chain.read("Staking", "seatSize"))
        self.chain.send(self.wallet, "Ledger", "allow", self.chain.address("Staking"), size * count)
        self.chain.send(self.wallet, "Staking", "join", self.pool, count)

    def leave(self, count: int | None) -> list[int]:
        """`count` seats leave, all when None, the newest first; their numbers. Raises StakeError."""
        inside = [seat.number for seat in self.seats() if seat.left_at == 0 and not seat.drained][::-1]
        chosen = inside if count is None else inside[:count]
        if not chosen or (count is not None and len(chosen) < count):
            raise StakeError(f"{len(inside)} seats of {self.wallet.address} are in this pool.")
        self._in_calls("leave", chosen)
        return chosen

    def collect(self) -> int:
        """Takes out what can be: seats whose time is over, and the change of broken ones; base units. Raises StakeError."""
        now = int(self.chain.rpc.block()["timestamp"], 16)
        due = [seat.number for seat in self.seats() if seat.left_at and seat.release_at <= now]
        if self.locks():
            raise StakeError(f"The stake is locked {self.locks()} times: by a panel, a jury, or votes that wait for a settlement.")
        before, loose = self.backing()
        if not due and not loose:
            later = [seat.release_at for seat in self.seats() if seat.left_at]
            raise StakeError("Nothing can be collected" + (f" before {min(later)} (unix seconds)." if later else ": leave first."))
        self._in_calls("collect", due)
        inside = any(seat.left_at == 0 for seat in self.seats())
        if loose and not inside:
            self.chain.send(self.wallet, "Staking", "collectLoose", self.pool)
        return before - self.backing()[0]

    def resume(self) -> None:
        """Ends a suspension that is over."""
        self.chain.send(self.wallet, "Staking", "resume", self.pool)

    def unlock(self) -> list[int]:
        """Lifts the locks of votes that have waited 30 days for a settlement, in every dataset; the datasets. Raises StakeError."""
        rounds = {event.round for _, event in self.chain.events(AuditBoardBallotRevealed, None, _address(self.wallet.address))}
        datasets = {int(self.chain.read("LabelRegistry", "roundOf", number)[0]) for number in rounds}
        locked = [d for d in sorted(datasets) if self.chain.read("AuditBoard", "isLocked", d, self.wallet.address)]
        if not locked:
            raise StakeError("No waiting vote locks this stake.")
        for dataset in locked:
            self.chain.send(self.wallet, "AuditBoard", "unlockWaiting", dataset, self.wallet.address)
        return locked

    def _in_calls(self, function: str, seats: list[int]) -> None:
        for start in range(0, len(seats), MAX_SEATS):
            self.chain.send(self.wallet, "Staking", function, self.pool, seats[start : start + MAX_SEATS])


def _address(address: str) -> str:
    """An indexed address as a log's topic."""
    return topic(int(address, 16))
