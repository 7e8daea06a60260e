"""DatasetShares against exact fractions: never overpaid, short by less than a unit a touch (Invariant 6)."""

import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from brownie import accounts

from scripts.deploy import LBL
from tests.contracts.parts import Parts, account_of, create_dataset, credit

pytest_plugins = ["tests.contracts.parts"]

P = 2**64
STEPS = 120


@dataclass
class Holder:
    """What a holder owns, is owed exactly, and how often they were touched."""

    balance: int = 0
    owed: Fraction = field(default_factory=Fraction)
    touches: int = 0


@dataclass
class Pending:
    """Shares of a final round that are not minted yet: they earn for `holder` already."""

    round_id: int
    holder: Any
    shares: int
    owed: Fraction = field(default_factory=Fraction)


class Model:
    """Every sale is split exactly among all finalized shares, minted or not; the contract does the same in integers."""

    def __init__(self, parts: Parts, dataset: int, treasury: Any, seed: int, largest: int) -> None:
        self.parts, self.dataset, self.treasury, self.largest = parts, dataset, treasury, largest
        self.random = random.Random(seed)
        self.people = list(accounts[10:16])
        self.holders = {person: Holder() for person in self.people}
        self.pending: list[Pending] = []
        self.round_id = self.supply = self.revenue = self.widest = 0

    def step(self) -> None:
        self.random.choice([self.finalize, self.mint, self.sell, self.sell, self.transfer, self.claim])()

    def finalize(self) -> None:
        self.round_id += 1
        people = self.random.sample(self.people, self.random.randint(0, 3))
        mints = [Pending(self.round_id, person, self.random.randint(1, self.largest)) for person in people]
        total = sum(m.shares for m in mints)
        self.parts.shares.finalizeRound(self.dataset, self.round_id, total, {"from": self.parts.settlement})
        self.pending += mints
        self.supply += total

    def mint(self) -> None:
        if not self.pending:
            return
        late = self.pending.pop(self.random.randrange(len(self.pending)))
        mints = [(late.holder, late.shares)]
        self.parts.shares.mint(self.dataset, late.round_id, mints, {"from": self.parts.settlement})
        holder = self.holders[late.holder]
        holder.balance += late.shares
        holder.owed += late.owed
        # A mint rounds twice: what the balance earned and what the new shares earned.
        holder.touches += 2
        self.widest = max(self.widest, holder.balance)

    def sell(self) -> None:
        if self.supply == 0:
            return
        amount = self.random.choice([self.random.randint(1, 50), self.random.randint(1, LBL), 10**4 * LBL])
        credit(self.parts, self.treasury, self.parts.shares.accountOf(self.dataset), amount)
        self.parts.shares.addRevenue(self.dataset, amount, {"from": self.parts.market_caller})
        self.revenue += amount
        for owner in (*self.holders.values(), *self.pending):
            shares = owner.balance if isinstance(owner, Holder) else owner.shares
            owner.owed += Fraction(amount * shares, self.supply)

    def transfer(self) -> None:
        sender, to = self.random.choice(self.people), self.random.choice(self.people)
        value = self.random.choice([0, self.holders[sender].balance, self.random.randint(0, self.holders[sender].balance)])
        self.parts.shares.safeTransferFrom(sender, to, self.dataset, value, b"", {"from": sender})
        self.holders[sender].balance -= value
        self.holders[to].balance += value
        self.holders[sender].touches += 1
        self.holders[to].touches += 1
        self.widest = max(self.widest, self.holders[to].balance)

    def claim(self) -> None:
        person = self.random.choice(self.people)
        self.parts.shares.claim(self.dataset, person, {"from": self.treasury})
        self.holders[person].touches += 1

    def paid(self, person: Any) -> int:
        return int(self.parts.ledger.balanceOf(account_of(person)))

    def check(self) -> None:
        """Nobody is over the exact amount; nobody is short by a unit a touch.

        acc itself is a floor of less than one unit in P; `dust` is what that is worth to the widest holder.
        """
        dust = Fraction(self.widest, P)
        received = 0
        for person, holder in self.holders.items():
            got = self.paid(person) + self.parts.shares.claimableOf(self.dataset, person)
            received += got
            assert got <= holder.owed + dust * (holder.touches + 1)
            assert holder.owed - got < (holder.touches + 1) * (1 + dust)
        assert received <= self.revenue


@pytest.mark.parametrize(("seed", "largest"), [(1, 3), (2, 65_536), (3, 2**40)])
def test_no_order_of_mints_sales_transfers_and_claims_overpays_anyone(
    parts: Parts, requester: Any, operator: Any, treasury: Any, seed: int, largest: int
) -> None:
    model = Model(parts, create_dataset(parts, requester, operator), treasury, seed, largest)
    for step in range(STEPS):
        model.step()
        if step % 10 == 0:
            model.check()
    while model.pending:
        model.mint()
    model.check()
    for person in model.people:
        parts.shares.claim(model.dataset, person, {"from": person})
    left = parts.ledger.balanceOf(parts.shares.accountOf(model.dataset))
    assert sum(model.paid(person) for person in model.people) + left == model.revenue
    assert left <= sum(holder.touches + 2 for holder in model.holders.values())
    assert {p: parts.shares.balanceOf(p, model.dataset) for p in model.people} == {p: h.balance for p, h in model.holders.items()}
    assert parts.shares.supplyOf(model.dataset) == sum(holder.balance for holder in model.holders.values())
