"""What a node answers, as structs: parsed by msgspec in one pass, without the garbage collector. Hex stays hex until it is
needed."""

from typing import Any

import msgspec


def _plain(name: str) -> str:
    """A field as it stands in an answer whose letters were all made small: nodes may write hex with capitals."""
    return name.replace("_", "")


class Reply(msgspec.Struct, gc=False):
    """One answer of a JSON-RPC batch; `result` is parsed by whoever asked."""

    id: int
    result: msgspec.Raw = msgspec.Raw()
    error: dict[str, Any] | None = None


class LogJson(msgspec.Struct, gc=False, rename=_plain):
    """A log as eth_getLogs and eth_getBlockReceipts give it. Not every node gives the block's time with it."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


class ReceiptJson(msgspec.Struct, gc=False, rename=_plain):
    """A receipt, as far as its place in the receipts' trie depends on it."""

    transaction_hash: str
    block_hash: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[LogJson]
    status: str | None = None
    root: str | None = None
    type: str = "0x0"


class BlockJson(msgspec.Struct, gc=False, rename=_plain):
    """A block's header; the later fields came with hard forks, in this order."""

    number: str
    hash: str
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None


def small(answer: msgspec.Raw | bytes) -> bytes:
    """An answer of nothing but hex and known names, for the decoders below."""
    return bytes(answer).lower()


REPLIES = msgspec.json.Decoder(list[Reply])
LOGS = msgspec.json.Decoder(list[LogJson])
RECEIPTS = msgspec.json.Decoder(list[ReceiptJson] | None)
BLOCK = msgspec.json.Decoder(BlockJson | None)
