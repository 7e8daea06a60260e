"""How often somebody may ask: token buckets in this process's memory, by network address and by verified account.

The account's bucket is charged only once a signature or session proved who asks, so that nobody can use up another's.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.errors import TooMany, problem

REMEMBERED = 100_000  # buckets; the longest unused is forgotten, which only makes it full again


class Buckets:
    """`rate` requests a minute for each key, of which a minute's worth may come at once. 0: no limit."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """0 when the request is within the limit, else the seconds to wait."""
        if self.rate == 0:
            return 0
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(key, (float(self.rate), now))
            left = min(float(self.rate), left + (now - then) * self.rate / 60)
            within = left >= 1
            self._left[key] = (left - 1 if within else left, now)
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return 0 if within else max(1, round((1 - left) * 60 / self.rate))


class Limits:
    """Both kinds of buckets of a process."""

    def __init__(self, per_address: int, per_account: int) -> None:
        self.addresses = Buckets(per_address)
        self._accounts = Buckets(per_account)

    def charge(self, account: str) -> None:
        """Counts a request of a verified account. Raises TooMany."""
        wait = self._accounts.take(account)
        if wait:
            raise TooMany(
                "too_many_requests", f"{account} may ask {self._accounts.rate} times a minute; wait {wait} s.", retry_after=wait
            )


class AddressLimitMiddleware:
    """Answers 429 to a network address that asks too often, before anything else is done."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.buckets = limits.addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            wait = self.buckets.take((scope.get("client") or ("",))[0])
            if wait:
                detail = f"This network address may ask {self.buckets.rate} times a minute; wait {wait} s."
                refused = problem(429, "too_many_requests", detail, {"Retry-After": str(wait)}, retry_after=wait)
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)
