"""The exact code that a contract must have on chain, and whether it has it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from labelshare.chain.rpc import Rpc

GAS = 29_000_000  # below what nodes allow to eth_call
# Constructor arguments whose names are not those of the manifest's parameters.
OTHERWISE_CALLED = {"delay": "controldelay", "leastwindow": "minwindow"}
SAME, DIFFERS, MISSING, NOT_COMPARED = "same", "differs", "missing", "not compared"


@dataclass(frozen=True)
class Comparison:
    """What a contract's code on chain is to the local build's. `remedy` says what to do about it."""

    verdict: str
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}, {self.detail}"


def runtime_code(rpc: Rpc, address: str, creation_code: bytes, others: dict[str, Any] | None = None) -> bytes:
    """The code that `creation_code`, arguments at its end, leaves at `address`: every immutable included.

    The node runs the constructor as if it stood at that address with empty storage, so what the code keeps of its own address
    (EIP-712's domain) is right too. `others`: state overrides of other accounts. Raises RpcError when the node does not take state
    overrides in eth_call, or the constructor reverts.
    """
    overrides = {**(others or {}), address: {"code": "0x" + creation_code.hex(), "state": {}}}
    return bytes.fromhex(rpc.call("eth_call", {"to": address, "gas": hex(GAS)}, "latest", overrides)[2:])


def compare(rpc: Rpc, name: str, address: str, manifest: dict[str, Any], build_folder: Path) -> Comparison:
    """The code at `address` against the local build with the manifest's arguments. Raises RpcError, RpcUnavailable."""
    code = bytes.fromhex(rpc.call("eth_getCode", address, "latest")[2:])
    if not code:
        return Comparison(MISSING, "no code", "There is no contract at this address: deploy again (it goes on where it ended).")
    recorded, path = manifest.get("creations", {}).get(name), build_folder / f"{name}.json"
    if recorded is None or not path.exists():
        lacking = (
            "the manifest does not say how it was made" if recorded is None else "no build/contracts here: make setup in a checkout"
        )
        return Comparison(NOT_COMPARED, f"{len(code):,} bytes ({lacking})")
    build = json.loads(path.read_text())
    arguments = bytes.fromhex(recorded["arguments"][2:])
    for argument, given, wanted in _wrong_arguments(build["abi"], arguments, manifest):
        detail = f"constructor argument {argument} is {given}, the manifest has {wanted}"
        return Comparison(DIFFERS, detail, "The manifest contradicts itself: restore the file that the deployment wrote.")
    creation = bytes.fromhex(build["bytecode"]) + arguments
    expected = runtime_code(rpc, address, creation)
    if code == expected:
        return Comparison(SAME, f"{len(code):,} bytes")
    if "0x" + keccak(creation).hex() != recorded["hash"]:
        remedy = "It was deployed from other sources than these: check out the commit of the deployment, run make setup, ask again."
    else:
        remedy = "This is not the code that was to be deployed: do not use this deployment."
    return Comparison(DIFFERS, _difference(code, expected), remedy)


def _difference(code: bytes, expected: bytes) -> str:
    if _without_metadata(code) == _without_metadata(expected):
        return "in the metadata hash only (comments, names or compiler settings)"
    if len(code) != len(expected):
        return f"{len(code):,} bytes instead of {len(expected):,}"
    places = [i for i in range(len(code)) if code[i] != expected[i]]
    return f"{len(places):,} of {len(code):,} bytes, the first at {places[0]:,}"


def _without_metadata(code: bytes) -> bytes:
    """Without the CBOR map that solc appends (it hashes sources and settings); the last two bytes give its length."""
    return code[: -int.from_bytes(code[-2:], "big") - 2]


def _wrong_arguments(abi: list[dict[str, Any]], arguments: bytes, manifest: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, given and recorded value of the arguments that the manifest knows otherwise: addresses and parameters, by name."""
    inputs: list[dict[str, Any]] = next((item["inputs"] for item in abi if item["type"] == "constructor"), [])
    known = {_contract_key(name): address for name, address in manifest["contracts"].items()}
    known |= {key.replace("_", ""): value for key, value in manifest["parameters"].items()} | {"treasury": manifest["treasury"]}
    for name, value in _named(inputs, decode([_type(i) for i in inputs], arguments)):
        plain = name.strip("_").lower()
        wanted = known.get(OTHERWISE_CALLED.get(plain, plain))
        if wanted is not None and str(value).lower() != wanted.lower():
            yield name, str(value), wanted


def _contract_key(name: str) -> str:
    return {"LabelToken": "token"}.get(name, name).lower()


def _type(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    return re.sub("^tuple", f"({','.join(_type(c) for c in argument['components'])})", argument["type"])


def _named(inputs: list[dict[str, Any]], values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for argument, value in zip(inputs, values, strict=True):
        if argument["type"] == "tuple":
            yield from _named(argument["components"], value)
        else:
            yield argument["name"], value
