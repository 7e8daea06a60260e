"""What the long-running processes share: a loop that survives trouble and ends when told to."""

import logging
import random
import signal
import threading
from collections.abc import Callable

from sqlalchemy.exc import InterfaceError, OperationalError

from labelshare.chain.rpc import RpcError, RpcUnavailable

IDLE = 0.2  # seconds between looks when there is nothing to do
LONGEST_PAUSE = 10.0

log = logging.getLogger("labelshare")


def run_loop(name: str, step: Callable[[], bool]) -> None:
    """Calls `step` until SIGTERM or SIGINT, at once again while it says there was something to do.

    A node or database that does not answer is waited for, longer each time; everything else ends the process.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("%s started", name)
    pause = IDLE
    while not stop.is_set():
        try:
            busy = step()
            pause = IDLE
            stop.wait(IDLE / 4 if busy else IDLE)
        except (RpcUnavailable, RpcError, OperationalError, InterfaceError) as error:
            log.warning("%s waits %.1f s: %s", name, pause, type(error).__name__)
            stop.wait(pause * (0.5 + random.random()))
            pause = min(LONGEST_PAUSE, pause * 2)
    log.info("%s ended", name)


def configure_logging() -> None:
    """Plain lines on standard error. Library loggers that would print request bodies or URLs stay quiet."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for noisy in ("httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
