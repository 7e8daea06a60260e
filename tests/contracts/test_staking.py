"""Staking: seats always backed in full, slashes in full, and a draw that nothing done later can change."""

from typing import Any

import pytest
from brownie import accounts, chain, web3
from eth_utils import keccak

from labelshare.rules.draw import draw_panel
from scripts.deploy import Deployed
from tests.contracts.flow import FEE, POOL, Flow, Wallet, wallet

OTHER_POOL = b"\1" * 32
NO_ROUND = 77


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=4, seats=3)
    flow.create()
    return flow


def backed(flow: Flow) -> bool:
    """Staked balance = what backs each validator, seat by seat and loose change."""
    staking, ledger = flow.protocol.staking, flow.protocol.ledger
    total = sum(staking.stakeOf(POOL, v.address) for v in flow.validators)
    return bool(total == ledger.balanceOf(ledger.subAccountOf(staking, POOL)))


def pool_size(flow: Flow) -> tuple[int, int]:
    seats, owners = flow.protocol.staking.poolSize(POOL)
    return int(seats), int(owners)


def seats_of(flow: Flow, who: Wallet) -> list[int]:
    staking = flow.protocol.staking
    return [i for i in range(staking.slotCount(POOL)) if staking.seatOf(POOL, i)[0].lower() == who.address]


def draw_of(flow: Flow, seed: bytes, as_of: int, size: int = 3) -> list[str]:
    owners, _ = flow.protocol.staking.draw(POOL, seed, 12, as_of, size, NO_ROUND, [])
    return [str(owner).lower() for owner in owners]


def slash(flow: Flow, who: Wallet, amount: int) -> None:
    """As the AuditBoard would."""
    board = flow.protocol.audit_board.address
    web3.provider.make_request("anvil_impersonateAccount", [board])
    web3.provider.make_request("anvil_setBalance", [board, hex(10**18)])
    flow.protocol.staking.slash(POOL, who.address, amount, {"from": accounts.at(board, force=True)})


def test_a_seat_costs_its_size_and_counts(flow: Flow) -> None:
    assert pool_size(flow) == (12, 4)
    assert flow.protocol.staking.stakeOf(POOL, flow.validators[0].address) == 3 * flow.protocol.staking.seatSize()
    assert backed(flow)


def test_pools_and_counts_that_do_not_exist_are_refused(flow: Flow, expect_revert: Any) -> None:
    sender = {"from": flow.validators[0].account}
    with expect_revert("CredentialMissing"):
        flow.protocol.staking.join(OTHER_POOL, 1, sender)
    for count in (0, 65):
        with expect_revert("InvalidCount"):
            flow.protocol.staking.join(POOL, count, sender)
    with expect_revert("InsufficientAllowance"):
        flow.protocol.staking.join(POOL, 1, sender)


def test_a_seat_is_paid_out_after_unbonding_and_its_slot_reused(flow: Flow, expect_revert: Any) -> None:
    staking, ledger, who = flow.protocol.staking, flow.protocol.ledger, flow.validators[0]
    seat = seats_of(flow, who)[0]
    with expect_revert("NotSeatOwner"):
        staking.leave(POOL, [seat], {"from": flow.validators[1].account})
    staking.leave(POOL, [seat], {"from": who.account})
    with expect_revert("SeatNotIn"):
        staking.leave(POOL, [seat], {"from": who.account})
    with expect_revert("StillUnbonding"):
        staking.collect(POOL, [seat], {"from": who.account})
    assert pool_size(flow) == (11, 4)
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    before = ledger.balanceOf(ledger.accountOf(who.address))
    staking.collect(POOL, [seat], {"from": who.account})
    assert ledger.balanceOf(ledger.accountOf(who.address)) - before == staking.seatSize()
    with expect_revert("NotSeatOwner"):
        staking.collect(POOL, [seat], {"from": who.account})
    newcomer = wallet("newcomer")
    flow.credit(newcomer.address, staking.seatSize())
    ledger.allow(staking, staking.seatSize(), {"from": newcomer.account})
    staking.join(POOL, 1, {"from": newcomer.account})
    flow.validators.append(newcomer)
    assert staking.slotCount(POOL) == 12
    assert seats_of(flow, newcomer) == [seat]
    assert backed(flow)


def test_a_slash_breaks_the_newest_seats_and_leaves_the_rest_backed(flow: Flow) -> None:
    staking, who = flow.protocol.staking, flow.validators[0]
    size = staking.seatSize()
    slash(flow, who, size // 4)
    assert staking.stakeOf(POOL, who.address) == 3 * size - size // 4
    assert staking.looseOf(POOL, who.address) == size - size // 4
    assert pool_size(flow) == (11, 4)
    slash(flow, who, size)
    assert staking.stakeOf(POOL, who.address) == 3 * size - size // 4 - size
    assert pool_size(flow) == (10, 4)
    assert backed(flow)


def test_a_slash_beyond_the_stake_takes_all_of_it_and_bricks_nothing(flow: Flow) -> None:
    staking, ledger, who = flow.protocol.staking, flow.protocol.ledger, flow.validators[0]
    before = ledger.balanceOf(ledger.accountOf(flow.treasury))
    slash(flow, who, 100 * staking.seatSize())
    assert staking.stakeOf(POOL, who.address) == 0
    assert ledger.balanceOf(ledger.accountOf(flow.treasury)) - before == 3 * staking.seatSize()
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    staking.collect(POOL, seats_of(flow, who), {"from": who.account})
    assert backed(flow)


def test_a_slash_during_unbonding_leaves_the_change_to_collect(flow: Flow, expect_revert: Any) -> None:
    staking, ledger, who = flow.protocol.staking, flow.protocol.ledger, flow.validators[0]
    seats = seats_of(flow, who)
    staking.leave(POOL, seats, {"from": who.account})
    slash(flow, who, staking.seatSize() // 2)
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    with expect_revert("SeatNotIn"):
        staking.collectLoose(POOL, {"from": who.account})
    before = ledger.balanceOf(ledger.accountOf(who.address))
    staking.collect(POOL, seats, {"from": who.account})
    staking.collectLoose(POOL, {"from": who.account})
    assert ledger.balanceOf(ledger.accountOf(who.address)) - before == 3 * staking.seatSize() - staking.seatSize() // 2
    assert backed(flow)


def test_only_the_protocol_slashes_suspends_and_locks(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    staking, victim = flow.protocol.staking, flow.validators[0].address
    for call in (staking.slash, staking.suspend, staking.lock, staking.unlock):
        arguments = {staking.slash: (POOL, victim, 1), staking.suspend: (POOL, victim)}.get(call, (victim,))
        with expect_revert("OnlyProtocol"):
            call(*arguments, {"from": stranger})


def test_the_draw_is_the_one_that_python_computes(flow: Flow) -> None:
    staking, as_of = flow.protocol.staking, chain.height

    def owner_of(seat: int) -> str:
        return str(staking.seatOf(POOL, seat)[0]).lower()

    for number in range(5):
        seed = keccak(text=f"seed {number}")
        expected = draw_panel(seed, 12, owner_of, 3)
        drawn = draw_of(flow, seed, as_of)
        assert sorted((owner, drawn.count(owner)) for owner in set(drawn)) == expected


def test_nothing_done_after_as_of_changes_a_draw(flow: Flow) -> None:
    staking, seed, as_of = flow.protocol.staking, keccak(text="fixed"), chain.height
    before = draw_of(flow, seed, as_of)
    chain.mine(1)
    for who in flow.validators[:2]:
        staking.leave(POOL, seats_of(flow, who), {"from": who.account})
    slash(flow, flow.validators[2], 10 * staking.seatSize())
    flow.stake(count=6, seats=2)
    assert draw_of(flow, seed, as_of) == before


def test_a_newcomer_is_not_drawn_for_rounds_that_closed_before(flow: Flow) -> None:
    staking = flow.protocol.staking
    as_of = chain.height
    chain.mine(1)
    newcomer = wallet("newcomer")
    size = staking.seatSize()
    flow.credit(newcomer.address, 64 * size)
    flow.protocol.ledger.allow(staking, 64 * size, {"from": newcomer.account})
    staking.join(POOL, 64, {"from": newcomer.account})
    owners, _ = staking.draw(POOL, keccak(text="now"), staking.slotCount(POOL), as_of, 9, NO_ROUND, [])
    assert newcomer.address not in [str(owner).lower() for owner in owners]


def test_stake_on_a_panel_is_locked_until_the_round_is_final(flow: Flow, expect_revert: Any) -> None:
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    flow.close()
    member = flow.draw()[0][0]
    seats = seats_of(flow, member)
    flow.protocol.staking.leave(POOL, seats, {"from": member.account})
    chain.sleep(flow.protocol.staking.unbondingPeriod() + 1)
    chain.mine(1)
    with expect_revert("StakeLocked"):
        flow.protocol.staking.collect(POOL, seats, {"from": member.account})


def test_a_suspended_validator_comes_back_after_the_unbonding_period(flow: Flow, expect_revert: Any) -> None:
    staking = flow.protocol.staking
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    flow.close()
    panel = flow.draw()
    chain.sleep(101)
    chain.mine(1)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    suspended = panel[0][0]
    assert staking.poolSize(POOL)[1] == 4 - len(panel)
    assert staking.stakeOf(POOL, suspended.address) == 3 * staking.seatSize() - 5 * FEE * flow.sample_size() * panel[0][1]
    with expect_revert("StillSuspended"):
        staking.resume(POOL, {"from": suspended.account})
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    staking.resume(POOL, {"from": suspended.account})
    with expect_revert("NotSuspended"):
        staking.resume(POOL, {"from": suspended.account})
    assert staking.poolSize(POOL)[1] == 5 - len(panel)
    assert backed(flow)
