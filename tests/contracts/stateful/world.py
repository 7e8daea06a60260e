"""The stage: one deployment, four datasets of different terms, and everyone who acts on it."""

from typing import Any

from brownie import chain, project, web3
from eth_abi.abi import encode
from eth_utils import keccak

from scripts.deploy import LBL, Deployed
from tests.contracts.flow import terms
from tests.contracts.stateful.core import Person, person
from tests.contracts.stateful.leaving import LeaveActions
from tests.contracts.stateful.node import SEED_RANGE, Interface, Node
from tests.contracts.stateful.staking import DOMAIN, OPEN_POOL
from tests.contracts.stateful.state import Dataset, user

ROLES = {
    "token": "LabelToken",
    "control": "Control",
    "parameters": "Parameters",
    "credentials": "Credentials",
    "ledger": "Ledger",
    "dataset_registry": "DatasetRegistry",
    "label_registry": "LabelRegistry",
    "staking": "Staking",
    "audit_board": "AuditBoard",
    "jury": "Jury",
    "limits": "Limits",
    "settlement": "Settlement",
    "dataset_shares": "DatasetShares",
    "dataset_market": "DatasetMarket",
}
DAY = 24 * 3600
MAX = 2**256 - 1
CONTRIBUTORS = [f"contributor {i}" for i in range(6)]
VALIDATORS = [f"validator {i}" for i in range(7)]
OTHERS = ["requester", "operator", "relayer", "issuer", "buyer 0", "buyer 1", "watcher", "stranger", "session key"]
OPEN_STAKERS, CREDENTIALED = VALIDATORS[:5], VALIDATORS[4:]


class World(LeaveActions):
    """Everyone has tokens in their wallet and their account, and trusts the contracts with allowances; validators are staked."""

    def __init__(self, deployed: Deployed, treasury: str, seat_size: int, unbonding: int) -> None:
        containers = project.get_loaded_projects()[0]
        contracts = {role: Interface(getattr(deployed, role).address, containers[name].abi) for role, name in ROLES.items()}
        super().__init__(Node(web3.provider.endpoint_uri, contracts), chain.id, treasury.lower())
        self.seat_size, self.unbonding = seat_size, unbonding
        self.people: dict[str, Person] = {p.address: p for p in map(person, [*CONTRIBUTORS, *VALIDATORS, *OTHERS])}
        self.operator = person("operator")
        self.credential = keccak(encode(["address", "string"], [person("issuer").address, DOMAIN]))
        assert self.node.view("credentials", "credentialOf", person("issuer").address, DOMAIN) == self.credential
        assert self.node.view("token", "balanceOf", self.at("ledger")) == 0
        # Seed blocks can then be put back (`outdate`).
        self.node.pass_time(1, SEED_RANGE + 10)
        self.endow()
        self.stake()
        self.create_datasets()

    def name(self, name: str) -> str:
        return person(name).address

    def endow(self) -> None:
        for p in self.people.values():
            self.tx(self.treasury, "token", "transfer", p.address, 100_000 * LBL)
            self.state.wallets[p.address] = 100_000 * LBL
            for spender in ("ledger", "dataset_market"):
                self.tx(p.address, "token", "approve", self.at(spender), MAX)
            for spender in ("label_registry", "staking", "settlement", "jury"):
                self.tx(p.address, "ledger", "allow", self.at(spender), MAX)
            self.deposit(p.address, user(p.address), 5_000 * LBL)

    def stake(self) -> None:
        issuer = self.name("issuer")
        for name in CREDENTIALED + CONTRIBUTORS[:4]:
            self.attest_credential(issuer, self.credential, self.name(name), 400 * DAY)
        for seats, name in enumerate(OPEN_STAKERS, start=4):
            self.join(self.name(name), OPEN_POOL, seats)
        for name in CREDENTIALED:
            self.join(self.name(name), self.credential, 3)

    def create_datasets(self) -> None:
        windows = dict.fromkeys(("commitWindow", "revealWindow", "challengeWindow", "exitDelay"), 2 * DAY)
        self.create(reward=LBL + 7, bond=LBL // 4, openBond=LBL + 7)
        shares = {"contributorsBps": 5_000, "validatorsBps": 4_000, "requesterBps": 1_000}
        self.create(bond=0, openBond=2 * LBL, exitRate=4_000, auditRate=32, **shares)
        self.create(contributorCredential=self.credential, validatorCredential=self.credential, bond=LBL // 3, labelCap=300)
        units = {"reward": 7, "auditFee": 3, "bond": 5, "openBond": 11, "licenseFloor": 1_000}
        self.create(panelSize=5, exitRate=6_000, validatorsBps=0, requesterBps=2_000, **units, **windows)

    def create(self, **changes: Any) -> None:
        requester = self.name("requester")
        values = terms(requester, self.operator.address, **changes)
        names = [c["name"] for c in self.node.contracts["dataset_registry"].functions["create"]["inputs"][0]["components"]]
        self.tx(requester, "dataset_registry", "create", values)
        d = Dataset(len(self.state.datasets) + 1, dict(zip(names, values, strict=True)))
        self.state.datasets[d.id] = d
        self.fund(requester, d, 1_000 * LBL)
