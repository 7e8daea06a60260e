"""One relayer a key: a lease in the database, with a fence that stops whoever lost it.

A holder beats; a waiter that sees the same beat for `seconds` of its own clock takes over and raises the fence, so no two clocks
need to agree. Every commit of a holder requires its fence in the same SQL transaction: a holder that slept too long, or lost the
database, commits nothing any more.
"""

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.db import Database
from backend.models import RelayLease

SECONDS = 5.0


class LeaseLost(RuntimeError):
    """Another relayer took over: nothing was committed."""


class Lease:
    """The right to send for `sender` on a chain. `seconds` without a sign of life until a waiter takes over; `clock`: monotonic."""

    def __init__(
        self, database: Database, chain_id: int, sender: str, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._key, self._seconds, self._clock = database, (chain_id, sender), seconds, clock
        self._fence: int | None = None
        self._seen: tuple[int, int] | None = None  # fence and beat of another holder
        self._since = 0.0
        self._beaten = 0.0
        self._state = ""

    @property
    def held(self) -> bool:
        """Whether it was ours when we last looked."""
        return self._fence is not None

    def hold(self) -> bool:
        """Renews the lease, or takes it when it is free or its holder is silent; whether it is ours."""
        if self._fence is None:
            return self._take()
        if self._clock() - self._beaten > self._seconds / 4:
            try:
                with self._database.transaction() as session:
                    self.require(session)
            except LeaseLost:
                return False
        return True

    def require(self, session: Session) -> None:
        """First in every SQL transaction of a holder: locks the lease and beats. Raises LeaseLost."""
        mine = update(RelayLease).where(*self._where(), RelayLease.fence == self._fence)
        if self._fence is None or session.execute(mine.values(beat=RelayLease.beat + 1)).rowcount != 1:  # type: ignore[attr-defined]
            self._fence = None
            raise LeaseLost("Another relayer sends for this key now; this one waits.")
        self._beaten = self._clock()

    def say(self, state: str) -> None:
        """Keeps what the holder waits for ("" for nothing) where operators look. Raises LeaseLost."""
        if state == self._state:
            return
        with self._database.transaction() as session:
            self.require(session)
            session.execute(update(RelayLease).where(*self._where()).values(state=state))
        self._state = state

    def release(self) -> None:
        """Lets another relayer in at once."""
        if self._fence is not None:
            with self._database.transaction() as session:
                mine = update(RelayLease).where(*self._where(), RelayLease.fence == self._fence)
                session.execute(mine.values(held=False))
            self._fence = None

    def _take(self) -> bool:
        try:
            with self._database.transaction() as session:
                row = session.scalar(select(RelayLease).where(*self._where()).with_for_update())
                if row is None:
                    chain_id, sender = self._key
                    session.add(RelayLease(chain_id=chain_id, sender=sender, fence=1, beat=0, held=True, state=""))
                    fence = 1
                elif row.held and not self._is_silent(row.fence, row.beat):
                    return False
                else:
                    row.fence, row.held, row.state = row.fence + 1, True, ""
                    fence = row.fence
        except IntegrityError:
            return False  # Another one was first.
        self._fence, self._seen, self._beaten, self._state = fence, None, self._clock(), ""
        return True

    def _is_silent(self, fence: int, beat: int) -> bool:
        if self._seen != (fence, beat):
            self._seen, self._since = (fence, beat), self._clock()
        return self._clock() - self._since >= self._seconds

    def _where(self) -> tuple[ColumnElement[bool], ...]:
        return RelayLease.chain_id == self._key[0], RelayLease.sender == self._key[1]
