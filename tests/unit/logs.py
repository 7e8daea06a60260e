"""Logs as the contracts would emit them, encoded by their ABIs."""

from dataclasses import asdict, fields
from itertools import count
from typing import Any

from eth_abi import encode

from indexer.reorg import Header
from indexer.source import BlockRange
from labelshare.chain import CONTRACTS, Deployment, abi
from labelshare.chain.decode import Log
from labelshare.chain.events import Event


def address(number: int) -> str:
    return f"0x{number:040x}"


def word(number: int) -> str:
    return f"0x{number:064x}"


DEPLOYMENT = Deployment(31337, 1, {name: address(0xC0 + i) for i, name in enumerate(CONTRACTS)}, address(0x7EA))


def log_of(event: Event, block: int = 1, index: int = 0, fork: int = 0) -> Log:
    item = next(i for i in abi(event.CONTRACT) if i["type"] == "event" and event.__class__.__name__ == event.CONTRACT + i["name"])
    pairs = [(argument, solidity(getattr(event, f.name))) for argument, f in zip(item["inputs"], fields(event), strict=True)]
    topics = ["0x" + encode([kind(a)], [v]).hex() for a, v in pairs if a["indexed"]]
    data = encode([kind(a) for a, _ in pairs if not a["indexed"]], [v for a, v in pairs if not a["indexed"]])
    return Log(
        address=DEPLOYMENT.address(event.CONTRACT),
        topics=(event.TOPIC, *topics),
        data="0x" + data.hex(),
        block_number=block,
        block_hash=block_hash(block, fork),
        transaction_hash=word(block << 32 | index),
        log_index=index,
    )


def solidity(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return tuple(solidity(v) for v in asdict(value).values())
    if isinstance(value, tuple):
        return [solidity(v) for v in value]
    if isinstance(value, str) and value.startswith("0x") and len(value) != 42:
        return bytes.fromhex(value[2:])
    return value


def kind(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    return f"({','.join(kind(c) for c in argument['components'])}){argument['type'][5:]}"


def block_hash(number: int, fork: int = 0) -> str:
    return word(number | fork << 128)


def header(number: int, fork: int = 0, parent_fork: int | None = None) -> Header:
    parent = block_hash(number - 1, fork if parent_fork is None else parent_fork)
    return Header(number, block_hash(number, fork), parent, 1_700_000_000 + number)


def block_range(first: int, events: list[list[Event]], fork: int = 0) -> BlockRange:
    """One block for each list of events, from block `first` on."""
    headers, logs = [], []
    for number, in_block in enumerate(events, first):
        indexes = count()
        headers.append(header(number, fork))
        logs += [log_of(event, number, next(indexes), fork) for event in in_block]
    return BlockRange(tuple(headers), tuple(logs))
