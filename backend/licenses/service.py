"""The dataset file (specification F2) for those who hold a license."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import draft_of, get_dataset, task_contents
from backend.errors import Forbidden
from backend.settlements.service import accepted, labels_of, panel_of, settlement_of
from indexer.models import Audit, Entry, License, Round, Settlement
from labelshare.rules.entries import Role
from labelshare.rules.history import RULE
from labelshare.rules.merkle import labels_tree

SCHEMA = "labelshare-dataset-1"
FINAL = ("final", "distributed")


def dataset_file(backend: Backend, session: Session, dataset: int, licensee: str) -> dict[str, Any]:
    """Every label of the rounds that the license covers, each with its proof. Raises Forbidden without a live license."""
    get_dataset(session, dataset)
    held = session.get(License, (dataset, licensee))
    if held is None or held.expiry < backend.now(session):
        raise Forbidden("no_license", f"{licensee} holds no live license to dataset {dataset}: buy one from the DatasetMarket.")
    rounds = session.scalars(
        select(Round)
        .join(Settlement, Settlement.round == Round.id)
        .where(Round.dataset == dataset, Round.id <= held.last_round, Settlement.phase.in_(FINAL))
        .order_by(Round.id)
    ).all()
    return {
        "schema": SCHEMA,
        "rule": RULE,
        "chain_id": backend.deployment.chain_id,
        "label_registry": backend.deployment.address("LabelRegistry"),
        "settlement": backend.deployment.address("Settlement"),
        "dataset": dataset,
        "licensee": licensee,
        "rounds": [_round(session, row) for row in rounds],
    }


def _round(session: Session, row: Round) -> dict[str, Any]:
    settled = settlement_of(session, row)
    contents = task_contents(session, draft_of(session, row)) if row.task_count else []  # a closing round has none
    audit = session.get_one(Audit, row.id)
    entries = session.scalars(select(Entry).where(Entry.round == row.id).order_by(Entry.chunk, Entry.position))
    return {
        "round": row.id,
        "tasks_root": row.tasks_root,
        "evidence_hash": session.get_one(Settlement, row.id).evidence_hash,
        "tasks": [
            {
                "index": i,
                "content_hash": task.content_hash,
                "content": json.loads(task.content),
                "consensus": settled.consensus[i],
                "confidence": settled.confidence[i],
            }
            for i, task in enumerate(contents)
        ],
        "submissions": _submissions(session, row),
        "ballots": [
            {"validator": m.validator, "weight": m.weight, "answers": m.answers, "salt": m.salt}
            for m in panel_of(session, audit)
            if m.revealed
        ],
        "entries": [
            {
                "role": Role(e.role).name.lower(),
                "account": e.account,
                "reward": str(e.reward),
                "slash": str(e.slash),
                "shares": str(e.shares),
                "waiting": e.waiting,
            }
            for e in entries
        ],
    }


def _submissions(session: Session, row: Round) -> list[dict[str, Any]]:
    submissions = []
    for _, signed in accepted(session, row.id):
        labels = labels_of(session, signed)
        tree = labels_tree([(x.task, x.answer, bytes.fromhex(x.salt[2:])) for x in labels])
        submissions.append(
            {
                "contributor": signed.contributor,
                "signer": signed.signer,
                "sequence": signed.sequence,
                "count": signed.count,
                "labels_root": signed.labels_root,
                "admission": signed.admission,
                "deadline": signed.deadline,
                "signature": signed.signature,
                "labels": [
                    {"task": x.task, "answer": x.answer, "salt": x.salt, "proof": ["0x" + h.hex() for h in tree.proof(i)]}
                    for i, x in enumerate(labels)
                ],
            }
        )
    return submissions
