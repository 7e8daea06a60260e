"""JSON-RPC batches over HTTP, and what can go wrong with them."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx
import msgspec

from indexer.refusals import is_too_much
from indexer.wire import REPLIES, Reply

BATCH = 100
LIMIT = 64_000_000
Call = tuple[str, list[Any]]


class SourceError(Exception):
    """The node did not give a usable answer; asking again later may help."""


class TooMuch(SourceError):
    """The node refused the range or the size of the answer: ask for less."""


class Rpc:
    """One node's HTTP endpoint. Every method raises SourceError when the node fails. May be used by more than one thread."""

    def __init__(self, url: str, timeout: float = 20, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(timeout=timeout, headers={"content-type": "application/json"}, transport=transport)
        self._url = url
        self._ids = count(1)
        self.received = 0
        """Bytes of the last answer."""

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, *parameters: Any) -> msgspec.Raw:
        return self.batch([(method, list(parameters))])[0]

    def batch(self, calls: Sequence[Call]) -> list[msgspec.Raw]:
        return [result for i in range(0, len(calls), BATCH) for result in self.post(calls[i : i + BATCH])]

    def post(self, calls: Sequence[Call], limit: int = LIMIT) -> list[msgspec.Raw]:
        """One request of these calls; the results in their order, not yet parsed. Of an answer of more than `limit` bytes the
        rest is not read: TooMuch."""
        identified = [(next(self._ids), method, parameters) for method, parameters in calls]
        requests = [{"jsonrpc": "2.0", "id": i, "method": method, "params": parameters} for i, method, parameters in identified]
        replies = {reply.id: reply for reply in self._replies(msgspec.json.encode(requests), calls[0][0], limit)}
        if len(replies) != len(requests) or not all(i in replies for i, _, _ in identified):
            raise SourceError(f"the node answered {len(replies)} of {len(requests)} calls of a batch")
        return [_result(replies[i], method) for i, method, _ in identified]

    def _replies(self, body: bytes, method: str, limit: int) -> list[Reply]:
        try:
            with self._http.stream("POST", self._url, content=body) as response:
                content = _read(response, limit) if response.status_code == 200 else b""
        except httpx.TimeoutException as error:
            raise TooMuch("the node does not answer in time") from error
        except httpx.HTTPError as error:
            raise SourceError(f"the node does not answer: {type(error).__name__}") from error
        if response.status_code == 413:
            raise TooMuch("the node refused the size of a request or its answer")
        if response.status_code != 200:
            raise SourceError(f"the node answered {method} with HTTP {response.status_code}")
        self.received = len(content)
        try:
            return REPLIES.decode(content)
        except msgspec.DecodeError as error:
            raise SourceError(f"the node answered {method} with something that is no JSON-RPC batch") from error


def _read(response: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > limit:
            raise TooMuch(f"the node's answer is longer than {limit} bytes")
    return bytes(content)


def _result(reply: Reply, method: str) -> msgspec.Raw:
    if reply.error is not None:
        message = str(reply.error.get("message", reply.error))[:300]
        kind = TooMuch if is_too_much(message) else SourceError
        raise kind(f"the node refused {method}: {message}")
    return reply.result
