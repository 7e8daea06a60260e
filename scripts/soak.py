"""Contributors at work for a while, all else against them: each process is killed, the node fails, the chain is reorganized, the
database restarts. Every minute the database and the chain are compared; in the end everything that was taken is on chain, once.

    python -m scripts.soak [--minutes 10]
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.load_clients import NO_LIMITS, Result, post_one
from scripts.bench.load_world import World
from scripts.faulty_node import FaultyNode
from scripts.soak_audit import Audit, audit, final_problems
from scripts.stack import ROOT, Stack

REPORT = ROOT / "reports" / "soak.json"
PACE = 0.25  # seconds between submissions
FAULTS = 0.02  # of the node's answers
DEEPEST = 20  # blocks
# The node says what is final: anvil 64 blocks, which is deeper than any reorganization here.
SETTINGS = NO_LIMITS | {"LABELSHARE_FINALITY": "node"}
CALM = 240.0  # seconds that everything gets in the end to come to rest


@dataclass
class Weather:
    """What was done to the stack so far."""

    kills: Counter[str] = field(default_factory=Counter)
    reorganizations: list[int] = field(default_factory=list)
    database_restarts: int = 0


class Soak:
    """`server`: pgserver's. `over` ends all threads."""

    def __init__(self, stack: Stack, server: Any, node: FaultyNode, world: World, seed: int) -> None:
        self.stack, self.server, self.node, self.world = stack, server, node, world
        self.random = random.Random(seed)
        self.weather, self.over = Weather(), threading.Event()
        self.answers = Result()
        self.taken: set[bytes] = set()
        self.left = [(number, turn) for turn in range(world.each) for number in range(world.people)]

    def post(self) -> None:
        """Hands in one submission after the other, each until the API took it."""
        path = f"/v1/rounds/{self.world.round}/submissions"
        while self.left and not self.over.is_set():
            number, turn = self.left[0]
            body = self.world.bodies[number][turn]
            if post_one(self.random.choice(self.stack.api_urls), path, body, self.answers) == 201:
                self.taken.add(body)
                self.left.pop(0)
            self.over.wait(PACE)

    def storm(self) -> None:
        """One trouble every few seconds."""
        while not self.over.wait(self.random.uniform(4, 9)):
            trouble = self.random.random()
            if trouble < 0.7:
                name = self.random.choice(list(self.stack.services))
                self.stack.kill(name)
                self.weather.kills[name] += 1
            elif trouble < 0.93:
                depth = self.random.randint(1, DEEPEST)
                self.world.rpc.call("anvil_reorg", depth, [])
                self.weather.reorganizations.append(depth)
            else:
                self._restart_database()

    def _restart_database(self) -> None:
        from pgserver._commands import create_command_function

        pg_ctl = create_command_function("pg_ctl")
        options = ["-w", "-o", f'-h "" -k {self.server.get_postmaster_info().socket_dir}', "-l", str(self.server.log)]
        pg_ctl([*options, "-m", "immediate", "restart"], pgdata=self.server.pgdata, user=self.server.system_user, timeout=60)
        self.weather.database_restarts += 1

    def row(self, minute: int, found: Audit) -> dict[str, Any]:
        depths = self.weather.reorganizations
        return {
            "minute": minute,
            "taken": len(self.taken),
            "on_chain": found.on_chain,
            "mirrored": found.mirrored,
            "kills": sum(self.weather.kills.values()),
            "node_faults": sum(self.node.faults.values()),
            "reorganizations": f"{len(depths)} ({sum(depths)} blocks)",
            "database_restarts": self.weather.database_restarts,
            "divergences": len(found.divergences),
        }


def run(minutes: int, ports: tuple[int, int, int], seed: int) -> dict[str, Any]:
    import pgserver

    folder = Path(tempfile.mkdtemp(prefix="labelshare-soak-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    node = FaultyNode(ports[2], ports[0], seed)
    try:
        url = str(server.get_uri("postgres")).replace("postgresql://", "postgresql+psycopg://", 1)
        node_url = f"http://127.0.0.1:{ports[2]}"
        with Stack(folder / "run", *ports[:2], database_url=url, apis=2, node_url=node_url, settings=SETTINGS) as stack:
            world = World(stack, max(200, int(minutes * 60 / PACE)))
            return _soak(Soak(stack, server, node, world, seed), minutes)
    finally:
        node.stop()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _soak(soak: Soak, minutes: int) -> dict[str, Any]:
    threads = [threading.Thread(target=job, daemon=True) for job in (soak.post, soak.storm)]
    for thread in threads:
        thread.start()
    soak.node.share = FAULTS
    rows, divergences = [], []
    for minute in range(1, minutes + 1):
        time.sleep(60)
        found = audit(soak.world)
        divergences += found.divergences
        rows.append(soak.row(minute, found))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    soak.over.set()
    for thread in threads:
        thread.join()
    soak.node.share = 0.0
    broken = final_problems(soak.world, len(soak.taken), CALM) + divergences
    found = audit(soak.world)
    rows.append(soak.row(minutes + 1, found) | {"minute": "end"})
    statuses = {str(status): count for status, count in sorted(soak.answers.statuses.items())}
    kills, faults = dict(soak.weather.kills), dict(soak.node.faults)
    return {"rows": rows, "problems": broken, "statuses": statuses, "kills": kills, "faults": faults}


def table(rows: list[dict[str, Any]]) -> str:
    head = [name.replace("_", " ") for name in rows[0]]
    lines = [head, ["---"] * len(head), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--port", type=int, default=18_760, help="the first of six ports")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    report = run(options.minutes, (options.port, options.port + 1, options.port + 5), options.seed)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report | {"seed": options.seed}, indent=1) + "\n")
    print(table(report["rows"]))
    print(f"answers {report['statuses']}, kills {report['kills']}, node faults {report['faults']}")
    print("\n".join(f"BROKEN: {problem}" for problem in report["problems"]) or "Nothing was lost, doubled or different.")
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
