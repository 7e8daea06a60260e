"""Raw events of the mirror as views: decoded, with topic, dataset, round, accounts and transaction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import Session

from backend.explorer.schemas import EventView
from indexer.models import Block, RawEvent, Round, position
from indexer.models.base import LOG_BITS
from labelshare.chain import Deployment
from labelshare.chain.decode import Log, decode
from labelshare.chain.events import EVENTS, Event

TOPICS: dict[str, tuple[str, ...]] = {
    "submission": (
        "LabelRegistrySubmissionAccepted",
        "LabelRegistrySubmissionSkipped",
        "LabelRegistryOpenResolved",
        "LabelRegistrySessionRegistered",
        "LabelRegistrySessionRevoked",
    ),
    "round": (
        "LabelRegistryRoundOpened",
        "LabelRegistryRoundClosed",
        "LabelRegistryRoundVoid",
        "LabelRegistryRoundSettled",
    ),
    "audit": (
        "AuditBoardAuditStarted",
        "AuditBoardPanelDrawn",
        "AuditBoardBallotCommitted",
        "AuditBoardRevealOpened",
        "AuditBoardBallotRevealed",
        "AuditBoardAuditConcluded",
        "AuditBoardValidatorSilent",
        "AuditBoardSeedMissed",
        "AuditBoardOpenAttested",
    ),
    "settlement": (
        "SettlementSettlementProposed",
        "SettlementChunkPublished",
        "SettlementChallengeWindowOpened",
        "SettlementSettlementFinalized",
        "SettlementChunkPaid",
        "SettlementSettlementDistributed",
        "SettlementProposalExpired",
        "SettlementSettlementSuspended",
        "SettlementSettlementUpheld",
        "SettlementSettlementOverturned",
        "SettlementSettlementHung",
        "SettlementExitStarted",
        "SettlementExited",
    ),
    "dispute": (
        "JuryChallenged",
        "JuryJuryCalled",
        "JuryJuryDrawn",
        "JuryBallotCommitted",
        "JuryVerdictRevealed",
        "JuryDisputeDecided",
        "JuryBondSplit",
        "JuryJurorDissented",
        "JuryValidatorSilent",
    ),
    "dataset": (
        "DatasetRegistryDatasetCreated",
        "DatasetRegistryEscrowReserved",
        "DatasetRegistryEscrowSettled",
        "DatasetRegistryFreeWithdrawn",
    ),
    "sale": (
        "DatasetMarketLicenseSold",
        "DatasetMarketPriceSet",
    ),
    "revenue": (
        "DatasetSharesRevenueAdded",
        "DatasetSharesRevenuePaid",
        "DatasetSharesSharesFinalized",
        "DatasetSharesTransferSingle",
    ),
    "stake": (
        "StakingSeatJoined",
        "StakingSeatLeft",
        "StakingSeatCollected",
        "StakingSlashed",
        "StakingSuspended",
        "StakingResumed",
    ),
    "money": (
        "LedgerDeposited",
        "LedgerWithdrawn",
    ),
}
TOPIC_OF = {name: topic for topic, names in TOPICS.items() for name in names}
HASHES = {kind.__name__: topic_hash for (_, topic_hash), kind in EVENTS.items()}
PAGE = 500
WORD = 32  # bytes of a topic
MOST_LOGS = (1 << LOG_BITS) - 1
MOST_BLOCKS = (1 << 42) - 1
MOST_SCANNED = 10_000

Key = tuple[int, int]


class Feed:
    """Reads the events of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._names = {address: name for name, address in deployment.contracts.items()}

    def page(
        self, session: Session, topic: str | None, wanted: Callable[[EventView], bool], before: Key | None, limit: int
    ) -> tuple[list[EventView], Key | None]:
        """The newest events of a topic (None: all) before a key that are wanted, and the key to go on from, None at the end."""
        found: list[EventView] = []
        for _ in range(MOST_SCANNED // PAGE):
            query = self._of(topic).order_by(RawEvent.position.desc()).limit(PAGE)
            if before is not None:
                query = query.where(RawEvent.position < _position(before))
            rows = session.execute(query).all()
            for view in self._views(session, rows):
                if wanted(view):
                    if len(found) == limit:
                        return found, _key(found[-1])
                    found.append(view)
            if len(rows) < PAGE:
                return found, None
            before = _place(rows[-1][0])
        return found, before

    def after(self, session: Session, key: Key, limit: int = PAGE) -> list[EventView]:
        """The next events after a key, in the chain's order."""
        query = self._of(None).where(RawEvent.position > _position(key))
        rows = session.execute(query.order_by(RawEvent.position).limit(limit)).all()
        return list(self._views(session, rows))

    def _of(self, topic: str | None) -> Any:
        names = TOPICS[topic] if topic else TOPIC_OF
        first = func.substr(RawEvent.topics, 1, WORD, type_=LargeBinary)
        wanted = first.in_(sorted({bytes.fromhex(HASHES[name][2:]) for name in names}))
        at = RawEvent.position.op(">>")(LOG_BITS)
        return select(RawEvent, Block.timestamp).outerjoin(Block, Block.number == at).where(wanted)

    def _views(self, session: Session, rows: Sequence[tuple[RawEvent, int | None]]) -> Iterator[EventView]:
        views = [view for row, timestamp in rows if (view := self._view(row, timestamp)) is not None]
        rounds = {view.round for view in views if view.round is not None and view.dataset is None}
        datasets = dict(session.execute(select(Round.id, Round.dataset).where(Round.id.in_(rounds))).all())
        for view in views:
            yield view.model_copy(update={"dataset": datasets.get(view.round)}) if view.round in datasets else view

    def _view(self, row: RawEvent, timestamp: int | None) -> EventView | None:
        block, index = _place(row)
        log = Log(
            address="0x" + row.address.hex(),
            topics=tuple("0x" + row.topics[i : i + WORD].hex() for i in range(0, len(row.topics), WORD)),
            data="0x" + row.data.hex(),
            block_number=block,
            block_hash="",
            transaction_hash="0x" + row.transaction_hash.hex(),
            log_index=index,
        )
        contract = self._names.get(log.address)
        event = decode(contract, log) if contract else None
        if event is None or contract is None or type(event).__name__ not in TOPIC_OF:
            return None  # a topic's hash may be that of another contract's event
        return view_of(contract, event, log, timestamp)


def view_of(contract: str, event: Event, log: Log, timestamp: int | None) -> EventView:
    """A decoded event as it is shown."""
    name = type(event).__name__
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    dataset = values.get("dataset", values.get("id") if name.startswith("DatasetSharesTransfer") else None)
    return EventView(
        id=f"{log.block_number}-{log.log_index}",
        topic=TOPIC_OF[name],
        name=name.removeprefix(contract),
        contract=contract,
        block=log.block_number,
        log_index=log.log_index,
        timestamp=timestamp,
        tx_hash=log.transaction_hash,
        dataset=_small(dataset),
        round=_small(values.get("round")),
        accounts=sorted(set(_accounts(values))),
        fields={key: _plain(value) for key, value in values.items()},
    )


def _small(value: Any) -> int | None:
    """An id; users may emit nonsense of up to 2^256."""
    return value if isinstance(value, int) and value < 1 << 53 else None


def _accounts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _accounts(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _accounts(item)
    elif is_dataclass(value):
        for f in fields(value):
            yield from _accounts(getattr(value, f.name))


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _place(row: RawEvent) -> Key:
    """Block and log index of a raw event."""
    return row.position >> LOG_BITS, row.position & MOST_LOGS


def _position(key: Key) -> int:
    """Where a key is in the chain; what lies beyond all blocks is the end."""
    return position(min(key[0], MOST_BLOCKS), min(key[1], MOST_LOGS))


def _key(view: EventView) -> Key:
    return view.block, view.log_index
