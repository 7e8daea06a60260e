"""A dataset's life on chain, step by step, with real signatures: what the flow tests and the gas bench share."""

from dataclasses import dataclass, field
from typing import Any

from brownie import accounts, chain, web3
from eth_abi import encode
from eth_utils import keccak

from labelshare.rules import draw, eip712, merkle
from scripts.deploy import Deployed

LBL = 10**18
REWARD = LBL
FEE = LBL // 2
BOND = LBL // 4
TICKETED = 1
POOL = b"\0" * 32
# ILabelRegistry.SkipReason, by number.
REASONS = (
    "None",
    "RoundNotOpen",
    "Expired",
    "WrongSequence",
    "InvalidCount",
    "EmptyRoot",
    "UnsupportedAdmission",
    "BudgetExhausted",
    "NotAdmitted",
    "InvalidSignature",
    "SessionNotLive",
    "SessionOtherDataset",
    "SessionBondExceeded",
    "BondUnavailable",
    "CredentialMissing",
    "OpenLimit",
)
ZERO_ROLE = {"contributor": 0, "validator": 1, "requester": 2}


@dataclass(frozen=True)
class Wallet:
    """A key pair; `account` is Brownie's, for transactions of its own."""

    key: bytes
    address: str
    account: Any

    def sign(self, message: eip712.Message, domain: eip712.Domain) -> bytes:
        return eip712.sign(message.digest(domain), self.key)


def wallet(name: str) -> Wallet:
    """A funded wallet, the same for the same name."""
    key = keccak(text=f"labelshare test {name}")
    account = accounts.add("0x" + key.hex())
    if account.balance() == 0:
        accounts[29].transfer(account, "10 ether")
    return Wallet(key, account.address.lower(), account)


def domain(contract: Any) -> eip712.Domain:
    return eip712.Domain(chain.id, contract.address.lower())


def terms(requester: Any, operator: Any, **changes: Any) -> tuple[Any, ...]:
    """Terms in the struct's order; keywords replace single ones."""
    values = {
        "requester": requester,
        "operator": operator,
        "classes": 2,
        "panelSize": 3,
        "auditRate": 128,
        "minLabels": 1,
        "maxLabels": 9,
        "reward": REWARD,
        "auditFee": FEE,
        "bond": BOND,
        "openBond": REWARD,
        "commitWindow": 100,
        "revealWindow": 100,
        "challengeWindow": 100,
        "exitDelay": 100,
        "exitRate": 5000,
        "labelCap": 100_000,
        "contributorCredential": POOL,
        "validatorCredential": POOL,
        "ruleId": keccak(text="kappa-3"),
        "licenseFloor": 100 * LBL,
        "licenseTerm": 3600,
        "contributorsBps": 8000,
        "validatorsBps": 1000,
        "requesterBps": 1000,
        "protocolFeeBps": 250,
        "metadataHash": keccak(text="{}"),
        "metadataUri": "ipfs://instructions",
    }
    unknown = set(changes) - set(values)
    assert not unknown, f"no such terms: {unknown}"
    return tuple((values | changes).values())


@dataclass
class Flow:
    """One dataset and its actors on a deployment."""

    protocol: Deployed
    treasury: Any
    requester: Any
    operator: Any
    validators: list[Wallet] = field(default_factory=list)
    dataset: int = 0
    round: int = 0

    # Setting up

    def credit(self, account: bytes | str, amount: int) -> None:
        """LBL from the treasury to a Ledger account (or a user's, by address)."""
        target = account if isinstance(account, bytes) else bytes(12) + bytes.fromhex(str(account)[2:])
        self.protocol.token.approve(self.protocol.ledger, amount, {"from": self.treasury})
        self.protocol.ledger.deposit(target, amount, {"from": self.treasury})

    def stake(self, count: int = 4, seats: int = 3) -> None:
        for i in range(count):
            validator = wallet(f"validator {i}")
            size = self.protocol.staking.seatSize()
            self.credit(validator.address, seats * size)
            self.protocol.ledger.allow(self.protocol.staking, seats * size, {"from": validator.account})
            self.protocol.staking.join(POOL, seats, {"from": validator.account})
            self.validators.append(validator)
        chain.mine(1)

    def create(self, funding: int = 10_000 * LBL, operator: Any = None, **changes: Any) -> int:
        operator = operator or self.operator
        self.protocol.dataset_registry.create(terms(self.requester, operator, **changes), {"from": self.requester})
        self.dataset = self.protocol.dataset_registry.datasetCount()
        self.credit(bytes(self.protocol.dataset_registry.escrowAccountOf(self.dataset)), funding)
        self.credit(self.operator.address, 1_000 * LBL)
        self.protocol.ledger.allow(self.protocol.settlement, 2**256 - 1, {"from": self.operator})
        return self.dataset

    def open(self, tasks: int, budget: int, last: bool = False) -> int:
        root = merkle.tasks_tree([keccak(text=f"task {i}") for i in range(tasks)]).root
        deadline = chain.time() + 10_000
        self.protocol.label_registry.openRound(self.dataset, root, tasks, budget, deadline, last, {"from": self.operator})
        self.round = self.protocol.label_registry.roundCount()
        return self.round

    # Contributing

    def fund_contributor(self, who: Wallet, amount: int = 100 * LBL) -> None:
        """Balance by deposit, allowance by signature, as a contributor without gas does it."""
        self.credit(who.address, amount)
        ledger = self.protocol.ledger
        nonce = ledger.nonces(who.address)
        spender = self.protocol.label_registry.address.lower()
        allowance = eip712.Allowance(who.address, spender, amount, nonce, chain.time() + 10_000)
        item = (who.address, spender, amount, nonce, allowance.deadline, who.sign(allowance, domain(ledger)))
        ledger.allowBySig([item], {"from": self.operator})

    def session(self, who: Wallet, key: Wallet, max_bond: int = 100 * LBL, dataset: int = 0, lasts: int = 10_000) -> Any:
        session = eip712.Session(who.address, key.address, dataset, chain.time() + lasts, max_bond)
        signature = who.sign(session, domain(self.protocol.label_registry))
        item = ((session.contributor, session.key, dataset, session.expiry, max_bond), signature)
        return self.protocol.label_registry.registerSessions([item], {"from": self.operator})

    def submission(self, who: Wallet, count: int, signer: Wallet | None = None, **changes: Any) -> tuple[Any, ...]:
        """A signed submission as the contract takes it; keywords replace fields before signing."""
        registry = self.protocol.label_registry
        fields = {
            "round": self.round,
            "contributor": who.address,
            "sequence": registry.contributorOf(self.dataset, who.address)[0],
            "count": count,
            "labels_root": keccak(text=f"labels of {who.address}"),
            "admission": TICKETED,
            "deadline": chain.time() + 1_000,
        } | changes
        message = eip712.Submission(**fields)
        return (tuple(fields.values()), (signer or who).sign(message, domain(registry)), b"")

    def submit(self, *items: tuple[Any, ...], sender: Any = None) -> Any:
        return self.protocol.label_registry.submit(list(items), {"from": sender or self.operator})

    # Auditing

    def close(self) -> None:
        self.protocol.label_registry.closeRound(self.round, {"from": self.operator})

    def draw(self) -> list[tuple[Wallet, int]]:
        """The panel's wallets and weights."""
        chain.mine(3)
        self.protocol.audit_board.drawPanel(self.round, {"from": self.operator})
        return self.panel()

    def panel(self) -> list[tuple[Wallet, int]]:
        known = {v.address: v for v in self.validators}
        return [(known[m[0].lower()], m[1]) for m in self.protocol.audit_board.panelOf(self.round)]

    def sample_size(self) -> int:
        return self.protocol.label_registry.roundOf(self.round)[4]

    def ballot(self, who: Wallet, answer: int = 0) -> tuple[bytes, bytes]:
        return bytes([answer]) * self.sample_size(), keccak(text=f"salt {who.address} {self.round}")

    def commit(self, who: Wallet) -> None:
        attempt = self.protocol.audit_board.auditOf(self.round)[1]
        commitment = draw.commitment(self.round, attempt, who.address, *self.ballot(who))
        message = eip712.Commit(self.round, attempt, who.address, commitment)
        signature = who.sign(message, domain(self.protocol.audit_board))
        self.protocol.audit_board.commit(self.round, who.address, commitment, signature, {"from": self.operator})

    def reveal(self, who: Wallet) -> None:
        self.protocol.audit_board.reveal(self.round, who.address, *self.ballot(who), {"from": self.operator})

    def audit(self) -> list[tuple[Wallet, int]]:
        """Close to audited, everyone on the panel doing their part."""
        self.close()
        panel = self.draw()
        for member, _ in panel:
            self.commit(member)
        for member, _ in panel:
            self.reveal(member)
        self.protocol.audit_board.conclude(self.round, {"from": self.operator})
        return panel

    # Settling

    def propose(
        self, entries: list[tuple[Any, ...]], /, chunks: int = 1, sender: Any = None, evidence: bytes | None = None, **changes: Any
    ) -> None:
        evidence = evidence or keccak(text=f"evidence {self.round}")
        message = eip712.Evidence(self.round, evidence, (sender or self.operator).address.lower())
        board = self.protocol.audit_board
        signed = sorted(
            (who.address, who.sign(message, domain(self.protocol.settlement)))
            for who, _ in self.panel()
            if board.revealedWeightOf(self.round, who.address)
        )
        totals = tuple((totals_of(entries) | changes).values())
        self.protocol.settlement.propose(self.round, evidence, chunks, totals, signed, {"from": sender or self.operator})

    def publish(self, entries: list[tuple[Any, ...]], chunk: int = 0, sender: Any = None) -> Any:
        return self.protocol.settlement.publish(self.round, chunk, entries, {"from": sender or self.operator})

    def finalize(self) -> None:
        chain.sleep(101)
        chain.mine(1)
        self.protocol.settlement.finalize(self.round, {"from": self.operator})

    def distribute(self, entries: list[tuple[Any, ...]], chunk: int = 0) -> Any:
        return self.protocol.settlement.distribute(self.round, chunk, entries, {"from": self.operator})

    def settle(self, entries: list[tuple[Any, ...]]) -> None:
        self.propose(entries)
        self.publish(entries)
        self.finalize()
        self.distribute(entries)

    # Disputing

    def challenge(self, who: Wallet) -> int:
        """`who` challenges the published settlement, with a bond out of fresh LBL; the bond."""
        jury = self.protocol.jury
        bond = int(jury.bondOf(self.round))
        self.credit(who.address, bond)
        self.protocol.ledger.allow(jury, bond, {"from": who.account})
        jury.challenge(self.round, {"from": who.account})
        return bond

    def draw_jury(self) -> list[tuple[Wallet, int]]:
        """The jurors' wallets and weights."""
        chain.mine(3)
        self.protocol.jury.drawJury(self.round, {"from": self.operator})
        return self.jury()

    def jury(self) -> list[tuple[Wallet, int]]:
        known = {v.address: v for v in self.validators}
        return [(known[m[0].lower()], m[1]) for m in self.protocol.jury.jurorsOf(self.round)]

    def judge(self, roots: dict[Wallet, bytes]) -> None:
        """These jurors commit to their roots and reveal them; the others stay silent. Then the jury concludes."""
        jury, salt = self.protocol.jury, keccak(text="juror's salt")
        attempt = jury.drawingOf(self.round)[1]
        for who, root in roots.items():
            kinds = ["uint256", "uint8", "address", "bytes32", "bytes32"]
            hashed = keccak(encode(kinds, [self.round, attempt, who.address, root, salt]))
            jury.commit(self.round, who.address, hashed, b"", {"from": who.account})
        if len(roots) < len(self.jury()):
            chain.sleep(101)
        for who, root in roots.items():
            jury.reveal(self.round, who.address, root, salt, {"from": self.operator})
        if len(roots) < len(self.jury()):
            chain.sleep(101)
            chain.mine(1)
        jury.conclude(self.round, {"from": self.operator})

    def root_of(self, entries: list[tuple[Any, ...]]) -> bytes:
        """The root of a settlement with these entries."""
        root = self.round.to_bytes(32, "big")
        for item in entries:
            kinds = "(uint8,address,uint96,uint96,uint64,uint32)"
            root = keccak(encode(["bytes32", kinds], [root, item]))
        return root

    # Checking

    def conserved(self) -> bool:
        """Invariant 1, over every account that ever appeared in an event."""
        ledger = self.protocol.ledger
        events = ("Deposited", "Moved", "MovedBatch", "Withdrawn")
        seen: set[bytes] = set()
        contract = web3.eth.contract(address=ledger.address, abi=ledger.abi)
        for name in events:
            for log in contract.events[name].get_logs(from_block=0):
                seen |= {v for k, v in log.args.items() if k in ("account", "from", "to") and isinstance(v, bytes)}
                seen |= {bytes(c["account"]) for c in log.args.get("credits", [])}
        return sum(ledger.balanceOf(a) for a in seen) == self.protocol.token.balanceOf(ledger)


def entry(role: str, account: str, reward: int = 0, slash: int = 0, shares: int = 0, waiting: int = 0) -> tuple[Any, ...]:
    return (ZERO_ROLE[role], account, reward, slash, shares, waiting)


def in_order(entries: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(entries, key=lambda e: (e[0], str(e[1]).lower()))


def totals_of(entries: list[tuple[Any, ...]]) -> dict[str, int]:
    """The Totals of these entries, in the struct's order."""

    def total(column: int, role: int) -> int:
        return sum(e[column] for e in entries if e[0] == role)

    return {
        "entries": len(entries),
        "contributorReward": total(2, 0),
        "validatorReward": total(2, 1),
        "slash": sum(e[3] for e in entries),
        "contributorShares": total(4, 0),
        "validatorShares": total(4, 1),
        "requesterShares": total(4, 2),
        "waitingLabels": total(5, 0),
        "waitingVotes": total(5, 1),
    }
