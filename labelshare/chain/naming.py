"""How Solidity's names and types are written in Python: one place for the generator, the decoder and calldata. Pure."""

import re
from collections.abc import Mapping
from typing import Any


def snake(name: str) -> str:
    """The attribute of a Solidity member: `labelsRoot` is labels_root, `from` is from_ (a keyword otherwise)."""
    snaked = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("_")).lower()
    return "from_" if snaked == "from" else snaked


def canonical_type(argument: Mapping[str, Any]) -> str:
    """The type as selectors and topics spell it: `tuple[]` with components becomes `(uint256,bytes32)[]`."""
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    return f"({','.join(canonical_type(c) for c in argument['components'])}){argument['type'][5:]}"


def struct_name(argument: Mapping[str, Any]) -> str:
    """`struct ISettlement.Entry[]` is Entry."""
    return str(argument["internalType"]).split(".")[-1].split(" ")[-1].split("[")[0]


def user_account(address: str) -> str:
    """The Ledger's account of a user: their address, left-padded. As 0x hex, like the indexed address in a log's topic."""
    return "0x" + address[2:].rjust(64, "0")
