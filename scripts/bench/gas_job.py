"""The job that the budgets are about: 100 contributors, one submission of 320 labels each, from the round's opening to its last
payment, through the real contracts, with every signature, bond and byte of calldata that a real one has."""

from dataclasses import dataclass, field
from typing import Any

from brownie import accounts, chain
from eth_utils import keccak

from labelshare.rules import eip712
from scripts.bench.gas_chain import Measured, metered, stranger
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, FEE, LBL, REWARD, Flow, Wallet, domain, entry, in_order, totals_of

CONTRIBUTORS = 100
LABELS = 320
LABELS_PER_TASK = 4
AUDIT_RATE = 26
PANEL = 3
CLASSES = 4
CHUNK = 128
# What the relayer puts into one transaction (backend/relay/outbox.py).
SUBMISSIONS_PER_CALL = 30
SIGNATURES_PER_CALL = 30
ONE = 1 << 16
WINDOW = 100


@dataclass
class Job:
    """Gas by step."""

    steps: dict[str, Measured] = field(default_factory=dict)
    entries: int = 0

    @property
    def gas(self) -> int:
        return sum(step.gas for step in self.steps.values())

    @property
    def per_label(self) -> float:
        return self.gas / (CONTRIBUTORS * LABELS)

    def largest(self, step: str) -> int:
        """The gas of the step's largest transaction."""
        return self.steps[step].largest

    def each(self, step: str, count: int = CONTRIBUTORS) -> float:
        return self.steps[step].gas / count


class BenchFlow(Flow):
    """A Flow whose contributors have two keys and nothing else, and whose panel answers at random."""

    def ballot(self, who: Wallet, answer: int = 0) -> tuple[bytes, bytes]:
        noise = keccak(text=f"answers {who.address} {self.round}")
        answers = bytearray()
        while len(answers) < self.sample_size():
            noise = keccak(noise)
            answers += bytes(byte % CLASSES for byte in noise)
        return bytes(answers[: self.sample_size()]), keccak(text=f"salt {who.address} {self.round}")


def prepare(protocol: Deployed) -> BenchFlow:
    """A dataset with its escrow, and a pool in which every seat has an owner of its own: a panel always has three members."""
    flow = BenchFlow(protocol, treasury=accounts[1], requester=accounts[2], operator=accounts[3])
    flow.stake(count=12, seats=1)
    flow.create(
        funding=1_000_000 * LBL,
        classes=CLASSES,
        auditRate=AUDIT_RATE,
        panelSize=PANEL,
        commitWindow=WINDOW,
        revealWindow=WINDOW,
        challengeWindow=WINDOW,
    )
    flow.credit(flow.operator.address, 100_000 * LBL)
    return flow


def people() -> list[tuple[Wallet, Wallet]]:
    """(wallet, session key) of each contributor."""
    return [(stranger(f"contributor {i}"), stranger(f"session key {i}")) for i in range(CONTRIBUTORS)]


def fund(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]]) -> Measured:
    """Each contributor's Ledger account gets what two jobs' bonds take. Not part of the job: the tokens come from outside, by a
    deposit, the faucet, or earlier pay."""
    ledger, amount = flow.protocol.ledger, 10 * LABELS * BOND
    flow.protocol.token.approve(ledger, amount * len(crew), {"from": flow.treasury})
    with metered() as measured:
        for batch in batches(crew, SIGNATURES_PER_CALL):
            credits = [(bytes(12) + bytes.fromhex(who.address[2:]), amount) for who, _ in batch]
            ledger.depositBatch(credits, {"from": flow.treasury})
    return measured


def batches(items: list[Any], size: int) -> list[list[Any]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def onboard(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]]) -> dict[str, Measured]:
    """The two signatures of a wallet's life here: bonds may be taken, and this key may sign."""
    once: dict[str, Measured] = {}
    with metered() as once["allowance"]:
        _allow(flow, crew)
    with metered() as once["session"]:
        _register(flow, crew)
    return once


def run(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]]) -> Job:
    job = Job()
    labels = len(crew) * LABELS
    with metered() as job.steps["open"]:
        flow.open(labels // LABELS_PER_TASK, labels)
    with metered() as job.steps["submit"]:
        for batch in batches(crew, SUBMISSIONS_PER_CALL):
            flow.submit(*(_submission(flow, who, key) for who, key in batch))
    with metered() as job.steps["audit"]:
        panel = flow.audit()
    entries = _entries(flow, crew, panel)
    job.entries, chunks = len(entries), batches(entries, CHUNK)
    with metered() as job.steps["propose"]:
        flow.propose(entries, len(chunks))
    with metered() as job.steps["publish"]:
        for number, chunk in enumerate(chunks):
            flow.publish(chunk, number)
    with metered() as job.steps["finalize"]:
        flow.finalize()
    with metered() as job.steps["distribute"]:
        for number, chunk in enumerate(chunks):
            flow.distribute(chunk, number)
    return job


def _allow(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]]) -> None:
    """What a new contributor's client asks of the wallet: bonds up to a maximum, by signature."""
    ledger = flow.protocol.ledger
    spender = flow.protocol.label_registry.address.lower()
    deadline = chain.time() + 10_000
    items = []
    for who, _ in crew:
        allowance = eip712.Allowance(who.address, spender, 1_000 * LBL, 0, deadline)
        items.append((who.address, spender, allowance.amount, 0, deadline, who.sign(allowance, domain(ledger))))
    for batch in batches(items, SIGNATURES_PER_CALL):
        ledger.allowBySig(batch, {"from": flow.operator})


def _register(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]]) -> None:
    registry = flow.protocol.label_registry
    expiry = chain.time() + 10_000_000
    items = []
    for who, key in crew:
        session = eip712.Session(who.address, key.address, 0, expiry, 1_000 * LBL)
        items.append(((who.address, key.address, 0, expiry, session.max_bond), who.sign(session, domain(registry))))
    for batch in batches(items, SIGNATURES_PER_CALL):
        registry.registerSessions(batch, {"from": flow.operator})


def _submission(flow: BenchFlow, who: Wallet, key: Wallet) -> tuple[Any, ...]:
    root = keccak(text=f"labels of {who.address} in {flow.round}")
    return flow.submission(who, LABELS, signer=key, labels_root=root)


def _entries(flow: BenchFlow, crew: list[tuple[Wallet, Wallet]], panel: list[tuple[Wallet, int]]) -> list[tuple[Any, ...]]:
    """Everyone is paid, which costs most, and nobody in round numbers."""
    entries = []
    for i, (who, _) in enumerate(crew):
        kappa = ONE * 6 // 10 + 131 * i
        entries.append(entry("contributor", who.address, REWARD * LABELS * kappa // ONE, shares=LABELS * kappa))
    votes = flow.sample_size()
    shares = totals_of(entries)["contributorShares"] // 8
    for who, weight in panel:
        entries.append(entry("validator", who.address, FEE * votes * weight * 9 // 10, shares=shares // PANEL))
    entries.append(entry("requester", flow.requester.address, shares=shares))
    return in_order(entries)
