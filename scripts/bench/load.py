"""10,000 signed submissions of 64 labels, posted at once by clients in processes of their own to the real API, relayer, indexer and
anvil on PostgreSQL: nothing is lost, nothing doubled, no server error.

Prints throughput and p99 beside two floors of the same machine, each a core: an endpoint that does nothing but parse the same body,
and the recovery of a signature. Writes reports/bench/load.json; exits non-zero when a promise is broken.

    python -m scripts.bench.load [--submissions 10000] [--apis 2]
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from coincurve import PrivateKey, PublicKey

from scripts.bench.load_clients import NO_LIMITS, Result, post_all
from scripts.bench.load_floor import bare_endpoint
from scripts.bench.load_world import LABELS, World
from scripts.stack import ROOT, Stack

REPORT = ROOT / "reports" / "bench" / "load.json"
LEAST_SHARE = 0.4  # of the slower floor, a core
MOST_MIB = 600  # resident memory of any one process
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def recoveries_per_second() -> float:
    """Of bare coincurve, on one core."""
    digest = b"\x07" * 32
    signature = PrivateKey(b"\x01" * 32).sign_recoverable(digest, hasher=None)
    began, count = time.process_time(), 5_000
    for _ in range(count):
        PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return count / (time.process_time() - began)


def measure(submissions: int, apis: int, ports: tuple[int, int]) -> dict[str, Any]:
    import pgserver

    folder = Path(tempfile.mkdtemp(prefix="labelshare-load-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        url = str(server.get_uri("postgres")).replace("postgresql://", "postgresql+psycopg://", 1)
        with Stack(folder / "run", *ports, database_url=url, apis=apis, settings=NO_LIMITS) as stack:
            return _measure(stack, submissions)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(stack: Stack, submissions: int) -> dict[str, Any]:
    world = World(stack, submissions)
    print(f"{submissions:,} submissions of {world.people} contributors are signed and leased", flush=True)
    path = f"/v1/rounds/{world.round}/submissions"
    floor = bare_endpoint(world.bodies[0][:5] * 100, path, cpu_seconds)
    apis = [stack.pid(name) for name in stack.services if name.startswith("api")]
    before = [cpu_seconds(pid) for pid in apis]
    result = post_all(stack.api_urls, path, world.bodies)
    burned = sum(cpu_seconds(pid) for pid in apis) - sum(before)
    print(f"posted in {result.seconds:.0f} s; waiting for the chain and the mirror", flush=True)
    seconds_to_chain = world.wait_until_mirrored(result)
    memory = {name: round(peak_mib(stack.pid(name))) for name in stack.services}
    return report(world, result, floor, burned, seconds_to_chain, memory)


def report(
    world: World, result: Result, floor: Result, burned: float, seconds_to_chain: float, memory: dict[str, int]
) -> dict[str, Any]:
    per_core = len(result.latencies) / burned
    floors = {"parse_per_core": len(floor.latencies) / floor.cpu, "recover_per_core": recoveries_per_second()}
    found = world.count()
    return {
        "submissions": world.total,
        "labels": world.total * LABELS,
        "accepted_by_api": result.statuses.get(201, 0),
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "on_chain": found["accepted"],
        "skipped_on_chain": found["skipped"],
        "mirrored": found["mirrored"],
        "lost": world.total - found["accepted"],
        "doubled": found["doubled"],
        "server_errors": sum(count for status, count in result.statuses.items() if status >= 500),
        "seconds": round(result.seconds, 1),
        "per_second": round(len(result.latencies) / result.seconds),
        "seconds_until_all_mirrored": round(seconds_to_chain, 1),
        "p50_ms": round(result.percentile(0.50) * 1000, 1),
        "p99_ms": round(result.percentile(0.99) * 1000, 1),
        "floor_p99_ms": round(floor.percentile(0.99) * 1000, 1),
        "per_core": round(per_core),
        **{name: round(value) for name, value in floors.items()},
        "share_of_slower_floor": round(per_core / min(floors.values()), 3),
        "memory_mib": memory,
    }


def problems(figures: dict[str, Any]) -> list[str]:
    broken = [f"{figures[name]} {name.replace('_', ' ')}" for name in ("lost", "doubled", "server_errors") if figures[name]]
    if figures["share_of_slower_floor"] < LEAST_SHARE:
        broken.append(f"a core does {figures['share_of_slower_floor']:.0%} of the slower floor; {LEAST_SHARE:.0%} are asked for")
    fat = [f"{name} {mib} MiB" for name, mib in figures["memory_mib"].items() if mib > MOST_MIB]
    return broken + [f"memory above {MOST_MIB} MiB: {', '.join(fat)}"] * bool(fat)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--apis", type=int, default=2)
    parser.add_argument("--rpc-port", type=int, default=18_560)
    parser.add_argument("--port", type=int, default=18_720)
    options = parser.parse_args()
    figures = measure(options.submissions, options.apis, (options.rpc_port, options.port))
    for name, value in figures.items():
        print(f"  {name:28} {value}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1) + "\n")
    broken = problems(figures)
    print("\n".join(f"BROKEN: {problem}" for problem in broken) or f"Every promise holds. {REPORT.relative_to(ROOT)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
