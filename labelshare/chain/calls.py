"""Calldata from JSON-friendly arguments, by the contracts' ABIs. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from labelshare.chain import CONTRACTS, abi
from labelshare.chain.naming import canonical_type


def call_data(contract: str, function: str, arguments: Sequence[Any]) -> bytes:
    """Selector and arguments. Integers may be decimal strings, bytes 0x hex, structs lists in member order.

    Raises ValueError when the function is unknown or the arguments do not fit it.
    """
    item = _function(contract, function)
    inputs = item["inputs"]
    if len(inputs) != len(arguments):
        raise ValueError(f"{contract}.{function} takes {len(inputs)} arguments, got {len(arguments)}")
    types = [canonical_type(i) for i in inputs]
    selector = keccak(text=f"{function}({','.join(types)})")[:4]
    return selector + abi_encode(types, [_python(i, value) for i, value in zip(inputs, arguments, strict=True)])


def error_name(data: bytes) -> str:
    """The custom error of revert data, by any contract's ABI: `StillUnbonding`; hex when unknown."""
    return _errors().get(data[:4], "0x" + data[:4].hex())


@cache
def _errors() -> dict[bytes, str]:
    found = {}
    for contract in CONTRACTS:
        for item in abi(contract):
            if item["type"] == "error":
                signature = f"{item['name']}({','.join(canonical_type(i) for i in item['inputs'])})"
                found[keccak(text=signature)[:4]] = str(item["name"])
    return found


@cache
def _function(contract: str, function: str) -> dict[str, Any]:
    for item in abi(contract):
        if item["type"] == "function" and item["name"] == function:
            return item
    raise ValueError(f"{contract} has no function {function}")


def _python(argument: dict[str, Any], value: Any) -> Any:
    kind = argument["type"]
    if kind.endswith("[]"):
        inner = {**argument, "type": kind[:-2]}
        return [_python(inner, item) for item in value]
    if kind == "tuple":
        return tuple(_python(c, v) for c, v in zip(argument["components"], value, strict=True))
    if kind.startswith("uint"):
        return int(value)
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value
