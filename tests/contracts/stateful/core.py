"""A call on the chain and in the model at once, and what must hold after each (specification section 6)."""

import copy
from collections import Counter
from dataclasses import dataclass
from typing import Any

from eth_utils import keccak

from labelshare.rules import eip712
from tests.contracts.stateful.node import MAX_GAS, SEED_RANGE, Node, Receipt
from tests.contracts.stateful.state import Dataset, Group, Round, State, sub, user

BLOCK_SECONDS = 12
# Where Sortition keeps its drawings, and a seed block in the first word of one.
DRAWINGS_SLOT = 2
SEED_BLOCK_BITS = 24
SEED_BLOCK_MASK = (1 << 40) - 1
PROPOSAL_BONDS = keccak(text="proposal bonds")


@dataclass(frozen=True)
class Person:
    key: bytes
    address: str

    def sign(self, message: eip712.Message, domain: eip712.Domain) -> bytes:
        return eip712.sign(message.digest(domain), self.key)


def person(name: str) -> Person:
    key = keccak(text=f"labelshare stateful {name}")
    return Person(key, eip712.address_of(key))


class Core:
    """The chain and the model side by side. After each action their Ledgers are the same, to the unit."""

    def __init__(self, node: Node, chain_id: int, treasury: str) -> None:
        self.node, self.chain_id, self.treasury = node, chain_id, treasury
        self.state = State()
        self.last = ""
        self.gas: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def at(self, contract: str) -> str:
        return self.node.contracts[contract].address

    def domain(self, contract: str, chain_id: int = 0) -> eip712.Domain:
        return eip712.Domain(chain_id or self.chain_id, self.at(contract))

    @property
    def soon(self) -> int:
        """The time of the next transaction."""
        return self.node.time + 1

    def pass_time(self, seconds: int, asleep: bool = False) -> None:
        """Unless everyone is asleep somebody draws what can be drawn first. What is left misses its seed block, when
        a chain makes too many blocks in this time."""
        end = self.node.time + seconds
        if not asleep:
            self.keep()
        if seconds > SEED_RANGE * BLOCK_SECONDS:
            for r in self.state.rounds.values():
                self.outdate("audit_board", r, r.panel)
                self.outdate("jury", r, r.jury)
        self.node.pass_time(max(1, end - self.node.time))

    def outdate(self, contract: str, r: Round, group: Group) -> None:
        """Puts a seed block so far back as if the blocks of this time had been mined, which takes anvil 2 ms each."""
        if group.phase != "Seeding" or self.node.number > group.seed_block + SEED_RANGE:
            return
        group.seed_block -= SEED_RANGE + 10
        place = int.from_bytes(keccak(r.id.to_bytes(32, "big") + DRAWINGS_SLOT.to_bytes(32, "big")), "big")
        word = int(self.node.rpc("eth_getStorageAt", self.at(contract), hex(place), "latest"), 16)
        word = word & ~(SEED_BLOCK_MASK << SEED_BLOCK_BITS) | group.seed_block << SEED_BLOCK_BITS
        self.node.rpc("anvil_setStorageAt", self.at(contract), hex(place), f"0x{word:064x}")
        view = "auditOf" if contract == "audit_board" else "drawingOf"
        drawing = self.node.view(contract, view, r.id)
        assert (drawing[1], drawing[3]) == (group.attempt, group.seed_block), "the layout of Sortition's storage changed"

    def keep(self) -> None:
        """What a keeper does: draws that are due."""

    def until(self, time: int) -> None:
        """The next transaction comes after `time`."""
        if self.soon <= time:
            self.pass_time(time - self.node.time)

    # Accounts of the Ledger

    def escrow(self, d: Dataset) -> bytes:
        return sub(self.at("dataset_registry"), d.id)

    def pay(self, d: Dataset) -> bytes:
        return sub(self.at("settlement"), d.id)

    def open_bonds(self, r: Round) -> bytes:
        return sub(self.at("label_registry"), r.id)

    def jury_bonds(self, r: Round) -> bytes:
        return sub(self.at("jury"), r.id)

    @property
    def proposal_bonds(self) -> bytes:
        return sub(self.at("settlement"), PROPOSAL_BONDS)

    def stakes(self, pool: bytes) -> bytes:
        return sub(self.at("staking"), pool)

    def revenue(self, d: Dataset) -> bytes:
        return sub(self.at("dataset_shares"), d.id)

    # The model's side

    def of(self, account: bytes) -> int:
        return self.state.balances.get(account, 0)

    def move(self, source: bytes, to: bytes, amount: int) -> None:
        assert 0 <= amount <= self.of(source), f"the model would overdraw {source.hex()}: {amount} of {self.of(source)}"
        self.state.balances[source] = self.of(source) - amount
        self.state.balances[to] = self.of(to) + amount

    def enter(self, account: bytes, amount: int, wallet: str) -> None:
        self.state.wallets[wallet] -= amount
        self.state.balances[account] = self.of(account) + amount

    def leave(self, account: bytes, amount: int, wallet: str) -> None:
        assert amount <= self.of(account)
        self.state.balances[account] -= amount
        self.state.wallets[wallet] = self.state.wallets.get(wallet, 0) + amount

    # The chain's side

    def tx(self, sender: str, contract: str, function: str, *args: Any) -> Receipt:
        """Must succeed, within the gas that any call may take (Invariant 12)."""
        self.agree()
        receipt = self.node.send(sender, contract, function, args)
        self.last = name = f"{contract}.{function}"
        assert receipt.ok, f"{name} was refused: {receipt.error}"
        assert receipt.gas < MAX_GAS
        self.gas[name] = max(self.gas[name], receipt.gas)
        self.calls[name] += 1
        self.book(receipt)
        return receipt

    def refused(self, error: str, sender: str, contract: str, function: str, *args: Any) -> None:
        """Must revert with this error."""
        self.agree()
        receipt = self.node.send(sender, contract, function, args)
        assert not receipt.ok, f"{contract}.{function} should be refused with {error}"
        assert receipt.error.startswith(error), f"{contract}.{function}: {receipt.error} instead of {error}"
        self.calls[f"refused {error}"] += 1

    def book(self, receipt: Receipt) -> None:
        """The Ledger as its events tell it."""
        books = Counter(self.state.books)
        for event in receipt.events:
            a = event.args
            if event.name == "Deposited":
                books[a["account"]] += a["amount"]
            elif event.name == "Withdrawn":
                books[a["account"]] -= a["amount"]
            elif event.name == "Moved":
                books[a["from"]] -= a["amount"]
                books[a["to"]] += a["amount"]
            elif event.name == "MovedBatch":
                for account, amount in a["credits"]:
                    books[a["from"]] -= amount
                    books[account] += amount
        self.state.books = dict(books)

    def agree(self) -> None:
        """Invariants 1 and 2: every account that ever appeared in an event holds what the model says, no account moved besides."""
        books, model = self.state.books, self.state.balances
        both = {a: (books.get(a, 0), model.get(a, 0)) for a in books.keys() | model.keys()}
        differing = {a.hex(): (told, expected) for a, (told, expected) in both.items() if told != expected}
        assert not differing, f"(chain, model) differ: {self.named(differing)}"

    def named(self, differing: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        names = {self.proposal_bonds.hex(): "proposal bonds", user(self.treasury).hex(): "treasury"}
        for d in self.state.datasets.values():
            for name, account in (("escrow", self.escrow(d)), ("pay", self.pay(d)), ("revenue", self.revenue(d))):
                names[account.hex()] = f"{name} {d.id}"
        for r in self.state.rounds.values():
            names |= {self.open_bonds(r).hex(): f"open bonds {r.id}", self.jury_bonds(r).hex(): f"jury {r.id}"}
        for pool in self.state.pools:
            names[self.stakes(pool).hex()] = f"stakes {pool.hex()[:8]}"
        return {names.get(account, account): values for account, values in differing.items()}

    def copy_state(self) -> State:
        return copy.deepcopy(self.state)
