"""A validator's stake through the SDK and the command line: in, drawn, out again."""

from pathlib import Path
from typing import Any

import pytest
from brownie import chain
from typer.testing import CliRunner

from labelshare import cli, options
from labelshare.client.staking import Stake, StakeError
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.client.withdraw import balance
from scripts.deploy import Deployed
from tests.contracts.flow import REWARD, Flow, Wallet, entry, in_order, wallet
from tests.contracts.sdk import sdk

MONTH = 30 * 24 * 3600


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    return Flow(protocol, treasury, requester, operator)


@pytest.fixture
def vera(flow: Flow) -> Wallet:
    who = wallet("vera")
    flow.credit(who.address, 5 * flow.protocol.staking.seatSize())
    return who


@pytest.fixture
def stake(flow: Flow, vera: Wallet) -> Stake:
    return Stake(sdk(flow.protocol, flow.treasury), ClientWallet(vera.key))


def after_unbonding(flow: Flow) -> None:
    chain.sleep(flow.protocol.staking.unbondingPeriod() + 1)
    chain.mine(1)


def test_seats_are_bought_left_and_collected_after_the_unbonding_period(flow: Flow, stake: Stake, vera: Wallet) -> None:
    size = flow.protocol.staking.seatSize()
    stake.join(5)
    assert ([seat.left_at for seat in stake.seats()], stake.backing(), stake.locks()) == ([0] * 5, (5 * size, 0), 0)
    with pytest.raises(StakeError, match="Nothing can be collected: leave first"):
        stake.collect()
    assert stake.leave(2) == [4, 3]
    with pytest.raises(StakeError, match="3 seats"):
        stake.leave(4)
    with pytest.raises(StakeError, match=r"Nothing can be collected before \d+"):
        stake.collect()
    after_unbonding(flow)
    assert stake.collect() == 2 * size
    assert balance(stake.chain, vera.address) == 2 * size
    assert stake.leave(None) == [2, 1, 0]
    after_unbonding(flow)
    assert stake.collect() == 3 * size
    assert stake.seats() == []


def test_what_waits_for_a_settlement_locks_the_stake_for_30_days(flow: Flow) -> None:
    flow.stake(count=12, seats=2)
    flow.create(auditRate=16)
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    votes = [entry("validator", v.address, waiting=weight * flow.sample_size()) for v, weight in flow.audit()]
    flow.settle(in_order([entry("contributor", ada.address, 4 * REWARD), *votes]))
    (member, _), *_ = flow.panel()
    stake = Stake(sdk(flow.protocol, flow.treasury), ClientWallet(member.key))
    stake.leave(None)
    after_unbonding(flow)
    with pytest.raises(StakeError, match="locked 1 times"):
        stake.collect()
    chain.sleep(MONTH)
    chain.mine(1)
    assert stake.unlock() == [flow.dataset]
    assert stake.collect() == 2 * flow.protocol.staking.seatSize()
    with pytest.raises(StakeError, match="No waiting vote"):
        stake.unlock()


def test_the_change_of_a_broken_seat_is_collected_with_the_rest(flow: Flow) -> None:
    flow.stake(count=12, seats=2)
    flow.create()
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    flow.close()
    (silent, _), *others = flow.draw()
    for member, _ in others:
        flow.commit(member)
    chain.sleep(101)
    for member, _ in others:
        flow.reveal(member)
    chain.sleep(101)
    chain.mine(1)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    stake = Stake(sdk(flow.protocol, flow.treasury), ClientWallet(silent.key))
    whole, loose = stake.backing()
    assert 0 < loose < whole
    stake.leave(None)
    after_unbonding(flow)
    assert stake.collect() == whole
    assert stake.backing() == (0, 0)


def test_the_commands_buy_show_leave_and_collect(
    flow: Flow, stake: Stake, vera: Wallet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "open_chain", lambda *_: stake.chain)
    key = tmp_path / "vera.key"
    key.write_text(vera.key.hex())

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["stake", *arguments, "--rpc", "http://node.test", "--key-file", str(key)])
        return result.exit_code, result.output

    assert run("join", "3") == (0, "3 seat(s) joined; they can be drawn from the next block on.\n")
    code, shown = run("status")
    assert (code, "Locks: 0." in shown) == (0, True)
    assert run("leave", "1") == (0, "1 seat(s) left: 2.\n")
    after_unbonding(flow)
    code, shown = run("collect")
    assert (code, "LBL are in your Ledger account." in shown) == (0, True)
    assert run("join", "65")[0] == 2
