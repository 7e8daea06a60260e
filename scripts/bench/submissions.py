"""What a submission costs a core of the API, beside an endpoint that only parses the same body: one process, no chain.

The mirror's rows are written by hand, on SQLite and PostgreSQL each; 32 connections post 64 labels at a time, each contributor's
in order. Prints a table in a minute or so. The whole under load is scripts/bench/load.py.

    python -m scripts.bench.submissions [--submissions 1600] [--profile]
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
from sqlalchemy import insert

from backend.models import Lease, Slot
from indexer.models import Account, Allowance, Dataset, Round, Session
from labelshare.chain.naming import user_account
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.merkle import labels_root
from scripts.bench.load import cpu_seconds
from scripts.bench.load_clients import NO_LIMITS, Result, post_all
from scripts.bench.load_floor import bare_endpoint
from scripts.stack import ROOT
from tests.integration.api import TERMS, World

PEOPLE, LABELS = 32, 64
PATH = "/v1/rounds/1/submissions"


def fill(world: World, each: int) -> list[list[bytes]]:
    """Contributors with a session key, leases and money; `each` signed bodies of every one, in order."""
    world.change(Round, 1, task_count=each * LABELS, label_budget=PEOPLE * each * LABELS, deadline=world.now + 10_000)
    world.change(Dataset, 1, terms=TERMS | {"bond": "1"})
    bodies = []
    for number in range(PEOPLE):
        wallet, key = Wallet(secrets.token_bytes(32)), Wallet(secrets.token_bytes(32))
        keys = {"dataset": 0, "expiry": world.now + 10_000, "max_bond": 10**9, "bond_left": 10**9, "revoked": False}
        world.mirror(
            Account(account=user_account(wallet.address), balance=10**9),
            Allowance(owner=wallet.address, spender=world.domain.contract, amount=10**9, nonce=1),
            Session(contributor=wallet.address, key=key.address, **keys),
        )
        bodies.append([_body(world, number, sequence, wallet, key) for sequence in range(each)])
    return bodies


def _body(world: World, number: int, sequence: int, wallet: Wallet, key: Wallet) -> bytes:
    lease, tasks = secrets.token_hex(16), range(sequence * LABELS, (sequence + 1) * LABELS)
    common: dict[str, Any] = {"round": 1, "contributor": wallet.address, "expires_at": world.now + 10_000}
    slots = [{"task": task, "slot": number, "lease_id": lease, **common} for task in tasks]
    with world.backend.database.transaction() as session:
        session.execute(insert(Lease), {"id": lease, "sequence": sequence, "count": LABELS, **common})
        session.execute(insert(Slot), slots)
    labels = [(task, task % 3, secrets.token_bytes(32)) for task in tasks]
    root, deadline = labels_root(labels), world.now + 10_000
    message = eip712.Submission(1, wallet.address, sequence, LABELS, root, 1, deadline)
    fields = {"contributor": wallet.address, "sequence": sequence, "count": LABELS, "labels_root": "0x" + root.hex()}
    body = {
        "lease_id": lease,
        "submission": fields | {"admission": 1, "deadline": deadline},
        "signature": key.sign(message, world.domain),
        "labels": [{"task": task, "answer": answer, "salt": "0x" + salt.hex()} for task, answer, salt in labels],
    }
    return msgspec.json.encode(body)


def serve(world: World, folder: Path, url: str, bodies: list[list[bytes]], profile: bool) -> Result:
    """Posts all to an API process of its own; with the CPU that it burned."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"RPC_URL": "http://127.0.0.1:1", "DATABASE_URL": url, "PORT": str(port), "HOST": "127.0.0.1"}
    settings |= {"MANIFEST": str(folder / "deployment.json"), "OPERATOR_KEY_FILE": str(folder / "operator.key")}
    environment = os.environ | {f"LABELSHARE_{name}": value for name, value in settings.items()} | NO_LIMITS
    module = ["-m", "scripts.bench.profiled"] if profile else ["-m", "backend"]
    process = subprocess.Popen([sys.executable, *module], cwd=ROOT, env=environment)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(base)
        post_all([base], PATH, [people[:1] for people in bodies])  # The first requests build routes and statements.
        before = cpu_seconds(process.pid)
        result = post_all([base], PATH, [people[1:] for people in bodies])
        result.cpu = cpu_seconds(process.pid) - before
        return result
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait(base: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            if httpx.get(base + "/v1/health").status_code == 200:
                return
        except httpx.TransportError as error:
            if time.monotonic() > end:
                raise TimeoutError("The API did not start.") from error
        time.sleep(0.1)


def measure(folder: Path, url: str | None, submissions: int, profile: bool) -> dict[str, float]:
    folder.mkdir()
    world = World(folder, url)
    bodies = fill(world, 1 + -(-submissions // PEOPLE))
    floor = bare_endpoint([people[0] for people in bodies] * (submissions // PEOPLE), PATH, cpu_seconds)
    result = serve(world, folder, url or f"sqlite:///{folder}/app.db", bodies, profile)
    sent, kept = sum(map(len, bodies)), world.rows()
    world.close()
    if (result.statuses, kept["app_submission"], kept["app_label"]) != ({201: sent - PEOPLE}, sent, sent * LABELS):
        raise SystemExit(f"Not every submission was taken and kept once: {result.statuses}, {kept}")
    per_core, parse = len(result.latencies) / result.cpu, len(floor.latencies) / floor.cpu
    return {"per core": per_core, "parse": parse, "share": per_core / parse, "p99, ms": result.percentile(0.99) * 1000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=1_600)
    parser.add_argument("--only", choices=("PostgreSQL", "SQLite"), help="one of the two")
    parser.add_argument("--profile", action="store_true", help="print where the API's threads spend their time")
    options = parser.parse_args()
    import pgserver

    folder = Path(tempfile.mkdtemp(prefix="labelshare-submissions-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        postgres = str(server.get_uri("postgres")).replace("postgresql://", "postgresql+psycopg://", 1)
        for name, url in (("PostgreSQL", postgres), ("SQLite", None)):
            if options.only not in (None, name):
                continue
            figures = measure(folder / name, url, options.submissions, options.profile)
            print(f"{name:12}" + "".join(f"{key} {value:,.2f}   " for key, value in figures.items()), flush=True)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
