"""Which labels of a round count (specification K2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from eth_utils.crypto import keccak

from labelshare.rules.fixed import Bools, Ints
from labelshare.rules.history import RoundEvidence, SubmissionEvidence


@dataclass(frozen=True, eq=False)
class Submitted:
    """Labels of a round's valid submissions as columns, in the order in which they count; tasks and classes are known ones.

    Attributes:
        contributor, task, answer: int64[n].
        open_path: bool[n]; these come after all ticketed ones.
    """

    contributor: Ints
    task: Ints
    answer: Ints
    open_path: Bools

    @staticmethod
    def of(evidence: RoundEvidence, classes: int, index: dict[str, int]) -> "Submitted":
        def known(submission: SubmissionEvidence) -> list[tuple[int, int]]:
            return [(t, k) for t, k in submission.labels if 0 <= t < evidence.task_count and 0 <= k < classes]

        ordered = [submission for submission in in_order(evidence) if submission.valid and not submission.void]
        labels = [known(submission) for submission in ordered]
        columns = np.array([label for part in labels for label in part], dtype=np.int64).reshape(-1, 2)
        sizes = [len(part) for part in labels]
        contributor = np.repeat(np.array([index[submission.contributor] for submission in ordered], dtype=np.int64), sizes)
        open_path = np.repeat(np.array([submission.open_path for submission in ordered], dtype=np.bool_), sizes)
        return Submitted(contributor, columns[:, 0], columns[:, 1], open_path)

    def counted(self, tasks: int, most: int) -> Ints:
        """Which labels count, by place: the first of a contributor on a task; of the open ones those among its first `most`."""
        pair = self.contributor * tasks + self.task
        by_pair = pair.argsort(kind="stable")
        repeated = np.zeros(len(pair), np.bool_)
        repeated[by_pair[1:]] = pair[by_pair[1:]] == pair[by_pair[:-1]]
        first = np.flatnonzero(~repeated)
        if not self.open_path.any():
            return first
        by_task = first[self.task[first].argsort(kind="stable")]
        task = self.task[by_task]
        rank = np.arange(len(task)) - np.searchsorted(task, task)
        result: Ints = by_task[~self.open_path[by_task] | (rank < most)]
        return result


def in_order(evidence: RoundEvidence) -> Sequence[SubmissionEvidence]:
    """Ticketed submissions by contributor and sequence, then open ones by keccak256(seed ‖ contributor)."""

    def order(submission: SubmissionEvidence) -> tuple[bool, bytes, str, int]:
        lot = keccak(evidence.seed + bytes.fromhex(submission.contributor[2:])) if submission.open_path else b""
        return submission.open_path, lot, submission.contributor, submission.sequence

    return sorted(evidence.submissions, key=order)
