"""How fast the scoring rule is and how much memory it takes, beside crowd-kit's Dawid–Skene on the same labels in the same run.

    make bench-rules

Prints a table, writes reports/bench/rules.json, and exits with 1 when a budget is broken or two runs on the same labels differ in a
byte: on one thread or two, under the newest numpy or the oldest that is allowed. Each run has a process of its own, whose peak
memory counts everything it ever held, the making of the labels included.
"""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelshare.rules.consensus import NO_VERDICT, audit_weight
from labelshare.rules.counting import Submitted
from labelshare.rules.entries import settlement_root
from labelshare.rules.fixed import Ints
from labelshare.rules.history import Ballot, RoundEvidence, SubmissionEvidence
from labelshare.rules.kappa import score
from labelshare.rules.settlement import contributor_dues, settle
from labelshare.rules.sums import Labels, Split
from scripts.bench.incentives import address, terms

ROOT = Path(__file__).resolve().parents[2]
CROWD_KIT = ROOT / ".tools" / "crowdkit-venv" / "bin" / "python"
OLDEST_NUMPY = ROOT / ".tools" / "oldest-numpy-venv" / "bin" / "python"
CLASSES = 4
BUDGETS = {"labels_100k_s": 1.0, "labels_10m_s": 60.0, "peak_mib_10m": 4096.0}


@dataclass(frozen=True)
class Crowd:
    """Labels in random order, and verdicts on a tenth of the tasks, 19 in 20 of them right."""

    task: Ints
    contributor: Ints
    answer: Ints
    truth: Ints
    verdicts: Ints
    contributors: int


def crowd(count: int) -> Crowd:
    """Ten labels for three tasks, two hundred for a contributor; one in twenty contributors belongs to a clique that copies."""
    rng = np.random.default_rng(count)
    tasks, contributors = count * 3 // 10, count // 200
    task = np.arange(count) % tasks
    first, stride = rng.integers(0, contributors, tasks), rng.integers(1, contributors // 8, tasks)
    contributor = (first[task] + stride[task] * (np.arange(count) // tasks)) % contributors
    truth, copied = rng.integers(0, CLASSES, tasks), rng.integers(0, CLASSES, tasks)
    right = rng.random(count) < rng.uniform(0.4, 0.95, contributors)[contributor]
    answer = np.where(right, truth[task], rng.integers(0, CLASSES, count))
    answer = np.where(contributor < contributors // 20, copied[task], answer)
    judged = np.where(rng.random(tasks) < 0.95, truth, rng.integers(0, CLASSES, tasks))
    verdicts = np.where(rng.random(tasks) < 0.1, judged, NO_VERDICT)
    order = rng.permutation(count)
    return Crowd(task[order], contributor[order], answer[order], truth, verdicts, contributors)


def scoring(count: int, threads: int) -> dict[str, Any]:
    """From the columns of all submissions to what each contributor is due."""
    made = crowd(count)
    names = [address(f"{i:08}") for i in range(made.contributors)]
    start = time.perf_counter()
    submitted = Submitted(made.contributor, made.task, made.answer, np.zeros(count, np.bool_))
    counted = submitted.counted(len(made.truth), 64)
    columns = (column[counted] for column in (made.task, made.contributor, made.answer))
    labels = Labels(*columns, len(made.truth), made.contributors, CLASSES, Split(threads=threads))
    scores = score(labels, made.verdicts, audit_weight(26))
    rows, dues = contributor_dues(terms(CLASSES, 64), scores, names, True)
    seconds = time.perf_counter() - start
    digest = hashlib.sha256(scores.consensus.posterior.astype("<i8").tobytes() + repr((rows, dues)).encode())
    return {
        "seconds": seconds,
        "digest": digest.hexdigest(),
        "accuracy": round(int((scores.consensus.answers() == made.truth).sum()) / len(made.truth), 4),
        "low": int(scores.low.sum()),
        "flagged": int(scores.flagged.sum()),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def settling(count: int, threads: int) -> dict[str, Any]:
    """From evidence as the client has it to entries."""
    made = crowd(count)
    by_contributor = made.contributor.argsort(kind="stable")
    rows = list(zip(made.task[by_contributor].tolist(), made.answer[by_contributor].tolist(), strict=True))
    ends = np.bincount(made.contributor, minlength=made.contributors).cumsum().tolist()
    parts = [tuple(rows[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    submissions = tuple(SubmissionEvidence(address(f"{i:08}"), 0, False, len(part), part) for i, part in enumerate(parts))
    sample = np.flatnonzero(made.verdicts != NO_VERDICT)
    ballots = tuple(Ballot(address(f"v{v}"), 1, tuple(made.verdicts[sample].tolist())) for v in range(3))
    evidence = RoundEvidence(1, bytes(32), True, len(made.truth), tuple(sample.tolist()), submissions, ballots)
    start = time.perf_counter()
    settlement = settle(terms(CLASSES, 64), [evidence], Split(threads=threads))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "digest": settlement_root(1, settlement.entries).hex(), "peak_mib": peak}


def run(python: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([str(python), *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def rule(what: str, count: int, threads: int, repeat: int = 1, python: Path = Path(sys.executable)) -> dict[str, Any]:
    """The run of median time among some, which must all come to the same bytes."""
    runs = [run(python, "-m", "scripts.bench.rules", what, str(count), str(threads)) for _ in range(repeat)]
    same("runs of the same", *runs)
    return sorted(runs, key=lambda one: one["seconds"])[repeat // 2]


def same(what: str, *runs: dict[str, Any]) -> None:
    if len({one["digest"] for one in runs}) > 1:
        sys.exit(f"Different bytes from {what}: {', '.join(one['digest'] for one in runs)}")


def crowd_kit(count: int, iterations: int) -> dict[str, Any]:
    made = crowd(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.npz"
        np.savez(path, task=made.task, worker=made.contributor, label=made.answer, truth=made.truth)
        return run(CROWD_KIT, "-m", "scripts.bench.rules_crowdkit", str(path), str(iterations))


def measure() -> dict[str, dict[str, Any]]:
    """Each run by its name in the table."""
    small = {threads: rule("scoring", 100_000, threads, 5) for threads in (1, 2)}
    oldest = rule("scoring", 100_000, 2, 1, OLDEST_NUMPY)
    settled = rule("settling", 100_000, 2, 3)
    kits = {iterations: crowd_kit(100_000, iterations) for iterations in (8, 100)}
    large = {threads: rule("scoring", 10_000_000, threads) for threads in (1, 2)}
    same("one thread and two, and the oldest numpy", *small.values(), oldest)
    same("one thread and two", *large.values())
    return {
        "rule, 100,000 labels, 1 thread": small[1],
        "rule, 100,000 labels, 2 threads": small[2],
        "rule, 100,000 labels, 2 threads, oldest numpy": oldest,
        "settle() from evidence, 100,000 labels, 2 threads": settled,
        "crowd-kit Dawid-Skene, 100,000 labels, 8 iterations": kits[8],
        "crowd-kit Dawid-Skene, 100,000 labels, to its end": kits[100],
        "rule, 10,000,000 labels, 1 thread": large[1],
        "rule, 10,000,000 labels, 2 threads": large[2],
    }


def main() -> None:
    if len(sys.argv) == 4:
        what = {"scoring": scoring, "settling": settling}[sys.argv[1]]
        print(json.dumps(what(int(sys.argv[2]), int(sys.argv[3]))))
        return
    runs = measure()
    base = runs["rule, 100,000 labels, 2 threads"]["seconds"]
    print(f"{'':52} {'seconds':>8} {'ratio':>7} {'peak MiB':>9} {'accuracy':>9}")
    for name, one in runs.items():
        peak, accuracy = (f"{one[key]:{form}}" if key in one else "" for key, form in (("peak_mib", ",.0f"), ("accuracy", ".4f")))
        print(f"{name:52} {one['seconds']:8.2f} {one['seconds'] / base:7.1f} {peak:>9} {accuracy:>9}")
    large = runs["rule, 10,000,000 labels, 2 threads"]
    figures = {
        "labels_100k_s": base,
        "labels_10m_s": large["seconds"],
        "peak_mib_10m": large["peak_mib"],
        "crowdkit_100k_s": runs["crowd-kit Dawid-Skene, 100,000 labels, 8 iterations"]["seconds"],
    }
    path = ROOT / "reports" / "bench" / "rules.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**figures, "budgets": BUDGETS, "numpy": np.__version__, "runs": runs}, indent=2) + "\n")
    print(f"Wrote {path.relative_to(ROOT)}")
    broken = [name for name, most in BUDGETS.items() if figures[name] >= most]
    if broken:
        sys.exit(f"Over budget: {', '.join(broken)}")


if __name__ == "__main__":
    main()
