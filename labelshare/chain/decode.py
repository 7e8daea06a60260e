"""Logs to typed events. Pure: bytes in, frozen dataclasses out.

Events of plain words are cut out of the hex by generated slices; what is dynamic, or not in the plain form, is judged by its ABI.
"""

from binascii import unhexlify  # As bytes.fromhex, but for blanks, which it refuses.
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from eth_abi.base import parse_type_str
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as default_registry

from labelshare.chain import abi
from labelshare.chain.events import EVENTS, STRUCTS, Event
from labelshare.chain.naming import canonical_type, snake, struct_name
from labelshare.chain.slices import SLICES


class MalformedLog(ValueError):
    """A log of a known contract and topic does not decode by its ABI."""


class Log(msgspec.Struct, frozen=True, gc=False):
    """A raw log as JSON-RPC gives it, hex strings in lower case. `timestamp`: of its block, unix seconds, where the node says
    it."""

    address: str
    topics: Sequence[str]
    data: str
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int
    timestamp: int | None = None


def decode(contract: str, log: Log) -> Event | None:
    """The event of a log emitted by `contract`; None for a topic it does not know. Raises MalformedLog."""
    kind = EVENTS.get((contract, log.topics[0])) if log.topics else None
    if kind is None:
        return None
    return (cut(kind, log) if is_hex(log) else None) or decode_by_abi(contract, kind, log)


def cut(kind: type[Event], log: Log) -> Event | None:
    """The event by its generated slices, of a log that `is_hex`; None when it has none or is not in the plain form."""
    slices = SLICES.get(kind)
    return None if slices is None else slices(log.topics, log.data)


def is_hex(log: Log) -> bool:
    """Whether the topics are words and the data whole bytes, all of lowercase hex: what the slices take for granted."""
    try:
        raw_topics(log), raw_data(log)
    except ValueError:
        return False
    return True


def raw_topics(log: Log) -> bytes:
    """The topics, one after the other. Raises ValueError."""
    words = ""
    for topic in log.topics:
        if len(topic) != 66 or topic[:2] != "0x":
            raise ValueError("a topic is no word")
        words += topic[2:]
    return unhexlify(words)


def raw_data(log: Log) -> bytes:
    """Raises ValueError."""
    data = log.data
    if data[:2] != "0x":
        raise ValueError("the data are no hex")
    return unhexlify(data[2:])


def decode_by_abi(contract: str, kind: type[Event], log: Log) -> Event:
    """The event as eth_abi reads it: for dynamic types, and for the slices the oracle. Raises MalformedLog."""
    inputs = _inputs(contract, kind.__name__[len(contract) :])
    indexed = [i for i in inputs if i["indexed"]]
    plain = [i for i in inputs if not i["indexed"]]
    try:
        topics = zip(indexed, log.topics[1:], strict=True)
        values = {i["name"]: _DECODER.decode([canonical_type(i)], bytes.fromhex(topic[2:]))[0] for i, topic in topics}
        decoded = _DECODER.decode([canonical_type(i) for i in plain], bytes.fromhex(log.data[2:]))
        values |= {i["name"]: value for i, value in zip(plain, decoded, strict=True)}
    except (DecodingError, ValueError, OverflowError) as error:
        raise MalformedLog(f"{kind.__name__} in transaction {log.transaction_hash}, log {log.log_index}: {error}") from error
    return kind(**{snake(i["name"]): _python(i, values[i["name"]]) for i in inputs})


@cache
def _inputs(contract: str, event: str) -> list[dict[str, Any]]:
    return next(item["inputs"] for item in abi(contract) if item["type"] == "event" and item["name"] == event)


def _python(argument: Mapping[str, Any], value: Any) -> Any:
    kind = argument["type"]
    if kind.endswith("[]"):
        inner = {**argument, "type": kind[:-2]}
        return tuple(_python(inner, item) for item in value)
    if kind == "tuple":
        return _struct(argument, value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if kind == "string":
        return str(value).replace("\0", "\\x00")  # PostgreSQL's text holds no NUL.
    return value.lower() if kind == "address" else value


def _struct(argument: Mapping[str, Any], values: Sequence[Any]) -> Any:
    members = argument["components"]
    return STRUCTS[struct_name(argument)](**{snake(c["name"]): _python(c, v) for c, v in zip(members, values, strict=True)})


class _LenientStringDecoder(StringDecoder):
    """Any bytes may stand in a Solidity string: a user's odd one must not stop whoever follows the chain."""

    @parse_type_str("string")  # type: ignore[no-untyped-call, untyped-decorator]
    def from_type_str(cls, _abi_type: Any, _registry: Any) -> Any:
        return cls(handle_string_errors="backslashreplace")  # type: ignore[call-arg]


def _decoder() -> ABIDecoder:
    registry = default_registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister_decoder("string")
    registry.register_decoder(BaseEquals("string"), _LenientStringDecoder, label="string")  # type: ignore[no-untyped-call]
    return ABIDecoder(registry)


_DECODER = _decoder()
