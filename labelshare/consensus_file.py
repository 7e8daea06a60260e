"""The job behind `labelshare consensus`: the scoring rule on any file of labels, without a chain."""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelshare.crowd import Crowd, CrowdFileError, read_labels, read_rows, read_truth
from labelshare.rules.consensus import NO_VERDICT, audit_weight
from labelshare.rules.fixed import ONE, Ints
from labelshare.rules.kappa import Scores, score
from labelshare.rules.settlement import MARGIN, MIN_AUDITED
from labelshare.rules.sums import Labels

FEW_TASKS = 200


@dataclass(frozen=True)
class WorkerRow:
    """One worker: labels, of these audited, κ and pay rate (−1…1 and 0…1), flags."""

    worker: str
    labels: int
    audited: int
    kappa: float
    pay_rate: float
    flags: str


@dataclass(frozen=True)
class Report:
    """What `run_consensus_file` found. Accuracies are None without a truth file."""

    tasks: int
    workers: tuple[WorkerRow, ...]
    labels: int
    repeated: int
    classes: int
    audited_tasks: int
    accuracy: float | None
    accuracy_majority: float | None
    judged: int

    def lines(self) -> list[str]:
        """For printing."""
        lines = [f"{self.labels:,} labels of {self.tasks:,} tasks by {len(self.workers):,} workers, {self.classes} classes"]
        if self.repeated:
            lines.append(f"{self.repeated:,} later answers of a worker to the same task were left out")
        if self.audited_tasks:
            lines.append(f"{self.audited_tasks:,} tasks are audited")
        if self.accuracy is not None and self.accuracy_majority is not None:
            judged = f"{self.judged:,} known answers (majority vote: {self.accuracy_majority:.1%})"
            lines.append(f"right on {self.accuracy:.1%} of {judged}")
        if self.tasks < FEW_TASKS:
            lines.append(f"Fewer than {FEW_TASKS} tasks: the statistics are weak.")
        return lines


def run_consensus_file(labels_path: Path, audits_path: Path | None, truth_path: Path | None, out_path: Path) -> Report:
    """Writes task,label,confidence to `out_path` and a table of the workers beside it, named *.workers.csv.

    Labels have columns task,worker,label; audits task,label (several rows of a task: the commonest, none on a tie); truth
    task,label. Files may be gzipped. Raises CrowdFileError.
    """
    crowd = read_labels(labels_path)
    columns = np.array(crowd.labels, dtype=np.int64)
    table = Labels(columns[:, 0], columns[:, 1], columns[:, 2], len(crowd.tasks), len(crowd.workers), len(crowd.classes))
    verdicts = _verdicts(crowd, audits_path)
    audited = int((verdicts != NO_VERDICT).sum())
    rate = min(128, max(1, 256 * audited // len(crowd.tasks)))
    scores = score(table, verdicts, audit_weight(rate))
    workers = _workers(crowd, scores)
    answers, confidence = scores.consensus.answers(), scores.consensus.posterior.max(axis=0)
    _write(out_path, ("task", "label", "confidence"), _answers(crowd, answers, confidence))
    worker_rows = [(w.worker, w.labels, w.audited, f"{w.kappa:.4f}", f"{w.pay_rate:.4f}", w.flags) for w in workers]
    columns_of_workers = ("worker", "labels", "audited", "kappa", "pay_rate", "flags")
    _write(out_path.with_name(out_path.name.split(".")[0] + ".workers.csv"), columns_of_workers, worker_rows)
    truth = read_truth(truth_path, crowd) if truth_path else {}
    return Report(
        tasks=len(crowd.tasks),
        workers=workers,
        labels=len(crowd.labels),
        repeated=crowd.repeated,
        classes=len(crowd.classes),
        audited_tasks=audited,
        accuracy=_accuracy({t: int(k) for t, k in enumerate(answers)}, truth),
        accuracy_majority=_accuracy(_majority(crowd), truth),
        judged=len(truth),
    )


def _verdicts(crowd: Crowd, path: Path | None) -> Ints:
    verdicts = np.full(len(crowd.tasks), NO_VERDICT, np.int64)
    if path is None:
        return verdicts
    tasks = {name: i for i, name in enumerate(crowd.tasks)}
    classes = {name: i for i, name in enumerate(crowd.classes)}
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    for number, (task, label) in enumerate(read_rows(path, ("task", "label")), start=2):
        if task not in tasks or label not in classes:
            unknown = f"task {task!r}" if task not in tasks else f"class {label!r}"
            raise CrowdFileError(f"{path}, line {number}: {unknown} is not in the labels.")
        votes[tasks[task]][classes[label]] += 1
    for index, count in votes.items():
        (first, most), *rest = count.most_common(2)
        if not rest or rest[0][1] < most:
            verdicts[index] = first
    return verdicts


def _workers(crowd: Crowd, scores: Scores) -> tuple[WorkerRow, ...]:
    def flags(i: int) -> str:
        audited = int(scores.audited[i])
        named = {"low": scores.low[i], "copied": scores.flagged[i], "waits": audited < MIN_AUDITED}
        return " ".join(name for name, holds in named.items() if holds)

    return tuple(
        WorkerRow(
            worker=name,
            labels=int(scores.count[i]),
            audited=int(scores.audited[i]),
            kappa=int(scores.kappa[i]) / ONE,
            pay_rate=max(0, int(scores.kappa[i]) - MARGIN) / ONE,
            flags=flags(i),
        )
        for i, name in enumerate(crowd.workers)
    )


def _answers(crowd: Crowd, answers: Ints, confidence: Ints) -> list[tuple[str, str, str]]:
    return [(task, crowd.classes[answers[i]], f"{int(confidence[i]) / ONE:.4f}") for i, task in enumerate(crowd.tasks)]


def _majority(crowd: Crowd) -> dict[int, int]:
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    for task, _, label in crowd.labels:
        votes[task][label] += 1
    return {task: min(count.items(), key=lambda item: (-item[1], item[0]))[0] for task, count in votes.items()}


def _accuracy(answers: dict[int, int], truth: dict[int, int]) -> float | None:
    return sum(answers[task] == label for task, label in truth.items()) / len(truth) if truth else None


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise CrowdFileError(f"{path} cannot be written: {error.strerror}.") from error
