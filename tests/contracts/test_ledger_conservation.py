"""Ledger: random calls against a model of double entry (Invariant 1)."""

import random
from typing import Any

import pytest
from brownie import accounts

from scripts.deploy import LBL
from tests.contracts.parts import WITHDRAWAL, Parts, account_of, give, key_of, sign

pytest_plugins = ["tests.contracts.parts"]

KEY = b"\x01" * 32
FIELDS = [name for name, _ in WITHDRAWAL]


class Books:
    """A model of the Ledger: random calls, done on both, must leave the same balances."""

    def __init__(self, parts: Parts, users: list[Any], seed: int) -> None:
        self.ledger, self.token, self.users = parts.ledger, parts.token, users
        self.random = random.Random(seed)
        self.balances = {account_of(user): 0 for user in users}
        self.balances |= {str(parts.ledger.subAccountOf(user, KEY)): 0 for user in users}

    def step(self) -> None:
        user = self.random.choice(self.users)
        action = self.random.choice(
            [self.deposit, self.withdraw, self.withdraw_by_sig, self.transfer, self.spend, self.move, self.move_batch]
        )
        action(user)

    def some_of(self, account: str) -> int:
        return self.random.choice([0, self.balances[account], self.random.randint(0, self.balances[account])])

    def any_account(self) -> str:
        return self.random.choice(list(self.balances))

    def shift(self, source: str, to: str, amount: int) -> None:
        self.balances[source] -= amount
        self.balances[to] += amount

    def deposit(self, user: Any) -> None:
        to, amount = self.any_account(), self.random.randint(0, 10 * LBL)
        self.ledger.deposit(to, amount, {"from": user})
        self.balances[to] += amount

    def withdraw(self, user: Any) -> None:
        amount = self.some_of(account_of(user))
        self.ledger.withdraw(user, amount, {"from": user})
        self.balances[account_of(user)] -= amount

    def withdraw_by_sig(self, relayer: Any) -> None:
        owner = self.random.choice(self.users)
        total = self.some_of(account_of(owner))
        fee = self.random.randint(0, total)
        nonce = self.ledger.withdrawalNonces(owner)
        message = dict(zip(FIELDS, (owner.address, relayer.address, total - fee, fee, nonce, 2**40), strict=True))
        signature = sign(key_of(10 + self.users.index(owner)), self.ledger, "Withdrawal", WITHDRAWAL, message)
        self.ledger.withdrawBySig((*message.values(), signature), {"from": relayer})
        self.shift(account_of(owner), account_of(relayer), fee)
        self.balances[account_of(owner)] -= total - fee

    def transfer(self, user: Any) -> None:
        to, amount = self.any_account(), self.some_of(account_of(user))
        self.ledger.transfer(to, amount, {"from": user})
        self.shift(account_of(user), to, amount)

    def spend(self, user: Any) -> None:
        owner, to = self.random.choice(self.users), self.any_account()
        amount = self.some_of(account_of(owner))
        self.ledger.allow(user, amount, {"from": owner})
        self.ledger.spend(owner, to, amount, {"from": user})
        self.shift(account_of(owner), to, amount)

    def move(self, user: Any) -> None:
        source = str(self.ledger.subAccountOf(user, KEY))
        to, amount = self.any_account(), self.some_of(source)
        self.ledger.move(KEY, to, amount, {"from": user})
        self.shift(source, to, amount)

    def move_batch(self, user: Any) -> None:
        source = str(self.ledger.subAccountOf(user, KEY))
        amount = self.some_of(source)
        first = self.random.randint(0, amount)
        credits = [(self.any_account(), first), (self.any_account(), amount - first)]
        self.ledger.moveBatch(KEY, credits, {"from": user})
        for to, part in credits:
            self.shift(source, to, part)


@pytest.mark.parametrize("seed", [1, 2])
def test_invariant_1_no_sequence_of_calls_makes_or_loses_a_unit(parts: Parts, treasury: Any, seed: int) -> None:
    users = accounts[10:14]
    for user in users:
        give(parts, treasury, user, 10_000 * LBL)
    books = Books(parts, users, seed)
    for _ in range(80):
        books.step()
        held = parts.token.balanceOf(parts.ledger)
        assert held == sum(books.balances.values())
    assert {account: parts.ledger.balanceOf(account) for account in books.balances} == books.balances
