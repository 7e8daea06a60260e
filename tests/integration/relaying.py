"""A relayer's world for tests: a database, an operator with gas, work, senders that come and go, and what the chain says of it."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from sqlalchemy import func, select

from backend.__main__ import migrate
from backend.db import Database
from backend.models import Outbox, SignedVersion, Transaction
from backend.relay.lease import Lease
from backend.relay.outbox import enqueue_call, enqueue_item
from backend.relay.sender import Sender
from backend.relay.signer import Operator
from labelshare.chain import deployment
from labelshare.chain.rpc import Rpc
from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet
from tests.integration.anvil import LBL, Protocol, wait_until
from tests.integration.field import Field

PAID = 7  # base units of a transfer: a call that takes effect each time it is made


class Relay:
    """`url`: another database than a new SQLite file."""

    def __init__(self, protocol: Protocol, folder: Path, url: str | None = None) -> None:
        self.manifest = folder / "deployment.json"
        self.manifest.write_text(json.dumps(protocol.manifest()))
        self.url = url or f"sqlite:///{folder}/app.db"
        migrate(self.url)
        self.protocol, self.anvil = protocol, protocol.anvil
        self.database = Database(self.url)
        self.deployment = deployment(self.manifest)
        self.key = secrets.token_bytes(32)
        self.operator = Operator(self.key)
        self.rpc = Rpc(protocol.anvil.url)
        self.chain = Chain(self.rpc, self.deployment)
        self._rpcs = [self.rpc]
        self._field: Field | None = None
        self._people = secrets.randbits(96) << 32  # Nobody else asks the faucet for these.
        self._decoded: dict[str, tuple[int, tuple[bytes, bytes, int]]] = {}  # nonce and call, by version
        self.refused = 0  # rows of which a test knows that they never can be sent
        self.submitted: list[tuple[str, int]] = []
        self.fund(10**20)

    def fund(self, wei: int) -> None:
        self.anvil.rpc("anvil_setBalance", self.operator.address, hex(wei))

    @property
    def field(self) -> Field:
        if self._field is None:
            self._field = Field(self.protocol, self.operator.address)
        return self._field

    def sender(self, rpc: Rpc | None = None, **options: Any) -> Sender:
        """A sender that takes over at once: the one before is gone."""
        if rpc is not None:
            self._rpcs.append(rpc)
        lease = Lease(self.database, self.deployment.chain_id, self.operator.address, seconds=0)
        return Sender(self.database, rpc or self.rpc, self.deployment, self.operator, **({"lease": lease} | options))

    def close(self) -> None:
        for rpc in self._rpcs:
            rpc.close()
        self.database.engine.dispose()

    # Work

    def drip(self, *people: int) -> None:
        with self.database.transaction() as session:
            for person in people:
                address = f"0x{self._people + person:040x}"
                enqueue_item(session, "drip", f"drip:{person}", address)

    def pay(self, count: int = 1) -> None:
        """Transfers to new addresses, from tokens that the operator is given."""
        operator = self.protocol.web3.to_checksum_address(self.operator.address)
        self.protocol.send("LabelToken", "transfer", operator, count * PAID, sender=self.protocol.treasury)
        with self.database.transaction() as session:
            for _ in range(count):
                to = "0x" + secrets.token_hex(20)
                enqueue_call(session, f"pay:{to}", "LabelToken", "transfer", to, str(PAID))

    def submit(self, who: Wallet, count: int = 1) -> None:
        """Submissions of a contributor, as the API queues them."""
        with self.database.transaction() as session:
            for _ in range(count):
                key, item = self.field.submission(who)
                enqueue_item(session, "submission", key, item, include_by=item[0][6])
                self.submitted.append((who.address, item[0][2]))

    # Looking

    def served(self, person: int) -> int:
        """How often the faucet served a person: their Ledger balance in units of its amount."""
        return int(self.protocol.call("Ledger", "balanceOf", (self._people + person).to_bytes(32, "big"))) // (1_000 * LBL)

    def rows(self) -> list[Outbox]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Outbox).order_by(Outbox.id)))

    def transactions(self) -> list[Transaction]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Transaction).order_by(Transaction.nonce)))

    def versions(self) -> list[SignedVersion]:
        with self.database.transaction() as session:
            return list(session.scalars(select(SignedVersion).order_by(SignedVersion.block)))

    def nonce(self, block: str = "latest") -> int:
        return self.rpc.integer("eth_getTransactionCount", self.operator.address, block)

    def drain(self, sender: Sender | None = None, mine: bool = False, what: str = "the outbox to be empty") -> None:
        """Steps until nothing is in flight or queued; `mine`: a block a step."""
        mover = sender or self.sender()

        def done() -> bool:
            busy = mover.step()
            if mine:
                self.anvil.rpc("evm_mine")
            return not busy and self.left() == 0

        wait_until(done, what, 20)

    def left(self) -> int:
        """Rows and transactions of which nothing is decided."""
        queued = select(func.count()).select_from(Outbox).where(Outbox.transaction_id.is_(None), Outbox.error.is_(None))
        pending = select(func.count()).select_from(Transaction).where(Transaction.status == "pending")
        with self.database.transaction() as session:
            return (session.scalar(queued) or 0) + (session.scalar(pending) or 0)

    def require_exactly_once(self, since: int = 0) -> int:
        """Everything asked for took effect once, in order; each nonce is used, by versions that all make the same call.

        `since`: what an earlier look gave, to look only at what is new.
        """
        rows = self.rows()[since:]
        for to in {row.key.removeprefix("pay:") for row in rows if row.key.startswith("pay:")}:
            assert self.chain.read("LabelToken", "balanceOf", to) == PAID, f"{to} was paid otherwise than once"
        asked: dict[str, list[int]] = {}
        for row in rows:
            if row.kind == "submission" and row.error is None:
                _, who, sequence, *_ = json.loads(row.payload)["item"][0]
                asked.setdefault(who, []).append(sequence)
        for who, sequences in asked.items():
            assert self.field.accepted_of(self.chain, who) == sorted(sequences), f"{who}'s are not on chain once and in order"
        if asked:
            assert self.field.skipped(self.chain) == [], "sent twice, or out of order"
        assert len([row for row in rows if row.error]) == self.refused
        assert self.left() == 0
        self.require_whole_nonces()
        return since + len(rows)

    def require_whole_nonces(self) -> None:
        transactions = self.transactions()
        assert [t.nonce for t in transactions] == list(range(len(transactions)))
        assert self.nonce() == len(transactions)
        calls: dict[int, set[tuple[bytes, bytes, int]]] = {}
        ours = {t.id for t in transactions if t.status != "foreign"}
        versions = [version for version in self.versions() if version.hash not in self._decoded]
        for version in versions:
            if version.transaction_id in ours:
                fields = TypedTransaction.from_bytes(HexBytes(version.raw)).as_dict()
                self._decoded[version.hash] = fields["nonce"], (bytes(fields["to"]), bytes(fields["data"]), fields["gas"])
        for nonce, call in self._decoded.values():
            calls.setdefault(nonce, set()).add(call)
        assert all(len(call) == 1 for call in calls.values()), "two different calls were signed for one nonce"


def paused(relay: Relay) -> Callable[[], None]:
    """Stops mining; gives what starts it again."""
    relay.anvil.rpc("evm_setAutomine", False)

    def resume() -> None:
        relay.anvil.rpc("evm_setAutomine", True)
        relay.anvil.rpc("evm_mine")

    return resume
