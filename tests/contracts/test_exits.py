"""Every round that gets stuck is left again, by anyone, and its work is paid at the exit rate."""

from typing import Any

import pytest
from brownie import accounts, chain

from scripts.deploy import Deployed
from tests.contracts.flow import FEE, LBL, REWARD, Flow, Wallet, entry, in_order, wallet

ONE = 1 << 16
DELAY = 100
SEED_BLOCKS = 260


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    return flow


@pytest.fixture
def people(flow: Flow) -> list[Wallet]:
    people = [wallet("ada"), wallet("bob")]
    for who in people:
        flow.fund_contributor(who)
    flow.open(4, 8)
    flow.submit(*(flow.submission(who, 4) for who in people))
    return people


def later(seconds: int) -> None:
    chain.sleep(seconds)
    chain.mine(1)


def balance(flow: Flow, address: str) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(address)))


def settlement(flow: Flow) -> Any:
    return flow.protocol.settlement


def addresses(people: list[Wallet]) -> list[str]:
    return [who.address for who in people]


def entries_of(flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]]) -> list[tuple[Any, ...]]:
    votes = [entry("validator", v.address, FEE * flow.sample_size() * weight) for v, weight in panel]
    return in_order([*(entry("contributor", who.address, REWARD, shares=ONE) for who in people), *votes])


def test_work_that_nobody_proposes_to_pay_is_paid_by_the_exit(
    flow: Flow, people: list[Wallet], stranger: Any, expect_revert: Any
) -> None:
    panel = flow.audit()
    with expect_revert("ExitNotDue"):
        settlement(flow).startExit(flow.round, {"from": stranger})
    later(DELAY + 1)
    validator, weight = panel[0]
    before = balance(flow, validator.address)
    tx = settlement(flow).startExit(flow.round, {"from": stranger})
    votes = sum(weight for _, weight in panel) * flow.sample_size()
    paid = 8 * REWARD // 2 + votes * FEE // 2
    assert tx.events["ExitStarted"][0]["paid"] == paid
    assert tx.events["ExitStarted"][0]["released"] == 8 * REWARD + 2 * 3 * FEE - paid
    settlement(flow).exit(flow.round, addresses(people), [validator.address], {"from": stranger})
    assert flow.protocol.staking.locksOf(validator.address) == 0
    for who in people:
        assert balance(flow, who.address) == 100 * LBL + 4 * REWARD // 2
        assert flow.protocol.dataset_shares.balanceOf(who.address, flow.dataset) == 4 * (ONE // 2)
    assert balance(flow, validator.address) - before == weight * flow.sample_size() * FEE // 2
    assert settlement(flow).proposalOf(flow.round)[0] == 5
    settlement(flow).exit(flow.round, [], [v.address for v, _ in panel[1:]], {"from": stranger})
    assert settlement(flow).proposalOf(flow.round)[0] == 4
    assert balance_of_dataset(flow) == 0
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert flow.conserved()
    flow.open(4, 8)


def balance_of_dataset(flow: Flow) -> int:
    return int(flow.protocol.ledger.balanceOf(settlement(flow).accountOf(flow.dataset)))


def test_three_silent_panels_end_in_an_exit_at_once(flow: Flow, people: list[Wallet], stranger: Any, expect_revert: Any) -> None:
    flow.close()
    for _ in range(3):
        with expect_revert("NotAudited"):
            settlement(flow).startExit(flow.round, {"from": stranger})
        panel = flow.draw()
        later(201)
        flow.protocol.audit_board.conclude(flow.round, {"from": stranger})
        assert all(flow.protocol.staking.locksOf(v.address) == 0 for v, _ in panel)
    with expect_revert("NotAudited"):
        settlement(flow).propose(flow.round, bytes(31) + b"1", 1, (0,) * 9, [], {"from": stranger})
    settlement(flow).startExit(flow.round, {"from": stranger})
    settlement(flow).exit(flow.round, addresses(people), [], {"from": stranger})
    assert balance(flow, people[0].address) == 100 * LBL + 4 * REWARD // 2
    assert balance_of_dataset(flow) == 0
    assert flow.conserved()
    everyone_unstakes(flow)


def everyone_unstakes(flow: Flow) -> None:
    """Slashed, suspended or not: each validator takes out what is left of their stake."""
    staking, pool = flow.protocol.staking, b"\0" * 32
    for validator in flow.validators:
        own = [i for i in range(staking.slotCount(pool)) if staking.seatOf(pool, i)[0].lower() == validator.address]
        still_in = [i for i in own if staking.seatOf(pool, i)[2] == 0]
        if still_in:
            staking.leave(pool, still_in, {"from": validator.account})
    later(staking.unbondingPeriod() + 1)
    for validator in flow.validators:
        own = [i for i in range(staking.slotCount(pool)) if staking.seatOf(pool, i)[0].lower() == validator.address]
        staking.collect(pool, own, {"from": validator.account})
        staking.collectLoose(pool, {"from": validator.account})
    assert flow.protocol.ledger.balanceOf(flow.protocol.ledger.subAccountOf(staking, pool)) == 0


def test_a_seed_missed_three_times_ends_in_an_exit(flow: Flow, people: list[Wallet], stranger: Any) -> None:
    flow.close()
    for _ in range(3):
        chain.mine(SEED_BLOCKS)
        flow.protocol.audit_board.drawPanel(flow.round, {"from": stranger})
    settlement(flow).startExit(flow.round, {"from": stranger})
    settlement(flow).exit(flow.round, addresses(people), [], {"from": stranger})
    assert balance_of_dataset(flow) == 0


def test_a_silent_proposer_loses_the_bond_and_the_next_proposal_settles(
    flow: Flow, people: list[Wallet], stranger: Any, treasury: Any, expect_revert: Any
) -> None:
    panel = flow.audit()
    entries = entries_of(flow, people, panel)
    flow.propose(entries, chunks=3)
    flow.publish(entries[:1], 0)
    flow.publish(entries[1:2], 1)
    with expect_revert("WindowStillOpen"):
        settlement(flow).expire(flow.round, {"from": stranger})
    later(101)
    with expect_revert("WindowClosed"):
        flow.publish(entries[2:], 2)
    bond = settlement(flow).proposalOf(flow.round)[7]
    before = balance(flow, treasury.address)
    settlement(flow).expire(flow.round, {"from": stranger})
    assert bond > 0
    assert balance(flow, treasury.address) - before == bond

    flow.propose(entries)
    flow.publish(entries)
    flow.finalize()
    with expect_revert("ChunkMismatch"):
        flow.distribute(entries[1:2], 1)
    flow.distribute(entries)
    assert settlement(flow).proposalOf(flow.round)[0] == 4
    settlement(flow).releaseBonds(flow.dataset, addresses(people), {"from": stranger})
    assert balance_of_dataset(flow) == 0
    assert flow.conserved()


def test_proposals_that_expire_are_bounded_and_then_the_round_exits(
    flow: Flow, people: list[Wallet], stranger: Any, expect_revert: Any
) -> None:
    panel = flow.audit()
    entries = entries_of(flow, people, panel)
    for _ in range(3):
        flow.propose(entries)
        with expect_revert("WrongPhase"):
            settlement(flow).startExit(flow.round, {"from": stranger})
        later(101)
        settlement(flow).expire(flow.round, {"from": stranger})
    with expect_revert("TooManyProposals"):
        flow.propose(entries)
    settlement(flow).startExit(flow.round, {"from": stranger})
    with expect_revert("WrongPhase"):
        flow.propose(entries)
    settlement(flow).exit(flow.round, addresses(people), [v.address for v, _ in panel], {"from": stranger})
    assert balance_of_dataset(flow) == 0


def test_waiting_work_of_earlier_rounds_takes_the_same_exit(flow: Flow, people: list[Wallet], stranger: Any) -> None:
    panel = flow.audit()
    votes = [entry("validator", v.address) for v, _ in panel]
    flow.settle(in_order([*(entry("contributor", who.address, waiting=4) for who in people), *votes]))
    flow.open(4, 4)
    flow.submit(flow.submission(people[0], 4))
    panel = flow.audit()
    later(DELAY + 1)
    settlement(flow).startExit(flow.round, {"from": stranger})
    settlement(flow).exit(flow.round, addresses(people), [v.address for v, _ in panel], {"from": stranger})
    assert balance(flow, people[0].address) == 100 * LBL + 8 * REWARD // 2
    assert balance(flow, people[1].address) == 100 * LBL + 4 * REWARD // 2
    assert [int(n) for n in settlement(flow).waitingOf(flow.dataset)] == [0, 0]
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert balance_of_dataset(flow) == 0
    assert flow.conserved()


def test_an_exit_is_taken_once_and_only_by_work(flow: Flow, people: list[Wallet], stranger: Any, expect_revert: Any) -> None:
    panel = flow.audit()
    with expect_revert("WrongPhase"):
        settlement(flow).exit(flow.round, addresses(people), [], {"from": stranger})
    later(DELAY + 1)
    settlement(flow).startExit(flow.round, {"from": stranger})
    ada, validator = people[0].address, panel[0][0].address
    for contributors, validators in (([ada, ada], []), ([stranger], []), ([validator], []), ([], [ada]), ([], [validator] * 2)):
        with expect_revert("NothingPending"):
            settlement(flow).exit(flow.round, contributors, validators, {"from": stranger})
    with expect_revert("ChunkTooLarge"):
        settlement(flow).exit(flow.round, [ada] * 129, [], {"from": stranger})
    settlement(flow).exit(flow.round, [ada], [], {"from": stranger})
    with expect_revert("NothingPending"):
        settlement(flow).exit(flow.round, [ada], [], {"from": stranger})
    with expect_revert("DatasetBusy"):
        flow.open(4, 8)


def test_who_exits_late_still_gets_the_revenue_of_their_shares(flow: Flow, people: list[Wallet], stranger: Any) -> None:
    panel = flow.audit()
    later(DELAY + 1)
    settlement(flow).startExit(flow.round, {"from": stranger})
    settlement(flow).exit(flow.round, [people[0].address], [], {"from": stranger})
    buyer = accounts[4]
    price = flow.protocol.dataset_market.priceOf(flow.dataset)
    flow.protocol.token.transfer(buyer, price, {"from": flow.treasury})
    flow.protocol.token.approve(flow.protocol.dataset_market, price, {"from": buyer})
    flow.protocol.dataset_market.buy(flow.dataset, buyer, price, {"from": buyer})
    settlement(flow).exit(flow.round, [people[1].address], [v.address for v, _ in panel], {"from": stranger})
    flow.protocol.dataset_shares.claim(flow.dataset, people[0].address, {"from": stranger})
    revenue = price - price * flow.protocol.parameters.feeBps() // 10_000
    for who in people:
        earned = balance(flow, who.address) - 100 * LBL - 4 * REWARD // 2
        assert revenue // 2 - 1 <= earned <= revenue // 2
    assert flow.conserved()
