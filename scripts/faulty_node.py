"""A JSON-RPC node that fails now and then, before one that does not: refuses, is busy, silent, loses answers that took effect."""

import http.client
import json
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = ("http 503", "busy", "dropped before", "dropped after", "no json")


class Quiet(ThreadingHTTPServer):
    """Its clients are killed now and then: that is no news."""

    def handle_error(self, *_: object) -> None:
        """Says nothing."""


class FaultyNode:
    """Listens on `port`, passes on to the node on `target`. `share`: of the requests that fail, set while it runs."""

    def __init__(self, port: int, target: int, seed: int) -> None:
        self.target, self.share, self.faults = target, 0.0, Counter[str]()
        self._random = random.Random(seed)
        self._local = threading.local()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                node.answer(self)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = Quiet(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        fault = self._random.choice(KINDS) if self._random.random() < self.share else None
        if fault is not None:
            self.faults[fault] += 1
        if fault == "http 503":
            _send(request, 503, b"upstream is away")
        elif fault == "busy":
            error = {"code": -32005, "message": "rate limit"}
            _send(request, 429, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())
        elif fault == "no json":
            _send(request, 200, b"<html>maintenance</html>")
        elif fault == "dropped before":
            request.close_connection = True
        else:
            answer = self._forward(body)
            if fault == "dropped after":
                request.close_connection = True
            else:
                _send(request, 200, answer)

    def _forward(self, body: bytes) -> bytes:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            return b"<html>bad gateway</html>"


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
