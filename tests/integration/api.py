"""The API on a real database, with the mirror's rows written by hand: the tests play the indexer."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select

from backend.__main__ import migrate
from backend.app import create_app
from backend.context import Backend
from backend.models import AppBase, Draft, DraftTask, Task
from backend.settings import Settings
from indexer.models import Account, Allowance, Base, Checkpoint, Dataset, Round, Session
from labelshare.chain.naming import user_account
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.evidence import content_hash, salt
from labelshare.rules.history import RULE_ID
from labelshare.rules.merkle import labels_tree, tasks_tree

NAMES = ("LabelToken", "Ledger", "DatasetRegistry", "LabelRegistry", "Staking", "AuditBoard", "Jury", "Settlement", "DatasetShares")
CONTRACTS = {name: f"0x{i + 1:040x}" for i, name in enumerate((*NAMES, "DatasetMarket", "Faucet"))}
CHAIN_ID = 31337
TASKS = 6
BOND = 250
OPERATOR_KEY = b"\x05" * 32
TERMS = {
    "rule_id": RULE_ID,
    "classes": 3, "bond": str(BOND), "open_bond": "1000", "reward": "1000", "audit_fee": "500", "min_labels": 3, "max_labels": 9,
    "panel_size": 3, "audit_rate": 64, "exit_rate": 5000, "reveal_window": 100, "challenge_window": 100, "exit_delay": 1000,
    "contributors_bps": 8000, "validators_bps": 1000, "requester_bps": 1000,
}


class Client:
    """Requests to an app in this process, each on an event loop of its own, so that threads can share it."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
                return await client.request(method, path, **options)

        return asyncio.run(answer())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


class World:
    """One dataset with an open round; ada has a bond, an allowance and a session key."""

    def __init__(self, folder: Path, url: str | None = None, **settings_too: Any) -> None:
        (folder / "operator.key").write_text(OPERATOR_KEY.hex())
        manifest = {"chain_id": CHAIN_ID, "block": 0, "treasury": "0x" + "99" * 20, "contracts": CONTRACTS}
        (folder / "deployment.json").write_text(json.dumps(manifest))
        url = url or f"sqlite:///{folder}/app.db"
        settings = Settings("http://127.0.0.1:1", url, folder / "deployment.json", folder / "operator.key", None, **settings_too)
        migrate(url)
        self.app = create_app(settings)
        self.backend: Backend = self.app.state.backend
        Base.metadata.create_all(self.backend.database.engine)
        self.client = Client(self.app)
        self.ada, self.bob, self.key = (Wallet(bytes([n]) * 32) for n in (11, 12, 13))
        self.requester = Wallet(b"\x0e" * 32)
        self.now = int(time.time())
        self.domain = eip712.Domain(CHAIN_ID, CONTRACTS["LabelRegistry"])
        self._fill()

    def close(self) -> None:
        self.backend.database.engine.dispose()

    # The mirror

    def _fill(self) -> None:
        hashes = [content_hash({"task": i}) for i in range(TASKS)]
        root = "0x" + tasks_tree(hashes).root.hex()
        self.mirror(
            Checkpoint(chain_id=CHAIN_ID, block_number=9, block_hash="0x" + "00" * 32, timestamp=self.now, undoable_to=0),
            self.dataset_row(1),
            self.round_row(1, 1, root),
            self.session_row(self.key),
        )
        for person in (self.ada, self.bob):
            self.mirror(
                Account(account=user_account(person.address), balance=10 * BOND),
                Allowance(owner=person.address, spender=CONTRACTS["LabelRegistry"], amount=10 * BOND, nonce=1),
            )
        tasks = [Task(content_hash="0x" + h.hex(), content=json.dumps({"task": i})) for i, h in enumerate(hashes)]
        self.mirror(*tasks, Draft(dataset=1, tasks_root=root, labels_per_task=2, adaptive=True))
        self.mirror(*(DraftTask(draft_id=1, index=i, content_hash="0x" + h.hex()) for i, h in enumerate(hashes)))

    def mirror(self, *rows: Any) -> None:
        with self.backend.database.transaction() as session:
            session.add_all(rows)

    def change(self, kind: type[Any], key: Any, **values: Any) -> None:
        with self.backend.database.transaction() as session:
            row = session.get_one(kind, key)
            for name, value in values.items():
                setattr(row, name, value)

    def dataset_row(self, number: int) -> Dataset:
        names = ("reserved", "price", "supply", "acc", "revenue", "waiting_labels", "waiting_votes", "settled_block")
        empty = dict.fromkeys(names, 0)
        return Dataset(
            id=number,
            requester=self.requester.address,
            operator=self.backend.operator.address,
            terms=TERMS,
            escrow_account="0x" + "77" * 32,
            **empty,
        )

    def round_row(self, number: int, dataset: int, root: str) -> Round:
        return Round(
            id=number,
            dataset=dataset,
            phase="open",
            tasks_root=root,
            task_count=TASKS,
            label_budget=10,
            labels=0,
            open_labels=0,
            open_submissions=0,
            sample_size=2,
            deadline=self.now + 1000,
            last=False,
            reserve=10_000,
            opened_block=1,
            closed_block=None,
        )

    def session_row(self, key: Wallet) -> Session:
        return Session(
            contributor=self.ada.address,
            key=key.address,
            dataset=0,
            expiry=self.now + 1000,
            max_bond=10 * BOND,
            bond_left=10 * BOND,
            revoked=False,
        )

    # Asking

    def access(self, signer: Wallet, purpose: str, subject: int, account: str | None = None, ahead: int = 600) -> dict[str, str]:
        owner = account or signer.address
        message = eip712.Access(owner, purpose, subject, self.now + ahead)
        return {
            "X-Labelshare-Account": owner,
            "X-Labelshare-Deadline": str(message.deadline),
            "X-Labelshare-Signature": signer.sign(message, self.domain),
        }

    def lease(self, who: Wallet, tasks: list[int] | None = None, count: int = 3) -> dict[str, Any]:
        body = {"tasks": tasks} if tasks else {"count": count}
        response = self.client.post("/v1/rounds/1/leases", json=body, headers=self.access(who, "lease", 1))
        assert response.status_code == 200, response.text
        leased: dict[str, Any] = response.json()
        return leased

    def submission(
        self, lease: dict[str, Any], who: Wallet, signer: Wallet | None = None, domain: eip712.Domain | None = None, **changes: Any
    ) -> dict[str, Any]:
        """A request for the leased tasks, signed after `changes` of the message's fields (round, sequence, …) or of `labels`."""
        tasks = [task["index"] for task in lease["tasks"]]
        rows = changes.pop("labels", [(task, task % 3, salt(b"\x01" * 32, 1, 0, task)) for task in tasks])
        fields = {
            "round": 1,
            "contributor": who.address,
            "sequence": lease["sequence"],
            "count": len(rows),
            "labels_root": labels_tree(rows).root,
            "admission": 1,
            "deadline": self.now + 500,
        } | changes
        signature = (signer or who).sign(eip712.Submission(**fields), domain or self.domain)
        del fields["round"]
        fields["labels_root"] = "0x" + fields["labels_root"].hex()
        return {
            "lease_id": lease["lease_id"],
            "submission": fields,
            "signature": signature,
            "labels": [{"task": t, "answer": a, "salt": "0x" + s.hex()} for t, a, s in rows],
        }

    def submit(self, body: dict[str, Any]) -> Any:
        return self.client.post("/v1/rounds/1/submissions", json=body)

    def rows(self) -> dict[str, int]:
        """How many rows each app table has."""
        with self.backend.database.transaction() as session:
            return {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in AppBase.metadata.sorted_tables
            }
