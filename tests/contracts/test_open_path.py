"""The open path: an operator that refuses a contributor does not keep them out, and unseen labels earn nothing."""

from typing import Any

import pytest
from brownie import chain, web3
from eth_utils import keccak

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, LBL, REWARD, Flow, Wallet, domain, entry, in_order, wallet

OPEN = 2
OPEN_LIMIT, CREDENTIAL_MISSING, EXCEEDED = 15, 14, 12
ONE = 1 << 16


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    """A round of 80 labels: 16 of them open, 4 an address."""
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=9, seats=1)
    flow.create(bond=BOND, openBond=2 * REWARD)
    flow.open(20, 80)
    return flow


@pytest.fixture
def ada(flow: Flow) -> Wallet:
    return funded(flow, "ada")


def funded(flow: Flow, name: str) -> Wallet:
    who = wallet(name)
    flow.fund_contributor(who)
    return who


def opened(flow: Flow, who: Wallet, count: int = 4, **changes: Any) -> Any:
    """The transaction of an open submission that a stranger relays."""
    return flow.submit(flow.submission(who, count, admission=OPEN, **changes), sender=flow.treasury)


def reason(tx: Any) -> int:
    return int(tx.events["SubmissionSkipped"][0]["reason"])


def pending(flow: Flow, who: Wallet) -> tuple[int, int]:
    """Labels that no settlement has decided, and how many of them are open."""
    labels, opened = flow.protocol.label_registry.pendingOf(flow.dataset, who.address)
    return int(labels), int(opened)


def balance(flow: Flow, who: Wallet) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(who.address)))


def held(flow: Flow) -> int:
    ledger = flow.protocol.ledger
    return int(ledger.balanceOf(ledger.subAccountOf(flow.protocol.label_registry, flow.round.to_bytes(32, "big"))))


def attestation(flow: Flow, who: Wallet, shown: int) -> bytes:
    board = flow.protocol.audit_board
    kind = keccak(text="Attestation(uint256 round,uint8 attempt,address validator,uint256 shown)")
    attempt = board.auditOf(flow.round)[1]
    words = [eip712.word("uint256", flow.round), eip712.word("uint8", attempt), eip712.word("address", who.address)]
    struct = keccak(kind + b"".join(words) + eip712.word("uint256", shown))
    return eip712.sign(keccak(b"\x19\x01" + domain(board).separator() + struct), who.key)


def audited(flow: Flow, shown: dict[int, int] | None = None) -> list[tuple[Wallet, int]]:
    """Close to audited; `shown` is what the i-th member of the panel attests, by signature."""
    flow.close()
    panel = flow.draw()
    for member, _ in panel:
        flow.commit(member)
    for member, _ in panel:
        flow.reveal(member)
    for i, bits in (shown or {}).items():
        if i < len(panel):
            who = panel[i][0]
            flow.protocol.audit_board.attest(flow.round, who.address, bits, attestation(flow, who, bits), {"from": flow.operator})
    if len(shown or {}) < len(panel):
        chain.sleep(101)
        chain.mine(1)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    return panel


EVERYONE = dict.fromkeys(range(3), 0b1)


def test_labels_that_the_panel_saw_count_whatever_the_operator_wants(flow: Flow, ada: Wallet) -> None:
    bob = funded(flow, "bob")
    opened(flow, ada)
    flow.submit(flow.submission(bob, 4))
    assert held(flow) == 4 * 2 * REWARD
    assert pending(flow, ada) == (0, 0)
    later(flow)
    panel = audited(flow, EVERYONE)
    assert held(flow) == 0
    assert pending(flow, ada) == (4, 4)
    votes = [entry("validator", v.address) for v, _ in panel]
    flow.settle(in_order([entry("contributor", ada.address, 4 * REWARD, shares=ONE), entry("contributor", bob.address), *votes]))
    assert balance(flow, ada) == 104 * LBL
    assert balance(flow, bob) == 100 * LBL - 4 * BOND
    assert flow.conserved()


def later(flow: Flow) -> None:
    chain.sleep(10_001)
    chain.mine(1)


def test_the_open_bond_can_be_slashed_whole_and_no_more(flow: Flow, ada: Wallet, expect_revert: Any) -> None:
    opened(flow, ada)
    later(flow)
    panel = audited(flow, EVERYONE)
    votes = [entry("validator", v.address) for v, _ in panel]
    flow.propose(in_order([entry("contributor", ada.address, slash=8 * REWARD + 1), *votes]))
    with expect_revert("LimitExceeded"):
        flow.publish(in_order([entry("contributor", ada.address, slash=8 * REWARD + 1), *votes]))
    chain.sleep(101)
    chain.mine(1)
    flow.protocol.settlement.expire(flow.round, {"from": flow.operator})
    flow.settle(in_order([entry("contributor", ada.address, slash=8 * REWARD), *votes]))
    assert balance(flow, ada) == 100 * LBL - 8 * REWARD
    assert flow.conserved()


def test_labels_withheld_from_the_panel_are_void_and_only_their_bond_returns(flow: Flow, ada: Wallet) -> None:
    bob = funded(flow, "bob")
    opened(flow, ada)
    opened(flow, bob)
    later(flow)
    reserved = flow.protocol.dataset_registry.reservedOf(flow.dataset)
    panel = audited(flow, dict.fromkeys(range(3), 0b10))
    assert pending(flow, ada) == (0, 0)
    assert balance(flow, ada) == 100 * LBL
    assert pending(flow, bob) == (4, 4)
    assert flow.protocol.label_registry.roundOf(flow.round)[3] == 4
    votes = [entry("validator", v.address) for v, _ in panel]
    flow.settle(in_order([entry("contributor", bob.address, 4 * REWARD, shares=ONE), *votes]))
    assert reserved > 0
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert flow.conserved()


def test_a_minority_of_the_panel_cannot_let_labels_count(flow: Flow, ada: Wallet) -> None:
    opened(flow, ada)
    later(flow)
    flow.close()
    panel = flow.draw()
    assert len(panel) == 3
    for member, _ in panel:
        flow.commit(member)
    for member, _ in panel:
        flow.reveal(member)
    flow.protocol.audit_board.attest(flow.round, panel[0][0].address, 1, b"", {"from": panel[0][0].account})
    chain.sleep(101)
    chain.mine(1)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    assert pending(flow, ada) == (0, 0)
    assert balance(flow, ada) == 100 * LBL


def test_the_audit_waits_for_the_panel_to_say_what_it_was_shown(flow: Flow, ada: Wallet, expect_revert: Any) -> None:
    opened(flow, ada)
    later(flow)
    flow.close()
    board, panel = flow.protocol.audit_board, flow.draw()
    with expect_revert("WindowStillOpen"):
        board.attest(flow.round, panel[0][0].address, 1, b"", {"from": panel[0][0].account})
    for member, _ in panel:
        flow.commit(member)
    for member, _ in panel:
        flow.reveal(member)
    with expect_revert("WindowStillOpen"):
        board.conclude(flow.round, {"from": flow.operator})
    member = panel[0][0]
    with expect_revert("InvalidSignature"):
        board.attest(flow.round, member.address, 0, attestation(flow, member, 1), {"from": flow.operator})
    with expect_revert("NotDrawn"):
        board.attest(flow.round, ada.address, 1, b"", {"from": ada.account})
    for who, _ in panel:
        board.attest(flow.round, who.address, 1, b"", {"from": who.account})
    with expect_revert("AlreadyRevealed"):
        board.attest(flow.round, member.address, 0, b"", {"from": member.account})
    board.conclude(flow.round, {"from": flow.operator})
    assert pending(flow, ada) == (4, 4)


def test_a_failed_audit_voids_open_labels_and_their_bond_returns_before_the_exit(flow: Flow, ada: Wallet, stranger: Any) -> None:
    bob = funded(flow, "bob")
    opened(flow, ada)
    flow.submit(flow.submission(bob, 4))
    later(flow)
    flow.close()
    for _ in range(3):
        chain.mine(260)
        flow.protocol.audit_board.drawPanel(flow.round, {"from": stranger})
    assert balance(flow, ada) == 100 * LBL
    assert held(flow) == 0
    settlement = flow.protocol.settlement
    settlement.startExit(flow.round, {"from": stranger})
    settlement.exit(flow.round, [bob.address], [], {"from": stranger})
    assert balance(flow, bob) == 100 * LBL + 2 * REWARD
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert flow.conserved()


def test_the_open_path_is_a_fifth_of_the_budget_and_a_quarter_of_that_an_address(flow: Flow, ada: Wallet) -> None:
    assert [int(n) for n in flow.protocol.label_registry.openLimitsOf(flow.round)] == [16, 4, 1]
    assert reason(opened(flow, ada, 5)) == OPEN_LIMIT
    opened(flow, ada, 3)
    assert reason(opened(flow, ada, 1)) == OPEN_LIMIT
    for i in range(3):
        opened(flow, funded(flow, f"other {i}"))
    assert reason(opened(flow, funded(flow, "one too many"), 2)) == OPEN_LIMIT
    last = opened(flow, funded(flow, "the rest"), 1)
    assert "SubmissionAccepted" in last.events
    assert flow.protocol.label_registry.openSubmissionsOf(flow.round) == 5
    assert flow.protocol.label_registry.openSubmissionOf(flow.round, 0)[1] == 3


def test_tiny_open_submissions_cannot_use_up_the_panels_bits(flow: Flow, ada: Wallet) -> None:
    flow.create(funding=100_000 * LBL, openBond=REWARD)
    flow.open(1_000, 6_400)
    assert [int(n) for n in flow.protocol.label_registry.openLimitsOf(flow.round)] == [1_280, 320, 10]
    assert reason(opened(flow, ada, 9)) == OPEN_LIMIT
    assert "SubmissionAccepted" in opened(flow, ada, 10).events


def test_no_relayer_turns_a_ticketed_submission_into_an_open_one(flow: Flow, ada: Wallet) -> None:
    fields, signature, ticket = flow.submission(ada, 4)
    stripped = ((*fields[:5], OPEN, fields[6]), signature, ticket)
    assert reason(flow.submit(stripped, sender=flow.treasury)) == 9
    assert balance(flow, ada) == 100 * LBL


def test_a_session_key_opens_no_more_than_its_bond(flow: Flow, ada: Wallet) -> None:
    key = wallet("ada's browser")
    flow.session(ada, key, max_bond=8 * REWARD - 1)
    item = flow.submission(ada, 4, signer=key, admission=OPEN)
    assert reason(flow.submit(item, sender=flow.treasury)) == EXCEEDED


def test_only_the_audit_board_resolves_open_labels(flow: Flow, ada: Wallet, stranger: Any, expect_revert: Any) -> None:
    opened(flow, ada)
    with expect_revert("OnlyProtocol"):
        flow.protocol.label_registry.resolveOpen(flow.round, 1, {"from": stranger})
    later(flow)
    flow.close()
    with expect_revert("OnlyProtocol"):
        flow.protocol.label_registry.resolveOpen(flow.round, 1, {"from": stranger})


def test_without_open_labels_there_is_nothing_to_attest(flow: Flow, ada: Wallet, expect_revert: Any) -> None:
    flow.submit(flow.submission(ada, 4))
    later(flow)
    flow.close()
    member = flow.draw()[0][0]
    with expect_revert("NothingToAttest"):
        flow.protocol.audit_board.attest(flow.round, member.address, 1, b"", {"from": member.account})


def test_a_batch_has_a_bound(flow: Flow, ada: Wallet, expect_revert: Any) -> None:
    item = flow.submission(ada, 1)
    with expect_revert("BatchTooLarge"):
        flow.submit(*[item] * 31)
    with expect_revert("BatchTooLarge"):
        flow.protocol.label_registry.registerSessions([((ada.address, ada.address, 0, 1, 0), b"")] * 31, {"from": flow.operator})
    allowance = (ada.address, ada.address, 0, 0, 0, b"")
    with expect_revert("BatchTooLarge"):
        flow.protocol.ledger.allowBySig([allowance] * 31, {"from": flow.operator})


def test_concluding_with_as_many_open_submissions_as_fit_stays_far_below_a_block(flow: Flow) -> None:
    flow.create(funding=100_000 * LBL, openBond=REWARD)
    flow.open(200, 640)
    crowd = [wallet(f"open {i}") for i in range(128)]
    for who in crowd:
        flow.fund_contributor(who)
    items = [flow.submission(who, 1, admission=OPEN) for who in crowd]
    for first in range(0, 128, 30):
        flow.submit(*items[first : first + 30])
    assert flow.protocol.label_registry.openSubmissionsOf(flow.round) == 128
    later(flow)
    audited(flow, dict.fromkeys(range(3), (1 << 128) - 1 - 0b10))
    gas = web3.eth.get_block("latest").gasUsed
    print(f"gas of concluding with 128 open submissions: {gas}")
    assert gas < 15_000_000
    assert pending(flow, crowd[0]) == (1, 1)
    assert pending(flow, crowd[1]) == (0, 0)
