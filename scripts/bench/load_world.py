"""The world of the load bench: a dataset, an open round, contributors with session keys, leases, and signed bodies for the API."""

import json
import secrets
import time
from collections import Counter
from typing import Any

from sqlalchemy import func, insert, select

from backend.db import Database
from backend.models import Lease, Slot
from indexer.models import Submission
from labelshare.chain.calls import call_data
from labelshare.chain.decode import Log
from labelshare.chain.events import LabelRegistrySubmissionAccepted, LabelRegistrySubmissionSkipped
from labelshare.chain.naming import user_account
from labelshare.chain.rpc import Rpc
from labelshare.client.api import Api, wait_for
from labelshare.client.chain import Chain, topic
from labelshare.client.contribute import Contributor
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.staking import Stake
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.merkle import labels_root
from scripts.bench.load_clients import Result
from scripts.history import read_at
from scripts.stack import Stack, demo_key

LBL = 10**18
LABELS = 64  # of a submission, and slots of a task
REWARD, BOND, AUDIT_FEE = 10**12, 10**11, LBL
VALIDATORS, SEATS = 4, 4
SECONDS = 6 * 3600
PAGE = 20_000


class World:
    """`bodies`: each contributor's, in order. Leases are written straight into the database: leasing is not what is measured."""

    def __init__(self, stack: Stack, submissions: int) -> None:
        self.people = min(100, submissions)
        self.each = -(-submissions // self.people)
        self.total = self.people * self.each
        self.rpc = Rpc(stack.rpc_url)
        self.chain = Chain(self.rpc, stack.deployment)
        self.api = Api(stack.api_url)
        self.treasury = self.rpc.call("eth_accounts")[1].lower()
        self.database = Database(stack.environment["LABELSHARE_DATABASE_URL"])
        self._stake()
        self.round, self.dataset = self._open()
        self.contributors = self._onboard()
        self._lease()
        self.bodies = [self._sign(number) for number in range(self.people)]

    # On chain

    def _from_treasury(self, contract: str, function: str, *arguments: Any) -> None:
        data = "0x" + call_data(contract, function, arguments).hex()
        transaction = {"from": self.treasury, "to": self.chain.address(contract), "data": data, "gas": hex(5_000_000)}
        sent = self.rpc.call("eth_sendTransaction", transaction)
        wait_for(f"{contract}.{function}", lambda: self.rpc.call("eth_getTransactionReceipt", sent))

    def _person(self, name: str) -> Wallet:
        wallet = Wallet(demo_key(name))
        self.rpc.call("anvil_setBalance", wallet.address, hex(1_000 * LBL))
        return wallet

    def _stake(self) -> None:
        self._person("operator")
        self._from_treasury("LabelToken", "approve", self.chain.address("Ledger"), 1_000_000 * LBL)
        size = int(self.chain.read("Staking", "seatSize"))
        for number in range(VALIDATORS):
            validator = self._person(f"load validator {number}")
            self._from_treasury("Ledger", "deposit", user_account(validator.address), SEATS * size)
            Stake(self.chain, validator).join(SEATS)

    def _open(self) -> tuple[int, int]:
        owner = self._person("load requester")
        self._from_treasury("LabelToken", "transfer", owner.address, 1_000 * LBL)
        operator = Wallet(demo_key("operator")).address
        metadata = ("ipfs://load", "0x" + "00" * 32)
        terms = DatasetTerms(operator, 3, REWARD, AUDIT_FEE, BOND, 0, *metadata, audit_rate=1, max_labels=LABELS)
        requester = Requester(self.chain, owner)
        dataset = requester.create(terms)
        requester.fund(dataset, 500 * LBL)
        tasks = [{"load": number} for number in range(max(self.total, self.each * LABELS))]
        deadline = int(time.time()) + SECONDS
        budget = self.total * LABELS
        return requester.open_round(self.api, dataset, tasks, budget, LABELS, deadline, last=True, adaptive=False), dataset

    def _onboard(self) -> list[Contributor]:
        people = []
        for number in range(self.people):
            wallet, key = Wallet(demo_key(f"load {number}")), Wallet(demo_key(f"load key {number}"))
            self.api.post("/faucet", {"address": wallet.address})
            people.append(Contributor(self.api, wallet, key))
            people[-1].onboard(self.each * LABELS * BOND, self.dataset)
        for person in people:
            person.wait_until_ready(self.each * LABELS * BOND)
        return people

    # Work

    def _lease(self) -> None:
        expires, leases, slots = int(time.time()) + SECONDS, [], []
        for number, person in enumerate(self.contributors):
            who = person.wallet.address
            common = {"round": self.round, "contributor": who, "expires_at": expires}
            for sequence in range(self.each):
                lease = self._lease_id(number, sequence)
                leases.append({"id": lease, "sequence": sequence, "count": LABELS, **common})
                # A task has a slot for each contributor here: what the chain's budget allows is not exceeded.
                slots += [{"task": task, "slot": number, "lease_id": lease, **common} for task in self._tasks(sequence)]
        with self.database.transaction() as session:
            session.execute(insert(Lease), leases)
            for start in range(0, len(slots), PAGE):
                session.execute(insert(Slot), slots[start : start + PAGE])

    def _lease_id(self, number: int, sequence: int) -> str:
        return f"{number:08x}{sequence:024x}"

    def _tasks(self, sequence: int) -> range:
        return range(sequence * LABELS, (sequence + 1) * LABELS)

    def _sign(self, number: int) -> list[bytes]:
        person, bodies = self.contributors[number], []
        domain, deadline = self.api.domain("LabelRegistry"), int(time.time()) + SECONDS
        for sequence in range(self.each):
            labels = [(task, (task + number) % 3, secrets.token_bytes(32)) for task in self._tasks(sequence)]
            root = labels_root(labels)
            message = eip712.Submission(self.round, person.wallet.address, sequence, LABELS, root, 1, deadline)
            submission = {"contributor": person.wallet.address, "sequence": sequence, "count": LABELS}
            submission |= {"labels_root": "0x" + root.hex(), "admission": 1, "deadline": deadline}
            body = {
                "lease_id": self._lease_id(number, sequence),
                "submission": submission,
                "signature": person.key.sign(message, domain),
                "labels": [{"task": task, "answer": answer, "salt": "0x" + salt.hex()} for task, answer, salt in labels],
            }
            bodies.append(json.dumps(body).encode())
        return bodies

    # Looking

    def wait_until_mirrored(self, result: Result, seconds: float = 900) -> float:
        """Seconds from the last answer until the mirror shows everything that the API took."""
        taken, began = result.statuses[201], time.monotonic()
        wait_for("everything that was taken to be mirrored", lambda: self._mirrored() >= taken or None, seconds)
        return time.monotonic() - began

    def _mirrored(self) -> int:
        with self.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(Submission).where(Submission.round == self.round)) or 0

    def submission_logs(self) -> list[tuple[Log, LabelRegistrySubmissionAccepted]]:
        """Accepted submissions of the round with where they are, in the chain's order."""
        return list(self.chain.events(LabelRegistrySubmissionAccepted, topic(self.round)))

    def balance(self, account: str, block: int) -> int:
        """Of a Ledger account, base units, as of a block."""
        return read_at(self.rpc, self.chain.address("Ledger"), "Ledger", "balanceOf", [account], block)

    def block_hash(self, number: int) -> str | None:
        block = self.rpc.block(hex(number))
        return str(block["hash"]) if block else None

    def count(self) -> dict[str, int]:
        """What the chain has: accepted submissions, of these doubled ones, skipped ones; and the mirror's count."""
        seen = Counter((event.contributor, event.sequence, event.labels_root) for event in self.chain.submissions(self.round))
        skipped = sum(1 for _ in self.chain.events(LabelRegistrySubmissionSkipped, topic(self.round)))
        doubled = sum(times - 1 for times in seen.values())
        return {"accepted": len(seen), "doubled": doubled, "skipped": skipped, "mirrored": self._mirrored()}
