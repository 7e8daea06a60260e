"""A chain with at least 120,000 events of the protocol's own, mixed, in some 2,000 blocks, on an anvil: what the indexer's bench is
fed with.

Everything goes through the real contracts: batches of deposits, transfers, ticketed submissions by session keys, share transfers,
sales and claims. Only the shares themselves are minted as the Settlement would (anvil impersonates it), since no settlement comes
first.
"""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eth_utils import keccak

from labelshare.rules import eip712
from tests.integration.anvil import LBL, Anvil, Protocol

PEOPLE = 60
REWARD = LBL // 1_000
BUDGET = 2**31
SUBMISSIONS, DEPOSITS, TRANSFERS, SHARES, CLAIMS = 9, 8, 3, 3, 2
FIRST_BLOCKS = 5  # Before what a block holds is counted: the first sale and the first claims are of fewer events.
GAS = hex(12_000_000)


@dataclass
class Person:
    secret: bytes
    session: bytes
    sequence: int = 0
    address: str = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        from coincurve import PublicKey

        self.address = eip712.address_of(PublicKey.from_secret(self.secret))
        self.key = eip712.address_of(PublicKey.from_secret(self.session))


class Load:
    """Makes the chain's events, block by block. Events land in the chain's order; every transaction must succeed."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol, self.web3 = protocol, protocol.web3
        self.people = [Person(keccak(text=f"person {i}"), keccak(text=f"session {i}")) for i in range(PEOPLE)]
        self.operator, self.buyer = protocol.accounts[2], protocol.accounts[3]
        chain = self.web3.eth.chain_id
        self.labels = eip712.Domain(chain, protocol.addresses["LabelRegistry"].lower())
        self.deadline = self.web3.eth.get_block("latest")["timestamp"] + 29 * 24 * 3600
        self.turn = 0

    def send(self, contract: str, function: str, *arguments: Any, sender: str) -> None:
        self.protocol.send(contract, function, *arguments, sender=sender)

    def prepare(self) -> None:
        """A dataset with an open round, people with sessions, bonds and shares, a buyer with tokens."""
        p, token = self.protocol, self.protocol.addresses["LabelToken"]
        assert token
        for account in (self.operator, self.buyer, *p.accounts[4:8]):
            self.send("LabelToken", "transfer", account, 10_000_000 * LBL, sender=p.treasury)
            self.send("LabelToken", "approve", p.addresses["Ledger"], 2**255, sender=account)
        self.send("LabelToken", "approve", p.addresses["DatasetMarket"], 2**255, sender=self.buyer)
        for account in p.accounts[4:8]:
            self.send("Ledger", "deposit", self.account(account), 100_000 * LBL, sender=account)
            self.send("Ledger", "allow", p.addresses["Staking"], 2**255, sender=account)
            self.send("Staking", "join", bytes(32), 30, sender=account)
        self.send("DatasetRegistry", "create", self.terms(), sender=self.operator)
        escrow = p.call("DatasetRegistry", "escrowAccountOf", 1)
        self.send("Ledger", "deposit", escrow, 5_000_000 * LBL, sender=self.operator)
        self.fund()
        p.anvil.rpc("anvil_mine", hex(300))
        self.send("LabelRegistry", "openRound", 1, b"\1" * 32, 100_000, 500_000, self.deadline, False, sender=self.operator)
        self.mint()

    def fund(self) -> None:
        accounts = [(self.account(person.address), 50 * LBL) for person in self.people]
        self.send("Ledger", "depositBatch", accounts, sender=self.operator)
        for person in self.people:
            self.protocol.anvil.rpc("anvil_impersonateAccount", person.address)
            self.protocol.anvil.rpc("anvil_setBalance", person.address, hex(10**20))
            self.send("Ledger", "allow", self.protocol.addresses["LabelRegistry"], 2**255, sender=self.checksum(person.address))
        for i in range(0, PEOPLE, 30):
            self.send("LabelRegistry", "registerSessions", [self.session(p) for p in self.people[i : i + 30]], sender=self.operator)

    def session(self, person: Person) -> tuple[Any, ...]:
        message = eip712.Session(person.address, person.key, 0, self.deadline, 2**90)
        signature = eip712.sign(message.digest(self.labels), person.secret)
        return (self.checksum(person.address), self.checksum(person.key), 0, self.deadline, 2**90), signature

    def mint(self) -> None:
        settlement = self.protocol.addresses["Settlement"]
        self.protocol.anvil.rpc("anvil_impersonateAccount", settlement)
        self.protocol.anvil.rpc("anvil_setBalance", settlement, hex(10**20))
        self.send("DatasetShares", "finalizeRound", 1, 1, PEOPLE * 100_000, sender=settlement)
        mints = [(self.checksum(person.address), 100_000) for person in self.people]
        self.send("DatasetShares", "mint", 1, 1, mints, sender=settlement)
        self.protocol.anvil.rpc("anvil_stopImpersonatingAccount", settlement)

    def terms(self) -> tuple[Any, ...]:
        amounts = (REWARD, LBL, LBL // 10_000, REWARD)
        return (
            *(self.operator, self.operator, 2, 3, 1, 1, 64, *amounts, 600, 600, 600, 600, 5_000, BUDGET, bytes(32), bytes(32)),
            *(b"\1" * 32, LBL, 3_600, 7_000, 2_000, 1_000, 250, b"\2" * 32, "ipfs://load"),
        )

    # Blocks

    def block(self) -> None:
        """One block of about 60 events."""
        calls = [self.call(*call) for call in self.calls()]
        self.turn += 1
        hashes = post(self.protocol.anvil.url, [("eth_sendTransaction", [call]) for call in calls])
        assert len(hashes) == len(calls)
        self.protocol.anvil.rpc("evm_mine")

    def calls(self) -> Iterator[tuple[str, str, str, tuple[Any, ...]]]:
        """(sender, contract, function, arguments)."""
        turn, people = self.turn, self.people
        start = turn * SUBMISSIONS
        yield (
            self.operator,
            "LabelRegistry",
            "submit",
            ([self.submission(people[(start + i) % PEOPLE]) for i in range(SUBMISSIONS)],),
        )
        credits = [(self.account(f"0x{(turn * 7 + i) % 4_000 + 2**40:040x}"), LBL // 100) for i in range(DEPOSITS)]
        yield self.operator, "Ledger", "depositBatch", (credits,)
        for i in range(TRANSFERS):
            sender, receiver = people[(turn + i) % PEOPLE].address, people[(turn + 7 * i + 1) % PEOPLE].address
            yield sender, "Ledger", "transfer", (self.account(receiver), LBL // 1_000_000)
        for i in range(SHARES):
            sender, receiver = people[(turn * 3 + i) % PEOPLE].address, people[(turn * 3 + 5 * i + 2) % PEOPLE].address
            yield sender, "DatasetShares", "safeTransferFrom", (self.checksum(sender), self.checksum(receiver), 1, 3, b"")
        yield self.buyer, "DatasetMarket", "buy", (1, self.checksum(people[turn % PEOPLE].address), 2**90)
        for i in range(CLAIMS):
            yield self.operator, "DatasetShares", "claim", (1, self.checksum(people[(turn * 5 + 11 * i) % PEOPLE].address))

    def submission(self, person: Person) -> tuple[Any, ...]:
        root = keccak(text=f"{person.address} {person.sequence}")
        message = eip712.Submission(1, person.address, person.sequence, 1, root, 1, self.deadline)
        signature = eip712.sign(message.digest(self.labels), person.session)
        item = (1, self.checksum(person.address), person.sequence, 1, root, 1, self.deadline)
        person.sequence += 1
        return item, signature, b""

    def call(self, sender: str, contract: str, function: str, arguments: tuple[Any, ...]) -> dict[str, str]:
        data = self.protocol.contracts[contract].encode_abi(function, args=list(arguments))
        gas = GAS if function in ("submit", "depositBatch") else hex(600_000)
        return {"from": sender, "to": self.protocol.addresses[contract], "data": data, "gas": gas, "gasPrice": "0x0"}

    def account(self, address: str) -> bytes:
        return bytes.fromhex(address[2:]).rjust(32, b"\0")

    def checksum(self, address: str) -> str:
        return str(self.web3.to_checksum_address(address))


def post(url: str, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    """The results of a JSON-RPC batch; a refusal ends the bench."""
    body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        answers = sorted(json.load(response), key=lambda answer: answer["id"])
    return [answer["result"] for answer in answers]


def build(anvil: Anvil, events: int) -> Protocol:
    """Deploys the protocol and makes at least so many events."""
    anvil.rpc("anvil_setBlockGasLimit", hex(60_000_000))
    load = Load(Protocol(anvil))
    load.prepare()
    anvil.rpc("evm_setAutomine", False)
    for _ in range(FIRST_BLOCKS):
        load.block()
    per_block = len(load.web3.eth.get_logs({"fromBlock": "latest", "toBlock": "latest"}))
    for _ in range(events // per_block + 1):
        load.block()
    anvil.rpc("evm_setAutomine", True)
    return load.protocol
