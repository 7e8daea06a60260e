"""The dataset file (specification F2) for those who hold a license."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import draft_of, task_contents
from backend.licenses.rows import covered_rounds, require_license
from backend.settlements.service import accepted, labels_of, panel_of, settlement_of
from indexer.models import Audit, Entry, Round, Settlement
from labelshare.rules.entries import Role
from labelshare.rules.history import RULE
from labelshare.rules.merkle import labels_tree

SCHEMA = "labelshare-dataset-1"


def dataset_file(backend: Backend, dataset: int, licensee: str) -> Iterator[bytes]:
    """The file in pieces, a round at a time: every label of the rounds that the license covers, each with its proof.

    Raises as `require_license`, before the first piece.
    """
    with backend.database.reading() as session:
        held = require_license(backend, session, dataset, licensee)
        rounds = [row.id for row in covered_rounds(session, dataset, held.last_round)]
    head = {
        "schema": SCHEMA,
        "rule": RULE,
        "chain_id": backend.deployment.chain_id,
        "label_registry": backend.deployment.address("LabelRegistry"),
        "settlement": backend.deployment.address("Settlement"),
        "dataset": dataset,
        "licensee": licensee,
    }
    yield _json(head)[:-1] + b',"rounds":['
    for number, round_id in enumerate(rounds):
        with backend.database.reading() as session:
            piece = _json(_round(session, session.get_one(Round, round_id)))
        yield (b"," if number else b"") + piece
    yield b"]}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


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
