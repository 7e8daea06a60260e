"""DatasetRegistry: the bounds of terms, and the escrow that a requester cannot take back from under a round (Invariant 3)."""

from typing import Any

import pytest
from brownie import ZERO_ADDRESS, chain
from eth_utils import keccak

from scripts.deploy import LBL
from tests.contracts.parts import MAX, ZERO_32, Parts, account_of, create_dataset, credit, naming, terms

pytest_plugins = ["tests.contracts.parts"]

MONTH = 30 * 24 * 3600
BAD_TERMS = [
    ("operator", ZERO_ADDRESS, "operator"),
    ("classes", 1, "classes"),
    ("classes", 65, "classes"),
    ("panelSize", 1, "panelSize"),
    ("panelSize", 4, "panelSize"),
    ("panelSize", 11, "panelSize"),
    ("auditRate", 0, "auditRate"),
    ("auditRate", 129, "auditRate"),
    ("minLabels", 0, "minLabels"),
    ("minLabels", 10, "minLabels"),
    ("maxLabels", 65, "maxLabels"),
    ("reward", 0, "reward"),
    ("openBond", LBL - 1, "openBond"),
    ("exitRate", 3_999, "exitRate"),
    ("exitRate", 6_001, "exitRate"),
    ("labelCap", 0, "labelCap"),
    ("protocolFeeBps", 251, "protocolFeeBps"),
    ("ruleId", ZERO_32, "ruleId"),
    ("licenseTerm", 0, "licenseTerm"),
    ("contributorsBps", 4_999, "contributorsBps"),
    ("validatorsBps", 999, "validatorsBps"),
    ("requesterBps", 1_001, "validatorsBps"),
    ("metadataUri", "x" * 513, "metadataUri"),
    *(
        (window, bad, window)
        for window in ("commitWindow", "revealWindow", "challengeWindow", "exitDelay")
        for bad in (59, MONTH + 1)
    ),
]
GOOD_EDGES = [
    {"classes": 64, "panelSize": 9, "auditRate": 128, "minLabels": 64, "maxLabels": 64, "bond": 0, "exitRate": 6_000},
    {"auditRate": 1, "minLabels": 1, "maxLabels": 1, "exitRate": 4_000, "licenseFloor": 0, "labelCap": 2**32 - 1},
    {"contributorsBps": 10_000, "validatorsBps": 0, "requesterBps": 0, "metadataUri": "x" * 512},
    {"contributorsBps": 5_000, "validatorsBps": 5_000, "requesterBps": 0},
    {"commitWindow": MONTH, "revealWindow": MONTH, "challengeWindow": MONTH, "exitDelay": MONTH},
    {"ruleId": keccak(text="a rule of tomorrow")},
]


@pytest.fixture
def funded(parts: Parts, dataset: int, treasury: Any) -> int:
    """The dataset with 1,000 LBL in escrow."""
    credit(parts, treasury, parts.registry.escrowAccountOf(dataset), 1_000 * LBL)
    return dataset


def settlement_account(parts: Parts, dataset: int) -> Any:
    return parts.ledger.subAccountOf(parts.settlement, dataset.to_bytes(32, "big"))


# Terms


def test_a_dataset_keeps_the_terms_it_was_created_with(parts: Parts, requester: Any, operator: Any) -> None:
    wanted = terms(requester, operator)
    tx = parts.registry.create(wanted, {"from": requester})
    assert parts.registry.datasetCount() == 1
    stored = [value if isinstance(value, int | str) else bytes(value) for value in parts.registry.termsOf(1)]
    assert stored == [bytes.fromhex(v[2:]) if isinstance(v, str) and v.startswith("0x") and len(v) == 66 else v for v in wanted]
    assert parts.registry.requesterOf(1) == requester
    event = tx.events["DatasetCreated"]
    assert (event["dataset"], event["requester"], event["operator"]) == (1, requester, operator)
    assert event["terms"][-1] == wanted[-1]


def test_ids_count_up_from_one(parts: Parts, requester: Any, operator: Any) -> None:
    assert [create_dataset(parts, requester, operator) for _ in range(3)] == [1, 2, 3]


def test_only_the_requester_creates_in_their_name(
    parts: Parts, requester: Any, operator: Any, stranger: Any, expect_revert: Any
) -> None:
    with expect_revert("NotRequester"):
        parts.registry.create(terms(requester, operator), {"from": stranger})


@pytest.mark.parametrize(("field", "value", "named"), BAD_TERMS)
def test_a_term_out_of_bounds_is_refused_by_name(
    parts: Parts, requester: Any, operator: Any, expect_revert: Any, field: str, value: Any, named: str
) -> None:
    with expect_revert("InvalidTerm"), naming(named):
        parts.registry.create(terms(requester, operator, **{field: value}), {"from": requester})
    assert parts.registry.datasetCount() == 0


@pytest.mark.parametrize("changes", GOOD_EDGES)
def test_the_bounds_themselves_are_allowed(parts: Parts, requester: Any, operator: Any, changes: dict[str, Any]) -> None:
    assert create_dataset(parts, requester, operator, **changes) == 1


def test_an_unknown_dataset_has_no_terms(parts: Parts, dataset: int, requester: Any, expect_revert: Any) -> None:
    for unknown in (0, dataset + 1):
        with expect_revert("UnknownDataset"):
            parts.registry.termsOf(unknown)
        with expect_revert("UnknownDataset"):
            parts.registry.requesterOf(unknown)
        with expect_revert("UnknownDataset"):
            parts.registry.withdrawFree(unknown, account_of(requester), 0, {"from": requester})


# Escrow


def test_anyone_funds_the_escrow_and_the_requester_takes_back_what_is_free(
    parts: Parts, funded: int, requester: Any, stranger: Any, expect_revert: Any
) -> None:
    assert parts.registry.freeOf(funded) == 1_000 * LBL
    with expect_revert("NotRequester"):
        parts.registry.withdrawFree(funded, account_of(stranger), 1, {"from": stranger})
    tx = parts.registry.withdrawFree(funded, account_of(requester), 400 * LBL, {"from": requester})
    assert parts.ledger.balanceOf(account_of(requester)) == 400 * LBL
    assert parts.registry.freeOf(funded) == 600 * LBL
    event = tx.events["FreeWithdrawn"]
    assert (event["dataset"], event["to"], event["amount"]) == (funded, account_of(requester), 400 * LBL)
    with expect_revert("InsufficientEscrow"):
        parts.registry.withdrawFree(funded, account_of(requester), 600 * LBL + 1, {"from": requester})


def test_the_escrows_of_two_datasets_are_apart(
    parts: Parts, funded: int, requester: Any, operator: Any, expect_revert: Any
) -> None:
    other = create_dataset(parts, requester, operator)
    with expect_revert("InsufficientEscrow"):
        parts.registry.withdrawFree(other, account_of(requester), 1, {"from": requester})
    with expect_revert("InsufficientEscrow"):
        parts.registry.reserve(other, 1, {"from": parts.label_registry})


def test_a_reserve_stays_out_of_the_requesters_reach_however_long_it_lasts(
    parts: Parts, funded: int, requester: Any, expect_revert: Any
) -> None:
    tx = parts.registry.reserve(funded, 900 * LBL, {"from": parts.label_registry})
    assert (tx.events["EscrowReserved"]["amount"], tx.events["EscrowReserved"]["reserved"]) == (900 * LBL, 900 * LBL)
    chain.sleep(100 * 24 * 3600)
    chain.mine()
    with expect_revert("InsufficientEscrow"):
        parts.registry.withdrawFree(funded, account_of(requester), 100 * LBL + 1, {"from": requester})
    parts.registry.withdrawFree(funded, account_of(requester), 100 * LBL, {"from": requester})
    assert parts.registry.reservedOf(funded) == 900 * LBL
    assert parts.registry.freeOf(funded) == 0


def test_rounds_reserve_no_more_than_is_free(parts: Parts, funded: int, expect_revert: Any) -> None:
    parts.registry.reserve(funded, 600 * LBL, {"from": parts.label_registry})
    with expect_revert("InsufficientEscrow"):
        parts.registry.reserve(funded, 400 * LBL + 1, {"from": parts.label_registry})
    parts.registry.reserve(funded, 400 * LBL, {"from": parts.label_registry})
    assert parts.registry.freeOf(funded) == 0


def test_a_settlement_pays_part_of_the_reserve_and_frees_part(parts: Parts, funded: int, requester: Any) -> None:
    parts.registry.reserve(funded, 900 * LBL, {"from": parts.label_registry})
    tx = parts.registry.settle(funded, 500 * LBL, 300 * LBL, {"from": parts.settlement})
    assert parts.ledger.balanceOf(settlement_account(parts, funded)) == 500 * LBL
    assert parts.registry.reservedOf(funded) == 100 * LBL
    assert parts.registry.freeOf(funded) == 400 * LBL
    event = tx.events["EscrowSettled"]
    assert (event["paid"], event["released"], event["reserved"]) == (500 * LBL, 300 * LBL, 100 * LBL)


def test_a_void_round_gives_its_reserve_back(parts: Parts, funded: int) -> None:
    parts.registry.reserve(funded, 900 * LBL, {"from": parts.label_registry})
    parts.registry.settle(funded, 0, 900 * LBL, {"from": parts.label_registry})
    assert parts.registry.freeOf(funded) == 1_000 * LBL


@pytest.mark.parametrize(("paid", "released"), [(901 * LBL, 0), (0, 901 * LBL), (450 * LBL, 450 * LBL + 1), (MAX, 0)])
def test_a_settlement_never_takes_more_than_the_reserve(
    parts: Parts, funded: int, expect_revert: Any, paid: int, released: int
) -> None:
    parts.registry.reserve(funded, 900 * LBL, {"from": parts.label_registry})
    with expect_revert("ReserveExceeded"):
        parts.registry.settle(funded, paid, released, {"from": parts.settlement})


def test_only_the_protocol_reserves_and_settles(parts: Parts, funded: int, requester: Any, expect_revert: Any) -> None:
    for caller in (requester, parts.settlement, parts.market_caller):
        with expect_revert("OnlyProtocol"):
            parts.registry.reserve(funded, 1, {"from": caller})
    for caller in (requester, parts.market_caller):
        with expect_revert("OnlyProtocol"):
            parts.registry.settle(funded, 0, 0, {"from": caller})


def test_the_zero_account_receives_nothing(parts: Parts, funded: int, requester: Any, expect_revert: Any) -> None:
    with expect_revert("ZeroAccount"):
        parts.registry.withdrawFree(funded, ZERO_32, 1, {"from": requester})
