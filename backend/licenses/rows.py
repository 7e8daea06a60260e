"""The rows of a dataset that a license covers, read page by page."""

import json
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import draft_of, get_dataset, tasks_at
from backend.errors import Conflict, Forbidden
from backend.licenses.exports import About, Row
from backend.product_models import StoredFile
from backend.settlements.panels import verdicts_of
from backend.settlements.results import Result, label_counts, results_of
from backend.tasks.service import metadata_of
from indexer.models import Audit, Block, Checkpoint, Contributor, Round, Sale, Settlement

FINAL = ("final", "distributed")
PAGE = 500


def require_license(backend: Backend, session: Session, dataset: int, licensee: str) -> Sale:
    """The last sale to the licensee that no reorganization can take back. Raises Forbidden without a live license, and Conflict
    while the only sale that gives one is not final yet: a download cannot be taken back."""
    get_dataset(session, dataset)
    live = select(Sale).where(Sale.dataset == dataset, Sale.licensee == licensee, Sale.expiry >= backend.now(session))
    sales = session.scalars(live.order_by(Sale.block_number.desc(), Sale.log_index.desc())).all()
    if not sales:
        raise Forbidden("no_license", f"{licensee} holds no live license to dataset {dataset}: buy one from the DatasetMarket.")
    final = session.scalar(select(Checkpoint.finalized_block)) or 0
    for sale in sales:
        if sale.block_number <= final:
            return sale
    block = sales[-1].block_number
    raise Conflict(
        "license_not_final",
        f"Paid in block {block}. The download opens when that block is final; the last final one is {final}. Ask again later.",
        block=block,
        finalized_block=final,
    )


def covered_rounds(session: Session, dataset: int, last: int) -> list[Round]:
    """Settled rounds up to the last that a license covers."""
    rows = select(Round).join(Settlement, Settlement.round == Round.id)
    return list(
        session.scalars(
            rows.where(Round.dataset == dataset, Round.id <= last, Settlement.phase.in_(FINAL)).order_by(Round.id)
        )
    )


def about(backend: Backend, dataset: int, licensee: str) -> tuple[About, list[int]]:
    """The dataset, and the rounds that the license covers. Raises as `require_license`."""
    with backend.database.reading() as session:
        held = require_license(backend, session, dataset, licensee)
        row = get_dataset(session, dataset)
        metadata = metadata_of(session, row)
        rounds = [r.id for r in covered_rounds(session, dataset, held.last_round) if r.task_count]
        settled = session.get(Block, row.settled_block)
        people = session.scalar(select(func.count()).select_from(Contributor).where(Contributor.dataset == dataset)) or 0
    results = results_of(backend, rounds)
    classes = row.terms["classes"]
    names = [entry.name for entry in metadata.classes] if metadata else []
    return (
        About(
            dataset=dataset,
            name=metadata.name if metadata else f"Labelshare dataset {dataset}",
            description=metadata.description if metadata else "",
            license=metadata.license if metadata else "",
            task_type=metadata.task_type if metadata else "",
            question=metadata.question if metadata else "",
            classes=names if len(names) == classes else [str(k) for k in range(classes)],
            operator_url=backend.settings.origins[0],
            chain_id=backend.deployment.chain_id,
            alpha=results[rounds[-1]].alpha if rounds and rounds[-1] in results else None,
            contributors=people,
            settled_at=settled.timestamp if settled else 0,
            rounds=len(rounds),
        ),
        [number for number in rounds if number in results],
    )


def rows(backend: Backend, rounds: list[int]) -> Iterator[Row]:
    """Every task of these rounds, in order; each page is read in a transaction of its own."""
    for number in rounds:
        result = results_of(backend, [number])[number]
        with backend.database.reading() as session:
            row = session.get_one(Round, number)
            counts = label_counts(session, number)
            classes = len(result.label_counts)
            verdicts = {task: verdict for task, _, verdict in verdicts_of(session, row, session.get_one(Audit, number), classes)}
        for start in range(0, row.task_count, PAGE):
            yield from _page(backend, row, range(start, min(row.task_count, start + PAGE)), result, counts, verdicts)


def _page(
    backend: Backend,
    row: Round,
    tasks: range,
    result: Result,
    counts: dict[int, dict[int, int]],
    verdicts: dict[int, int | None],
) -> Iterator[Row]:
    with backend.database.reading() as session:
        contents = tasks_at(session, draft_of(session, row), list(tasks))
    for index in tasks:
        yield Row(
            round=row.id,
            task=index,
            content_hash=contents[index].content_hash,
            content=json.loads(contents[index].content),
            consensus=result.consensus[index],
            confidence=result.confidence[index],
            verdict=verdicts.get(index),
            votes=[counts.get(index, {}).get(k, 0) for k in range(len(result.label_counts))],
        )


def image(backend: Backend, digest: str) -> tuple[str, bytes] | None:
    """An image's media type and bytes, None when it is not stored (any more)."""
    with backend.database.reading() as session:
        found = session.get(StoredFile, digest)
        return None if found is None else (found.media_type, found.body)
