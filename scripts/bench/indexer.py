"""Speed of the mirror on the protocol's own events and tables, beside what else does this job, on the same chain and machine.

    python -m scripts.bench.indexer [--events 120000]      writes reports/bench/indexer.json

Every figure is from zero to the head in a process of its own, best of RUNS: events a second, and the peak of its memory. The
floor is what no indexer can go below without doing less: the same bytes fetched, then the same rows written, one after the other.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.bench.indexer_load import build
from scripts.bench.indexer_ponder import Unavailable, ponder
from tests.integration.anvil import ROOT, Anvil

REPORT = ROOT / "reports" / "bench" / "indexer.json"
PORTS = range(19_130, 19_160)
RUNS = 3


@contextmanager
def postgres(folder: Path) -> Iterator[Any]:
    """A server of our own; call it for a fresh database's URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pgserver

    server = pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    names = iter(range(1_000))

    def fresh() -> str:
        name = f"bench{next(names)}"
        server.psql(f"create database {name}")
        return str(server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://", 1)

    yield fresh
    server.cleanup()


def part(name: str, url: str, database: str, manifest: Path) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "scripts.bench.indexer_parts", name, url, database, str(manifest)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {name:24} {database.split(':')[0].split('+')[0]:10} {answer}", flush=True)
    return answer


def best(name: str, url: str, databases: Iterator[str], manifest: Path, runs: int = RUNS) -> dict[str, Any]:
    results = [part(name, url, next(databases), manifest) for _ in range(runs)]
    return max(results, key=lambda result: float(result["events_per_s"]))


def measure(anvil: Anvil, manifest: Path, folder: Path, fresh: Any) -> dict[str, Any]:
    files = (f"sqlite:///{folder}/{n}.db" for n in range(1_000))
    servers = iter(fresh, None)
    report: dict[str, Any] = {}
    for database, urls in (("sqlite", files), ("postgres", servers)):
        mirror = best("backfill", anvil.url, urls, manifest)
        floor = best("floor", anvil.url, urls, manifest)
        report |= {
            f"events_per_s_{database}": mirror["events_per_s"],
            f"floor_events_per_s_{database}": floor["events_per_s"],
            f"floor_ratio_{database}": round(mirror["events_per_s"] / floor["events_per_s"], 3),
            f"memory_mib_{database}": mirror["memory_mib"],
            "events": mirror["events"],
        }
    report["verified_events_per_s"] = best("verified", anvil.url, files, manifest, 1)["events_per_s"]
    report["web3py_orm_events_per_s"] = best("web3py", anvil.url, files, manifest, 1)["events_per_s"]
    try:
        peer = ponder(anvil.url, json.loads(manifest.read_text()), next(servers), report["events"], folder)
        report |= peer
        report["times_ponder_sqlite"] = round(report["events_per_s_sqlite"] / peer["ponder_events_per_s"], 2)
        report["times_ponder_postgres"] = round(report["events_per_s_postgres"] / peer["ponder_events_per_s"], 2)
    except Unavailable as reason:
        report["ponder"] = f"not measured: {reason}"
    for database, urls in (("sqlite", files), ("postgres", servers)):
        latency = part("latency", anvil.url, next(urls), manifest)
        suffix = "" if database == "sqlite" else "_postgres"
        report |= {f"head_latency_ms_p50{suffix}": latency["p50"], f"head_latency_ms_p99{suffix}": latency["p99"]}
        report[f"sent_to_mirrored_ms_p50{suffix}"] = latency["sent_p50"]
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=120_000)
    events = parser.parse_args().events
    anvil = Anvil(PORTS)
    try:
        with tempfile.TemporaryDirectory() as name, postgres(Path(name)) as fresh:
            began = time.monotonic()
            manifest = Path(name) / "manifest.json"
            manifest.write_text(json.dumps(build(anvil, events).manifest()))
            print(f"the chain took {time.monotonic() - began:.0f} s", flush=True)
            report = measure(anvil, manifest, Path(name), fresh)
    finally:
        anvil.stop()
    report |= {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    print(json.dumps(report, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
