"""Control: what governance can do, how late, and everything that it cannot."""

from typing import Any

import pytest
from brownie import accounts, chain, web3

from scripts.deploy import DEVELOPMENT, Deployed
from scripts.deploy_handover import steps
from tests.contracts.flow import FEE, LBL, Flow, Wallet, entry, in_order, wallet

DATASETS, ROUNDS, SUBMISSIONS, PURCHASES = range(4)
ADMIN, GUARDIAN = 0, 1
DELAY = DEVELOPMENT.control_delay


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    return flow


@pytest.fixture
def governor(protocol: Deployed, treasury: Any) -> Any:
    """On a development chain the treasury is governor and guardian."""
    return treasury


def govern(protocol: Deployed, governor: Any, call: Any, *arguments: Any, wait: int = DELAY) -> Any:
    """Announces a call of the governor's, waits, and carries it out."""
    target, data = call._address, call.encode_input(*arguments)
    protocol.control.schedule(target, data, 0, {"from": governor})
    chain.sleep(wait)
    chain.mine(1)
    return protocol.control.execute(target, data, {"from": governor})


def test_a_parameter_moves_after_the_delay_and_within_its_bounds(
    flow: Flow, governor: Any, stranger: Any, expect_revert: Any
) -> None:
    protocol = flow.protocol
    with expect_revert("AccessManagedUnauthorized"):
        protocol.parameters.setFee(100, {"from": stranger})
    with expect_revert("AccessManagerNotScheduled"):
        protocol.parameters.setFee(100, {"from": governor})
    with expect_revert("AccessManagerNotReady"):
        govern(protocol, governor, protocol.parameters.setFee, 100, wait=DELAY - 10)
    chain.sleep(20)
    protocol.control.execute(protocol.parameters, protocol.parameters.setFee.encode_input(100), {"from": governor})
    assert protocol.parameters.feeBps() == 100
    for call, value in (
        (protocol.parameters.setFee, 501),
        (protocol.parameters.setMinWindow, 0),
        (protocol.parameters.setMinWindow, 7 * 24 * 3600 + 1),
        (protocol.parameters.setMinSeatFee, 10 * LBL + 1),
    ):
        with expect_revert("OutOfBounds"):
            govern(protocol, governor, call, value)


def test_a_live_dataset_keeps_the_fee_it_was_created_with(flow: Flow, governor: Any, expect_revert: Any) -> None:
    protocol = flow.protocol
    old = flow.dataset
    govern(protocol, governor, protocol.parameters.setFee, 500)
    govern(protocol, governor, protocol.parameters.setMinWindow, 3600)
    assert protocol.dataset_market.offerOf(old)[3] == 250
    with expect_revert("InvalidTerm"):
        flow.create()
    windows = dict.fromkeys(("commitWindow", "revealWindow", "challengeWindow", "exitDelay"), 3600)
    flow.create(protocolFeeBps=500, **windows)
    assert protocol.dataset_market.offerOf(flow.dataset)[3] == 500
    assert protocol.dataset_registry.termsOf(old)[11] == 100


def test_a_panel_is_not_drafted_for_less_than_a_seats_least_fee(flow: Flow, governor: Any, expect_revert: Any) -> None:
    parameters = flow.protocol.parameters
    govern(flow.protocol, governor, parameters.setMinSeatFee, 2 * FEE + 1)
    with expect_revert("InvalidRound"):
        flow.open(4, 4)
    govern(flow.protocol, governor, parameters.setMinSeatFee, 2 * FEE)
    flow.open(4, 4)


def test_no_governor_ever_has_a_shorter_delay(flow: Flow, governor: Any, expect_revert: Any) -> None:
    control = flow.protocol.control
    with expect_revert("DelayTooShort"):
        govern(flow.protocol, governor, control.grantRole, ADMIN, accounts[7], DELAY - 1)


def test_governance_is_handed_over_in_two_steps(flow: Flow, governor: Any, expect_revert: Any) -> None:
    protocol, heir = flow.protocol, accounts[7]
    control = protocol.control
    govern(protocol, governor, control.grantRole, ADMIN, heir, DELAY)
    assert list(control.hasRole(ADMIN, governor)) == [True, DELAY]
    govern(protocol, heir, control.revokeRole, ADMIN, governor)
    assert control.hasRole(ADMIN, governor)[0] is False
    with expect_revert("AccessManagerUnauthorizedCall"):
        control.schedule(protocol.parameters, protocol.parameters.setFee.encode_input(1), 0, {"from": governor})
    govern(protocol, heir, protocol.parameters.setFee, 1)


def test_the_guardian_pauses_each_inflow_at_once_and_nothing_else(
    flow: Flow, governor: Any, stranger: Any, buyer: Any, expect_revert: Any
) -> None:
    protocol, guardian = flow.protocol, accounts[8]
    govern(protocol, governor, protocol.control.grantRole, GUARDIAN, guardian, 0)
    ada = wallet("ada")
    flow.fund_contributor(ada)
    with expect_revert("AccessManagedUnauthorized"):
        protocol.parameters.pause(DATASETS, {"from": stranger})
    with expect_revert("AccessManagedUnauthorized"):
        protocol.parameters.setFee(1, {"from": guardian})
    for inflow in (DATASETS, ROUNDS):
        protocol.parameters.pause(inflow, {"from": guardian})
    with expect_revert("InflowPaused"):
        flow.create()
    with expect_revert("InflowPaused"):
        flow.open(4, 4)
    protocol.parameters.resume(ROUNDS, {"from": guardian})
    flow.open(4, 4)
    for inflow in (SUBMISSIONS, PURCHASES):
        protocol.parameters.pause(inflow, {"from": guardian})
    with expect_revert("InflowPaused"):
        flow.submit(flow.submission(ada, 4))
    with expect_revert("InflowPaused"):
        protocol.dataset_market.buy(flow.dataset, buyer, 2**255, {"from": buyer})


def test_with_everything_paused_everyone_gets_out(flow: Flow, governor: Any) -> None:
    """Invariant 11: a whole round is audited, settled and paid, and stakes and money leave, under a full pause."""
    protocol, ada = flow.protocol, wallet("ada")
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    for inflow in range(4):
        protocol.parameters.pause(inflow, {"from": governor})
    panel = flow.audit()
    votes = [entry("validator", v.address) for v, _ in panel]
    flow.settle(in_order([entry("contributor", ada.address, 4 * LBL), *votes]))
    protocol.settlement.releaseBonds(flow.dataset, [ada.address], {"from": flow.requester})
    protocol.ledger.withdraw(ada.address, 104 * LBL, {"from": ada.account})
    assert protocol.token.balanceOf(ada.address) == 104 * LBL
    free = protocol.dataset_registry.freeOf(flow.dataset)
    account = protocol.ledger.accountOf(flow.requester)
    protocol.dataset_registry.withdrawFree(flow.dataset, account, free, {"from": flow.requester})
    leaves(flow, flow.validators[0])


def leaves(flow: Flow, who: Wallet) -> None:
    staking, pool = flow.protocol.staking, b"\0" * 32
    seats = [i for i in range(staking.slotCount(pool)) if staking.seatOf(pool, i)[0].lower() == who.address]
    staking.leave(pool, seats, {"from": who.account})
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    staking.collect(pool, seats, {"from": who.account})
    flow.protocol.ledger.withdraw(who.address, 300 * LBL, {"from": who.account})


def test_no_contract_but_parameters_asks_control(flow: Flow, governor: Any, expect_revert: Any) -> None:
    """No role moves funds: called through Control, a contract sees a stranger."""
    protocol = flow.protocol
    mine = protocol.ledger.accountOf(governor)
    escrow = protocol.dataset_registry
    for call, arguments, error in (
        (escrow.withdrawFree, (flow.dataset, mine, 1), "NotRequester"),
        (escrow.settle, (flow.dataset, 1, 0), "OnlyProtocol"),
        (protocol.staking.slash, (b"\0" * 32, flow.validators[0].address, 1), "OnlyProtocol"),
        (protocol.dataset_shares.finalizeRound, (flow.dataset, 1, 1), "OnlyProtocol"),
    ):
        with expect_revert(error):
            govern(protocol, governor, call, *arguments)
    addresses = {str(a).lower() for a in (protocol.control, protocol.parameters)}
    for name in protocol._fields:
        contract = getattr(protocol, name)
        if str(contract).lower() not in addresses:
            assert str(protocol.control)[2:].lower() not in web3.eth.get_code(str(contract)).hex()


@pytest.mark.parametrize(("role", "number"), [("governor", ADMIN), ("guardian", GUARDIAN)])
def test_the_printed_transactions_of_a_handover_hand_over(protocol: Deployed, governor: Any, role: str, number: int) -> None:
    heir, control = accounts[7], protocol.control
    manifest = {
        "contracts": {"Control": control.address},
        "parameters": {"control_delay": DELAY, "governor": governor.address, "guardian": governor.address},
    }
    for step in steps(manifest, role, heir.address, governor.address):
        if step.when != "at once":
            chain.sleep(DELAY)
            chain.mine(1)
        sender = accounts.at(step.sender.split()[-1].rstrip(")"))
        sender.transfer(control, 0, data=step.data)
    assert [control.hasRole(number, who)[0] for who in (heir, governor)] == [True, False]
