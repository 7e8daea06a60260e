"""What became of what was sent: receipts of every version, reorganizations, finality; stored bytes sent again; dearer ones."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from backend.models import SignedVersion, Transaction
from backend.relay.calls import Call
from backend.relay.desk import Desk
from backend.relay.fees import REPLACE_AFTER, Fees, is_too_low, raised_fees
from backend.relay.node_errors import Answer
from backend.relay.reconcile import Reconciler

Versions = dict[int, list[SignedVersion]]  # by nonce, the newest first
PATIENCE = 3.0  # seconds between replacements of a nonce that a node keeps calling underpriced, while there is no new block

log = logging.getLogger("labelshare.relay")


class Follower:
    """Follows the transactions that the store has. `capped`: how many wait because replacing them would exceed the fee cap."""

    def __init__(self, desk: Desk, reconciler: Reconciler, clock: Callable[[], float] = time.monotonic) -> None:
        self.desk, self.store, self.reconciler, self._clock = desk, desk.store, reconciler, clock
        self.capped = 0
        self._replaced: dict[int, float] = {}  # when, by nonce
        self._finalized = -1

    def follow(self, head: int, base_fee: int) -> int:
        """Looks once; how many transactions are still on their way. `head`: block number, `base_fee`: wei."""
        self._check_branch()
        self._finish(head)
        on_chain = self.desk.rpc.integer("eth_getTransactionCount", self.desk.signer.address, "latest")
        pending = self.store.pending()
        versions = self.store.versions(pending)
        for transaction in pending:
            if transaction.nonce < on_chain:
                self._settle(transaction, versions[transaction.nonce])
        waiting = [transaction for transaction in pending if transaction.nonce >= on_chain]
        self._resend(waiting, versions)
        self._replace(waiting, versions, head, base_fee)
        return len(waiting)

    # On chain

    def _settle(self, transaction: Transaction, versions: Sequence[SignedVersion]) -> None:
        """Its nonce is used: by one of its versions, or by a transaction that is not ours."""
        for version in versions:
            mined = self.desk.receipt(version.hash)
            if mined is not None:
                self.desk.steps("receipt seen")
                self.store.settle(transaction, mined)
                self.desk.steps("receipt stored")
                return
        finalized = self.desk.nonce_at(hex(max(0, self._finalized)))
        if finalized is not None and finalized > transaction.nonce:
            self.reconciler.take_in(transaction)

    def _check_branch(self) -> None:
        """Opens again what a reorganization dropped. While the highest block of ours is canonical, so are those below it."""
        unsettled = self.store.unsettled()
        if not unsettled:
            return
        highest = max(unsettled, key=lambda transaction: transaction.block_number or 0)
        if self.desk.canonical_hash(highest.block_number or 0) == highest.block_hash:
            return
        self.desk.steps("reorganization seen")
        gone = []
        for transaction in unsettled:
            mined = self.desk.receipt(transaction.hash)
            if mined is None:
                gone.append(transaction)
            elif mined.block_hash != transaction.block_hash:
                self.store.move(transaction, mined)
        if gone:
            self.store.reopen(gone)
            self.desk.steps("reopened")
            log.warning("a reorganization dropped %d transactions from nonce %d on", len(gone), gone[0].nonce)

    def _finish(self, head: int) -> None:
        finalized = self.desk.finalized(head)
        if finalized == self._finalized:
            return
        self._finalized = finalized
        old = [t for t in self.store.unsettled() if t.block_number is not None and t.block_number <= finalized]
        sure: list[Transaction] = []
        for number, group in groupby(sorted(old, key=lambda t: t.block_number or 0), key=lambda t: t.block_number or 0):
            block_hash = self.desk.canonical_hash(number)
            sure += [transaction for transaction in group if transaction.block_hash == block_hash]
        if sure:
            self.store.finish(sure)
            self.desk.steps("final stored")

    # Not yet on chain

    def _resend(self, waiting: Sequence[Transaction], versions: Versions) -> None:
        """Sends stored bytes again where the node has lost them, the lowest nonce first."""
        for transaction in waiting:
            if self.desk.trouble in (Answer.BUSY, Answer.NO_FUNDS):
                return
            if self.desk.rpc.call("eth_getTransactionByHash", transaction.hash) is None:
                self.desk.steps("resending")
                self.desk.broadcast(transaction.nonce, versions[transaction.nonce][0])
                self.desk.steps("resent")

    def _replace(self, waiting: Sequence[Transaction], versions: Versions, head: int, base_fee: int) -> None:
        """Signs dearer versions of what is too cheap to be mined, and of the next nonce when it has waited for long."""
        self.capped = 0
        for place, transaction in enumerate(waiting):
            newest = versions[transaction.nonce][0]
            fees = Fees(newest.max_fee, newest.tip)
            if not self._is_due(transaction.nonce, fees, head - newest.block, base_fee, place == 0):
                continue
            raised = raised_fees(fees, base_fee, self.desk.fee_cap)
            if raised is None:
                self.capped += 1
            else:
                self._sign_again(transaction, raised, head)

    def _is_due(self, nonce: int, fees: Fees, given: int, base_fee: int, is_next: bool) -> bool:
        """Whether a version that was given so many blocks is to be replaced."""
        refused = nonce in self.desk.underpriced and self._clock() - self._replaced.get(nonce, -PATIENCE) >= PATIENCE
        cheap = is_too_low(fees, base_fee) and given >= 1
        stuck = is_next and given >= REPLACE_AFTER and self.desk.trouble is None
        return refused or cheap or stuck

    def _sign_again(self, transaction: Transaction, fees: Fees, head: int) -> None:
        call = Call(transaction.target, bytes.fromhex(transaction.data[2:]))
        signed = self.desk.sign(transaction.nonce, call, transaction.gas, fees, head)
        self.desk.steps("replacement signed")
        self.store.replace(transaction, signed)
        self.desk.steps("replacement stored")
        log.info("nonce %d: replaced at %d wei, tip %d wei", transaction.nonce, fees.most, fees.tip)
        self._replaced = {nonce: at for nonce, at in self._replaced.items() if nonce >= transaction.nonce - 1000}
        self._replaced[transaction.nonce] = self._clock()
        self.desk.underpriced.discard(transaction.nonce)
        self.desk.broadcast(transaction.nonce, signed)
        self.desk.steps("replacement sent")
