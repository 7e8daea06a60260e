"""A node's answers as what they mean. Raises SourceError, or ValueError where it says so, for what cannot be."""

from collections.abc import Iterable

import msgspec

from indexer.reorg import Header
from indexer.rpc import SourceError
from indexer.verify import Unproven, check_header
from indexer.wire import BLOCK, BlockJson, LogJson, small
from labelshare.chain.decode import Log


def text_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError as error:
        raise SourceError("the node answered with something else than text") from error


def block_of(raw: msgspec.Raw) -> BlockJson | None:
    """A header that hashes to its hash; None when the node has none."""
    try:
        block: BlockJson | None = BLOCK.decode(small(raw))
        if block is not None:
            check_header(block)
    except (msgspec.DecodeError, Unproven) as error:
        raise SourceError(f"the node's header cannot be: {error}") from error
    return block


def header_of(block: BlockJson) -> Header:
    return Header(int(block.number, 16), block.hash, block.parent_hash, int(block.timestamp, 16))


class _Numbers(dict[str, int]):
    """Hex numbers, each parsed once: logs repeat their blocks, times and places."""

    def __missing__(self, text: str) -> int:
        number = self[text] = int(text, 16)
        return number


def logs_of(logs: Iterable[LogJson], timestamp: int | None = None) -> list[Log]:
    """Raises ValueError for what is no number. `timestamp`: of their block, where it is known."""
    number = _Numbers()
    return [
        Log(
            log.address,
            log.topics,
            log.data,
            number[log.block_number],
            log.block_hash,
            log.transaction_hash,
            number[log.log_index],
            timestamp if log.block_timestamp is None or timestamp is not None else number[log.block_timestamp],
        )
        for log in logs
    ]
