"""New heads as the node pushes them, over a websocket: so that a block is mirrored when it comes, not when we next ask.

Only a hint: what it says is proven like any answer, and where there is no websocket the runner asks every poll interval instead.
"""

import threading
from urllib.parse import urlsplit, urlunsplit

import msgspec
import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from indexer.verify import Unproven, check_header
from indexer.wire import BlockJson, small

log = structlog.get_logger("indexer")

SUBSCRIBE = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
RETRY = (0.5, 2.0, 10.0, 60.0)
PATIENCE = 0.5


class _Params(msgspec.Struct):
    result: BlockJson


class _Message(msgspec.Struct):
    params: _Params | None = None


def websocket_url(url: str) -> str:
    """Where a node's websocket is by default: the same address with another scheme."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)))


class Heads:
    """Listens in a thread of its own. `wait` returns early when a head came; `take` gives the heads since the last call."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._news, self._stopped, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._blocks: list[BlockJson] = []
        self.listening = False
        self._decoder = msgspec.json.Decoder(_Message)
        self._thread = threading.Thread(target=self._work, name="indexer-heads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def wait(self, seconds: float) -> None:
        self._news.wait(seconds)

    def wake(self) -> None:
        self._news.set()

    def take(self) -> list[BlockJson]:
        """Heads whose hash is their own, oldest first."""
        with self._lock:
            blocks, self._blocks = self._blocks, []
            if not self._stopped.is_set():
                self._news.clear()
        return blocks

    def _work(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                self._listen()
                failures = 0
            except (OSError, WebSocketException, TimeoutError) as error:
                self.listening = False
                if failures == 0:
                    log.info("no_new_heads", reason=type(error).__name__, instead="asking every poll interval")
                failures += 1
                self._stopped.wait(RETRY[min(failures, len(RETRY)) - 1])

    def _listen(self) -> None:
        with connect(self._url, open_timeout=5, max_size=2**20) as socket:
            socket.send(SUBSCRIBE)
            socket.recv(timeout=5)
            self.listening = True
            while not self._stopped.is_set():
                try:
                    self._hear(socket.recv(timeout=PATIENCE))
                except TimeoutError:
                    continue

    def _hear(self, message: str | bytes) -> None:
        try:
            params = self._decoder.decode(small(message if isinstance(message, bytes) else message.encode())).params
            if params is None:
                return
            check_header(params.result)
        except (msgspec.DecodeError, Unproven):
            self._news.set()  # Something happened; the runner will ask what.
            return
        with self._lock:
            self._blocks = [*self._blocks[-63:], params.result]
        self._news.set()
