"""Faucet: once an address, to the wallet or to the Ledger account."""

from typing import Any

import pytest
from brownie import ZERO_ADDRESS, accounts

from scripts.deploy import LBL
from tests.contracts.parts import Parts, account_of

pytest_plugins = ["tests.contracts.parts"]

AMOUNT = 1_000 * LBL


@pytest.mark.parametrize(("to_ledger", "wallet", "account"), [(False, AMOUNT, 0), (True, 0, AMOUNT)])
def test_anyone_asks_for_anyone(parts: Parts, stranger: Any, buyer: Any, to_ledger: bool, wallet: int, account: int) -> None:
    tx = parts.faucet.drip(buyer, to_ledger, {"from": stranger})
    assert parts.token.balanceOf(buyer) == wallet
    assert parts.ledger.balanceOf(account_of(buyer)) == account
    event = tx.events["Served"]
    assert (event["to"], event["amount"], event["toLedger"]) == (buyer, AMOUNT, to_ledger)


def test_an_address_is_served_once(parts: Parts, stranger: Any, buyer: Any, expect_revert: Any) -> None:
    parts.faucet.drip(buyer, True, {"from": stranger})
    assert parts.faucet.served(buyer)
    with expect_revert("AlreadyServed"):
        parts.faucet.drip(buyer, False, {"from": buyer})


def test_a_batch_passes_over_those_served_before_and_the_zero_address(parts: Parts, stranger: Any) -> None:
    parts.faucet.drip(accounts[10], True, {"from": stranger})
    tx = parts.faucet.dripMany([accounts[10], accounts[11], ZERO_ADDRESS, accounts[11], accounts[12]], {"from": stranger})
    assert [event["to"] for event in tx.events["Served"]] == [accounts[11], accounts[12]]
    assert [parts.ledger.balanceOf(account_of(accounts[i])) for i in (10, 11, 12)] == [AMOUNT] * 3


def test_a_batch_is_bounded(parts: Parts, stranger: Any, expect_revert: Any) -> None:
    crowd = [ZERO_ADDRESS] * (parts.faucet.MAX_BATCH() + 1)
    with expect_revert("BatchTooLarge"):
        parts.faucet.dripMany(crowd, {"from": stranger})
    parts.faucet.dripMany(crowd[1:], {"from": stranger})


def test_an_empty_faucet_says_so_and_serves_nobody(parts: Parts, stranger: Any, expect_revert: Any) -> None:
    parts.faucet.dripMany(accounts[10:20], {"from": stranger})
    with expect_revert("ERC20InsufficientBalance"):
        parts.faucet.drip(accounts[20], True, {"from": stranger})
    assert not parts.faucet.served(accounts[20])
