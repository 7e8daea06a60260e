"""The peer of the indexer's bench: Ponder, with handlers that write the same tables for the bulk of the events. Needs npm's Node
22."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.integration.anvil import ROOT, free_port

PROJECT = ROOT / "scripts" / "bench" / "ponder"
INSTALLED = ROOT / ".tools" / "ponder"
PORTS = range(19_160, 19_170)
PATIENCE = 420


class Unavailable(Exception):
    """Ponder cannot run here; the message says why."""


def install() -> None:
    """Raises Unavailable."""
    if not (INSTALLED / "node_modules" / "node" / "bin" / "node").exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "package.json", INSTALLED)
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=INSTALLED, capture_output=True, text=True
        )
        if done.returncode or not (INSTALLED / "node_modules" / "node" / "bin" / "node").exists():
            raise Unavailable(f"npm has no Node 22 or no Ponder for this machine ({done.stderr.strip()[-200:]})")


def ponder(url: str, manifest: dict[str, Any], database: str, events: int, folder: Path) -> dict[str, Any]:
    """Events a second from zero to the head, its RPC limit lifted. Raises Unavailable."""
    install()
    project = folder / "ponder"
    shutil.copytree(PROJECT, project)
    (project / "node_modules").symlink_to(INSTALLED / "node_modules")
    shutil.copytree(ROOT / "labelshare" / "chain" / "abi", project / "abi")
    (project / "deployment.json").write_text(json.dumps({"url": url, **manifest}))
    port = free_port(PORTS)
    environment = {
        **os.environ,
        "PATH": f"{INSTALLED / 'node_modules' / 'node' / 'bin'}:{os.environ['PATH']}",
        "DATABASE_URL": database.replace("postgresql+psycopg://", "postgresql://"),
        "PONDER_TELEMETRY_DISABLED": "true",
    }
    command = ["node", "node_modules/ponder/dist/esm/bin/ponder.js", "start", "--schema", "peer", "--port", str(port)]
    with (project / "log").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            _ready(process, port, project / "log")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = time.perf_counter() - began
    rows = _rows(database)
    return {"ponder_events_per_s": round(rows / seconds), "ponder_events": rows, "ponder_seconds": round(seconds, 1)}


def _ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"Ponder ended: {log.read_text()[-600:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as response:
                if response.status == 200:
                    return
        except OSError:
            pass  # It does not listen yet.
        time.sleep(0.05)
    raise Unavailable(f"Ponder was not at the head after {PATIENCE} s: {log.read_text()[-600:]}")


def _rows(database: str) -> int:
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.scalar(text("SELECT count(*) FROM peer.raw_event"))
    engine.dispose()
    return int(rows or 0)
