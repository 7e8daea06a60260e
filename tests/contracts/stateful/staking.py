"""Seats, unbonding, slashes, credentials: the actions and the model of Staking."""

from tests.contracts.stateful.core import Core
from tests.contracts.stateful.state import Pool, Seat, Staker, user

OPEN_POOL = bytes(32)
MAX_BROKEN = 16
DOMAIN = "oncology"


class StakeActions(Core):
    seat_size: int
    unbonding: int

    def pool(self, pool: bytes) -> Pool:
        return self.state.pools.setdefault(pool, Pool())

    def staker(self, pool: bytes, who: str) -> Staker:
        return self.pool(pool).stakers.setdefault(who, Staker())

    def held(self, credential: bytes, who: str, at: int) -> bool:
        return at <= self.state.credentials.get((credential, who), 0)

    def seats_in(self, pool: bytes, who: str) -> list[int]:
        return [i for i, s in enumerate(self.pool(pool).seats) if s.owner == who and not s.left_at]

    def seats_out(self, pool: bytes, who: str) -> list[int]:
        return [i for i, s in enumerate(self.pool(pool).seats) if s.owner == who and s.left_at]

    # Seats

    def join(self, who: str, pool: bytes, count: int) -> None:
        if pool != OPEN_POOL and not self.held(pool, who, self.soon):
            return self.refused("CredentialMissing", who, "staking", "join", pool, count)
        receipt = self.tx(who, "staking", "join", pool, count)
        self.move(user(who), self.stakes(pool), count * self.seat_size)
        p, staker = self.pool(pool), self.staker(pool, who)
        for _ in range(count):
            if p.free:
                index = p.free.pop()
            else:
                index = len(p.seats)
                p.seats.append(Seat("", 0))
            p.seats[index] = Seat(who, receipt.block + 1)
            staker.backing.append(index)
        staker.seats_in += count
        return None

    def quit(self, who: str, pool: bytes, seats: list[int]) -> None:
        receipt = self.tx(who, "staking", "leave", pool, seats)
        for index in seats:
            self.seat_leaves(pool, index, receipt.block, receipt.time)

    def expel(self, anyone: str, pool: bytes, who: str) -> None:
        seats = self.seats_in(pool, who)
        if pool == OPEN_POOL or self.held(pool, who, self.soon):
            return self.refused("CredentialHeld", anyone, "staking", "expel", pool, who, seats)
        receipt = self.tx(anyone, "staking", "expel", pool, who, seats)
        for index in seats:
            self.seat_leaves(pool, index, receipt.block, receipt.time)
        return None

    def seat_leaves(self, pool: bytes, index: int, block: int, time: int) -> None:
        seat = self.pool(pool).seats[index]
        seat.left_at, seat.release_at = block, time + self.unbonding
        self.staker(pool, seat.owner).seats_in -= 1

    def collect(self, who: str, pool: bytes, seats: list[int]) -> None:
        """Invariant 7: while locked, or before the unbonding period is over, nothing leaves."""
        p, staker = self.pool(pool), self.staker(pool, who)
        if self.state.locks.get(who, 0):
            return self.refused("StakeLocked", who, "staking", "collect", pool, seats)
        if any(not p.seats[i].left_at or self.soon < p.seats[i].release_at for i in seats):
            return self.refused("StillUnbonding", who, "staking", "collect", pool, seats)
        self.tx(who, "staking", "collect", pool, seats)
        for index in seats:
            seat = p.seats[index]
            if not seat.drained:
                place = staker.backing.index(index)
                staker.backing[place] = staker.backing[-1]
                staker.backing.pop()
                self.move(self.stakes(pool), user(who), self.seat_size)
            seat.owner = ""
            p.free.append(index)
        return None

    def collect_loose(self, who: str, pool: bytes) -> None:
        staker = self.staker(pool, who)
        if self.state.locks.get(who, 0):
            return self.refused("StakeLocked", who, "staking", "collectLoose", pool)
        if staker.backing:
            return self.refused("SeatNotIn", who, "staking", "collectLoose", pool)
        self.tx(who, "staking", "collectLoose", pool)
        self.move(self.stakes(pool), user(who), staker.loose)
        staker.loose = 0
        return None

    def resume_seats(self, who: str, pool: bytes) -> None:
        staker = self.staker(pool, who)
        if not staker.suspended_from:
            return self.refused("NotSuspended", who, "staking", "resume", pool)
        if self.soon < staker.suspended_until:
            return self.refused("StillSuspended", who, "staking", "resume", pool)
        receipt = self.tx(who, "staking", "resume", pool)
        staker.suspended_from, staker.suspended_until, staker.eligible_from = 0, 0, receipt.block + 1
        return None

    # What the protocol does to a stake

    def slash(self, pool: bytes, who: str, amount: int, block: int, time: int) -> int:
        """Takes from the loose change, and breaks the newest seats for it."""
        p, staker = self.pool(pool), self.staker(pool, who)
        broken = 0
        while staker.loose < amount and staker.backing and broken < MAX_BROKEN:
            index = staker.backing.pop()
            if not p.seats[index].left_at:
                self.seat_leaves(pool, index, block, time)
            p.seats[index].drained = True
            staker.loose += self.seat_size
            broken += 1
        taken = min(amount, staker.loose)
        staker.loose -= taken
        self.move(self.stakes(pool), user(self.treasury), taken)
        return taken

    def suspend(self, pool: bytes, who: str, block: int, time: int) -> None:
        staker = self.staker(pool, who)
        staker.suspended_from = staker.suspended_from or block
        staker.suspended_until = time + self.unbonding

    def lock(self, who: str) -> None:
        self.state.locks[who] = self.state.locks.get(who, 0) + 1

    def unlock(self, who: str) -> None:
        assert self.state.locks[who] > 0
        self.state.locks[who] -= 1

    # Credentials

    def attest_credential(self, issuer: str, credential: bytes, who: str, lasts: int) -> None:
        receipt = self.tx(issuer, "credentials", "attest", DOMAIN, who, self.soon + lasts)
        self.state.credentials[credential, who] = receipt.time + lasts

    def revoke_credential(self, issuer: str, credential: bytes, who: str) -> None:
        if not self.state.credentials.get((credential, who)):
            return self.refused("NotAttested", issuer, "credentials", "revoke", DOMAIN, who)
        self.tx(issuer, "credentials", "revoke", DOMAIN, who)
        self.state.credentials[credential, who] = 0
        return None

    # Checking

    def stakes_agree(self) -> None:
        """Invariant 7: undrained seats × size + loose change = the pool's tokens; counts, locks and stakes are the model's."""
        calls: list[tuple[str, str, tuple[object, ...]]] = []
        expected: list[object] = []
        for pool, p in self.state.pools.items():
            backed = sum(1 for s in p.seats if s.owner and not s.drained) * self.seat_size
            assert backed + sum(s.loose for s in p.stakers.values()) == self.of(self.stakes(pool))
            calls += [("staking", "poolSize", (pool,)), ("staking", "slotCount", (pool,))]
            expected += [p.size(), len(p.seats)]
            for who, staker in p.stakers.items():
                calls += [("staking", "stakeOf", (pool, who)), ("staking", "looseOf", (pool, who)), ("staking", "locksOf", (who,))]
                expected += [len(staker.backing) * self.seat_size + staker.loose, staker.loose, self.state.locks.get(who, 0)]
        assert self.node.views(calls) == expected
