"""Exactly-once relaying.

States of an outbox row: queued (no transaction) → in a transaction → done, or refused (`error`).
States of a transaction: pending → mined or reverted.

A transaction is signed and stored, with its nonce and its rows, in one SQL transaction before its first broadcast. From then on
only those bytes are ever sent for that nonce, however often the process dies: the chain takes a nonce once, so no row can take
effect twice. Rows of a reverted transaction are refused, not repeated; whoever wants the effect asks again if it is still due.
"""

import json
import logging
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.db import Database
from backend.models import Outbox, Transaction
from backend.relay.outbox import BATCHED
from backend.relay.signer import Operator
from labelshare.chain import Deployment
from labelshare.chain.calls import call_data, error_name
from labelshare.chain.rpc import Rpc, RpcError

WINDOW = 8  # transactions in flight
GAS_CAP = 15_000_000
TIP = 10**9  # wei

log = logging.getLogger("labelshare.relay")


class Sender:
    """Sends what the outbox holds. One sender an operator's key: see backend/relay/__main__.py."""

    def __init__(self, database: Database, rpc: Rpc, deployment: Deployment, operator: Operator) -> None:
        self.database = database
        self.rpc = rpc
        self.deployment = deployment
        self.operator = operator

    def step(self) -> bool:
        """Follows what is in flight, then sends what is queued. True when there was something to do."""
        in_flight = self._follow()
        sent = False
        while in_flight < WINDOW and self._send_next(in_flight):
            in_flight += 1
            sent = True
        return sent or in_flight > 0

    def _follow(self) -> int:
        """Settles transactions that are on chain and broadcasts again those that the node lost. How many are still pending."""
        with self.database.transaction() as session:
            pending = session.scalars(select(Transaction).where(Transaction.status == "pending").order_by(Transaction.nonce)).all()
        waiting = 0
        for transaction in pending:
            receipt = self.rpc.call("eth_getTransactionReceipt", transaction.hash)
            if receipt is not None:
                self._finish(transaction.id, succeeded=int(receipt["status"], 16) == 1)
                continue
            waiting += 1
            if self.rpc.call("eth_getTransactionByHash", transaction.hash) is None:
                self._broadcast(transaction)
        return waiting

    def _finish(self, transaction_id: int, succeeded: bool) -> None:
        with self.database.transaction() as session:
            session.get_one(Transaction, transaction_id).status = "mined" if succeeded else "reverted"
            if not succeeded:
                for row in session.scalars(select(Outbox).where(Outbox.transaction_id == transaction_id)):
                    row.error = "reverted on chain"

    def _broadcast(self, transaction: Transaction) -> None:
        try:
            self.rpc.call("eth_sendRawTransaction", transaction.raw)
        except RpcError as error:
            # "already known" or "nonce too low": these bytes are there already; the receipt decides.
            log.info("node answered %s to transaction %s", error, transaction.hash)

    def _send_next(self, in_flight: int) -> bool:
        with self.database.transaction() as session:
            rows = _next_rows(session)
        if not rows:
            return False
        to, data = self._call(rows)
        try:
            gas = self._estimate(to, data)
        except RpcError as error:
            if in_flight:
                return False  # it may depend on what is in flight
            self._refuse(rows, error)
            return True
        transaction = self._store(rows, to, data, gas)
        self._broadcast(transaction)
        return True

    def _call(self, rows: Sequence[Outbox]) -> tuple[str, bytes]:
        payloads = [json.loads(row.payload) for row in rows]
        if rows[0].kind in BATCHED:
            contract, function, _ = BATCHED[rows[0].kind]
            data = call_data(contract, function, [[payload["item"] for payload in payloads]])
        else:
            contract = payloads[0]["contract"]
            data = call_data(contract, payloads[0]["function"], payloads[0]["arguments"])
        return self.deployment.address(contract), data

    def _estimate(self, to: str, data: bytes) -> int:
        call = {"from": self.operator.address, "to": to, "data": "0x" + data.hex()}
        return min(GAS_CAP, self.rpc.integer("eth_estimateGas", call, "pending") * 13 // 10)

    def _refuse(self, rows: Sequence[Outbox], error: RpcError) -> None:
        reason = error_name(bytes.fromhex(error.data[2:])) if error.data and len(error.data) >= 10 else str(error)
        log.warning("refused %s: %s", ", ".join(row.key for row in rows), reason)
        with self.database.transaction() as session:
            for row in rows:
                session.get_one(Outbox, row.id).error = reason

    def _store(self, rows: Sequence[Outbox], to: str, data: bytes, gas: int) -> Transaction:
        base_fee = int(self.rpc.block().get("baseFeePerGas", "0x0"), 16)
        on_chain = self.rpc.integer("eth_getTransactionCount", self.operator.address, "latest")
        with self.database.transaction() as session:
            highest = session.scalar(select(func.max(Transaction.nonce)))
            nonce = on_chain if highest is None else max(on_chain, highest + 1)
            raw, tx_hash = self.operator.sign_transaction(
                {
                    "type": 2,
                    "chainId": self.deployment.chain_id,
                    "nonce": nonce,
                    "to": bytes.fromhex(to[2:]),
                    "value": 0,
                    "data": data,
                    "gas": gas,
                    "maxFeePerGas": 2 * base_fee + TIP,
                    "maxPriorityFeePerGas": TIP,
                }
            )
            transaction = Transaction(nonce=nonce, raw=raw, hash=tx_hash, status="pending")
            session.add(transaction)
            session.flush()
            for row in rows:
                session.get_one(Outbox, row.id).transaction_id = transaction.id
        log.info("nonce %d: %s", nonce, ", ".join(row.key for row in rows))
        return transaction


def _next_rows(session: Session) -> Sequence[Outbox]:
    """The oldest queued row, with others of its kind in order when the kind is batched."""
    queued = select(Outbox).where(Outbox.transaction_id.is_(None), Outbox.error.is_(None)).order_by(Outbox.id)
    first = session.scalar(queued.limit(1))
    if first is None or first.kind not in BATCHED:
        return [first] if first is not None else []
    return session.scalars(queued.where(Outbox.kind == first.kind).limit(BATCHED[first.kind][2])).all()
