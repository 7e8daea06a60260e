"""DatasetMarket: licenses, the fee, and a sale that costs the same whatever the number of holders."""

from typing import Any

import pytest
from brownie import ZERO_ADDRESS, accounts, chain

from scripts.deploy import LBL
from tests.contracts.parts import FEE_BPS, FLOOR, Parts, account_of, create_dataset, give, permit

pytest_plugins = ["tests.contracts.parts"]

BUYER = 4
FEE = FLOOR * FEE_BPS // 10_000
GAS_BUDGET = 120_000


@pytest.fixture
def on_sale(parts: Parts, dataset: int, stranger: Any) -> int:
    """The dataset with one holder of all its 1,000 shares."""
    mint(parts, dataset, 7, [(stranger, 1_000)])
    return dataset


@pytest.fixture
def customer(parts: Parts, buyer: Any, treasury: Any) -> Any:
    """The buyer with 10,000 LBL approved to the market."""
    give(parts, treasury, buyer, 10_000 * LBL)
    return buyer


def mint(parts: Parts, dataset: int, round_id: int, mints: list[tuple[Any, int]]) -> None:
    parts.shares.finalizeRound(dataset, round_id, sum(s for _, s in mints), {"from": parts.settlement})
    for start in range(0, len(mints), 100):
        parts.shares.mint(dataset, round_id, mints[start : start + 100], {"from": parts.settlement})
    parts.settlement_stub.setLastFinalRound(dataset, round_id, {"from": accounts[0]})


# The price


def test_the_price_starts_at_the_floor_and_is_the_requesters_to_set(
    parts: Parts, dataset: int, requester: Any, stranger: Any, expect_revert: Any
) -> None:
    assert parts.market.priceOf(dataset) == FLOOR
    with expect_revert("NotRequester"):
        parts.market.setPrice(dataset, FLOOR, {"from": stranger})
    with expect_revert("PriceBelowFloor"):
        parts.market.setPrice(dataset, FLOOR - 1, {"from": requester})
    tx = parts.market.setPrice(dataset, 2 * FLOOR, {"from": requester})
    assert (tx.events["PriceSet"]["dataset"], tx.events["PriceSet"]["price"]) == (dataset, 2 * FLOOR)
    assert parts.market.priceOf(dataset) == 2 * FLOOR
    parts.market.setPrice(dataset, FLOOR, {"from": requester})
    assert parts.market.priceOf(dataset) == FLOOR


def test_an_unknown_dataset_has_no_price(parts: Parts, dataset: int, requester: Any, customer: Any, expect_revert: Any) -> None:
    with expect_revert("UnknownDataset"):
        parts.market.priceOf(dataset + 1)
    with expect_revert("UnknownDataset"):
        parts.market.setPrice(dataset + 1, FLOOR, {"from": requester})
    with expect_revert("UnknownDataset"):
        parts.market.buy(dataset + 1, customer, FLOOR, {"from": customer})


# Buying


def test_a_sale_pays_the_treasury_its_fee_and_the_shares_the_rest(
    parts: Parts, on_sale: int, customer: Any, treasury: Any, stranger: Any
) -> None:
    tx = parts.market.buy(on_sale, stranger, FLOOR, {"from": customer})
    assert parts.token.balanceOf(customer) == 10_000 * LBL - FLOOR
    assert parts.ledger.balanceOf(account_of(treasury)) == FEE
    assert parts.ledger.balanceOf(parts.shares.accountOf(on_sale)) == FLOOR - FEE
    assert parts.shares.claimableOf(on_sale, stranger) == FLOOR - FEE
    assert parts.token.balanceOf(parts.market) == 0
    event = dict(tx.events["LicenseSold"])
    assert event == {
        "dataset": on_sale,
        "licensee": stranger,
        "buyer": customer,
        "price": FLOOR,
        "fee": FEE,
        "expiry": tx.timestamp + 3_600,
        "lastRound": 7,
    }


def test_a_license_is_the_licensees_until_it_expires(parts: Parts, on_sale: int, customer: Any, stranger: Any) -> None:
    tx = parts.market.buy(on_sale, stranger, FLOOR, {"from": customer})
    assert tuple(parts.market.licenseOf(on_sale, stranger)) == (tx.timestamp + 3_600, 7)
    assert parts.market.isLicensed(on_sale, stranger)
    assert not parts.market.isLicensed(on_sale, customer)
    assert not parts.market.isLicensed(on_sale + 1, stranger)
    chain.mine(timestamp=tx.timestamp + 3_600)
    assert parts.market.isLicensed(on_sale, stranger)
    chain.mine(timestamp=tx.timestamp + 3_601)
    assert not parts.market.isLicensed(on_sale, stranger)


def test_a_renewal_extends_the_license_and_covers_newer_rounds(parts: Parts, on_sale: int, customer: Any, stranger: Any) -> None:
    first = parts.market.buy(on_sale, customer, FLOOR, {"from": customer})
    mint(parts, on_sale, 9, [(stranger, 500)])
    parts.market.buy(on_sale, customer, FLOOR, {"from": customer})
    assert tuple(parts.market.licenseOf(on_sale, customer)) == (first.timestamp + 7_200, 9)


def test_a_license_bought_after_expiry_starts_now(parts: Parts, on_sale: int, customer: Any) -> None:
    first = parts.market.buy(on_sale, customer, FLOOR, {"from": customer})
    chain.mine(timestamp=first.timestamp + 10_000)
    second = parts.market.buy(on_sale, customer, FLOOR, {"from": customer})
    assert parts.market.licenseOf(on_sale, customer)[0] == second.timestamp + 3_600


def test_a_buyer_never_pays_more_than_they_said(
    parts: Parts, on_sale: int, requester: Any, customer: Any, expect_revert: Any
) -> None:
    parts.market.setPrice(on_sale, FLOOR + 1, {"from": requester})
    with expect_revert("PriceAboveMax"):
        parts.market.buy(on_sale, customer, FLOOR, {"from": customer})


def test_what_cannot_be_sold_takes_no_money(parts: Parts, dataset: int, customer: Any, expect_revert: Any) -> None:
    with expect_revert("NoShares"):
        parts.market.buy(dataset, customer, FLOOR, {"from": customer})
    with expect_revert("ZeroLicensee"):
        parts.market.buy(dataset, ZERO_ADDRESS, FLOOR, {"from": customer})
    assert parts.token.balanceOf(customer) == 10_000 * LBL


def test_a_buyer_without_an_approval_gets_no_license(parts: Parts, on_sale: int, customer: Any, expect_revert: Any) -> None:
    parts.token.approve(parts.market, FLOOR - 1, {"from": customer})
    with expect_revert("ERC20InsufficientAllowance"):
        parts.market.buy(on_sale, customer, FLOOR, {"from": customer})
    assert not parts.market.isLicensed(on_sale, customer)


def test_a_free_dataset_is_licensed_for_nothing(parts: Parts, requester: Any, operator: Any, stranger: Any) -> None:
    free = create_dataset(parts, requester, operator, licenseFloor=0)
    mint(parts, free, 1, [(stranger, 10)])
    parts.market.buy(free, stranger, 0, {"from": stranger})
    assert parts.market.isLicensed(free, stranger)


# One prompt


def test_one_prompt_buys_by_permit(parts: Parts, on_sale: int, customer: Any) -> None:
    parts.token.approve(parts.market, 0, {"from": customer})
    given = permit(parts, BUYER, parts.market, FLOOR, chain.time() + 1_000)
    parts.market.buyWithPermit(on_sale, customer, FLOOR, *given, {"from": customer})
    assert parts.market.isLicensed(on_sale, customer)


def test_a_permit_relayed_by_a_front_runner_still_buys(parts: Parts, on_sale: int, customer: Any, stranger: Any) -> None:
    parts.token.approve(parts.market, 0, {"from": customer})
    given = permit(parts, BUYER, parts.market, FLOOR, chain.time() + 1_000)
    parts.token.permit(customer, parts.market, FLOOR, *given, {"from": stranger})
    parts.market.buyWithPermit(on_sale, customer, FLOOR, *given, {"from": customer})
    assert parts.market.isLicensed(on_sale, customer)


def test_a_permit_is_worth_nothing_to_anyone_else(
    parts: Parts, on_sale: int, customer: Any, stranger: Any, expect_revert: Any
) -> None:
    given = permit(parts, BUYER, parts.market, FLOOR, chain.time() + 1_000)
    with expect_revert("ERC20InsufficientAllowance"):
        parts.market.buyWithPermit(on_sale, stranger, FLOOR, *given, {"from": stranger})
    parts.token.permit(customer, parts.market, FLOOR, *given, {"from": stranger})
    with expect_revert("ERC20InsufficientAllowance"):
        parts.market.buy(on_sale, stranger, FLOOR, {"from": stranger})


# Gas


def test_a_sale_costs_the_same_for_one_holder_or_a_thousand(
    parts: Parts, requester: Any, operator: Any, stranger: Any, customer: Any
) -> None:
    one, many = (create_dataset(parts, requester, operator) for _ in range(2))
    mint(parts, one, 1, [(stranger, 1_000)])
    crowd = [("0x" + (10**6 + i).to_bytes(20, "big").hex(), 1) for i in range(1_000)]
    mint(parts, many, 2, crowd)
    # The very first sale of a dataset, and of all, opens accounts that later ones find.
    for opened in (one, many):
        parts.market.buy(opened, customer, FLOOR, {"from": customer})
    for case in ("first license of a licensee", "renewal"):
        gas = [parts.market.buy(sold, stranger, FLOOR, {"from": customer}).gas_used for sold in (one, many)]
        print(f"gas of a sale, {case}: {gas[0]} with 1 holder, {gas[1]} with 1,000")
        assert gas[0] == gas[1] <= GAS_BUDGET
