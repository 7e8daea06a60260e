"""The chain, over JSON-RPC: headers and logs, checked to belong together.

Three ways to read, by how much is believed:
- `proven`: every header is hashed anew and linked to its parent, every receipt that may hold a log of ours is proven by the
  header's receipts root. The node can withhold blocks, nothing else. The window at the head is always read so, with
  LABELSHARE_VERIFY=all the backfill, too.
- `claimed`: eth_getLogs over a range, with the range's first and last header. For a backfill from a node of one's own: what it
  leaves out, the audit finds.
- `VERIFY=off` reads the head by eth_getLogs too, for nodes without eth_getBlockReceipts; headers are still hashed and linked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import httpx
import msgspec

from indexer.models.base import LOG_BITS
from indexer.reorg import Header, linked
from indexer.rpc import LIMIT, Call, Rpc, SourceError, TooMuch
from indexer.verify import Unproven, bloom_mask, check_header, check_receipts
from indexer.wire import BLOCK, LOGS, RECEIPTS, BlockJson, LogJson, small
from labelshare.chain import Deployment
from labelshare.chain.decode import Log

RANGE_LIMIT = 4_000_000  # Bytes of a range's logs: an order more than a window is sized for.

__all__ = ["BlockRange", "ChainMoved", "Source", "SourceError", "TooMuch", "View", "WrongChain"]


class WrongChain(Exception):
    """The node follows another chain than the deployment's, or its contracts are not there; the message says what to do."""


class ChainMoved(SourceError):
    """The chain was reorganized while a range was read."""


@dataclass(frozen=True)
class BlockRange:
    """All logs of the blocks first to last, in order, and headers: of every block when proven, else of those with logs and of the
    first and the last. `size`: bytes that the node sent."""

    headers: tuple[Header, ...]
    logs: Sequence[Log]
    size: int = 0

    @property
    def first(self) -> Header:
        return self.headers[0]

    @property
    def last(self) -> Header:
        return self.headers[-1]


@dataclass(frozen=True)
class View:
    """Where the chain stands. `at`: the block of the number asked for, None when there is none. `safe`, `finalized`: block
    numbers."""

    head: Header
    at: Header | None
    safe: int
    finalized: int


class Source:
    """One node. Every method raises SourceError when the node fails, or says what cannot be.

    `finality`: None for what the node calls safe and finalized, else how many blocks below the head are final (and safe).
    `receipts`: whether logs at the head are proven by the block's receipts.
    """

    def __init__(
        self,
        url: str,
        addresses: Iterable[str],
        timeout: float = 20,
        finality: int | None = None,
        receipts: bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._rpc = Rpc(url, timeout, transport)
        self._addresses = sorted(addresses)
        self._known = set(self._addresses)
        self._masks = [bloom_mask(bytes.fromhex(address[2:])) for address in self._addresses]
        self._finality, self._receipts = finality, receipts

    def close(self) -> None:
        self._rpc.close()

    def check(self, deployment: Deployment) -> None:
        """Raises WrongChain when the node does not have this deployment."""
        chain_id = int(_parsed(self._rpc.call("eth_chainId"), str), 16)
        if chain_id != deployment.chain_id:
            raise WrongChain(
                f"The node is on chain {chain_id}, the manifest is of chain {deployment.chain_id}. "
                "Set LABELSHARE_RPC_URL to a node of that chain, or LABELSHARE_MANIFEST to another deployment."
            )
        names = list(deployment.contracts)
        codes = self._rpc.batch([("eth_getCode", [deployment.contracts[name], "latest"]) for name in names])
        missing = [name for name, code in zip(names, codes, strict=True) if bytes(code) in (b'"0x"', b"null")]
        if missing:
            raise WrongChain(
                f"No code on chain {chain_id} at the manifest's {', '.join(missing)}. Deploy (scripts/brownie run deploy), or set "
                "LABELSHARE_MANIFEST to the manifest of what is deployed there."
            )

    # Headers

    def view(self, number: int | None) -> View:
        """Raises WrongChain when the node does not know what is final and no setting says it."""
        calls: list[Call] = [_block_call("latest")]
        calls += [_block_call(hex(number))] if number is not None else []
        calls += [_block_call("safe"), _block_call("finalized")] if self._finality is None else []
        try:
            answers = [_block(raw) for raw in self._rpc.post(calls)]
        except TooMuch:
            raise
        except SourceError as error:
            if "eth_getBlockByNumber" in str(error) and "refused" in str(error):
                raise SourceError(
                    f"{error}. If it does not know which block is final, set LABELSHARE_FINALITY to a number of blocks"
                ) from error
            raise
        if answers[0] is None:
            raise SourceError("the node has no latest block")
        head = _header(answers[0])
        at = answers[1] if number is not None else None
        if at is not None and int(at.number, 16) != number:
            raise SourceError(f"the node gave block {int(at.number, 16)} for block {number}")
        if at is None and number is not None and head.number >= number:
            raise SourceError(f"the node has block {head.number} and not block {number}")
        safe, finalized = self._final(head, answers[-2:])
        return View(head, _header(at) if at is not None else None, safe, finalized)

    def _final(self, head: Header, answers: Sequence[BlockJson | None]) -> tuple[int, int]:
        if self._finality is not None:
            return (max(0, head.number - self._finality),) * 2
        safe, finalized = (int(block.number, 16) if block is not None else 0 for block in answers)
        if not finalized <= safe <= head.number:
            raise SourceError(f"the node's finalized block {finalized}, safe block {safe} and head {head.number} are in no order")
        return safe, finalized

    def header(self, number: int) -> Header | None:
        """None when the node has no block of this number."""
        block = _block(self._rpc.post([_block_call(hex(number))])[0])
        if block is not None and int(block.number, 16) != number:
            raise SourceError(f"the node gave block {int(block.number, 16)} for block {number}")
        return None if block is None else _header(block)

    def block_hash(self, number: int) -> str | None:
        header = self.header(number)
        return header.hash if header else None

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        return [_header(block) for block in self._blocks(numbers)]

    def _blocks(self, numbers: Sequence[int]) -> list[BlockJson]:
        blocks = []
        for number, raw in zip(numbers, self._rpc.batch([_block_call(hex(number)) for number in numbers]), strict=True):
            block = _block(raw)
            if block is None:
                raise ChainMoved(f"block {number} is not there any more")
            if int(block.number, 16) != number:
                raise SourceError(f"the node gave block {int(block.number, 16)} for block {number}")
            blocks.append(block)
        return blocks

    # Blocks with their logs

    def proven(self, first: int, last: int) -> BlockRange:
        """Blocks first to last of one chain, every one proven. Raises ChainMoved when it changed meanwhile."""
        return self.prove(self._blocks(range(first, last + 1)))

    def prove(self, blocks: Sequence[BlockJson]) -> BlockRange:
        """The logs of these blocks, whose headers were checked, neighbours all."""
        headers = [_header(block) for block in blocks]
        if not linked(headers):
            raise ChainMoved(f"the chain changed while blocks {headers[0].number} to {headers[-1].number} were read")
        full = [block for block in blocks if self._may_hold(block)]
        logs: list[Log] = []
        size = 0
        for block, raw in zip(full, self._rpc.batch([self._logs_call(block) for block in full]), strict=True):
            size += len(bytes(raw))
            logs += self._logs_of(block, raw)
        return BlockRange(tuple(headers), logs, size)

    def _may_hold(self, block: BlockJson) -> bool:
        bits = int(block.logs_bloom, 16)
        return any(bits & mask == mask for mask in self._masks)

    def _logs_call(self, block: BlockJson) -> Call:
        if self._receipts:
            return "eth_getBlockReceipts", [block.number]
        return "eth_getLogs", [{"blockHash": block.hash, "address": self._addresses}]

    def _logs_of(self, block: BlockJson, raw: msgspec.Raw) -> list[Log]:
        timestamp = int(block.timestamp, 16)
        try:
            if not self._receipts:
                logs = _logs(LOGS.decode(small(raw)), timestamp)
                if any(log.block_hash != block.hash for log in logs):
                    raise ChainMoved(f"block {block.number} changed while its logs were read")
                return self._ordered(logs)
            receipts = RECEIPTS.decode(small(raw))
            if receipts is None:
                raise ChainMoved(f"block {block.number} is not there any more")
            check_receipts(block, receipts)
        except (msgspec.DecodeError, Unproven, ValueError) as error:
            raise SourceError(f"the node's logs cannot be: {error}") from error
        return _logs((log for receipt in receipts for log in receipt.logs if log.address in self._known), timestamp)

    def claimed(self, first: int, last: int) -> BlockRange:
        """Blocks first to last by eth_getLogs, as the node says."""
        where = {"fromBlock": hex(first), "toBlock": hex(last), "address": self._addresses}
        limit = LIMIT if first == last else RANGE_LIMIT
        low, high, raw = self._rpc.post([_block_call(hex(first)), _block_call(hex(last)), ("eth_getLogs", [where])], limit)
        size = self._rpc.received
        try:
            logs = _logs(LOGS.decode(small(raw)))
        except (msgspec.DecodeError, ValueError) as error:
            raise SourceError(f"the node's logs cannot be: {error}") from error
        logs = self._ordered(logs)
        headers = self._frame(first, last, low, high)
        for number, block_hash, timestamp in self._stamped(logs):
            known = headers.setdefault(number, Header(number, block_hash, "", timestamp))
            if known.hash != block_hash:
                raise ChainMoved(f"the chain changed while blocks {first} to {last} were read")
        if min(headers) < first or max(headers) > last:
            raise SourceError(f"the node gave logs outside blocks {first} to {last}")
        return BlockRange(tuple(headers[number] for number in sorted(headers)), logs, size)

    def _ordered(self, logs: list[Log]) -> list[Log]:
        """Logs by their place, each once, of our contracts. Raises SourceError for what was not asked for."""
        places = [log.block_number << LOG_BITS | log.log_index for log in logs]
        if any(high <= low for low, high in pairwise(places)):
            logs = sorted(logs, key=_place)
            if len(set(places)) != len(places):
                raise SourceError("the node gave a log twice")
        if not self._known.issuperset({log.address for log in logs}) or any(log.log_index >> LOG_BITS for log in logs):
            raise SourceError("the node gave a log that was not asked for")
        return logs

    def _frame(self, first: int, last: int, *raw: msgspec.Raw) -> dict[int, Header]:
        ends = [_block(answer) for answer in raw]
        if ends[0] is None or ends[1] is None:
            raise ChainMoved(f"blocks {first} to {last} are not there any more")
        headers = {header.number: header for header in (_header(end) for end in ends if end is not None)}
        if set(headers) != {first, last}:
            raise SourceError(f"the node gave blocks {sorted(headers)} for blocks {first} and {last}")
        return headers

    def _stamped(self, logs: Sequence[Log]) -> list[tuple[int, str, int]]:
        """Number, hash and time of the blocks of logs; the time is asked for where the node does not say it with the log."""
        blocks = {log.block_number: log for log in logs}
        unknown = [number for number, log in blocks.items() if log.timestamp is None]
        times = {header.number: header.timestamp for header in self.headers(unknown)}
        return [(n, log.block_hash, times[n] if log.timestamp is None else log.timestamp) for n, log in sorted(blocks.items())]


def _place(log: Log) -> tuple[int, int]:
    return log.block_number, log.log_index


def _block_call(tag: str) -> Call:
    return "eth_getBlockByNumber", [tag, False]


def _parsed(raw: msgspec.Raw, kind: type[str]) -> str:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise SourceError("the node answered with something else than text") from error


def _block(raw: msgspec.Raw) -> BlockJson | None:
    """A header that hashes to its hash; None when the node has none."""
    try:
        block: BlockJson | None = BLOCK.decode(small(raw))
        if block is not None:
            check_header(block)
    except (msgspec.DecodeError, Unproven) as error:
        raise SourceError(f"the node's header cannot be: {error}") from error
    return block


def _header(block: BlockJson) -> Header:
    return Header(int(block.number, 16), block.hash, block.parent_hash, int(block.timestamp, 16))


class _Numbers(dict[str, int]):
    """Hex numbers, each parsed once: logs repeat their blocks, times and places."""

    def __missing__(self, text: str) -> int:
        number = self[text] = int(text, 16)
        return number


def _logs(logs: Iterable[LogJson], timestamp: int | None = None) -> list[Log]:
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
