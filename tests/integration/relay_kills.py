"""Relayers in processes of their own that die by SIGKILL at a named step, in the weather that leads them there."""

import multiprocessing
import os
import random
import secrets
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from eth_account import Account
from sqlalchemy import select

from backend.db import Database
from backend.models import RelayLease
from backend.relay.lease import Lease
from backend.relay.outbox import enqueue_call
from backend.relay.sender import Sender
from backend.relay.signer import Operator
from backend.relay.steps import STEPS
from labelshare.chain import deployment
from labelshare.chain.rpc import Rpc
from labelshare.client.wallet import Wallet
from tests.integration.anvil import wait_until
from tests.integration.relaying import Relay

GWEI = 10**9
PATIENCE = 15.0  # seconds until a relayer that did not come to its step has failed the test
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def live(url: str, rpc_url: str, manifest: Path, key: bytes, step: str, turn: int, beat: float = 0.005) -> None:
    """A relayer that is killed when it comes to `step` for the `turn`-th time (from 1)."""
    left = turn

    def steps(name: str) -> None:
        nonlocal left
        left -= name == step
        if name == step and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    database, signer, deployed = Database(url), Operator(key), deployment(manifest)
    lease = Lease(database, deployed.chain_id, signer.address, seconds=0)
    sender = Sender(database, Rpc(rpc_url), deployed, signer, steps=steps, lease=lease)
    while True:
        sender.step()
        time.sleep(beat)


def race(relay: Relay, items: int, relayers: int = 2, seconds: float = 60) -> int:
    """Several relayers, each of which takes the lease whenever it can, on submissions and payments; how often it changed hands.

    Raises AssertionError when two calls are signed for a nonce, or anything is lost or doubled.
    """
    people = [Wallet(secrets.token_bytes(32)) for _ in range(10)]
    for turn in range(items // 20):
        relay.submit(people[turn % 10], 19)
        relay.pay(1)
    arguments = (relay.url, relay.anvil.url, relay.manifest, relay.key, "never", 0)
    children = [FORKS.Process(target=live, args=arguments, daemon=True) for _ in range(relayers)]
    for child in children:
        child.start()
    try:
        wait_until(lambda: relay.left() == 0, f"{items} items to be relayed by {relayers} relayers", seconds)
        assert all(child.is_alive() for child in children), "a relayer ended by itself"
    finally:
        for child in children:
            child.kill()
            child.join()
    relay.require_exactly_once()
    with relay.database.transaction() as session:
        return session.scalars(select(RelayLease.fence)).one()


class Kill:
    """One relayer, killed once at `step`, and what becomes of what it was given. `seed` decides the work and the turn."""

    def __init__(self, relay: Relay, step: str, seed: int) -> None:
        self.relay, self.anvil, self.step = relay, relay.anvil, step
        self.random = random.Random(f"{step} {seed}")

    def run(self, since: int = 0) -> int:
        """Raises AssertionError when anything is lost, doubled, or leaves a gap. `since`: see Relay.require_exactly_once."""
        self.relay.refused = 0
        self._work()
        weather = WEATHER.get(self.step, Kill._fair)
        weather(self)
        self._calm()
        self.relay.drain(mine=True)
        return self.relay.require_exactly_once(since)

    def _work(self) -> None:
        ada = Wallet(self.random.randbytes(32))
        for _ in range(self.random.randint(1, 3)):
            self.relay.submit(ada, self.random.randint(1, 35))
            self.relay.pay(self.random.randint(0, 2))
        self.relay.pay(1)
        if self.step == "refusing":
            self._ask_for_what_reverts()

    def _ask_for_what_reverts(self) -> None:
        with self.relay.database.transaction() as session:
            enqueue_call(session, f"close:{self.random.random()}", "LabelRegistry", "closeRound", 10**6)
        self.relay.refused += 1

    def _start(self, turn: int) -> BaseProcess:
        relay = self.relay
        arguments = (relay.url, self.anvil.url, relay.manifest, relay.key, self.step, turn)
        child = FORKS.Process(target=live, args=arguments, daemon=True)
        child.start()
        return child

    def _until_killed(self, turn: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        child = self._start(turn)
        end = time.monotonic() + PATIENCE
        while child.is_alive():
            meanwhile()
            child.join(0.01)
            if time.monotonic() > end:
                child.kill()
                child.join()
                raise AssertionError(f"the relayer never came to {self.step!r}")
        assert child.exitcode == -signal.SIGKILL, f"it ended by itself: {child.exitcode}"
        child.close()

    def _calm(self) -> None:
        self.anvil.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")
        self.anvil.rpc("evm_setAutomine", True)
        self.anvil.rpc("evm_mine")

    # Weather

    def _fair(self) -> None:
        self._until_killed(self.random.randint(1, 2) if self.step in REPEATED else 1)

    def _lossy(self) -> None:
        """The node forgets what it is given."""
        self.anvil.rpc("evm_setAutomine", False)
        self._until_killed(self.random.randint(1, 3), lambda: self.anvil.rpc("anvil_dropAllTransactions"))

    def _reorganized(self) -> None:
        self.anvil.rpc("anvil_mine", hex(70))  # What the operator was given is older than what is dropped.
        self.relay.drain()
        last = max(t.block_number or 0 for t in self.relay.transactions())
        height = self.relay.rpc.integer("eth_blockNumber")
        for _ in range(self.random.randint(0, 63 - (height - last))):
            self.anvil.rpc("evm_mine")
            height += 1
        self.anvil.rpc("anvil_reorg", self.random.randint(height - last + 1, 64), [])
        self._until_killed(1)

    def _finalized(self) -> None:
        self.relay.drain()
        self.anvil.rpc("anvil_mine", hex(70))
        self._until_killed(1)

    def _dear(self) -> None:
        """Others pay for whole blocks, ever more. Some of ours are mined all the same."""
        self.relay.pay(5)
        self.anvil.rpc("evm_setAutomine", False)
        fee = GWEI

        def rise() -> None:
            nonlocal fee
            fee = min(fee * 9 // 8, 90 * GWEI)
            self.anvil.rpc("anvil_dropAllTransactions")
            self.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(fee))
            self.anvil.rpc("evm_mine")

        self._until_killed(self.random.randint(1, 3), rise)

    def _used_elsewhere(self) -> None:
        for nonce in range(self.relay.nonce(), self.relay.nonce() + self.random.randint(1, 3)):
            fields = {"chainId": 31337, "nonce": nonce, "to": "0x" + "11" * 20, "value": 0, "gas": 21_000}
            signed = Account.sign_transaction(fields | {"maxFeePerGas": GWEI, "maxPriorityFeePerGas": GWEI}, self.relay.key)
            self.anvil.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        self._until_killed(1)


REPEATED = ("lease held", "chain looked at", "rows picked", "gas estimated", "signed", "storing", "stored", "sent")
WEATHER: dict[str, Callable[[Kill], None]] = {
    "resending": Kill._lossy,
    "resent": Kill._lossy,
    "reorganization seen": Kill._reorganized,
    "reopening": Kill._reorganized,
    "reopened": Kill._reorganized,
    "final storing": Kill._finalized,
    "final stored": Kill._finalized,
    "replacement signed": Kill._dear,
    "replacement storing": Kill._dear,
    "replacement stored": Kill._dear,
    "replacement sent": Kill._dear,
    "unknown transaction found": Kill._used_elsewhere,
    "adopting": Kill._used_elsewhere,
    "adopted": Kill._used_elsewhere,
}
assert set(WEATHER) <= set(STEPS)
