"""A node that lies: a JSON-RPC-aware proxy before an honest one. Each batch may be answered by any of FAULTS, drawn by a seed.

In process as an httpx transport, for thousands of lies a minute; as a server (`serve`) before a real node.
"""

import copy
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answer = Callable[[str, Sequence[Any]], Any]
Results = list[Any]
HEX = "0123456789abcdef"


class Liar:
    """Answers a batch through `answer`, or wrongly with the chance `rate`. `told` counts the lies by kind."""

    def __init__(self, answer: Answer, seed: int, rate: float = 0.5, other: Answer | None = None) -> None:
        self._answer, self._other, self.rate = answer, other or answer, rate
        self._random = random.Random(seed)
        self.told: Counter[str] = Counter()

    def reply(self, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body. A time-out is status 0."""
        requests = json.loads(body)
        lie = self._random.choice(LIES) if self._random.random() < self.rate else None
        if lie is _flip:
            results = [self._other(request["method"], request["params"]) for request in requests]
        else:
            results = [self._answer(request["method"], request["params"]) for request in requests]
        if lie is None:
            return 200, _encoded(requests, results)
        self.told[lie.__name__.strip("_")] += 1
        if lie in TRANSPORT:
            return lie(self._random, _encoded(requests, results))
        return 200, lie(self._random, requests, copy.deepcopy(results))

    def transport(self) -> httpx.MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            status, content = self.reply(request.content)
            if status == 0:
                raise httpx.ReadTimeout("a time-out", request=request)
            return httpx.Response(status, content=content)

        return httpx.MockTransport(handle)


def _encoded(requests: Sequence[Any], results: Results) -> bytes:
    pairs = zip(requests, results, strict=True)
    return json.dumps([{"jsonrpc": "2.0", "id": request["id"], "result": result} for request, result in pairs]).encode()


# Lies about the chain


def _logs(results: Results) -> Iterator[list[Any]]:
    """The lists of logs in the results: of eth_getLogs, and of receipts."""
    for result in results:
        if isinstance(result, list) and result and "topics" in result[0]:
            yield result
        elif isinstance(result, list):
            yield from (receipt["logs"] for receipt in result if isinstance(receipt, dict) and receipt.get("logs"))


def _dropped(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        del logs[pick.randrange(len(logs))]
    return _encoded(requests, results)


def _duplicated(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        logs.append(copy.deepcopy(pick.choice(logs)))
    return _encoded(requests, results)


def _foreign(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        log = pick.choice(logs)
        log[pick.choice(["address", "data", "transactionHash"])] = "0x" + "".join(pick.choices(HEX, k=40))
    return _encoded(requests, results)


def _altered(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        log = pick.choice(logs)
        text = log["data"]
        if len(text) > 2:
            place = pick.randrange(2, len(text))
            log["data"] = text[:place] + HEX[(HEX.index(text[place]) + pick.randrange(1, 16)) % 16] + text[place + 1 :]
    return _encoded(requests, results)


def _reordered(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        pick.shuffle(logs)
    for result in results:
        if isinstance(result, list):
            pick.shuffle(result)
    return _encoded(requests, results)


def _renumbered(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for logs in _logs(results):
        log = pick.choice(logs)
        log[pick.choice(["logIndex", "blockNumber"])] = hex(pick.randrange(300))
    return _encoded(requests, results)


def _wrong_hash(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for result in results:
        if isinstance(result, dict) and "parentHash" in result:
            result[pick.choice(["hash", "parentHash", "receiptsRoot"])] = "0x" + "".join(pick.choices(HEX, k=64))
    return _encoded(requests, results)


def _other_field(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    for result in results:
        if isinstance(result, dict) and "parentHash" in result:
            result[pick.choice(["number", "timestamp", "gasUsed"])] = hex(pick.randrange(2**32))
    return _encoded(requests, results)


def _empty(_pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    return _encoded(requests, [[] if isinstance(result, list) else None for result in results])


def _shifted(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    """Answers in the wrong places: of another block, of another call."""
    pick.shuffle(results)
    return _encoded(requests, results)


def _stale(_pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    """A head of long ago: the finalized block for the latest."""
    finalized = [r for q, r in zip(requests, results, strict=True) if q["params"][:1] == ["finalized"]]
    latest = [finalized[0] if q["params"][:1] == ["latest"] and finalized else r for q, r in zip(requests, results, strict=True)]
    return _encoded(requests, latest)


def _flip(_pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    """The answers of another provider, which follows another branch of the chain, or an older head."""
    return _encoded(requests, results)


def _missing(pick: random.Random, requests: Sequence[Any], results: Results) -> bytes:
    keep = [i for i in range(len(requests)) if pick.random() < 0.7]
    return _encoded([requests[i] for i in keep], [results[i] for i in keep])


def _refused(pick: random.Random, requests: Sequence[Any], _results: Results) -> bytes:
    errors = [{"code": -32005, "message": pick.choice(REFUSALS)} for _ in requests]
    return json.dumps([{"jsonrpc": "2.0", "id": q["id"], "error": x} for q, x in zip(requests, errors, strict=True)]).encode()


REFUSALS = (
    "query returned more than 10000 results",
    "header not found",
    "block range is too wide",
    "rate limit exceeded",
    "execution aborted",
)


# Lies of the transport


def _truncated(pick: random.Random, body: bytes) -> tuple[int, bytes]:
    return 200, body[: pick.randrange(len(body))]


def _too_many(_pick: random.Random, _body: bytes) -> tuple[int, bytes]:
    return 429, b'{"error": "too many requests"}'


def _server_error(pick: random.Random, _body: bytes) -> tuple[int, bytes]:
    return pick.choice([500, 502, 503, 504]), b"<html>bad gateway</html>"


def _time_out(_pick: random.Random, _body: bytes) -> tuple[int, bytes]:
    return 0, b""


def _no_json(_pick: random.Random, _body: bytes) -> tuple[int, bytes]:
    return 200, b"<html>welcome</html>"


TRANSPORT: tuple[Any, ...] = (_truncated, _too_many, _server_error, _time_out, _no_json)
ABOUT_THE_CHAIN: tuple[Any, ...] = (
    *(_dropped, _duplicated, _foreign, _altered, _reordered, _renumbered, _wrong_hash, _other_field),
    *(_empty, _shifted, _stale, _missing, _refused, _flip),
)
LIES: tuple[Any, ...] = (*ABOUT_THE_CHAIN, *TRANSPORT)


@contextmanager
def serve(liar: Liar) -> Iterator[str]:
    """The liar as an HTTP server; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, content = liar.reply(self.rfile.read(int(self.headers["content-length"])))
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
