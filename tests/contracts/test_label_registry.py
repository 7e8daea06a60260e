"""LabelRegistry: one test for each reason to skip, none of which stops the rest of a batch; rounds; sessions."""

from typing import Any

import pytest
from brownie import chain
from eth_utils import keccak

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, LBL, REASONS, REWARD, Flow, Wallet, domain, wallet

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    flow.open(8, 40)
    return flow


@pytest.fixture
def ada(flow: Flow) -> Wallet:
    who = wallet("ada")
    flow.fund_contributor(who)
    return who


@pytest.fixture
def bob(flow: Flow) -> Wallet:
    who = wallet("bob")
    flow.fund_contributor(who)
    return who


def skipped(flow: Flow, bob: Wallet, item: tuple[Any, ...], sender: Any = None) -> str:
    """Why the item was skipped, while bob's in the same batch was accepted."""
    good = flow.submission(bob, 1)
    tx = flow.submit(item, good, sender=sender)
    assert [e["contributor"].lower() for e in tx.events["SubmissionAccepted"]] == [bob.address]
    return REASONS[tx.events["SubmissionSkipped"][0]["reason"]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"round": 77}, "RoundNotOpen"),
        ({"deadline": 1}, "Expired"),
        ({"sequence": 1}, "WrongSequence"),
        ({"count": 0}, "InvalidCount"),
        ({"count": 1025}, "InvalidCount"),
        ({"labels_root": bytes(32)}, "EmptyRoot"),
        ({"admission": 0}, "UnsupportedAdmission"),
        ({"admission": 3}, "UnsupportedAdmission"),
        ({"count": 41}, "BudgetExhausted"),
    ],
)
def test_what_is_wrong_with_a_submission_is_said(
    flow: Flow, ada: Wallet, bob: Wallet, changes: dict[str, Any], reason: str
) -> None:
    assert skipped(flow, bob, flow.submission(ada, changes.pop("count", 4), **changes)) == reason


def test_a_stranger_relays_nothing_without_a_ticket(flow: Flow, ada: Wallet, stranger: Any) -> None:
    tx = flow.submit(flow.submission(ada, 4), sender=stranger)
    assert REASONS[tx.events["SubmissionSkipped"][0]["reason"]] == "NotAdmitted"


def test_malformed_tickets_are_refused_without_stopping_the_batch(flow: Flow, ada: Wallet, stranger: Any) -> None:
    item = flow.submission(ada, 4)
    tickets = (b"\1", b"\xff" * 224, bytes(224), b"\0" * 512)
    tx = flow.submit(*((*item[:2], ticket) for ticket in tickets), sender=stranger)
    assert [REASONS[e["reason"]] for e in tx.events["SubmissionSkipped"]] == ["NotAdmitted"] * 4


def mangled(signature: bytes, how: str) -> bytes:
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    if how == "high s":
        return r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    if how == "v of 0 or 1":
        return signature[:64] + bytes([v - 27])
    return {"64 bytes": signature[:64], "66 bytes": signature + b"\0", "empty": b"", "zeros": bytes(65)}[how]


@pytest.mark.parametrize("how", ["high s", "v of 0 or 1", "64 bytes", "66 bytes", "empty", "zeros"])
def test_a_malleable_or_malformed_signature_is_refused(flow: Flow, ada: Wallet, bob: Wallet, how: str) -> None:
    fields, signature, ticket = flow.submission(ada, 4)
    assert int.from_bytes(signature[32:64], "big") <= HALF_ORDER
    assert skipped(flow, bob, (fields, mangled(signature, how), ticket)) == "InvalidSignature"


@pytest.mark.parametrize("foreign", ["chain", "contract", "round", "signer"])
def test_a_signature_for_something_else_is_refused(flow: Flow, ada: Wallet, bob: Wallet, foreign: str) -> None:
    fields, _, ticket = flow.submission(ada, 4)
    here = domain(flow.protocol.label_registry)
    message = eip712.Submission(*fields)
    domains = {"chain": eip712.Domain(1, here.contract), "contract": domain(flow.protocol.ledger)}
    if foreign == "round":
        message = eip712.Submission(fields[0] + 1, *fields[1:])
    signer = bob if foreign == "signer" else ada
    assert skipped(flow, bob, (fields, signer.sign(message, domains.get(foreign, here)), ticket)) == "InvalidSignature"


def test_the_same_submission_counts_once(flow: Flow, ada: Wallet) -> None:
    item = flow.submission(ada, 4)
    tx = flow.submit(item, item)
    assert len(tx.events["SubmissionAccepted"]) == 1
    assert REASONS[tx.events["SubmissionSkipped"][0]["reason"]] == "WrongSequence"
    again = flow.submit(item)
    assert REASONS[again.events["SubmissionSkipped"][0]["reason"]] == "WrongSequence"
    assert flow.protocol.label_registry.contributorOf(flow.dataset, ada.address)[1] == 4


def test_a_session_ends_by_time_and_by_revocation_and_never_starts_again(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    registry = flow.protocol.label_registry
    for number, end in enumerate(("time", "revocation")):
        key = wallet(f"key {number}")
        flow.session(ada, key, lasts=50)
        if end == "time":
            chain.sleep(51)
            chain.mine(1)
        else:
            registry.revokeSession(key.address, {"from": ada.account})
        assert skipped(flow, bob, flow.submission(ada, 4, signer=key)) == "SessionNotLive"
        assert "SessionSkipped" in flow.session(ada, key).events


def test_a_key_revoked_before_it_was_registered_never_is(flow: Flow, ada: Wallet) -> None:
    key = wallet("lost key")
    flow.protocol.label_registry.revokeSession(key.address, {"from": ada.account})
    assert "SessionSkipped" in flow.session(ada, key).events


def test_a_session_is_for_its_dataset_only(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    key = wallet("narrow key")
    flow.session(ada, key, dataset=flow.dataset + 1)
    assert skipped(flow, bob, flow.submission(ada, 4, signer=key)) == "SessionOtherDataset"


def test_a_session_signed_by_someone_else_is_skipped(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    forged = eip712.Session(ada.address, bob.address, 0, chain.time() + 100, LBL)
    signature = bob.sign(forged, domain(flow.protocol.label_registry))
    item = ((forged.contributor, forged.key, 0, forged.expiry, LBL), signature)
    tx = flow.protocol.label_registry.registerSessions([item], {"from": flow.operator})
    assert "SessionRegistered" not in tx.events
    assert "SessionSkipped" in tx.events


def test_without_balance_or_allowance_for_the_bond_nothing_is_taken(flow: Flow, bob: Wallet) -> None:
    poor = wallet("poor")
    assert skipped(flow, bob, flow.submission(poor, 4)) == "BondUnavailable"
    flow.fund_contributor(poor, 4 * BOND - 1)
    assert skipped(flow, bob, flow.submission(poor, 4)) == "BondUnavailable"


def test_a_round_takes_labels_until_its_deadline_and_closes_after_it(flow: Flow, ada: Wallet, expect_revert: Any) -> None:
    with expect_revert("RoundStillOpen"):
        flow.close()
    flow.submit(flow.submission(ada, 4))
    chain.sleep(10_001)
    chain.mine(1)
    late = flow.submit(flow.submission(ada, 1, deadline=2**40))
    assert REASONS[late.events["SubmissionSkipped"][0]["reason"]] == "RoundNotOpen"
    flow.close()
    with expect_revert("NotOpen"):
        flow.close()


def test_a_round_without_labels_is_void_and_its_reserve_free(flow: Flow) -> None:
    registry = flow.protocol.dataset_registry
    assert registry.reservedOf(flow.dataset) > 0
    chain.sleep(10_001)
    chain.mine(1)
    flow.close()
    assert flow.protocol.label_registry.roundOf(flow.round)[8] == 3
    assert registry.reservedOf(flow.dataset) == 0
    flow.open(1, 1)


def test_only_one_round_of_a_dataset_is_alive(flow: Flow, expect_revert: Any) -> None:
    with expect_revert("DatasetBusy"):
        flow.open(1, 1)


def test_a_round_must_be_paid_for_and_fit_its_terms(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    flow.create(funding=10 * REWARD, labelCap=50)
    registry, root, later = flow.protocol.label_registry, keccak(text="root"), chain.time() + 1000
    by_operator = {"from": flow.operator}
    with expect_revert("NotRequesterOrOperator"):
        registry.openRound(flow.dataset, root, 1, 1, later, False, {"from": stranger})
    with expect_revert("InsufficientEscrow"):
        registry.openRound(flow.dataset, root, 4, 11, later, False, by_operator)
    with expect_revert("LabelCapExceeded"):
        registry.openRound(flow.dataset, root, 10, 51, later, False, by_operator)
    wrong = ((bytes(32), 1, 1, later), (root, 0, 1, later), (root, 1, 10, later), (root, 1, 0, later), (root, 1, 1, 1))
    for tasks_root, tasks, budget, deadline in wrong:
        with expect_revert("InvalidRound"):
            registry.openRound(flow.dataset, tasks_root, tasks, budget, deadline, False, by_operator)


def test_only_settlement_decides_labels(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    with expect_revert("OnlyProtocol"):
        flow.protocol.label_registry.settleContributors(flow.dataset, [], 0, {"from": stranger})
    with expect_revert("OnlyProtocol"):
        flow.protocol.label_registry.markSettled(flow.round, {"from": stranger})


def test_no_round_opens_on_a_pool_too_small(
    protocol: Deployed, treasury: Any, requester: Any, operator: Any, expect_revert: Any
) -> None:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=2, seats=9)
    flow.create()
    with expect_revert("PoolTooSmall"):
        flow.open(4, 4)
