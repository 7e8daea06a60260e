"""What a provider cannot make up: a header's hash, and the receipts its root stands for. Pure.

A header is the preimage of its hash, so a verified hash says that every field of it is the chain's; its receipts root is the root
of a Merkle-Patricia trie of all receipts, so verified receipts are neither dropped, nor doubled, nor foreign, nor in another
order. What remains to be believed is which chain of headers is the right one.
"""

from binascii import unhexlify  # As bytes.fromhex, but for blanks, which it refuses.
from collections.abc import Sequence
from functools import lru_cache

from indexer.wire import BlockJson, LogJson, ReceiptJson
from labelshare.rules.keccak import keccak

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")


class Unproven(ValueError):
    """What the node says is not what the block's hash stands for; the message says where they part."""


def check_header(block: BlockJson) -> None:
    """Raises Unproven when the header's hash is not its own."""
    try:
        computed = "0x" + keccak(rlp(header_fields(block))).hex()
    except ValueError as error:
        raise Unproven(f"block {block.number}: a field of the header is no hex") from error
    if computed != block.hash:
        raise Unproven(f"block {int(block.number, 16)}: the header hashes to {computed}, the node says {block.hash}")


def header_fields(block: BlockJson) -> list[bytes]:
    """The header as the chain hashes it: numbers without leading zeros, the rest as bytes; no field after the first missing one."""
    first = [_bytes(x) for x in (block.parent_hash, block.sha3_uncles, block.miner, block.state_root, block.transactions_root)]
    first += [_bytes(block.receipts_root), _bytes(block.logs_bloom)]
    first += [_number(x) for x in (block.difficulty, block.number, block.gas_limit, block.gas_used, block.timestamp)]
    first += [_bytes(x) for x in (block.extra_data, block.mix_hash, block.nonce)]
    later = [
        (block.base_fee_per_gas, _number),
        (block.withdrawals_root, _bytes),
        (block.blob_gas_used, _number),
        (block.excess_blob_gas, _number),
        (block.parent_beacon_block_root, _bytes),
        (block.requests_hash, _bytes),
    ]
    return first + [convert(value) for value, convert in later if value is not None]


def check_receipts(block: BlockJson, receipts: Sequence[ReceiptJson]) -> None:
    """Raises Unproven unless these are all receipts of the block, in order. The header must have been checked."""
    try:
        root = "0x" + ordered_root([receipt_bytes(receipt) for receipt in receipts]).hex()
        number = int(block.number, 16)
        index = 0
        for receipt in receipts:
            for log in receipt.logs:
                placed = (int(log.log_index, 16), log.transaction_hash, log.block_hash)
                if placed != (index, receipt.transaction_hash, block.hash) or log.removed or int(log.block_number, 16) != number:
                    raise Unproven(f"block {number}: log {index} is said to be elsewhere")
                index += 1
    except Unproven:
        raise
    except ValueError as error:
        raise Unproven(f"block {block.number}: a receipt is no hex") from error
    if root != block.receipts_root:
        raise Unproven(f"block {number}: its receipts have the root {root}, its header says {block.receipts_root}")


def receipt_bytes(receipt: ReceiptJson) -> bytes:
    """A receipt as the trie holds it (EIP-2718: the type, then the list; nothing before it for the oldest type)."""
    outcome = _bytes(receipt.root) if receipt.status is None and receipt.root else _number(receipt.status or "0x0")
    logs = b"".join(_log_bytes(log) for log in receipt.logs)
    body = rlp_string(outcome) + rlp_string(_number(receipt.cumulative_gas_used)) + rlp_string(_bytes(receipt.logs_bloom))
    payload = body + _head(len(logs), 0xC0) + logs
    kind = int(receipt.type, 16)
    return (bytes([kind]) if kind else b"") + _head(len(payload), 0xC0) + payload


def _log_bytes(log: LogJson) -> bytes:
    """Put together as text, and read as hex once: this is most of what proving costs."""
    address, data, topics = log.address, log.data, ""
    if len(address) != 42 or address[:2] != "0x" or data[:2] != "0x":
        raise ValueError(f"{address[:80]!r} is no address, or {data[:80]!r} is no 0x hex")
    for topic in log.topics:
        if len(topic) != 66 or topic[:2] != "0x":
            raise ValueError(f"{topic[:80]!r} is no topic")
        topics += "a0" + topic[2:]
    text = data[2:] if len(data) == 4 and data[2] < "8" else _head_text(len(data) // 2 - 1, 0x80) + data[2:]
    payload = "94" + address[2:] + _head_text(len(topics) // 2, 0xC0) + topics + text
    return unhexlify(_head_text(len(payload) // 2, 0xC0) + payload)


def bloom_mask(item: bytes) -> int:
    """The three bits that an address or topic sets in a bloom."""
    digest = keccak(item)
    return sum({1 << (int.from_bytes(digest[i : i + 2], "big") & 2047) for i in (0, 2, 4)})


# RLP and the trie of a list


def rlp(items: Sequence[bytes]) -> bytes:
    payload = b"".join(rlp_string(item) for item in items)
    return _head(len(payload), 0xC0) + payload


def rlp_string(item: bytes) -> bytes:
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _head(len(item), 0x80) + item


def _head(length: int, offset: int) -> bytes:
    return unhexlify(_head_text(length, offset))


@lru_cache(4_096)
def _head_text(length: int, offset: int) -> str:
    if length < 56:
        return f"{offset + length:02x}"
    size = (length.bit_length() + 7) // 8
    return f"{offset + 55 + size:02x}{length:0{2 * size}x}"


def ordered_root(items: Sequence[bytes]) -> bytes:
    """The root of the Merkle-Patricia trie that maps rlp(index) to item, as headers hold it for transactions and receipts."""
    if not items:
        return EMPTY_ROOT
    keys = (rlp_string(index.to_bytes((index.bit_length() + 7) // 8, "big")) for index in range(len(items)))
    return keccak(_node(sorted((key.hex(), item) for key, item in zip(keys, items, strict=True)), 0))


def _node(leaves: Sequence[tuple[str, bytes]], depth: int) -> bytes:
    """The RLP of the node over these leaves, sorted by key; all share their keys' first `depth` nibbles, and none is a prefix of
    another."""
    first, last = leaves[0][0], leaves[-1][0]
    if len(leaves) == 1:
        return rlp([_path(first[depth:], True), leaves[0][1]])
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return _list([rlp_string(_path(first[depth:shared], False)), _reference(_node(leaves, shared))])
    children = [b"\x80"] * 17
    start = 0
    while start < len(leaves):
        nibble = leaves[start][0][depth]
        end = start
        while end < len(leaves) and leaves[end][0][depth] == nibble:
            end += 1
        children[int(nibble, 16)] = _reference(_node(leaves[start:end], depth + 1))
        start = end
    return _list(children)


def _list(encoded: Sequence[bytes]) -> bytes:
    payload = b"".join(encoded)
    return _head(len(payload), 0xC0) + payload


def _reference(node: bytes) -> bytes:
    """How a parent names a child: by itself when it is short, by its hash otherwise."""
    return node if len(node) < 32 else rlp_string(keccak(node))


def _path(nibbles: str, leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    return unhexlify(f"{flag + 1:x}{nibbles}" if len(nibbles) % 2 else f"{flag:x}0{nibbles}")


def _bytes(value: str) -> bytes:
    if value[:2] != "0x":
        raise ValueError(f"{value[:80]!r} is no 0x hex")
    return unhexlify(value[2:])


def _number(value: str) -> bytes:
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
