"""What a lease costs in a round of 100,000 slots, half of them taken, beside one of 4,000: milliseconds of CPU, on SQLite.

    python -m scripts.bench.leases
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from backend.leases.schemas import LeaseRequest
from backend.leases.service import lease
from backend.models import Draft, DraftTask, Slot
from indexer.models import Round
from tests.integration.api import World

SLOTS, COUNT, TIMES = 4, 20, 10


def measure(folder: Path, tasks: int) -> float:
    """Milliseconds of CPU of a lease of 20 tasks, after the first one of the round."""
    folder.mkdir()
    world = World(folder)
    world.change(Round, 1, task_count=tasks, label_budget=SLOTS * tasks)
    world.change(Draft, 1, labels_per_task=SLOTS, adaptive=False)
    with world.backend.database.transaction() as session:
        content = session.query(DraftTask.content_hash).first()
        assert content is not None
        more = range(session.query(DraftTask).count(), tasks)
        session.execute(insert(DraftTask), [{"draft_id": 1, "index": i, "content_hash": content[0]} for i in more])
        common = {"round": 1, "lease_id": "0" * 32, "expires_at": 1, "digest": "0x" + "01" * 32}
        taken = [{"task": t, "slot": s, "contributor": f"0x{s:040x}", **common} for t in range(tasks) for s in range(SLOTS // 2)]
        session.execute(insert(Slot), taken)
    request = LeaseRequest(count=min(COUNT, tasks // TIMES // 2))
    began = 0.0
    for number in range(TIMES + 1):
        with world.backend.database.transaction() as session:
            lease(world.backend, session, 1, f"0x{number + 100:040x}", request)
        began = began or time.process_time()
    spent = time.process_time() - began
    world.close()
    return 1000 * spent / TIMES


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="labelshare-leases-") as folder:
        print(json.dumps({f"{SLOTS * n:,} slots": round(measure(Path(folder) / str(n), n), 2) for n in (1_000, 25_000)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
