"""DatasetShares: ERC-1155 shares, and revenue that follows them (Invariant 6)."""

from typing import Any

import pytest
from brownie import ZERO_ADDRESS, ShareReceiver, accounts

from scripts.deploy import LBL
from tests.contracts.parts import MAX, Parts, account_of, create_dataset, credit

pytest_plugins = ["tests.contracts.parts"]

ROUND = 7
P = 2**64
INTERFACES = {"IERC165": "0x01ffc9a7", "IERC1155": "0xd9b67a26", "IERC1155MetadataURI": "0x0e89341c"}


@pytest.fixture
def ann() -> Any:
    return accounts[20]


@pytest.fixture
def bob() -> Any:
    return accounts[21]


@pytest.fixture
def sell(parts: Parts, dataset: int, treasury: Any) -> Any:
    """Brings revenue to the dataset as the market does."""

    def sell(amount: int) -> Any:
        credit(parts, treasury, parts.shares.accountOf(dataset), amount)
        return parts.shares.addRevenue(dataset, amount, {"from": parts.market_caller})

    return sell


@pytest.fixture
def settle(parts: Parts, dataset: int) -> Any:
    """Finalizes a round with the shares of `mints` and mints them."""

    def settle(round_id: int, *mints: tuple[Any, int]) -> Any:
        total = sum(shares for _, shares in mints)
        parts.shares.finalizeRound(dataset, round_id, total, {"from": parts.settlement})
        return parts.shares.mint(dataset, round_id, mints, {"from": parts.settlement})

    return settle


@pytest.fixture
def held(parts: Parts, dataset: int, settle: Any, ann: Any, bob: Any) -> int:
    """The dataset with 75 shares of Ann and 25 of Bob."""
    settle(ROUND, (ann, 75), (bob, 25))
    return dataset


def earned(parts: Parts, holder: Any) -> int:
    return int(parts.ledger.balanceOf(account_of(holder)))


# Shares of a settlement


def test_finalizing_counts_shares_before_anyone_holds_them(parts: Parts, dataset: int, ann: Any) -> None:
    tx = parts.shares.finalizeRound(dataset, ROUND, 100, {"from": parts.settlement})
    assert parts.shares.supplyOf(dataset) == 100
    assert parts.shares.balanceOf(ann, dataset) == 0
    event = tx.events["SharesFinalized"]
    assert (event["round"], event["shares"], event["supply"], event["acc"]) == (ROUND, 100, 100, 0)


def test_minting_credits_each_account_without_changing_the_supply(
    parts: Parts, dataset: int, settle: Any, ann: Any, bob: Any
) -> None:
    tx = settle(ROUND, (ann, 75), (bob, 20), (ann, 5))
    assert tuple(parts.shares.balanceOfBatch([ann, bob], [dataset, dataset])) == (80, 20)
    assert parts.shares.supplyOf(dataset) == 100
    minted = [(event["operator"], event["from"], event["to"], event["id"], event["value"]) for event in tx.events["TransferSingle"]]
    assert minted[0] == (parts.settlement, ZERO_ADDRESS, ann, dataset, 75)
    assert len(minted) == 3


def test_a_hostile_receiver_cannot_block_a_mint(parts: Parts, dataset: int, settle: Any, deployer: Any, ann: Any) -> None:
    hostile = deployer.deploy(ShareReceiver)
    hostile.setMode(1, {"from": ann})
    settle(ROUND, (hostile, 10), (ann, 10), (parts.ledger, 10))
    assert hostile.calls() == 0
    assert parts.shares.balanceOf(hostile, dataset) == 10
    assert parts.shares.balanceOf(ann, dataset) == 10


def test_only_the_protocol_mints_finalizes_and_brings_revenue(parts: Parts, dataset: int, ann: Any, expect_revert: Any) -> None:
    for caller in (ann, parts.market_caller):
        with expect_revert("OnlyProtocol"):
            parts.shares.finalizeRound(dataset, ROUND, 1, {"from": caller})
        with expect_revert("OnlyProtocol"):
            parts.shares.mint(dataset, ROUND, [(ann, 1)], {"from": caller})
    for caller in (ann, parts.settlement):
        with expect_revert("OnlyProtocol"):
            parts.shares.addRevenue(dataset, 1, {"from": caller})


# Revenue


def test_revenue_follows_shares(parts: Parts, held: int, sell: Any, ann: Any, bob: Any, stranger: Any) -> None:
    sell(100 * LBL)
    assert parts.shares.claimableOf(held, ann) == 75 * LBL
    tx = parts.shares.claim(held, ann, {"from": stranger})
    assert tx.return_value == 75 * LBL == earned(parts, ann)
    event = tx.events["RevenuePaid"]
    assert (event["dataset"], event["holder"], event["amount"]) == (held, ann, 75 * LBL)
    parts.shares.claim(held, bob, {"from": stranger})
    assert earned(parts, bob) == 25 * LBL


def test_a_second_claim_pays_nothing(parts: Parts, held: int, sell: Any, ann: Any) -> None:
    sell(100 * LBL)
    parts.shares.claim(held, ann, {"from": ann})
    tx = parts.shares.claim(held, ann, {"from": ann})
    assert tx.return_value == 0
    assert "RevenuePaid" not in tx.events


def test_what_a_sale_cannot_split_is_kept_for_the_next(
    parts: Parts, dataset: int, settle: Any, sell: Any, ann: Any, bob: Any
) -> None:
    settle(ROUND, (ann, 1), (bob, 2))
    for _ in range(3):
        sell(1)
    assert parts.shares.accOf(dataset) == P
    parts.shares.claim(dataset, ann, {"from": ann})
    parts.shares.claim(dataset, bob, {"from": bob})
    assert (earned(parts, ann), earned(parts, bob)) == (1, 2)


def test_revenue_without_shares_is_refused(parts: Parts, dataset: int, sell: Any, expect_revert: Any) -> None:
    with expect_revert("NoShares"):
        sell(1)


def test_shares_distributed_late_earn_from_the_moment_their_round_was_final(
    parts: Parts, held: int, sell: Any, ann: Any, bob: Any
) -> None:
    sell(100 * P)
    parts.shares.finalizeRound(held, ROUND + 1, 100, {"from": parts.settlement})
    sell(200 * P)
    parts.shares.mint(held, ROUND + 1, [(bob, 100)], {"from": parts.settlement})
    assert earned(parts, bob) == (25 + 25 + 100) * P
    assert parts.shares.claimableOf(held, bob) == 0
    assert parts.shares.claimableOf(held, ann) == 150 * P


def test_datasets_earn_apart(parts: Parts, held: int, sell: Any, requester: Any, operator: Any, ann: Any) -> None:
    other = create_dataset(parts, requester, operator)
    parts.shares.finalizeRound(other, ROUND + 1, 10, {"from": parts.settlement})
    parts.shares.mint(other, ROUND + 1, [(ann, 10)], {"from": parts.settlement})
    sell(100 * P)
    assert parts.shares.claimableOf(other, ann) == 0
    assert parts.shares.claimableOf(held, ann) == 75 * P


# Transfers


def test_a_transfer_pays_both_sides_before_shares_change_hands(parts: Parts, held: int, sell: Any, ann: Any, bob: Any) -> None:
    sell(100 * P)
    tx = parts.shares.safeTransferFrom(ann, bob, held, 50, b"", {"from": ann})
    assert (earned(parts, ann), earned(parts, bob)) == (75 * P, 25 * P)
    event = tx.events["TransferSingle"]
    assert (event["operator"], event["from"], event["to"], event["id"], event["value"]) == (ann, ann, bob, held, 50)
    sell(100 * P)
    assert parts.shares.claimableOf(held, ann) == 25 * P
    assert parts.shares.claimableOf(held, bob) == 75 * P


@pytest.mark.parametrize("value", [0, 1, 75])
def test_a_transfer_to_oneself_changes_nothing_but_pays(parts: Parts, held: int, sell: Any, ann: Any, value: int) -> None:
    sell(100 * P)
    parts.shares.safeTransferFrom(ann, ann, held, value, b"", {"from": ann})
    assert parts.shares.balanceOf(ann, held) == 75
    assert earned(parts, ann) == 75 * P
    assert parts.shares.claimableOf(held, ann) == 0


def test_a_newcomer_earns_nothing_of_the_past(parts: Parts, held: int, sell: Any, ann: Any, stranger: Any) -> None:
    sell(100 * P)
    parts.shares.safeTransferFrom(ann, stranger, held, 75, b"", {"from": ann})
    assert parts.shares.claimableOf(held, stranger) == 0 == earned(parts, stranger)


@pytest.mark.parametrize("value", [76, 2**96, 2**96 + 1, MAX])
def test_nobody_transfers_more_than_they_hold(parts: Parts, held: int, ann: Any, bob: Any, expect_revert: Any, value: int) -> None:
    with expect_revert("InsufficientShares"):
        parts.shares.safeTransferFrom(ann, bob, held, value, b"", {"from": ann})
    with expect_revert("InsufficientShares"):
        parts.shares.safeTransferFrom(ann, ann, held, value, b"", {"from": ann})


def test_only_the_holder_or_an_approved_operator_transfers(
    parts: Parts, held: int, ann: Any, bob: Any, stranger: Any, expect_revert: Any
) -> None:
    with expect_revert("NotApproved"):
        parts.shares.safeTransferFrom(ann, stranger, held, 1, b"", {"from": stranger})
    with expect_revert("NotApproved"):
        parts.shares.safeBatchTransferFrom(ann, stranger, [held], [1], b"", {"from": stranger})
    parts.shares.setApprovalForAll(stranger, True, {"from": ann})
    parts.shares.safeTransferFrom(ann, stranger, held, 1, b"", {"from": stranger})
    parts.shares.setApprovalForAll(stranger, False, {"from": ann})
    with expect_revert("NotApproved"):
        parts.shares.safeTransferFrom(ann, stranger, held, 1, b"", {"from": stranger})
    assert parts.shares.balanceOf(stranger, held) == 1


def test_shares_cannot_be_sent_to_nobody(parts: Parts, held: int, ann: Any, expect_revert: Any) -> None:
    with expect_revert("InvalidReceiver"):
        parts.shares.safeTransferFrom(ann, ZERO_ADDRESS, held, 1, b"", {"from": ann})


def test_a_batch_moves_several_datasets_and_the_same_one_twice(
    parts: Parts, held: int, requester: Any, operator: Any, ann: Any, bob: Any, expect_revert: Any
) -> None:
    other = create_dataset(parts, requester, operator)
    parts.shares.finalizeRound(other, ROUND + 1, 10, {"from": parts.settlement})
    parts.shares.mint(other, ROUND + 1, [(ann, 10)], {"from": parts.settlement})
    tx = parts.shares.safeBatchTransferFrom(ann, bob, [held, other, held], [5, 10, 7], b"", {"from": ann})
    assert tuple(parts.shares.balanceOfBatch([ann, ann, bob, bob], [held, other, held, other])) == (63, 0, 37, 10)
    assert tuple(tx.events["TransferBatch"]["values"]) == (5, 10, 7)
    with expect_revert("LengthMismatch"):
        parts.shares.safeBatchTransferFrom(ann, bob, [held], [1, 2], b"", {"from": ann})
    most = parts.shares.MAX_BATCH()
    with expect_revert("BatchTooLarge"):
        parts.shares.safeBatchTransferFrom(ann, bob, [held] * (most + 1), [0] * (most + 1), b"", {"from": ann})
    parts.shares.safeBatchTransferFrom(ann, bob, [held] * most, [0] * most, b"", {"from": ann})
    with expect_revert("LengthMismatch"):
        parts.shares.balanceOfBatch([ann], [held, held])


# Receivers


def test_a_contract_is_asked_whether_it_takes_shares(parts: Parts, held: int, deployer: Any, ann: Any, expect_revert: Any) -> None:
    receiver = deployer.deploy(ShareReceiver)
    parts.shares.safeTransferFrom(ann, receiver, held, 5, b"", {"from": ann})
    parts.shares.safeBatchTransferFrom(ann, receiver, [held], [5], b"", {"from": ann})
    assert receiver.calls() == 2
    receiver.setMode(1, {"from": ann})
    with expect_revert("ERC1155InvalidReceiver"):
        parts.shares.safeTransferFrom(ann, receiver, held, 5, b"", {"from": ann})
    with expect_revert("ERC1155InvalidReceiver"):
        parts.shares.safeBatchTransferFrom(ann, receiver, [held], [5], b"", {"from": ann})
    with expect_revert("ERC1155InvalidReceiver"):
        parts.shares.safeTransferFrom(ann, parts.ledger, held, 5, b"", {"from": ann})
    assert parts.shares.balanceOf(receiver, held) == 10


def test_a_receiver_that_calls_back_gains_nothing(parts: Parts, held: int, sell: Any, deployer: Any, ann: Any) -> None:
    receiver = deployer.deploy(ShareReceiver)
    receiver.setMode(2, {"from": ann})
    sell(100 * P)
    parts.shares.safeTransferFrom(ann, receiver, held, 75, b"", {"from": ann})
    assert parts.shares.balanceOf(ann, held) == 75
    assert parts.shares.balanceOf(receiver, held) == 0
    assert (earned(parts, ann), earned(parts, receiver)) == (75 * P, 0)


# What wallets and marketplaces ask


def test_it_names_its_interfaces_and_the_datasets_document(parts: Parts, held: int, expect_revert: Any) -> None:
    assert all(parts.shares.supportsInterface(interface) for interface in INTERFACES.values())
    assert not parts.shares.supportsInterface("0xffffffff")
    assert parts.shares.uri(held) == "ipfs://instructions"
    with expect_revert("UnknownDataset"):
        parts.shares.uri(held + 1)
