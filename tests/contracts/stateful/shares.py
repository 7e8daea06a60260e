"""Money in and out, shares, sales, the pause: what users do with what is theirs."""

from fractions import Fraction
from typing import Any

from labelshare.rules import eip712
from tests.contracts.stateful.core import Core, Person
from tests.contracts.stateful.state import Dataset, Holder, P, Round, user

INFLOWS = ("Datasets", "Rounds", "Submissions", "Purchases")


class ShareActions(Core):
    people: dict[str, Person]

    # Tokens in and out

    def deposit(self, wallet: str, account: bytes, amount: int) -> None:
        self.tx(wallet, "ledger", "deposit", account, amount)
        self.enter(account, amount, wallet)

    def withdraw(self, who: str, amount: int) -> None:
        if amount > self.of(user(who)):
            return self.refused("InsufficientBalance", who, "ledger", "withdraw", who, amount)
        self.tx(who, "ledger", "withdraw", who, amount)
        self.leave(user(who), amount, who)
        return None

    def withdraw_by_signature(self, who: str, relayer: str, amount: int, fee: int) -> None:
        nonce = self.state.withdrawals.get(who, 0)
        message = eip712.Withdrawal(who, who, amount, fee, nonce, self.soon + 100)
        signature = self.people[who].sign(message, self.domain("ledger"))
        item = (who, who, amount, fee, nonce, message.deadline, signature)
        if amount + fee > self.of(user(who)):
            return self.refused("InsufficientBalance", relayer, "ledger", "withdrawBySig", item)
        self.tx(relayer, "ledger", "withdrawBySig", item)
        self.move(user(who), user(relayer), fee)
        self.leave(user(who), amount, who)
        self.state.withdrawals[who] = nonce + 1
        self.refused("WrongWithdrawalNonce", relayer, "ledger", "withdrawBySig", item)
        return None

    def fund(self, requester: str, d: Dataset, amount: int) -> None:
        self.deposit(requester, self.escrow(d), amount)

    def withdraw_free(self, requester: str, d: Dataset, amount: int) -> None:
        """Invariant 3: the requester takes back what is free, and not a unit of what is reserved."""
        free = self.of(self.escrow(d)) - d.reserved
        if amount > free:
            return self.refused("InsufficientEscrow", requester, "dataset_registry", "withdrawFree", d.id, user(requester), amount)
        self.tx(requester, "dataset_registry", "withdrawFree", d.id, user(requester), amount)
        self.move(self.escrow(d), user(requester), amount)
        return None

    # Shares

    def holder(self, d: Dataset, who: str) -> Holder:
        return d.holders.setdefault(who, Holder())

    def touch(self, d: Dataset, who: str) -> None:
        """Pays what shares earned since they were last touched, as the contract rounds it and as it is exactly (Invariant 6)."""
        h = self.holder(d, who)
        self.credit(d, who, h.balance * (d.acc - h.acc) // P)
        h.owed += h.balance * (d.fraction - h.fraction)
        h.acc, h.fraction = d.acc, d.fraction

    def credit(self, d: Dataset, who: str, due: int) -> None:
        h = self.holder(d, who)
        h.paid += due
        h.touches += 1
        self.move(self.revenue(d), user(who), due)

    def mint(self, d: Dataset, r: Round, who: str, shares: int) -> None:
        h = self.holder(d, who)
        due = h.balance * (d.acc - h.acc) // P + shares * (d.acc - r.acc_at_final) // P
        self.credit(d, who, due)
        h.touches += 1
        h.owed += h.balance * (d.fraction - h.fraction) + shares * (d.fraction - r.fraction_at_final)
        h.acc, h.fraction, h.balance = d.acc, d.fraction, h.balance + shares

    def finalize_shares(self, d: Dataset, r: Round, shares: int) -> None:
        d.supply += shares
        r.acc_at_final, r.fraction_at_final = d.acc, d.fraction

    def claim(self, anyone: str, d: Dataset, who: str) -> None:
        self.tx(anyone, "dataset_shares", "claim", d.id, who)
        self.touch(d, who)

    def transfer_shares(self, who: str, d: Dataset, to: str, amount: int) -> None:
        args = (who, to, d.id, amount, b"")
        if amount > self.holder(d, who).balance:
            return self.refused("InsufficientShares", who, "dataset_shares", "safeTransferFrom", *args)
        self.tx(who, "dataset_shares", "safeTransferFrom", *args)
        self.touch(d, who)
        self.touch(d, to)
        self.holder(d, who).balance -= amount
        self.holder(d, to).balance += amount
        return None

    # Sales

    def price(self, d: Dataset) -> int:
        return int(d.price or d.terms["licenseFloor"])

    def set_price(self, d: Dataset, price: int) -> None:
        requester = d.terms["requester"]
        if price < d.terms["licenseFloor"]:
            return self.refused("PriceBelowFloor", requester, "dataset_market", "setPrice", d.id, price)
        self.tx(requester, "dataset_market", "setPrice", d.id, price)
        d.price = price
        return None

    def buy(self, buyer: str, d: Dataset) -> None:
        price = self.price(d)
        for refusal, holds in (("InflowPaused", "Purchases" in self.state.paused), ("NoShares", d.supply == 0)):
            if holds:
                return self.refused(refusal, buyer, "dataset_market", "buy", d.id, buyer, price)
        self.tx(buyer, "dataset_market", "buy", d.id, buyer, price)
        fee = price * d.terms["protocolFeeBps"] // 10_000
        self.enter(user(self.treasury), fee, buyer)
        self.enter(self.revenue(d), price - fee, buyer)
        x = (price - fee) * P + d.rem
        d.acc, d.rem = d.acc + x // d.supply, x % d.supply
        d.fraction += Fraction(price - fee, d.supply)
        d.revenue += price - fee
        return None

    # The pause

    def pause(self, guardian: str, inflow: str) -> None:
        self.tx(guardian, "parameters", "pause", INFLOWS.index(inflow))
        self.state.paused.add(inflow)

    def resume(self, guardian: str, inflow: str) -> None:
        self.tx(guardian, "parameters", "resume", INFLOWS.index(inflow))
        self.state.paused.discard(inflow)

    def change_fee(self, governor: str, basis_points: int, delay: int) -> None:
        """Announced, and done once the delay has passed; without that it is refused."""
        data = bytes.fromhex(self.node.contracts["parameters"].data("setFee", (basis_points,))[2:])
        target = self.at("parameters")
        self.refused("AccessManagerNotScheduled", governor, "control", "execute", target, data)
        self.tx(governor, "control", "schedule", target, data, 0)
        self.refused("AccessManagerNotReady", governor, "control", "execute", target, data)
        self.pass_time(delay)
        self.tx(governor, "control", "execute", target, data)
        assert self.node.view("parameters", "feeBps") == basis_points

    # Checking

    def shares_agree(self, d: Dataset) -> None:
        """Invariant 6: never over what is exact, and short by less than a unit a touch; what is left is in the account."""
        for who, h in d.holders.items():
            owed = h.owed + h.balance * (d.fraction - h.fraction)
            claimable = h.balance * (d.acc - h.acc) // P
            assert h.paid + claimable <= owed, f"{who} is overpaid"
            # A sale's rounding, too, costs a holder less than a unit at their next touch.
            assert owed - h.paid - claimable < h.touches + 2, f"{who} is short of more than a unit a touch"
        assert sum(h.paid for h in d.holders.values()) + self.of(self.revenue(d)) == d.revenue
        holders: list[Any] = sorted(d.holders)
        calls: list[tuple[str, str, tuple[Any, ...]]] = [("dataset_shares", "balanceOf", (who, d.id)) for who in holders]
        calls += [("dataset_shares", "supplyOf", (d.id,)), ("dataset_shares", "accOf", (d.id,))]
        expected = [d.holders[who].balance for who in holders] + [d.supply, d.acc]
        assert self.node.views(calls) == expected
