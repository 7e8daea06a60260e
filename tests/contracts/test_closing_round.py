"""Work that waits has an end of its own: after 14 days without a further round anyone finishes the dataset."""

from typing import Any

import pytest
from brownie import chain

from scripts.deploy import Deployed
from tests.contracts.flow import BOND, FEE, LBL, REWARD, Flow, Wallet, entry, in_order, totals_of, wallet

ONE = 1 << 16
FORTNIGHT = 14 * 24 * 3600
EVIDENCE = b"\x07" * 32


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    return flow


@pytest.fixture
def ada(flow: Flow) -> Wallet:
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    return ada


@pytest.fixture
def waiting(flow: Flow, ada: Wallet) -> list[tuple[Wallet, int]]:
    """Ada's labels and the panel's votes wait."""
    panel = flow.audit()
    votes = [entry("validator", v.address, waiting=weight * flow.sample_size()) for v, weight in panel]
    flow.settle(in_order([entry("contributor", ada.address, waiting=4), *votes]))
    return panel


def later(seconds: int) -> None:
    chain.sleep(seconds)
    chain.mine(1)


def finish(flow: Flow, sender: Any) -> None:
    flow.protocol.label_registry.finishDataset(flow.dataset, {"from": sender})
    flow.round = flow.protocol.label_registry.roundCount()


def balance(flow: Flow, who: Any) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(who)))


def nothing_is_left(flow: Flow) -> None:
    assert flow.protocol.ledger.balanceOf(flow.protocol.settlement.accountOf(flow.dataset)) == 0
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert [int(n) for n in flow.protocol.settlement.waitingOf(flow.dataset)] == [0, 0]
    assert all(flow.protocol.staking.locksOf(v.address) == 0 for v in flow.validators)
    assert flow.conserved()


def test_a_closing_round_settles_what_waits_and_ends_the_dataset(
    flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]], stranger: Any, expect_revert: Any
) -> None:
    with expect_revert("StillWaiting"):
        flow.protocol.label_registry.finishDataset(flow.dataset, {"from": stranger})
    assert all(flow.protocol.staking.locksOf(v.address) == 1 for v, _ in waiting)
    later(FORTNIGHT + 1)
    finish(flow, stranger)
    assert flow.protocol.settlement.heldOf(flow.round) == 4 * REWARD + 6 * FEE
    entries = in_order(
        [entry("contributor", ada.address, REWARD, shares=ONE // 2), *(entry("validator", v.address, FEE) for v, _ in waiting)]
    )
    totals = tuple(totals_of(entries).values())
    flow.protocol.settlement.propose(flow.round, EVIDENCE, 1, totals, [], {"from": flow.operator})
    flow.publish(entries)
    flow.finalize()
    flow.distribute(entries)
    assert balance(flow, ada.address) == 101 * LBL
    nothing_is_left(flow)
    with expect_revert("DatasetBusy"):
        flow.open(4, 4)
    with expect_revert("DatasetBusy"):
        flow.protocol.label_registry.finishDataset(flow.dataset, {"from": stranger})


def test_a_closing_round_that_nobody_settles_exits(
    flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]], stranger: Any
) -> None:
    later(FORTNIGHT + 1)
    finish(flow, stranger)
    later(101)
    settlement = flow.protocol.settlement
    settlement.startExit(flow.round, {"from": stranger})
    settlement.exit(flow.round, [ada.address], [v.address for v, _ in waiting], {"from": stranger})
    assert balance(flow, ada.address) == 100 * LBL + 4 * REWARD // 2
    nothing_is_left(flow)


def test_a_closing_settlement_can_be_challenged(flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]]) -> None:
    later(FORTNIGHT + 1)
    finish(flow, flow.operator)
    wrong = in_order([entry("contributor", ada.address), *(entry("validator", v.address) for v, _ in waiting)])
    right = in_order([entry("contributor", ada.address, REWARD), *(entry("validator", v.address) for v, _ in waiting)])
    for entries in (wrong, right):
        totals = tuple(totals_of(entries).values())
        flow.protocol.settlement.propose(flow.round, EVIDENCE, 1, totals, [], {"from": flow.operator})
        flow.publish(entries)
        if entries is wrong:
            flow.challenge(wallet("cleo"))
            flow.judge({who: flow.root_of(right) for who, _ in flow.draw_jury()})
    flow.finalize()
    flow.distribute(right)
    assert balance(flow, ada.address) == 100 * LBL + REWARD
    nothing_is_left(flow)


def test_rounds_without_labels_do_not_put_the_end_off(
    flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]], stranger: Any, expect_revert: Any
) -> None:
    later(FORTNIGHT - 200)
    flow.open(4, 4)
    later(10_001)
    flow.close()
    with expect_revert("WaitedTooLong"):
        flow.open(4, 4)
    finish(flow, stranger)


def test_a_dataset_where_nothing_waits_is_not_finished_by_others(
    flow: Flow, ada: Wallet, stranger: Any, expect_revert: Any
) -> None:
    panel = flow.audit()
    flow.settle(in_order([entry("contributor", ada.address), *(entry("validator", v.address) for v, _ in panel)]))
    assert balance(flow, ada.address) == 100 * LBL - 4 * BOND
    later(2 * FORTNIGHT)
    with expect_revert("NothingWaits"):
        flow.protocol.label_registry.finishDataset(flow.dataset, {"from": stranger})
    flow.open(4, 4)


def test_waiting_votes_hold_a_stake_for_a_month_and_no_longer(
    flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]], stranger: Any, expect_revert: Any
) -> None:
    board, staking = flow.protocol.audit_board, flow.protocol.staking
    member = waiting[0][0].address
    later(FORTNIGHT - 100)
    with expect_revert("NotReleasable"):
        board.unlockWaiting(flow.dataset, member, {"from": stranger})
    flow.open(4, 4)
    later(FORTNIGHT + 4 * 24 * 3600)
    board.unlockWaiting(flow.dataset, member, {"from": stranger})
    assert staking.locksOf(member) == 0
    assert board.pendingVotesOf(flow.dataset, member) > 0
    with expect_revert("NotReleasable"):
        board.unlockWaiting(flow.dataset, member, {"from": stranger})


def test_a_waiting_bond_is_in_the_dataset_until_the_end(flow: Flow, ada: Wallet, waiting: list[tuple[Wallet, int]]) -> None:
    assert flow.protocol.ledger.balanceOf(flow.protocol.settlement.accountOf(flow.dataset)) == 4 * BOND


def test_a_round_cannot_stay_open_for_more_than_a_month(flow: Flow, expect_revert: Any) -> None:
    registry = flow.protocol.label_registry
    with expect_revert("InvalidRound"):
        registry.openRound(flow.dataset, EVIDENCE, 4, 4, chain.time() + 31 * 24 * 3600, False, {"from": flow.operator})
