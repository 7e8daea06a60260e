"""Sends what the outbox holds, exactly once. States and invariants: backend/relay/__init__.py."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from backend.db import Database
from backend.models import Outbox
from backend.relay.calls import Call, NotEncodable, call_of
from backend.relay.desk import Desk
from backend.relay.fees import first_fees
from backend.relay.follow import Follower
from backend.relay.lease import Lease, LeaseLost
from backend.relay.node_errors import is_revert, understand
from backend.relay.outbox import GAS_BASE, GAS_EACH
from backend.relay.reconcile import Reconciler
from backend.relay.signer import Signer
from backend.relay.steps import Steps, no_steps
from backend.relay.store import Store
from labelshare.chain import Deployment
from labelshare.chain.calls import error_name
from labelshare.chain.rpc import Rpc, RpcError

WINDOW = 16  # transactions in flight
GAS_CAP = 15_000_000
MOST_BYTES = 120_000  # of calldata; nodes take transactions up to 131,072 bytes
FEE_CAP = 500 * 10**9  # wei a unit of gas
PAUSED = "InflowPaused"  # by the contracts' guardian: what is queued waits for the end of it

EXPIRED = "expired"

log = logging.getLogger("labelshare.relay")


class Outcome(Enum):
    """What came of looking at the next rows: something was sent or refused; nothing is queued; they wait."""

    DONE = 1
    NOTHING = 2
    LATER = 3
    PAUSED = 4


@dataclass(frozen=True)
class Fitting:
    """Rows that can go in one transaction, and what it calls; `gas`: its limit."""

    rows: Sequence[Outbox]
    call: Call
    gas: int


class Sender:
    """The relayer of one key. Any number may run: one holds the lease and sends, the others wait.

    Args:
        fee_cap: wei a unit of gas that no transaction ever offers more than.
        steps: called at each step by its name (backend/relay/steps.py).
    """

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        signer: Signer,
        *,
        fee_cap: int = FEE_CAP,
        steps: Steps = no_steps,
        lease: Lease | None = None,
    ) -> None:
        self.lease = lease or Lease(database, deployment.chain_id, signer.address)
        self.store = Store(database, self.lease, deployment.chain_id, signer.address, steps)
        self.desk = Desk(rpc, deployment, signer, self.store, fee_cap, steps)
        self.reconciler = Reconciler(self.desk)
        self.follower = Follower(self.desk, self.reconciler)

    def step(self) -> bool:
        """Follows what is in flight, then sends what is queued. True when there was something to do.

        Raises RpcUnavailable, RpcError or SQLAlchemy's OperationalError for a node or database to wait for.
        """
        try:
            if not self.lease.hold():
                return False
            self.desk.steps("lease held")
            return self._step()
        except LeaseLost as error:
            log.warning("%s", error)
            return False

    def _step(self) -> bool:
        self.desk.trouble = None
        block = self.desk.rpc.block()
        head, base_fee = int(block["number"], 16), int(block.get("baseFeePerGas", "0x0"), 16)
        self.desk.steps("chain looked at")
        in_flight = self.follower.follow(head, base_fee)
        reconciled = self.reconciler.reconcile(head)
        sent, outcome = 0, Outcome.NOTHING
        while reconciled and self.desk.trouble is None and in_flight + sent < WINDOW:
            outcome = self._send_next(in_flight + sent, block)
            if outcome is not Outcome.DONE:
                break
            sent += 1
        self.lease.say(self._state(reconciled, outcome))
        return bool(sent or in_flight)

    def _state(self, reconciled: bool, outcome: Outcome) -> str:
        """What is waited for, in words for operators."""
        if self.desk.trouble is not None:
            return self.desk.trouble.value
        if not reconciled:
            return "transactions of this key are unknown here: looking them up on chain before anything is sent"
        if self.follower.capped:
            return "the base fee is above what the fee cap allows: raise LABELSHARE_FEE_CAP_GWEI, or wait"
        return "submissions are paused by the contracts' guardian" if outcome is Outcome.PAUSED else ""

    def _send_next(self, in_flight: int, block: dict[str, Any]) -> Outcome:
        """Sends one transaction, or refuses rows that never can be sent. `block`: the head."""
        now = int(block["timestamp"], 16)
        rows = self.store.next_rows(now)
        late = [row for row in rows if row.include_by is not None and row.include_by < now]
        if late or not rows:
            return self._refuse(late, EXPIRED) if late else Outcome.NOTHING
        self.desk.steps("rows picked")
        found = self._fit(rows, in_flight)
        if isinstance(found, Outcome):
            return found
        self.desk.steps("gas estimated")
        self._send(found, int(block["number"], 16), int(block.get("baseFeePerGas", "0x0"), 16))
        return Outcome.DONE

    def _send(self, found: Fitting, head: int, base_fee: int) -> None:
        """Row, nonce and bytes are committed, then the bytes are broadcast."""
        on_chain = self.desk.rpc.integer("eth_getTransactionCount", self.desk.signer.address, "latest")
        fees = first_fees(base_fee, self.desk.fee_cap)
        with self.store.signing(found.rows, on_chain) as signing:
            signed = self.desk.sign(signing.nonce, found.call, found.gas, fees, head)
            self.desk.steps("signed")
            signing.keep(found.call, found.gas, signed)
        self.desk.steps("stored")
        log.info("nonce %d: %d of %s", signing.nonce, len(found.rows), found.rows[0].kind)
        self.desk.broadcast(signing.nonce, signed)
        self.desk.steps("sent")

    def _fit(self, rows: Sequence[Outbox], in_flight: int) -> Fitting | Outcome:
        """As many of the rows as can go together, or DONE after refusing those that can never go.

        LATER when it has to be seen again: the node's trouble, or what is in flight, may be why it fails.
        """
        try:
            call = call_of(self.desk.deployment, rows)
            if len(call.data) > MOST_BYTES:
                raise NotEncodable(f"is too large for a transaction: {len(call.data)} bytes")
            return Fitting(rows, call, self._gas(rows, call))
        except NotEncodable as error:
            reason = str(error)
        except RpcError as error:
            if not is_revert(str(error), error.data):
                self.desk.trouble = understand(str(error))
                log.warning("the node does not estimate: %s", error)
                return Outcome.LATER
            reason = _revert_reason(error)
            if reason == PAUSED:
                return Outcome.PAUSED
            if in_flight:
                return Outcome.LATER
        if len(rows) == 1:
            return self._refuse(rows, reason)
        middle = len(rows) // 2
        first = self._fit(rows[:middle], in_flight)
        return self._fit(rows[middle:], in_flight) if first is Outcome.DONE else first

    def _gas(self, rows: Sequence[Outbox], call: Call) -> int:
        """The gas limit: what the node estimates and a third, or the most that the items of a batch take."""
        asked = {"from": self.desk.signer.address, "to": call.target, "data": "0x" + call.data.hex()}
        estimated = self.desk.rpc.integer("eth_estimateGas", asked, "pending") * 13 // 10
        batch = GAS_BASE + len(rows) * GAS_EACH[rows[0].kind] if rows[0].kind in GAS_EACH else 0
        return min(GAS_CAP, max(estimated, batch))

    def _refuse(self, rows: Sequence[Outbox], reason: str) -> Outcome:
        log.warning("refused %s: %s", ", ".join(row.key for row in rows), reason)
        self.store.refuse(rows, reason)
        return Outcome.DONE


def _revert_reason(error: RpcError) -> str:
    """The contract's error by name, else the node's words."""
    return error_name(bytes.fromhex(error.data[2:])) if error.data and len(error.data) >= 10 else str(error)
