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
PAUSE = 0.05  # seconds before a 429 or a lost connection is tried again
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
    result, server = Result(), urlsplit(url).netloc
    connection = http.client.HTTPConnection(server, timeout=120)
    for body in bodies:
        while True:
            began = time.monotonic()
            try:
                connection.request("POST", path, body, HEADERS)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                result.statuses[0] += 1
                connection.close()
                time.sleep(PAUSE)
                continue
            result.statuses[response.status] += 1
            if response.status != 429:
                break
            time.sleep(PAUSE)
        result.latencies.append(time.monotonic() - began)
    connection.close()
    return result
