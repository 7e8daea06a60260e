"""Clients of the load bench: processes with several connections each; they send what was signed, in each contributor's order."""

import http.client
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PROCESSES = 4
CONNECTIONS = 8  # of a process
PAUSE = 0.05  # seconds before that is tried again
# All clients share an address here: the limits of one are not what is measured.
NO_LIMITS = dict.fromkeys(("LABELSHARE_RATE_PER_ADDRESS", "LABELSHARE_RATE_PER_ACCOUNT"), str(10**9))
AGAIN = (0, 429)  # no answer, and too much at once
HEADERS = {"Content-Type": "application/json"}


@dataclass
class Result:
    """`latencies`: seconds of each answered request; `cpu`: seconds that the server burned, where that was measured."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0

    def percentile(self, share: float) -> float:
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def post_all(urls: Sequence[str], path: str, bodies: Sequence[Sequence[bytes]]) -> Result:
    """Posts each contributor's bodies one after the other, all contributors at once; tries again after 429."""
    shares = [[(urls[i % len(urls)], bodies[i]) for i in range(start, len(bodies), PROCESSES)] for start in range(PROCESSES)]
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        results = pool.starmap(_work, [(share, path) for share in shares if share])
    total = Result(seconds=time.monotonic() - began)
    for result in results:
        total.statuses += result.statuses
        total.latencies += result.latencies
    return total


def _work(share: Sequence[tuple[str, Sequence[bytes]]], path: str) -> Result:
    result = Result()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for done in threads.map(lambda one: _contribute(*one, path), share):
            result.statuses += done.statuses
            result.latencies += done.latencies
    return result


def _contribute(url: str, bodies: Sequence[bytes], path: str) -> Result:
    result, connection = Result(), http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    for body in bodies:
        while _post(connection, path, body, result) in AGAIN:
            time.sleep(PAUSE)
    connection.close()
    return result


def post_one(url: str, path: str, body: bytes, result: Result) -> int:
    """Posts once over a connection of its own; the status, 0 when there was no answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        return _post(connection, path, body, result)
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes, result: Result) -> int:
    began = time.monotonic()
    try:
        connection.request("POST", path, body, HEADERS)
        response = connection.getresponse()
        response.read()
        status = response.status
    except (OSError, http.client.HTTPException):
        connection.close()
        status = 0
    result.statuses[status] += 1
    if status not in AGAIN:
        result.latencies.append(time.monotonic() - began)
    return status
