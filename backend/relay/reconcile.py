"""Transactions of the key that the database does not know: the key was used elsewhere, or a backup was restored.

Nothing new is signed before each of them is looked up on chain: what is in it counts as sent.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from backend.models import Transaction
from backend.relay.calls import Call, rows_in
from backend.relay.desk import Desk
from backend.relay.fees import Fees
from backend.relay.store import Signed
from labelshare.chain.rpc import RpcError

POOL_PATIENCE = 30.0  # seconds that unknown transactions may stay in the node's pool before their nonces are competed for

log = logging.getLogger("labelshare.relay")


class Reconciler:
    """`clock`: seconds, monotonic."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self.desk, self.store, self._clock = desk, desk.store, clock
        self._pool_since: float | None = None
        self._baseline: int | None = None

    def reconcile(self, head: int) -> bool:
        """Takes in what the database does not know; whether it knows all, so that something new may be signed."""
        on_chain = self.desk.rpc.integer("eth_getTransactionCount", self.desk.signer.address, "latest")
        known = self.store.next_nonce()
        if known is None and (self._baseline is None or self.store.is_empty()):
            # What the key did before there was anything to send, or before there were these contracts, is not ours to know.
            before = self._count(self.desk.deployment.block - 1) or 0
            self._baseline = on_chain if self.store.is_empty() else before
        known = max(known or 0, self._baseline or 0)
        if on_chain > known:
            return self._take_in_unknown(known, on_chain, head)
        return self._is_pool_clear(known)

    def take_in(self, transaction: Transaction) -> None:
        """A stored transaction none of whose versions is on chain, though its nonce is used for good: looks for what is."""
        head = self.desk.rpc.integer("eth_blockNumber")
        for found in self._search(transaction.nonce, transaction.nonce + 1, self.desk.deployment.block, head):
            self._adopt(found, transaction, head)

    def _take_in_unknown(self, known: int, on_chain: int, head: int) -> bool:
        log.warning("nonces %d to %d of the key are on chain and not in the database: looking them up", known, on_chain - 1)
        first = self.store.last_block() or self.desk.deployment.block
        for transaction in self._search(known, on_chain, first, head):
            self._adopt(transaction, None, head)
        return False  # Looked at again in the next step, with what was found in the database.

    def _is_pool_clear(self, known: int) -> bool:
        in_pool = self.desk.nonce_at("pending")
        if in_pool is None or in_pool <= known:
            self._pool_since = None
            return True
        self._pool_since = self._clock() if self._pool_since is None else self._pool_since
        return self._clock() - self._pool_since >= POOL_PATIENCE

    # Searching

    def _search(self, first: int, end: int, low: int, high: int) -> Iterator[dict[str, Any]]:
        """Transactions of the key with nonces from `first` to below `end`, in blocks `low` to `high`."""
        before, after = self._count(low - 1), self._count(high)
        if low > high or (after is not None and after <= first) or (before is not None and before >= end):
            return
        if before is not None and before == after:
            return
        if low == high:
            block = self.desk.rpc.call("eth_getBlockByNumber", hex(low), True)
            for transaction in block["transactions"] if block else ():
                if transaction["from"].lower() == self.desk.signer.address and first <= int(transaction["nonce"], 16) < end:
                    self.desk.steps("unknown transaction found")
                    yield transaction
            return
        middle = (low + high) // 2
        yield from self._search(first, end, low, middle)
        yield from self._search(first, end, middle + 1, high)

    def _count(self, block: int) -> int | None:
        return 0 if block < 0 else self.desk.nonce_at(hex(block))

    # Taking in

    def _adopt(self, found: dict[str, Any], known: Transaction | None, head: int) -> None:
        mined = self.desk.receipt(found["hash"])
        if mined is None:
            raise RpcError(f"the node has transaction {found['hash']} in a block, but no receipt of it")
        signed = self._signed(found, mined.block_number)
        if not signed.raw and mined.block_number > self.desk.finalized(head):
            raise RpcError(f"the node does not tell the bytes of {found['hash']}: waiting until that block is finalized")
        call = Call((found["to"] or "").lower(), bytes.fromhex(found["input"][2:]))
        nonce = int(found["nonce"], 16)
        if known is not None and (known.target, known.data) == (call.target, "0x" + call.data.hex()):
            self.store.add_version(known, signed)
            return
        rows = rows_in(self.desk.deployment, call, self.store.open_rows(known)) if mined.succeeded else []
        self.store.adopt(known, nonce, call, int(found["gas"], 16), signed, mined, rows)
        self.desk.steps("adopted")
        log.warning("nonce %d is %s, not signed by this database; rows in it: %d", nonce, mined.hash, len(rows))

    def _signed(self, found: dict[str, Any], block: int) -> Signed:
        try:
            raw = str(self.desk.rpc.call("eth_getRawTransactionByHash", found["hash"]) or "")
        except RpcError:
            raw = ""
        price = int(found.get("maxFeePerGas") or found["gasPrice"], 16)
        tip = int(found.get("maxPriorityFeePerGas") or found["gasPrice"], 16)
        return Signed(raw, found["hash"], Fees(price, tip), block)
