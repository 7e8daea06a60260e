"""The comparison of code on chain with the local build, with a node that says what it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak

from labelshare.chain.bytecode import DIFFERS, MISSING, NOT_COMPARED, SAME, Comparison, compare

ADDRESS, TOKEN, TREASURY = ("0x" + f"{n:02x}" * 20 for n in (0x11, 0x22, 0x33))
METADATA = b"\xa1\x64ipfs\x41"
CODE = b"\x60\x01\x60\x02" + METADATA + b"\x00\x00" + len(METADATA + b"\x00\x00").to_bytes(2, "big")
CREATION = "6001"
ABI = [
    {
        "type": "constructor",
        "inputs": [
            {
                "name": "protocol",
                "type": "tuple",
                "components": [{"name": "token", "type": "address"}, {"name": "treasury", "type": "address"}],
            },
            {"name": "minWindow_", "type": "uint32"},
            {"name": "amount_", "type": "uint256"},
        ],
    }
]


class Node:
    """On chain is `code`; the constructor gives `expected`."""

    def __init__(self, code: bytes, expected: bytes = CODE) -> None:
        self.code, self.expected = code, expected
        self.simulated: Any = None

    def call(self, method: str, *parameters: Any) -> str:
        if method == "eth_getCode":
            return "0x" + self.code.hex()
        self.simulated = parameters[2]
        return "0x" + self.expected.hex()


def compared(node: Node, folder: Path, token: str = TOKEN, treasury: str = TREASURY, window: int = 9, **changes: Any) -> Comparison:
    (folder / "Ledger.json").write_text(json.dumps({"abi": ABI, "bytecode": CREATION}))
    arguments = encode(["(address,address)", "uint32", "uint256"], [(token, treasury), window, 7])
    code_hash = keccak(bytes.fromhex(CREATION) + arguments)
    manifest = {
        "contracts": {"LabelToken": TOKEN, "Ledger": ADDRESS},
        "treasury": TREASURY,
        "parameters": {"min_window": "9"},
        "creations": {"Ledger": {"arguments": "0x" + arguments.hex(), "hash": "0x" + code_hash.hex()}},
    }
    return compare(node, "Ledger", ADDRESS, manifest | changes, folder)  # type: ignore[arg-type]


def test_the_constructor_is_run_at_the_contract_s_own_address_with_the_manifest_s_arguments(tmp_path: Path) -> None:
    node = Node(CODE)
    assert compared(node, tmp_path).verdict == SAME
    code = node.simulated[ADDRESS]["code"]
    assert code.startswith("0x" + CREATION)
    assert TOKEN[2:] in code


def test_a_contract_without_code_is_missing(tmp_path: Path) -> None:
    assert compared(Node(b""), tmp_path).verdict == MISSING


def test_one_byte_makes_a_difference_and_is_located(tmp_path: Path) -> None:
    found = compared(Node(b"\x60\x01\x60\x03" + CODE[4:]), tmp_path)
    assert (found.verdict, found.detail) == (DIFFERS, f"1 of {len(CODE)} bytes, the first at 3")
    assert "do not use this deployment" in found.remedy


def test_other_sources_are_told_from_other_code(tmp_path: Path) -> None:
    other = {"Ledger": {"arguments": "0x" + encode(["(address,address)", "uint32", "uint256"], [(TOKEN, TREASURY), 9, 7]).hex()}}
    other["Ledger"]["hash"] = "0x" + "00" * 32
    assert "check out the commit" in compared(Node(CODE + b"\x00"), tmp_path, creations=other).remedy


def test_a_difference_in_the_metadata_only_is_called_so(tmp_path: Path) -> None:
    assert "metadata hash only" in compared(Node(CODE[:-4] + b"\x01\x01" + CODE[-2:]), tmp_path).detail


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [({"token": TREASURY}, "token"), ({"treasury": TOKEN}, "treasury"), ({"window": 8}, "minWindow_")],
)
def test_an_argument_that_the_manifest_knows_otherwise_is_named(tmp_path: Path, wrong: dict[str, Any], argument: str) -> None:
    found = compared(Node(CODE), tmp_path, **wrong)
    assert found.verdict == DIFFERS
    assert f"constructor argument {argument} is" in found.detail


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    found = compared(Node(CODE), tmp_path, creations={})
    assert (found.verdict, "does not say how it was made" in found.detail) == (NOT_COMPARED, True)
    manifest = {"creations": {"Ledger": {"arguments": "0x", "hash": "0x"}}}
    found = compare(Node(CODE), "Ledger", ADDRESS, manifest, tmp_path / "none")  # type: ignore[arg-type]
    assert (found.verdict, "make setup" in found.detail) == (NOT_COMPARED, True)
