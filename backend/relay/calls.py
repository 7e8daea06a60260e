"""Calldata of outbox rows, and which rows are in a transaction that is found on chain. Pure but for the rows."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from backend.models import Outbox
from backend.relay.outbox import BATCHED
from labelshare.chain import Deployment, UnknownDeployment, abi
from labelshare.chain.calls import call_data
from labelshare.chain.naming import canonical_type


class NotEncodable(ValueError):
    """The arguments do not fit the function: no transaction can hold this row."""


@dataclass(frozen=True)
class Call:
    """`target`: lowercase 0x address; `data`: selector and arguments."""

    target: str
    data: bytes


def call_of(deployment: Deployment, rows: Sequence[Outbox]) -> Call:
    """The call that rows of one kind make together (a single one, unless the kind is batched). Raises NotEncodable."""
    try:
        payloads = [json.loads(row.payload) for row in rows]
        if rows[0].kind in BATCHED:
            contract, function, _ = BATCHED[rows[0].kind]
            data = call_data(contract, function, [[payload["item"] for payload in payloads]])
        else:
            contract = payloads[0]["contract"]
            data = call_data(contract, payloads[0]["function"], payloads[0]["arguments"])
        return Call(deployment.address(contract), data)
    except Exception as error:
        # Whatever a payload holds, and whichever library trips over it: one row must not stop the others.
        raise NotEncodable(f"cannot be encoded: {error}") from error


def rows_in(deployment: Deployment, call: Call, rows: Iterable[Outbox]) -> list[Outbox]:
    """Those of the rows that a call of ours made, or would make: each item of a batched kind, or the whole call."""
    kind = _batched_kind(deployment, call)
    contents = {call} if kind is None else {Call(call.target, item) for item in _items(kind, call.data)}
    found = []
    for row in rows:
        if (row.kind if row.kind in BATCHED else None) != kind:
            continue
        try:
            same = call_of(deployment, [row]) in contents
        except NotEncodable:
            continue
        if same:
            found.append(row)
    return found


def _batched_kind(deployment: Deployment, call: Call) -> str | None:
    for kind, (contract, function, _) in BATCHED.items():
        try:
            target = deployment.address(contract)
        except UnknownDeployment:
            continue  # A live chain has no faucet.
        if (call.target, call.data[:4]) == (target, call_data(contract, function, [[]])[:4]):
            return kind
    return None


def _items(kind: str, data: bytes) -> list[bytes]:
    """The calldata that each item of a batch would have alone."""
    contract, function, _ = BATCHED[kind]
    inputs = next(i["inputs"] for i in abi(contract) if i["type"] == "function" and i["name"] == function)
    types = [canonical_type(i) for i in inputs]
    (items,) = abi_decode(types, data[4:])
    return [data[:4] + abi_encode(types, [[item]]) for item in items]
