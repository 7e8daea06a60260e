"""What the rule and the labels say of a settled round, computed once and kept: for showing, never for paying."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.models import Label
from backend.product_models import RoundResult
from backend.settlements.agreement import krippendorff
from backend.settlements.panels import verdicts_of
from backend.settlements.service import accepted, round_evidence, rule_terms, settled_history
from indexer.models import Audit, Dataset, Round, Settlement
from labelshare.rules.fixed import ONE
from labelshare.rules.history import OtherRule
from labelshare.rules.settlement import settle

DECIDED = ("final", "distributed", "exiting", "exited")


@dataclass(frozen=True)
class Score:
    """κ and pay rate (part of the full reward a label), as fractions; `audited`: labels or answers that were compared."""

    kappa: float
    pay_rate: float
    labels: int
    audited: int
    flagged: bool
    waiting: bool


@dataclass(frozen=True)
class Result:
    """A round's result. `label_counts`, `class_counts`: labels given, and tasks by consensus, for each class.

    `consensus`, `confidence`: by task; empty for a round that exited. `verdicts`, `right`: audited tasks with a verdict, and
    those where the
    consensus agrees.
    """

    round: int
    evidence_hash: str
    alpha: float | None
    labels: int
    label_counts: list[int]
    class_counts: list[int]
    consensus: list[int]
    confidence: list[float]
    verdicts: int
    right: int
    contributors: dict[str, Score]
    validators: dict[str, Score]


def label_counts(session: Session, round_id: int) -> dict[int, dict[int, int]]:
    """How often each class was given to each task of a round, by submissions that the chain accepted and the panel did not void.

    Tasks and classes that the round does not have do not count, as by the rule (K2): the open path may bring any.
    """
    row = session.get_one(Round, round_id)
    classes = session.get_one(Dataset, row.dataset).terms["classes"]
    digests = [signed.digest for _, signed in accepted(session, round_id)]
    counts: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for start in range(0, len(digests), 500):
        rows = select(Label.task, Label.answer, func.count()).where(Label.digest.in_(digests[start : start + 500]))
        rows = rows.where(Label.task < row.task_count, Label.answer < classes).group_by(Label.task, Label.answer)
        for task, answer, count in session.execute(rows):
            counts[task][answer] += count
    return counts


def results_of(backend: Backend, rounds: list[int]) -> dict[int, Result]:
    """Results of those of the rounds that are decided. What is not kept yet is computed, outside of any transaction."""
    with backend.database.reading() as session:
        settled = select(Settlement.round, Settlement.evidence_hash).where(
            Settlement.round.in_(rounds), Settlement.phase.in_(DECIDED)
        )
        hashes = dict(session.execute(settled).all())
        kept = session.scalars(select(RoundResult).where(RoundResult.round.in_(list(hashes)))).all()
    found = {row.round: _read(json.loads(row.body)) for row in kept}
    # After a reorganization another evidence may have been settled.
    found = {number: result for number, result in found.items() if result.evidence_hash == hashes[number]}
    for number in sorted(set(hashes) - set(found)):
        computed = _compute(backend, number, hashes[number])
        if computed is not None:
            found[number] = computed
    return found


def _compute(backend: Backend, number: int, evidence_hash: str) -> Result | None:
    with backend.database.reading() as session:
        row = session.get_one(Round, number)
        dataset = session.get_one(Dataset, row.dataset)
        counts = label_counts(session, number)
        exited = session.get_one(Settlement, number).phase in ("exiting", "exited")
        audit = session.get(Audit, number)
        verdicts = (
            {task: verdict for task, _, verdict in verdicts_of(session, row, audit, dataset.terms["classes"])} if audit else {}
        )
        try:
            terms = rule_terms(dataset)
            history = [] if exited else [round_evidence(session, past) for past in settled_history(session, row)]
        except OtherRule:
            return None
    settlement = settle(terms, history) if history else None
    consensus = list(settlement.consensus) if settlement else []
    classes = range(terms.classes)
    decided = [(consensus[task], verdict) for task, verdict in verdicts.items() if verdict is not None and task < len(consensus)]
    result = Result(
        round=number,
        evidence_hash=evidence_hash,
        alpha=krippendorff(counts.values()),
        labels=sum(sum(unit.values()) for unit in counts.values()),
        label_counts=[sum(unit.get(k, 0) for unit in counts.values()) for k in classes],
        class_counts=[consensus.count(k) for k in classes],
        consensus=consensus,
        confidence=[round(p / ONE, 4) for p in settlement.confidence] if settlement else [],
        verdicts=len(decided),
        right=sum(given == verdict for given, verdict in decided),
        contributors={
            s.account: Score(s.kappa / ONE, s.pay_rate / ONE, s.labels, s.audited, s.flagged, s.waiting)
            for s in (settlement.scores if settlement else ())
        },
        validators={
            s.account: Score(s.kappa / ONE, max(0.0, (s.kappa / ONE - 0.4) / 0.6), s.answers, s.answers, False, s.waiting)
            for s in (settlement.validator_scores if settlement else ())
        },
    )
    alpha = None if result.alpha is None else f"{result.alpha:.6f}"
    with backend.database.transaction() as session:
        session.merge(RoundResult(round=number, dataset=dataset.id, alpha=alpha, body=json.dumps(asdict(result))))
    return result


def _read(body: dict[str, Any]) -> Result:
    people = {name: {account: Score(**score) for account, score in body[name].items()} for name in ("contributors", "validators")}
    return Result(**{**body, **people})
