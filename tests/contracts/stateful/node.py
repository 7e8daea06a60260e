"""A thin way to anvil for long runs: raw JSON-RPC over one connection, a block a transaction, a second a block.

Brownie takes 30 times as long for a transaction, and with its clock no two runs would be alike.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlparse

from eth_abi.abi import decode, encode
from eth_utils import keccak

from tests.contracts.conftest import type_of

# Invariant 12: no call of a run gets more.
MAX_GAS = 15_000_000
# Blocks after which a seed block's hash is out of reach.
SEED_RANGE = 256


@dataclass(frozen=True)
class Event:
    name: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    ok: bool
    error: str
    gas: int
    block: int
    time: int
    events: list[Event]

    def all(self, name: str) -> list[dict[str, Any]]:
        return [e.args for e in self.events if e.name == name]

    def one(self, name: str) -> dict[str, Any]:
        found = self.all(name)
        assert len(found) == 1, f"{len(found)} events {name}: {[e.name for e in self.events]}"
        return found[0]


class Interface:
    """One contract's address and ABI."""

    def __init__(self, address: str, abi: Sequence[dict[str, Any]]) -> None:
        self.address = address.lower()
        self.functions = {i["name"]: i for i in abi if i["type"] == "function"}
        self.events = {topic(i): i for i in abi if i["type"] == "event"}
        self.errors = {topic(i)[:10]: i for i in abi if i["type"] == "error"}

    @cache  # noqa: B019 - as long-lived as the interface
    def selector(self, function: str) -> tuple[bytes, list[str], list[str]]:
        item = self.functions[function]
        types = [type_of(i) for i in item["inputs"]]
        return keccak(text=f"{function}({','.join(types)})")[:4], types, [type_of(o) for o in item["outputs"]]

    def data(self, function: str, args: Sequence[Any]) -> str:
        selector, types, _ = self.selector(function)
        return "0x" + (selector + encode(types, args)).hex()


def topic(item: dict[str, Any]) -> str:
    return "0x" + keccak(text=f"{item['name']}({','.join(type_of(i) for i in item['inputs'])})").hex()


class Node:
    """The chain as its users see it. Only `send` and `pass_time` make blocks."""

    def __init__(self, url: str, contracts: dict[str, Interface]) -> None:
        parsed = urlparse(url)
        self.connection = HTTPConnection(str(parsed.hostname), parsed.port)
        self.contracts = contracts
        self.events = {topic: item for c in contracts.values() for topic, item in c.events.items()}
        self.errors = {selector: item for c in contracts.values() for selector, item in c.errors.items()}
        self.rpc("anvil_setBlockTimestampInterval", 1)
        self.rpc("anvil_autoImpersonateAccount", True)
        self.sync()

    def sync(self) -> None:
        """Where the chain stands: after a rollback."""
        head = self.rpc("eth_getBlockByNumber", "latest", False)
        self.number, self.time = int(head["number"], 16), int(head["timestamp"], 16)

    def rpc(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": list(p)} for i, (m, p) in enumerate(requests)]
        self.connection.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answers = sorted(json.loads(self.connection.getresponse().read()), key=lambda a: a["id"])
        for request, answer in zip(requests, answers, strict=True):
            assert "error" not in answer, f"{request[0]}: {answer['error']}"
        return [a["result"] for a in answers]

    # Transactions

    def send(self, sender: str, contract: str, function: str, args: Sequence[Any]) -> Receipt:
        to = self.contracts[contract]
        call = {"from": sender, "to": to.address, "data": to.data(function, args), "gas": hex(MAX_GAS), "gasPrice": "0x0"}
        answer = self.rpc("eth_sendTransactionSync", call)
        self.number, self.time = self.number + 1, self.time + 1
        assert int(answer["blockNumber"], 16) == self.number
        ok = answer["status"] == "0x1"
        events = [self.event(log) for log in answer["logs"]]
        return Receipt(ok, "" if ok else self.refusal(call), int(answer["gasUsed"], 16), self.number, self.time, events)

    def refusal(self, call: dict[str, str]) -> str:
        """Why the transaction of the latest block reverted: the same call as of that block."""
        body = {"jsonrpc": "2.0", "id": 0, "method": "eth_call", "params": [call, "latest"]}
        self.connection.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        assert "error" in answer, "reverted, but as of that block the call succeeds"
        data = answer["error"].get("data") or "0x"
        item = self.errors.get(data[:10])
        if item is None:
            return str(answer["error"].get("message")) + data[:10]
        values = decode([type_of(i) for i in item["inputs"]], bytes.fromhex(data[10:]))
        return f"{item['name']}{values}"

    def event(self, log: dict[str, Any]) -> Event:
        item = self.events.get(log["topics"][0])
        if item is None:
            return Event("unknown", {})
        indexed = [i for i in item["inputs"] if i["indexed"]]
        plain = [i for i in item["inputs"] if not i["indexed"]]
        args = {i["name"]: decode([i["type"]], bytes.fromhex(t[2:]))[0] for i, t in zip(indexed, log["topics"][1:], strict=True)}
        values = decode([type_of(i) for i in plain], bytes.fromhex(log["data"][2:]))
        return Event(item["name"], args | {i["name"]: v for i, v in zip(plain, values, strict=True)})

    # Reading

    def view(self, contract: str, function: str, *args: Any) -> Any:
        return self.views([(contract, function, args)])[0]

    def views(self, calls: Sequence[tuple[str, str, Sequence[Any]]]) -> list[Any]:
        """Many reads in one request, as of the last block by its number: of `latest` anvil under load may mean the one before. A
        single output comes without its tuple."""
        requests = []
        for contract, function, args in calls:
            to = self.contracts[contract]
            requests.append(("eth_call", ({"to": to.address, "data": to.data(function, args)}, hex(self.number))))
        values = []
        for (contract, function, _), answer in zip(calls, self.batch(requests) if requests else [], strict=True):
            decoded = decode(self.contracts[contract].selector(function)[2], bytes.fromhex(answer[2:]))
            values.append(decoded[0] if len(decoded) == 1 else decoded)
        return values

    def block_hash(self, number: int) -> bytes:
        return bytes.fromhex(self.rpc("eth_getBlockByNumber", hex(number), False)["hash"][2:])

    # Time

    def pass_time(self, seconds: int, blocks: int = 1) -> None:
        """`blocks` more, the last at least `seconds` from now. Anvil takes 5 ms to mine one."""
        first = max(1, seconds - blocks + 1)
        self.rpc("evm_setNextBlockTimestamp", self.time + first)
        self.rpc("anvil_mine", hex(blocks))
        self.number, self.time = self.number + blocks, self.time + first + blocks - 1

    # Rolling back

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        assert self.rpc("evm_revert", snapshot)
        self.sync()

    def release(self) -> None:
        """The clock and the accounts are Brownie's again."""
        self.rpc("anvil_removeBlockTimestampInterval")
        self.rpc("anvil_autoImpersonateAccount", False)
        self.connection.close()
