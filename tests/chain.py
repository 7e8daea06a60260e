"""A chain in memory that a node could have: headers that hash to their hash, receipts with their root, blooms, reorganizations.

It answers JSON-RPC. What the contracts' views would say is kept beside each block by plain arithmetic, apart from the mirror's
handlers.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from indexer.verify import bloom_mask, header_fields, ordered_root, receipt_bytes, rlp
from indexer.wire import BlockJson, LogJson, ReceiptJson
from labelshare.chain import events as e
from labelshare.chain.events import Event
from tests.unit.logs import DEPLOYMENT, address, log_of, word

Views = dict[str, dict[Any, int]]
EMPTY: Views = {"account": {}, "allowance": {}, "share_balance": {}}
NOBODY = address(0)


@dataclass(frozen=True)
class Mined:
    """A block, its receipts, and what the contracts say after it."""

    block: BlockJson
    receipts: tuple[ReceiptJson, ...]
    views: Views

    @property
    def number(self) -> int:
        return int(self.block.number, 16)

    def logs(self) -> list[LogJson]:
        return [log for receipt in self.receipts for log in receipt.logs]


class Chain:
    """Grows by `mine`, turns by `reorganize`. Two logs make a transaction. `seed` decides what happens in it."""

    def __init__(self, seed: int, finality: int = 64) -> None:
        self.random = random.Random(seed)
        self.finality = finality
        self.blocks = [self._mined(None, [])]

    @property
    def head(self) -> Mined:
        return self.blocks[-1]

    def grow(self, blocks: int, most: int = 6) -> None:
        for _ in range(blocks):
            self.mine(self.some_events(self.random.randrange(most)))

    def mine(self, events: Sequence[Event]) -> None:
        self.blocks.append(self._mined(self.head, events))

    def reorganize(self, depth: int, blocks: int) -> None:
        """Drops `depth` blocks and grows others."""
        del self.blocks[max(1, len(self.blocks) - depth) :]
        self.grow(blocks)

    # What happens

    def some_events(self, count: int) -> list[Event]:
        views = {name: dict(values) for name, values in self.head.views.items()}
        events = []
        for _ in range(count):
            event = self._event(views)
            _apply(views, event)
            events.append(event)
        return events

    def _event(self, views: Views) -> Event:
        pick, who = self.random, self.random.randrange(1, 9)
        rich = [account for account, balance in views["account"].items() if balance]
        held = [key for key, shares in views["share_balance"].items() if shares]
        kind = pick.randrange(6)
        if kind == 0 and rich:
            account = pick.choice(rich)
            return e.LedgerWithdrawn(account, address(who), pick.randint(1, views["account"][account]))
        if kind == 1 and rich:
            account = pick.choice(rich)
            return e.LedgerMoved(account, word(pick.randrange(1, 9)), pick.randint(0, views["account"][account]))
        if kind == 2:
            return e.LedgerAllowed(address(who), address(pick.randrange(20, 23)), pick.randrange(2**256))
        if kind == 3:
            return e.DatasetSharesTransferSingle(address(9), NOBODY, address(who), pick.randrange(1, 3), pick.randrange(1, 99))
        if kind == 4 and held:
            dataset, holder = pick.choice(held)
            shares = pick.randint(0, views["share_balance"][dataset, holder])
            return e.DatasetSharesTransferSingle(holder, holder, address(who), dataset, shares)
        return e.LedgerDeposited(word(who), address(who), pick.randrange(2**90))

    def _mined(self, parent: Mined | None, events: Sequence[Event]) -> Mined:
        number = parent.number + 1 if parent else 0
        views = {name: dict(values) for name, values in (parent.views if parent else EMPTY).items()}
        for event in events:
            _apply(views, event)
        salt = f"{self.random.randrange(2**256):064x}"
        receipts = [_receipt(number, i, events[i : i + 2], salt) for i in range(0, len(events), 2)]
        block = _block(number, parent.block.hash if parent else word(0), receipts, salt)
        for receipt in receipts:
            receipt.block_hash = block.hash
            for log in receipt.logs:
                log.block_hash, log.block_timestamp = block.hash, block.timestamp
        return Mined(block, tuple(receipts), views)

    # What a node answers

    def answer(self, method: str, parameters: Sequence[Any]) -> Any:
        """The result of a call, as JSON has it."""
        if method == "eth_chainId":
            return hex(DEPLOYMENT.chain_id)
        if method == "eth_getCode":
            return "0x60"
        if method == "eth_getBlockByNumber":
            block = self._at(parameters[0])
            return camel(block.block) if block else None
        if method == "eth_getBlockReceipts":
            block = self._at(parameters[0])
            return [camel(receipt) for receipt in block.receipts] if block else None
        if method == "eth_getLogs":
            return [camel(log) for log in self._logs(parameters[0])]
        raise AssertionError(method)

    def _at(self, tag: str) -> Mined | None:
        depth = {"latest": 0, "safe": self.finality // 2, "finalized": self.finality}.get(tag)
        number = int(tag, 16) if depth is None else max(0, self.head.number - depth)
        return self.blocks[number] if number < len(self.blocks) else None

    def _logs(self, where: dict[str, Any]) -> list[LogJson]:
        if "blockHash" in where:
            blocks = [block for block in self.blocks if block.block.hash == where["blockHash"]]
        else:
            blocks = self.blocks[int(where["fromBlock"], 16) : int(where["toBlock"], 16) + 1]
        return [log for block in blocks for log in block.logs() if log.address in where["address"]]


def camel(struct: Any) -> Any:
    """A struct as a node's JSON."""
    if isinstance(struct, list):
        return [camel(item) for item in struct]
    if not hasattr(struct, "__struct_fields__"):
        return struct
    pairs = ((name, getattr(struct, name)) for name in struct.__struct_fields__)
    return {_camel(name): camel(value) for name, value in pairs if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _receipt(number: int, index: int, events: Sequence[Event], salt: str) -> ReceiptJson:
    transaction = "0x" + keccak(f"{salt} {index}".encode()).hex()
    logs = []
    for offset, event in enumerate(events):
        log = log_of(event)
        logs.append(LogJson(log.address, list(log.topics), log.data, hex(number), "", transaction, hex(index + offset)))
    gas = hex(21_000 * (index + 1))
    return ReceiptJson(transaction, "", gas, _bloom(logs), logs, status="0x1", type="0x2")


def _bloom(logs: Sequence[LogJson]) -> str:
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            bits |= bloom_mask(bytes.fromhex(item[2:]))
    return f"0x{bits:0512x}"


def _block(number: int, parent: str, receipts: Sequence[ReceiptJson], salt: str) -> BlockJson:
    root = ordered_root([receipt_bytes(receipt) for receipt in receipts])
    bloom = _bloom([log for receipt in receipts for log in receipt.logs])
    words = {
        name: word(7) for name in ("sha3_uncles", "state_root", "transactions_root", "withdrawals_root", "parent_beacon_block_root")
    }
    numbers = dict.fromkeys(("difficulty", "base_fee_per_gas", "blob_gas_used", "excess_blob_gas"), "0x0")
    block = BlockJson(
        number=hex(number),
        hash="",
        parent_hash=parent,
        miner=NOBODY,
        receipts_root="0x" + root.hex(),
        logs_bloom=bloom,
        gas_limit=hex(30_000_000),
        gas_used=hex(21_000 * len(receipts)),
        timestamp=hex(1_700_000_000 + number),
        extra_data="0x",
        mix_hash="0x" + salt,
        nonce="0x" + 16 * "0",
        requests_hash=word(3),
        **words,
        **numbers,
    )
    block.hash = "0x" + keccak(rlp(header_fields(block))).hex()
    return block


def _apply(views: Views, event: Event) -> None:
    """What the contracts' views say after an event."""
    accounts, shares = Counter(views["account"]), Counter(views["share_balance"])
    if isinstance(event, e.LedgerDeposited):
        accounts[event.account] += event.amount
    elif isinstance(event, e.LedgerWithdrawn):
        accounts[event.account] -= event.amount
    elif isinstance(event, e.LedgerMoved):
        accounts[event.from_] -= event.amount
        accounts[event.to] += event.amount
    elif isinstance(event, e.LedgerAllowed):
        views["allowance"][event.owner, event.spender] = event.amount
    elif isinstance(event, e.DatasetSharesTransferSingle) and event.value:
        if event.from_ != NOBODY:
            shares[event.id, event.from_] -= event.value
        shares[event.id, event.to] += event.value
    views["account"], views["share_balance"] = dict(accounts), dict(shares)
