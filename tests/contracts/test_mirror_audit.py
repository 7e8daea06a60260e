"""The indexer's audit on real panels, juries and settlements: at every step the contracts say what the mirror says, and whatever
row is changed by hand is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brownie import accounts, chain, web3
from eth_utils import keccak
from sqlalchemy import update

from indexer.audit import audit
from indexer.database import open_database, open_for_reading
from indexer.models import Dispute, Entry, Juror, PanelMember, ShareBalance
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source
from indexer.store import Store
from scripts.deploy import Deployed
from tests.contracts.flow import FEE, REWARD, Flow, Wallet, entry, in_order, wallet
from tests.contracts.sdk import sdk

ONE = 1 << 16
WRONG = keccak(text="another root")
BY_HAND = (
    (PanelMember, {"weight": 40}, "AuditBoard.panelOf"),
    (PanelMember, {"salt": "0x" + 64 * "1"}, "AuditBoard.panelOf"),
    (PanelMember, {"answers": "0x0101"}, "AuditBoard.panelOf"),
    (PanelMember, {"shown": 1}, "AuditBoard.attestationOf"),
    (Juror, {"revealed": False}, "Jury.jurorsOf"),
    (Juror, {"root": "0x" + 64 * "2"}, "Jury.rootOf"),
    (Juror, {"salt": "0x" + 64 * "3"}, "Jury.jurorsOf"),
    (Dispute, {"challenger": "0x" + 40 * "4"}, "Jury.disputeOf"),
    (Dispute, {"phase": "revealing"}, "Jury.drawingOf"),
    (Dispute, {"reveal_ends": 5}, "Jury.drawingOf"),
    (Entry, {"reward": 6}, "Settlement.proposalOf"),
    (Entry, {"distributed": False}, "Settlement.isDistributed"),
    (ShareBalance, {"revenue": 10**30}, "the revenue of dataset"),
)


class Mirror:
    """Of one deployment, on the same node."""

    def __init__(self, deployed: Deployed, treasury: Any, folder: Path) -> None:
        self.deployment = sdk(deployed, treasury).deployment
        self.url, self.database = str(web3.provider.endpoint_uri), f"sqlite:///{folder}/mirror.db"
        self.engine = open_database(self.database)
        self.source = Source(self.url, self.deployment.contracts.values())
        settings = Settings(self.url, self.database, folder / "manifest.json")
        self.runner = Runner(self.source, Store(self.engine, self.deployment), self.deployment, settings)

    def differences(self) -> list[str]:
        while self.runner.step():
            pass
        return [str(difference) for difference in audit(open_for_reading(self.database), self.url, self.deployment).differences]


@pytest.fixture
def mirror(protocol: Deployed, treasury: Any, tmp_path: Path) -> Iterator[Mirror]:
    made = Mirror(protocol, treasury, tmp_path)
    yield made
    made.source.close()
    made.engine.dispose()


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    return flow


def entries_of(flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]], ada: int = REWARD) -> list[tuple[Any, ...]]:
    votes = [entry("validator", who.address, FEE * flow.sample_size() * weight) for who, weight in panel]
    pay = [entry("contributor", who.address, ada if who is people[0] else REWARD, shares=ONE) for who in people]
    return in_order([*pay, *votes])


def sell(flow: Flow) -> None:
    """A license, and one holder's part of the revenue."""
    buyer, market, price = accounts[4], flow.protocol.dataset_market, flow.protocol.dataset_market.priceOf(flow.dataset)
    flow.protocol.token.transfer(buyer, price, {"from": flow.treasury})
    flow.protocol.token.approve(market, price, {"from": buyer})
    market.buy(flow.dataset, buyer, price, {"from": buyer})
    flow.protocol.dataset_shares.claim(flow.dataset, wallet("ada").address, {"from": flow.operator})


def test_through_an_audit_two_disputes_and_a_sale_the_mirror_says_what_the_contracts_say(flow: Flow, mirror: Mirror) -> None:
    people = [wallet("ada"), wallet("bob")]
    for who in people:
        flow.fund_contributor(who)
    flow.open(4, 8, last=True)
    flow.submit(*(flow.submission(who, 4) for who in people))
    flow.close()
    assert mirror.differences() == []
    panel = flow.draw()
    flow.commit(panel[0][0])
    assert mirror.differences() == []
    for who, _ in panel[1:]:
        flow.commit(who)
    flow.reveal(panel[0][0])
    assert mirror.differences() == []
    for who, _ in panel[1:]:
        flow.reveal(who)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    right, wrong = entries_of(flow, people, panel), entries_of(flow, people, panel, ada=0)

    flow.propose(wrong)
    flow.publish(wrong)
    flow.challenge(wallet("ada"))
    assert mirror.differences() == []
    jurors = flow.draw_jury()
    flow.judge({who: WRONG if number % 2 else flow.root_of(right) for number, (who, _) in enumerate(jurors[:-1])})
    assert mirror.differences() == []
    while flow.protocol.jury.drawingOf(flow.round)[0] == 1:  # Nobody had the majority: a larger jury.
        jurors = flow.draw_jury()
        assert mirror.differences() == []
        flow.judge({who: flow.root_of(right) for who, _ in jurors})
    assert mirror.differences() == []

    flow.propose(right)
    flow.publish(right)
    flow.challenge(wallet("bob"))
    assert mirror.differences() == []
    jurors = flow.draw_jury()
    flow.judge({who: flow.root_of(right) for who, _ in jurors})
    flow.finalize()
    assert mirror.differences() == []
    flow.distribute(right)
    sell(flow)
    assert mirror.differences() == []

    for model, values, where in BY_HAND:
        with mirror.engine.begin() as connection:
            kept = connection.execute(model.__table__.select()).mappings().all()
            connection.execute(update(model).values(**values))
        assert any(line.startswith(where) for line in mirror.differences()), values
        with mirror.engine.begin() as connection:
            connection.execute(model.__table__.delete())
            connection.execute(model.__table__.insert(), [dict(row) for row in kept])
    assert mirror.differences() == []
    chain.mine(1)
    assert mirror.differences() == []
