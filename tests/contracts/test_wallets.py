"""Contract wallets (ERC-1271), delegated accounts (EIP-7702), and withdrawals by signature."""

from typing import Any

import pytest
from brownie import MoodyWallet, chain, web3

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, LBL, Flow, Wallet, domain, wallet

HONEST, WRONG_MAGIC, REVERTS, BURNS_ALL_GAS, BOMB, TOO_LITTLE = range(6)
INVALID_SIGNATURE = 9


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    flow.open(4, 12)
    return flow


@pytest.fixture
def owner() -> Wallet:
    return wallet("owner of a contract wallet")


@pytest.fixture
def contract(deployer: Any, owner: Wallet) -> Any:
    return deployer.deploy(MoodyWallet, owner.address)


def as_wallet(contract: Any, owner: Wallet) -> Wallet:
    """The contract's address, signed for by its owner's key."""
    return Wallet(owner.key, contract.address.lower(), owner.account)


def withdrawal(flow: Flow, who: Wallet, to: Any, amount: int, fee: int = 0, **changes: Any) -> tuple[Any, ...]:
    ledger = flow.protocol.ledger
    fields = {
        "owner": who.address,
        "to": str(to).lower(),
        "amount": amount,
        "fee": fee,
        "nonce": ledger.withdrawalNonces(who.address),
        "deadline": chain.time() + 1_000,
    } | changes
    return (*fields.values(), who.sign(eip712.Withdrawal(**fields), domain(ledger)))


def balance(flow: Flow, address: Any) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(address)))


# Contract wallets


def test_a_contract_wallet_allows_registers_a_session_and_submits(flow: Flow, contract: Any, owner: Wallet) -> None:
    who, key = as_wallet(contract, owner), wallet("the wallet's browser")
    flow.fund_contributor(who)
    assert "SessionRegistered" in flow.session(who, key).events
    by_wallet = flow.submit(flow.submission(who, 4)).events["SubmissionAccepted"][0]
    assert by_wallet["signer"] == contract.address
    by_key = flow.submit(flow.submission(who, 4, signer=key)).events["SubmissionAccepted"][0]
    assert by_key["signer"].lower() == key.address
    assert balance(flow, contract) == 100 * LBL - 8 * BOND


@pytest.mark.parametrize("mood", [WRONG_MAGIC, REVERTS, BURNS_ALL_GAS, BOMB, TOO_LITTLE])
def test_a_hostile_wallet_is_skipped_and_harms_nobody(flow: Flow, contract: Any, owner: Wallet, mood: int) -> None:
    who, other = as_wallet(contract, owner), wallet("ada")
    flow.fund_contributor(who)
    flow.fund_contributor(other)
    items = [flow.submission(who, 4), flow.submission(other, 4)]
    contract.setMood(mood, {"from": flow.operator})
    tx = flow.submit(*items)
    assert [e["reason"] for e in tx.events["SubmissionSkipped"]] == [INVALID_SIGNATURE]
    assert [e["contributor"].lower() for e in tx.events["SubmissionAccepted"]] == [other.address]
    assert tx.gas_used < 600_000


def test_another_keys_signature_is_not_the_wallets(flow: Flow, contract: Any, owner: Wallet) -> None:
    flow.fund_contributor(as_wallet(contract, owner))
    stranger = Wallet(wallet("bob").key, contract.address.lower(), owner.account)
    skipped = flow.submit(flow.submission(stranger, 4)).events["SubmissionSkipped"]
    assert [e["reason"] for e in skipped] == [INVALID_SIGNATURE]


def test_a_relayer_cannot_starve_a_wallet_of_gas(flow: Flow, contract: Any, owner: Wallet, expect_revert: Any) -> None:
    """With too little gas the whole call fails, and the submission can be sent again; it is never skipped for it."""
    who = as_wallet(contract, owner)
    flow.fund_contributor(who)
    item = flow.submission(who, 4)
    with expect_revert("TooLittleGas"):
        flow.protocol.label_registry.submit([item], {"from": flow.operator, "gas_limit": 220_000})
    assert "SubmissionAccepted" in flow.submit(item).events


def test_a_delegated_account_signs_with_its_key_whatever_its_code_says(flow: Flow, contract: Any) -> None:
    who = wallet("delegated")
    flow.fund_contributor(who)
    contract.setMood(REVERTS, {"from": flow.operator})
    web3.provider.make_request("anvil_setCode", [who.address, "0xef0100" + contract.address[2:]])
    assert len(web3.eth.get_code(web3.to_checksum_address(who.address))) == 23
    assert "SubmissionAccepted" in flow.submit(flow.submission(who, 4)).events


# Withdrawals by signature


def test_anyone_relays_a_withdrawal_for_its_fee(flow: Flow, stranger: Any) -> None:
    who, to = wallet("ada"), wallet("ada's cold wallet").address
    flow.credit(who.address, 10 * LBL)
    tx = flow.protocol.ledger.withdrawBySig(withdrawal(flow, who, to, 9 * LBL, LBL), {"from": stranger})
    signed = tx.events["WithdrawalSigned"]
    assert (signed["owner"].lower(), signed["relayer"], signed["nonce"], signed["fee"]) == (who.address, stranger, 0, LBL)
    assert flow.protocol.token.balanceOf(to) == 9 * LBL
    assert (balance(flow, who.address), balance(flow, stranger)) == (0, LBL)
    assert flow.conserved()


def test_a_contract_wallet_withdraws_by_signature(flow: Flow, contract: Any, owner: Wallet, stranger: Any) -> None:
    who = as_wallet(contract, owner)
    flow.credit(who.address, 10 * LBL)
    flow.protocol.ledger.withdrawBySig(withdrawal(flow, who, stranger, 10 * LBL), {"from": stranger})
    assert balance(flow, contract) == 0


def test_a_withdrawal_works_once_in_its_order_and_in_its_time(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    who, ledger = wallet("ada"), flow.protocol.ledger
    flow.credit(who.address, 10 * LBL)
    first = withdrawal(flow, who, stranger, LBL)
    with expect_revert("WrongWithdrawalNonce"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, LBL, nonce=1), {"from": stranger})
    ledger.withdrawBySig(first, {"from": stranger})
    with expect_revert("WrongWithdrawalNonce"):
        ledger.withdrawBySig(first, {"from": stranger})
    with expect_revert("WithdrawalExpired"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, LBL, deadline=chain.time() - 1), {"from": stranger})
    with expect_revert("InsufficientBalance"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, 9 * LBL, 1), {"from": stranger})
    with expect_revert("ZeroAccount"):
        ledger.withdrawBySig(withdrawal(flow, who, "0x" + "0" * 40, LBL), {"from": stranger})
    with expect_revert("WithdrawalToLedger"):
        ledger.withdrawBySig(withdrawal(flow, who, ledger, LBL), {"from": stranger})
    assert balance(flow, who.address) == 9 * LBL


@pytest.mark.parametrize("field", [1, 2, 3, 5])
def test_a_withdrawal_that_a_relayer_changed_is_refused(flow: Flow, stranger: Any, expect_revert: Any, field: int) -> None:
    who = wallet("ada")
    flow.credit(who.address, 10 * LBL)
    item = list(withdrawal(flow, who, stranger, LBL))
    item[field] = wallet("thief").address if field == 1 else item[field] + 1
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(item, {"from": stranger})


def test_a_withdrawal_for_another_chain_or_contract_is_refused(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    who, ledger = wallet("ada"), flow.protocol.ledger
    flow.credit(who.address, 10 * LBL)
    unsigned = withdrawal(flow, who, stranger, LBL)[:-1]
    message = eip712.Withdrawal(*unsigned)
    for elsewhere in (eip712.Domain(1, ledger.address.lower()), domain(flow.protocol.label_registry)):
        with expect_revert("InvalidWithdrawalSignature"):
            ledger.withdrawBySig((*unsigned, who.sign(message, elsewhere)), {"from": stranger})


def test_a_withdrawal_of_nobody_is_refused(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    item = ("0x" + "0" * 40, str(stranger), 0, 0, 0, 2**40, b"\0" * 65)
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(item, {"from": stranger})
