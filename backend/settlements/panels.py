"""What panels said: the votes on each audited task, and the verdict."""

from collections import Counter

from sqlalchemy.orm import Session

from backend.settlements.service import panel_of, sample_of
from indexer.models import Audit, Round

TaskVerdict = tuple[int, list[int], int | None]


def verdicts_of(session: Session, row: Round, audit: Audit, classes: int) -> list[TaskVerdict]:
    """Of each audited task, in order: its index, the votes for each class, and the class with most of them (None: a tie, or no
    vote).

    Empty before the audit is concluded, and of one that failed.
    """
    if audit.phase != "audited":
        return []
    ballots = [(m.weight, bytes.fromhex((m.answers or "0x")[2:])) for m in panel_of(session, audit) if m.revealed]
    found = []
    for position, task in enumerate(sample_of(row, audit)):
        votes: Counter[int] = Counter()
        for weight, answers in ballots:
            if answers[position] < classes:
                votes[answers[position]] += weight
        top = max(votes.values(), default=0)
        leading = [k for k, n in votes.items() if n == top]
        found.append((task, [votes[k] for k in range(classes)], leading[0] if len(leading) == 1 else None))
    return found
