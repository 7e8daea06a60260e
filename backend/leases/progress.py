"""How far an open adaptive round is: which of its tasks have a sure consensus, so that no more labels are asked for (K12)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.models import Draft, Progress, SignedSubmission
from backend.settlements.service import labels_of, round_evidence, rule_terms
from indexer.models import Dataset, Round
from labelshare.rules.consensus import wants_label
from labelshare.rules.history import RoundEvidence, RuleTerms, SubmissionEvidence
from labelshare.rules.settlement import certainty

STEP = 50  # the consensus is computed again when one label in so many is new


def look(backend: Backend) -> None:
    """Computes again, outside of any transaction, the consensus of each open adaptive round that has grown enough."""
    with backend.database.reading() as session:
        due = [_history(session, row) for row in _open_rounds(session, backend.operator.address) if _has_grown(session, row)]
    for terms, history, most in due:
        current = history[-1]
        given: list[list[int]] = [[] for _ in range(current.task_count)]
        for submission in current.submissions:
            for task, answer in submission.labels:
                if task < current.task_count and answer < terms.classes:  # others came by the open path, and do not count
                    given[task].append(answer)
        sure = [
            task
            for task, (best, p) in enumerate(certainty(terms, history))
            if not wants_label(p, given[task].count(best), len(given[task]), terms.min_labels, most)
        ]
        with backend.database.transaction() as session:
            session.merge(
                Progress(
                    round=current.round_id,
                    labels=sum(len(submission.labels) for submission in current.submissions),
                    sure=sum(1 << task for task in sure).to_bytes(-(-current.task_count // 8), "little"),
                    spared=sum(most - len(given[task]) for task in sure),
                )
            )


def sure_tasks(session: Session, round_id: int) -> frozenset[int]:
    """Tasks that had labels enough when the keeper last looked."""
    progress = session.get(Progress, round_id)
    bits = int.from_bytes(progress.sure, "little") if progress else 0
    return frozenset(task for task in range(bits.bit_length()) if bits >> task & 1)


def _open_rounds(session: Session, operator: str) -> list[Round]:
    ours = select(Round).join(Dataset, Dataset.id == Round.dataset).where(Dataset.operator == operator, Round.phase == "open")
    drafts = ours.join(Draft, (Draft.dataset == Round.dataset) & (Draft.tasks_root == Round.tasks_root))
    return list(session.scalars(drafts.where(Draft.adaptive).order_by(Round.id)))


def _received(session: Session, round_id: int) -> list[SignedSubmission]:
    live = select(SignedSubmission).where(SignedSubmission.round == round_id, SignedSubmission.dropped.is_(False))
    return list(session.scalars(live))


def _has_grown(session: Session, row: Round) -> bool:
    before = session.get(Progress, row.id)
    labels = sum(submission.count for submission in _received(session, row.id))
    seen = before.labels if before else 0
    return labels - seen > seen // STEP


def _history(session: Session, row: Round) -> tuple[RuleTerms, list[RoundEvidence], int]:
    """The dataset's terms, its rounds, the last one as far as it was handed in, and the most labels that a task of it takes."""
    dataset = session.get_one(Dataset, row.dataset)
    before = select(Round).where(Round.dataset == row.dataset, Round.id < row.id, Round.phase.in_(("closed", "settled")))
    received = tuple(
        SubmissionEvidence(s.contributor, s.sequence, False, s.count, tuple((x.task, x.answer) for x in labels_of(session, s)))
        for s in _received(session, row.id)
    )
    current = RoundEvidence(row.id, bytes(32), row.last, row.task_count, (), received, ())
    draft = select(Draft.labels_per_task).where(Draft.dataset == row.dataset, Draft.tasks_root == row.tasks_root)
    history = [round_evidence(session, past) for past in session.scalars(before.order_by(Round.id))]
    return rule_terms(dataset), [*history, current], session.scalars(draft).one()
