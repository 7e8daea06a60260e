"""Keepers without the operator: strangers with gas, two at once, after a day in which nobody kept anything."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.keeper import Keeper as OperatorsKeeper
from backend.models import Outbox
from indexer.models import Round
from labelshare.chain import deployment, events
from labelshare.chain.rpc import Rpc
from labelshare.client.chain import Chain, topic
from labelshare.client.keep import Keeper
from labelshare.client.round_state import state_of
from labelshare.client.wallet import Wallet
from tests.integration.anvil import LBL, Anvil, Protocol
from tests.integration.api import World
from tests.integration.field import Field

PORTS = range(19260, 19268)
DAY = 24 * 3600
WINDOW = 600  # seconds
MOST_TURNS = 60


@pytest.fixture
def protocol() -> Iterator[Protocol]:
    anvil = Anvil(PORTS)
    yield Protocol(anvil)
    anvil.stop()


class Stranger:
    """A keeper of its own: wallet, connection and memory. A keeper that is killed is one that begins anew."""

    def __init__(self, protocol: Protocol, manifest: Path) -> None:
        self.wallet = Wallet(secrets.token_bytes(32))
        protocol.anvil.rpc("anvil_setBalance", self.wallet.address, hex(100 * LBL))
        self.rpc = Rpc(protocol.anvil.url)
        self.chain = Chain(self.rpc, deployment(manifest))
        self.did: list[str] = []

    def keep(self) -> None:
        self.did += list(Keeper(self.chain, self.wallet).keep())


@pytest.fixture
def strangers(protocol: Protocol, tmp_path: Path) -> Iterator[list[Stranger]]:
    manifest = tmp_path / "deployment.json"
    manifest.write_text(json.dumps(protocol.manifest()))
    both = [Stranger(protocol, manifest) for _ in range(2)]
    yield both
    for stranger in both:
        stranger.rpc.close()


def at_once(*jobs: Callable[[], None]) -> None:
    """Runs the jobs in threads that start together; raises what one of them raised."""
    failures: list[BaseException] = []
    together = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        try:
            together.wait()
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def later(protocol: Protocol, seconds: int) -> None:
    protocol.anvil.rpc("evm_increaseTime", seconds)
    protocol.anvil.rpc("anvil_mine", hex(300))  # More than 256 blocks: whatever was drawn from before is out of the chain's sight.


def test_two_strangers_racing_end_a_round_that_nobody_kept_for_a_day(protocol: Protocol, strangers: list[Stranger]) -> None:
    windows = dict.fromkeys(("commit_window", "reveal_window", "challenge_window", "exit_delay"), WINDOW)
    operator = protocol.accounts[8]
    field = Field(protocol, operator, seconds=3600, **windows)
    people = [Wallet(secrets.token_bytes(32)) for _ in range(3)]
    batch = [field.submission(person)[1] for person in people for _ in range(2)]
    items = [((r, protocol.web3.to_checksum_address(who), *rest), signature, "0x") for (r, who, *rest), signature, _ in batch]
    protocol.send("LabelRegistry", "submit", items, sender=operator)
    chain = strangers[0].chain
    later(protocol, DAY)
    for _ in range(MOST_TURNS):
        if state_of(chain, field.round).phase in ("settled", "void"):
            break
        at_once(*(stranger.keep for stranger in strangers))
        later(protocol, WINDOW + 1) if state_of(chain, field.round).audit else None
        protocol.anvil.rpc("anvil_mine", hex(4))
    assert state_of(chain, field.round).phase == "settled"
    done = Counter(line.split(": ")[1] for stranger in strangers for line in stranger.did if line.endswith(" done"))
    for step in ("LabelRegistry.closeRound", "Settlement.startExit", "Settlement.exit"):
        assert done[f"{step} done"] == 1, f"{step} took effect {done[f'{step} done']} times"
    assert len(list(chain.events(events.LabelRegistryRoundClosed, topic(field.round)))) == 1
    for person in people:
        assert chain.read("LabelRegistry", "contributorOf", field.dataset, person.address)[2] == 0, "work is pending still"
    assert sum(chain.read("Ledger", "balanceOf", "0x" + "0" * 24 + person.address[2:]) for person in people) > 0, "nobody was paid"
    at_once(*(stranger.keep for stranger in strangers))
    assert len(list(chain.events(events.LabelRegistryRoundClosed, topic(field.round)))) == 1


def test_two_keepers_of_an_operator_ask_for_each_step_once(tmp_path: Path, postgres: Callable[[], str]) -> None:
    world = World(tmp_path, postgres())
    try:
        world.change(Round, 1, deadline=world.now - 1)
        keepers = [OperatorsKeeper(world.backend) for _ in range(4)]
        for _ in range(5):
            at_once(*(keeper.step for keeper in keepers))
        with world.backend.database.transaction() as session:
            rows = session.scalars(select(Outbox)).all()
            assert [json.loads(row.payload)["function"] for row in rows] == ["closeRound"]
    finally:
        world.close()
