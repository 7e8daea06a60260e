"""The floor of the load bench: a FastAPI endpoint that parses a submission's body and does nothing else, on the same server."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI

from backend.submissions.schemas import SubmitRequest
from scripts.bench.load_clients import Result, post_all
from scripts.stack import ROOT

app = FastAPI()


@app.post("/v1/rounds/{round_id}/submissions", status_code=201)
def parse(round_id: int, request: SubmitRequest) -> dict[str, int]:
    return {"round": round_id, "labels": len(request.labels)}


def bare_endpoint(bodies: Sequence[bytes], path: str, cpu_seconds: Callable[[int], float]) -> Result:
    """Posts the bodies as the bench does, to a process of its own; with the CPU that it burned."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "scripts.bench.load_floor", str(port)], cwd=ROOT)
    try:
        _wait(port)
        url, people = f"http://127.0.0.1:{port}", [list(bodies[start::32]) for start in range(32)]
        post_all([url], path, [bodies[:5]])  # The first requests build the routes.
        before = cpu_seconds(process.pid)
        result = post_all([url], path, people)
        result.cpu = cpu_seconds(process.pid) - before
        return result
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > end:
            raise TimeoutError("The bare endpoint did not start.")
        time.sleep(0.1)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
