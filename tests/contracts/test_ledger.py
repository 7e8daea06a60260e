"""Ledger: double entry (Invariants 1 and 2), allowances by signature (S1, S3), permits."""

from typing import Any

import pytest
from brownie import ZERO_ADDRESS, FeeToken, Ledger, accounts, chain, web3

from scripts.deploy import LBL
from tests.contracts.parts import (
    ALLOWANCE,
    MAX,
    ZERO_32,
    Parts,
    account_of,
    give,
    high_s,
    key_of,
    permit,
    sign,
)

pytest_plugins = ["tests.contracts.parts"]

OWNER, SPENDER = 10, 11
KEY = b"\x01" * 32


@pytest.fixture
def owner(parts: Parts, treasury: Any) -> Any:
    """Anvil's account 10, with 1,000 LBL on the Ledger and 1,000 in its wallet."""
    give(parts, treasury, accounts[OWNER], 2_000 * LBL)
    parts.ledger.deposit(account_of(accounts[OWNER]), 1_000 * LBL, {"from": accounts[OWNER]})
    return accounts[OWNER]


@pytest.fixture
def spender() -> Any:
    return accounts[SPENDER]


def allowance_item(
    ledger: Any, *, signed_by: int = OWNER, in_domain_of: Any = None, chain_id: int | None = None, **changes: Any
) -> Any:
    """A SignedAllowance of the owner; `changes` by field."""
    message = {
        "owner": accounts[OWNER].address,
        "spender": accounts[SPENDER].address,
        "amount": 100 * LBL,
        "nonce": ledger.nonces(accounts[OWNER]),
        "deadline": chain.time() + 1_000,
    } | changes
    signature = sign(key_of(signed_by), in_domain_of or ledger, "Allowance", ALLOWANCE, message, chain_id=chain_id)
    return (*message.values(), signature)


# Tokens in and out


def test_a_deposit_credits_the_account_it_names(parts: Parts, owner: Any, spender: Any) -> None:
    tx = parts.ledger.deposit(account_of(spender), 7 * LBL, {"from": owner})
    assert parts.ledger.balanceOf(account_of(spender)) == 7 * LBL
    assert parts.token.balanceOf(owner) == 993 * LBL
    event = tx.events["Deposited"]
    assert (event["account"], event["from"], event["amount"]) == (account_of(spender), owner, 7 * LBL)


def test_a_deposit_to_the_zero_account_is_refused(parts: Parts, owner: Any, expect_revert: Any) -> None:
    with expect_revert("ZeroAccount"):
        parts.ledger.deposit(ZERO_32, 1, {"from": owner})


def test_a_batch_of_deposits_is_one_transfer(parts: Parts, owner: Any, spender: Any, stranger: Any, expect_revert: Any) -> None:
    credits = [(account_of(spender), 3), (account_of(stranger), 0), (account_of(spender), 4)]
    tx = parts.ledger.depositBatch(credits, {"from": owner})
    assert parts.ledger.balanceOf(account_of(spender)) == 7
    assert len(tx.events["Transfer"]) == 1
    assert [event["amount"] for event in tx.events["Deposited"]] == [3, 0, 4]
    with expect_revert("ZeroAccount"):
        parts.ledger.depositBatch([(account_of(spender), 1), (ZERO_32, 1)], {"from": owner})
    with expect_revert("ERC20InsufficientBalance"):
        parts.ledger.depositBatch([(account_of(spender), MAX)], {"from": owner})


def test_a_batch_of_credits_is_bounded(parts: Parts, owner: Any, spender: Any, expect_revert: Any) -> None:
    most = parts.ledger.MAX_CREDITS()
    credits = [(account_of(spender), 0)] * (most + 1)
    for batch in (parts.ledger.depositBatch, lambda *call: parts.ledger.moveBatch(ZERO_32, *call)):
        with expect_revert("BatchTooLarge"):
            batch(credits, {"from": owner})
        batch(credits[:most], {"from": owner})


def test_a_token_that_takes_a_fee_cannot_be_deposited(parts: Parts, deployer: Any, stranger: Any, expect_revert: Any) -> None:
    token = deployer.deploy(FeeToken)
    ledger = deployer.deploy(Ledger, (token, *[stranger] * 13))
    token.approve(ledger, MAX, {"from": deployer})
    with expect_revert("DepositMismatch"):
        ledger.deposit(account_of(deployer), 100, {"from": deployer})
    assert ledger.balanceOf(account_of(deployer)) == 0 == token.balanceOf(ledger)


def test_tokens_sent_without_a_deposit_belong_to_no_account(parts: Parts, owner: Any, treasury: Any) -> None:
    parts.token.transfer(parts.ledger, 5 * LBL, {"from": treasury})
    assert parts.ledger.balanceOf(account_of(treasury)) == 0
    parts.ledger.deposit(account_of(owner), 1, {"from": owner})
    assert parts.ledger.balanceOf(account_of(owner)) == 1_000 * LBL + 1


def test_one_prompt_deposits_by_permit(parts: Parts, owner: Any) -> None:
    parts.token.approve(parts.ledger, 0, {"from": owner})
    given = permit(parts, OWNER, parts.ledger, 50 * LBL, chain.time() + 1_000)
    parts.ledger.depositWithPermit(account_of(owner), 50 * LBL, *given, {"from": owner})
    assert parts.ledger.balanceOf(account_of(owner)) == 1_050 * LBL


def test_a_permit_relayed_by_a_front_runner_still_deposits(parts: Parts, owner: Any, stranger: Any) -> None:
    parts.token.approve(parts.ledger, 0, {"from": owner})
    given = permit(parts, OWNER, parts.ledger, 50 * LBL, chain.time() + 1_000)
    parts.token.permit(owner, parts.ledger, 50 * LBL, *given, {"from": stranger})
    parts.ledger.depositWithPermit(account_of(owner), 50 * LBL, *given, {"from": owner})
    assert parts.ledger.balanceOf(account_of(owner)) == 1_050 * LBL


def test_a_permit_of_somebody_else_deposits_nothing(parts: Parts, owner: Any, stranger: Any, expect_revert: Any) -> None:
    given = permit(parts, OWNER, parts.ledger, 50 * LBL, chain.time() + 1_000)
    with expect_revert("ERC20InsufficientAllowance"):
        parts.ledger.depositWithPermit(account_of(stranger), 50 * LBL, *given, {"from": stranger})


def test_a_withdrawal_pays_any_wallet_out_of_the_callers_account(parts: Parts, owner: Any, stranger: Any) -> None:
    tx = parts.ledger.withdraw(stranger, 400 * LBL, {"from": owner})
    assert parts.token.balanceOf(stranger) == 400 * LBL
    assert parts.ledger.balanceOf(account_of(owner)) == 600 * LBL
    event = tx.events["Withdrawn"]
    assert (event["account"], event["to"], event["amount"]) == (account_of(owner), stranger, 400 * LBL)


def test_nobody_withdraws_more_than_their_account_holds(parts: Parts, owner: Any, stranger: Any, expect_revert: Any) -> None:
    with expect_revert("InsufficientBalance"):
        parts.ledger.withdraw(owner, 1_000 * LBL + 1, {"from": owner})
    with expect_revert("InsufficientBalance"):
        parts.ledger.withdraw(stranger, 1, {"from": stranger})


def test_a_withdrawal_cannot_lose_tokens(parts: Parts, owner: Any, expect_revert: Any) -> None:
    with expect_revert("ZeroAccount"):
        parts.ledger.withdraw(ZERO_ADDRESS, 1, {"from": owner})
    with expect_revert("WithdrawalToLedger"):
        parts.ledger.withdraw(parts.ledger, 1, {"from": owner})


# A user's account


def test_a_transfer_moves_from_the_callers_account(parts: Parts, owner: Any, spender: Any, expect_revert: Any) -> None:
    tx = parts.ledger.transfer(account_of(spender), 300 * LBL, {"from": owner})
    assert parts.ledger.balanceOf(account_of(spender)) == 300 * LBL
    assert tx.events["Moved"]["from"] == account_of(owner)
    with expect_revert("InsufficientBalance"):
        parts.ledger.transfer(account_of(spender), 700 * LBL + 1, {"from": owner})
    with expect_revert("ZeroAccount"):
        parts.ledger.transfer(ZERO_32, 1, {"from": owner})


def test_a_transfer_to_oneself_changes_nothing(parts: Parts, owner: Any) -> None:
    parts.ledger.transfer(account_of(owner), 1_000 * LBL, {"from": owner})
    assert parts.ledger.balanceOf(account_of(owner)) == 1_000 * LBL


def test_a_spender_uses_up_the_allowance(parts: Parts, owner: Any, spender: Any, stranger: Any, expect_revert: Any) -> None:
    parts.ledger.allow(spender, 100 * LBL, {"from": owner})
    tx = parts.ledger.spend(owner, account_of(stranger), 60 * LBL, {"from": spender})
    assert parts.ledger.allowance(owner, spender) == 40 * LBL == tx.events["Allowed"]["amount"]
    assert parts.ledger.balanceOf(account_of(stranger)) == 60 * LBL
    with expect_revert("InsufficientAllowance"):
        parts.ledger.spend(owner, account_of(stranger), 40 * LBL + 1, {"from": spender})
    with expect_revert("InsufficientAllowance"):
        parts.ledger.spend(owner, account_of(stranger), 1, {"from": stranger})


def test_an_unlimited_allowance_is_not_used_up(parts: Parts, owner: Any, spender: Any, expect_revert: Any) -> None:
    parts.ledger.allow(spender, MAX, {"from": owner})
    parts.ledger.spend(owner, account_of(spender), 1_000 * LBL, {"from": spender})
    assert parts.ledger.allowance(owner, spender) == MAX
    with expect_revert("InsufficientBalance"):
        parts.ledger.spend(owner, account_of(spender), 1, {"from": spender})


def test_spendable_is_the_smaller_of_allowance_and_balance(parts: Parts, owner: Any, spender: Any) -> None:
    assert parts.ledger.spendable(owner, spender) == 0
    parts.ledger.allow(spender, 100 * LBL, {"from": owner})
    assert parts.ledger.spendable(owner, spender) == 100 * LBL
    parts.ledger.allow(spender, MAX, {"from": owner})
    assert parts.ledger.spendable(owner, spender) == 1_000 * LBL


# Allowances by signature


def test_anyone_relays_a_signed_allowance(parts: Parts, owner: Any, spender: Any, stranger: Any) -> None:
    tx = parts.ledger.allowBySig([allowance_item(parts.ledger)], {"from": stranger})
    assert parts.ledger.allowance(owner, spender) == 100 * LBL
    assert parts.ledger.nonces(owner) == 1
    assert "AllowanceSkipped" not in tx.events


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda ledger: allowance_item(ledger, signed_by=SPENDER), id="another signer"),
        pytest.param(lambda ledger: allowance_item(ledger, chain_id=1), id="another chain"),
        pytest.param(lambda ledger: allowance_item(ledger, in_domain_of=accounts[0]), id="another contract"),
        pytest.param(lambda ledger: allowance_item(ledger, deadline=chain.time() - 10), id="expired"),
        pytest.param(lambda ledger: allowance_item(ledger, nonce=1), id="a later nonce"),
        pytest.param(lambda ledger: allowance_item(ledger, owner=ZERO_ADDRESS), id="nobody's"),
        pytest.param(lambda ledger: resigned(ledger, high_s), id="high s"),
        pytest.param(lambda ledger: resigned(ledger, lambda s: s[:64] + bytes([s[64] - 27])), id="v of 0 or 1"),
        pytest.param(lambda ledger: resigned(ledger, lambda s: s[:64]), id="64 bytes"),
        pytest.param(lambda ledger: resigned(ledger, lambda s: s + b"\x00"), id="66 bytes"),
        pytest.param(lambda ledger: resigned(ledger, lambda s: b""), id="empty"),
        pytest.param(lambda ledger: resigned(ledger, lambda s: b"\x00" * 65), id="zeros"),
        pytest.param(lambda ledger: (*allowance_item(ledger)[:2], MAX, *allowance_item(ledger)[3:]), id="another amount"),
    ],
)
def test_a_bad_allowance_is_skipped_and_the_rest_of_its_batch_goes_through(
    parts: Parts, owner: Any, spender: Any, stranger: Any, bad: Any
) -> None:
    good = allowance_item(parts.ledger, amount=5)
    tx = parts.ledger.allowBySig([bad(parts.ledger), good], {"from": stranger})
    assert len(tx.events["AllowanceSkipped"]) == 1
    assert parts.ledger.allowance(owner, spender) == 5
    assert parts.ledger.nonces(owner) == 1


def resigned(ledger: Any, change: Any) -> Any:
    item = allowance_item(ledger)
    return (*item[:-1], change(item[-1]))


def test_a_signed_allowance_works_once(parts: Parts, owner: Any, spender: Any, stranger: Any) -> None:
    item = allowance_item(parts.ledger)
    tx = parts.ledger.allowBySig([item, item], {"from": stranger})
    skipped = tx.events["AllowanceSkipped"]
    assert (skipped["owner"], skipped["spender"], skipped["nonce"]) == (owner, spender, 0)
    parts.ledger.allow(spender, 0, {"from": owner})
    parts.ledger.allowBySig([item], {"from": stranger})
    assert parts.ledger.allowance(owner, spender) == 0


def test_a_deadline_counts_up_to_its_very_second(parts: Parts, owner: Any, spender: Any, stranger: Any) -> None:
    deadline = chain.time() + 100
    item = allowance_item(parts.ledger, deadline=deadline)
    web3.provider.make_request("evm_setNextBlockTimestamp", [deadline])
    tx = parts.ledger.allowBySig([item], {"from": stranger})
    assert tx.timestamp == deadline
    assert parts.ledger.allowance(owner, spender) == 100 * LBL


# A contract's sub-accounts


def test_a_sub_account_is_debited_by_its_owner_alone(parts: Parts, owner: Any, stranger: Any, expect_revert: Any) -> None:
    account = parts.ledger.subAccountOf(owner, KEY)
    parts.ledger.deposit(account, 10, {"from": owner})
    with expect_revert("InsufficientBalance"):
        parts.ledger.move(KEY, account_of(stranger), 1, {"from": stranger})
    with expect_revert("InsufficientBalance"):
        parts.ledger.moveBatch(KEY, [(account_of(stranger), 1)], {"from": stranger})
    parts.ledger.move(KEY, account_of(stranger), 10, {"from": owner})
    assert parts.ledger.balanceOf(account) == 0
    assert parts.ledger.balanceOf(account_of(stranger)) == 10


def test_a_batch_is_one_debit_and_one_event(parts: Parts, owner: Any, spender: Any, stranger: Any) -> None:
    account = parts.ledger.subAccountOf(owner, KEY)
    parts.ledger.deposit(account, 100, {"from": owner})
    credits = [(account_of(spender), 30), (account_of(stranger), 0), (account_of(spender), 5), (str(account), 7)]
    tx = parts.ledger.moveBatch(KEY, credits, {"from": owner})
    assert parts.ledger.balanceOf(account_of(spender)) == 35
    assert parts.ledger.balanceOf(account_of(stranger)) == 0
    assert parts.ledger.balanceOf(account) == 65
    assert len(tx.events) == 1
    assert tx.events["MovedBatch"]["from"] == account
    assert [amount for _, amount in tx.events["MovedBatch"]["credits"]] == [30, 0, 5, 7]


def test_a_batch_that_cannot_be_paid_in_full_pays_nobody(parts: Parts, owner: Any, spender: Any, expect_revert: Any) -> None:
    parts.ledger.deposit(parts.ledger.subAccountOf(owner, KEY), 100, {"from": owner})
    with expect_revert("InsufficientBalance"):
        parts.ledger.moveBatch(KEY, [(account_of(spender), 60), (account_of(spender), 41)], {"from": owner})
    with expect_revert("ZeroAccount"):
        parts.ledger.moveBatch(KEY, [(account_of(spender), 60), (ZERO_32, 0)], {"from": owner})
    assert parts.ledger.balanceOf(account_of(spender)) == 0
