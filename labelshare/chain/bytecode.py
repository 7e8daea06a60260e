"""The exact code that a contract must have on chain, and how it got there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from labelshare.chain.rpc import Rpc

GAS = 29_000_000  # below the cap of nodes on eth_call


@dataclass(frozen=True)
class Creation:
    """How the manifest says that a contract was made: its constructor's arguments in ABI coding, and the hash of the creation code
    with them."""

    arguments: bytes
    hash: bytes


def creation_hash(creation_code: bytes) -> bytes:
    return keccak(creation_code)


def runtime_code(rpc: Rpc, address: str, creation_code: bytes, others: dict[str, Any] | None = None) -> bytes:
    """The code that `creation_code` with its arguments leaves at `address`, every immutable included.

    The node runs the constructor as if it stood at the address itself, with empty storage: so what the code keeps of its own
    address (EIP-712's domain) is right too. `others`: state overrides of other accounts. Raises RpcError when the node does not
    take state overrides in eth_call, or the constructor reverts.
    """
    overrides = {**(others or {}), address: {"code": "0x" + creation_code.hex(), "state": {}}}
    return bytes.fromhex(rpc.call("eth_call", {"to": address, "gas": hex(GAS)}, "latest", overrides)[2:])


def creations(manifest: Path) -> dict[str, Creation]:
    """By contract name; empty for a manifest that records none."""
    recorded = json.loads(manifest.read_text()).get("creations", {})
    return {name: Creation(bytes.fromhex(c["arguments"][2:]), bytes.fromhex(c["hash"][2:])) for name, c in recorded.items()}


def without_metadata(code: bytes) -> bytes:
    """The code without the CBOR map that solc appends (it hashes sources and settings; its length is in the last two bytes)."""
    return code[: -int.from_bytes(code[-2:], "big") - 2]
