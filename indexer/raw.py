"""Raw events: logs as rows of bytes, and back."""

from binascii import unhexlify
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from indexer.models import RawEvent
from indexer.models.base import LOG_BITS
from indexer.rows import Values
from labelshare.chain.decode import Log, MalformedLog, raw_data, raw_topics

PAGE = 5_000


def raw_rows(logs: Iterable[Log]) -> list[Values]:
    """Raises MalformedLog for a log that is no hex."""
    raw = _Bytes()
    try:
        return [
            (
                log.block_number << LOG_BITS | log.log_index,
                raw[log.transaction_hash],
                raw[log.address],
                raw_topics(log),
                raw_data(log),
            )
            for log in logs
        ]
    except ValueError as error:
        raise MalformedLog(f"a log is no hex: {error}") from error


class _Bytes(dict[str, bytes]):
    """Hex texts as bytes, each parsed once: logs repeat their contracts and transactions."""

    def __missing__(self, text: str) -> bytes:
        value = self[text] = unhexlify(text[2:])
        return value


def stored_logs(connection: Connection) -> Iterator[Log]:
    """The raw events in the chain's order, read page by page."""
    last = -1
    while True:
        page = connection.execute(
            select(RawEvent.__table__).where(RawEvent.position > last).order_by(RawEvent.position).limit(PAGE)
        ).all()
        yield from map(_log, page)
        if len(page) < PAGE:
            return
        last = page[-1].position


def _log(row: Any) -> Log:
    topics = row.topics.hex()
    return Log(
        address="0x" + row.address.hex(),
        topics=["0x" + topics[i : i + 64] for i in range(0, len(topics), 64)],
        data="0x" + row.data.hex(),
        block_number=row.position >> LOG_BITS,
        block_hash="",
        transaction_hash="0x" + row.transaction_hash.hex(),
        log_index=row.position & (1 << LOG_BITS) - 1,
    )
