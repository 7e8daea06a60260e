"""A dataset from its first label to its holders' revenue, with real signatures, and the sums checked on the way."""

from typing import Any

import pytest
from brownie import accounts, chain, web3
from eth_abi import encode

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, FEE, LBL, REWARD, Flow, Wallet, domain, entry, in_order, totals_of, wallet

ONE = 1 << 16


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    return flow


@pytest.fixture
def people(flow: Flow) -> list[Wallet]:
    people = [wallet("ada"), wallet("bob"), wallet("cleo")]
    for who in people:
        flow.fund_contributor(who)
    return people


def contributed(flow: Flow, people: list[Wallet], tasks: int = 4, last: bool = False) -> None:
    """A full round of everyone's labels on every task."""
    flow.open(tasks, tasks * len(people), last)
    flow.submit(*(flow.submission(who, tasks) for who in people))


def balance(flow: Flow, who: Wallet) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(who.address)))


def validator_entries(flow: Flow, panel: list[tuple[Wallet, int]], shares: int = 0) -> list[tuple[Any, ...]]:
    size = flow.sample_size()
    return [entry("validator", v.address, FEE * size * weight, shares=shares) for v, weight in panel]


def test_a_label_becomes_pay_shares_and_revenue(flow: Flow, people: list[Wallet]) -> None:
    ada, bob, cleo = people
    contributed(flow, people, last=True)
    assert flow.conserved()
    assert balance(flow, ada) == 100 * LBL - 4 * BOND
    panel = flow.audit()
    entries = in_order(
        [
            entry("contributor", ada.address, 4 * REWARD, shares=4 * ONE),
            entry("contributor", bob.address, 2 * REWARD, shares=2 * ONE),
            entry("contributor", cleo.address, slash=4 * BOND),
            *validator_entries(flow, panel),
            entry("requester", flow.requester.address, shares=6 * ONE // 8),
        ]
    )
    flow.settle(entries)
    assert flow.conserved()
    assert balance(flow, ada) == 104 * LBL
    assert balance(flow, bob) == 102 * LBL
    assert balance(flow, cleo) == 100 * LBL - 4 * BOND
    assert flow.protocol.dataset_shares.balanceOf(ada.address, flow.dataset) == 4 * ONE
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert flow.protocol.label_registry.roundOf(flow.round)[8] == 4

    buyer = accounts[4]
    price = flow.protocol.dataset_market.priceOf(flow.dataset)
    flow.protocol.token.transfer(buyer, price, {"from": flow.treasury})
    flow.protocol.token.approve(flow.protocol.dataset_market, price, {"from": buyer})
    flow.protocol.dataset_market.buy(flow.dataset, buyer, price, {"from": buyer})
    assert flow.protocol.dataset_market.isLicensed(flow.dataset, buyer)
    revenue = price - price * flow.protocol.parameters.feeBps() // 10_000
    supply = flow.protocol.dataset_shares.supplyOf(flow.dataset)
    assert supply == 6 * ONE + 6 * ONE // 8
    flow.protocol.dataset_shares.claim(flow.dataset, ada.address, {"from": flow.operator})
    due = revenue * 4 * ONE // supply
    assert due - 1 <= balance(flow, ada) - 104 * LBL <= due
    assert flow.conserved()


def test_waiting_work_is_carried_with_its_bond_and_paid_by_the_next_round(flow: Flow, people: list[Wallet]) -> None:
    ada, bob, cleo = people
    contributed(flow, people)
    panel = flow.audit()
    entries = in_order(
        [
            entry("contributor", ada.address, 4 * REWARD, shares=ONE),
            entry("contributor", bob.address, waiting=4),
            entry("contributor", cleo.address),
            *validator_entries(flow, panel),
        ]
    )
    flow.settle(entries)
    assert [int(n) for n in flow.protocol.settlement.waitingOf(flow.dataset)] == [4, 0]
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 4 * REWARD
    assert balance(flow, bob) == 100 * LBL - 4 * BOND

    flow.open(4, 4, last=True)
    flow.submit(flow.submission(ada, 4))
    panel = flow.audit()
    entries = in_order(
        [
            entry("contributor", ada.address, REWARD, shares=ONE),
            entry("contributor", bob.address, 4 * REWARD, shares=ONE),
            *validator_entries(flow, panel),
        ]
    )
    flow.settle(entries)
    assert balance(flow, bob) == 104 * LBL
    assert flow.protocol.dataset_registry.reservedOf(flow.dataset) == 0
    assert flow.conserved()


def test_no_round_opens_after_the_last(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people, last=True)
    panel = flow.audit()
    flow.settle(in_order([*(entry("contributor", p.address) for p in people), *validator_entries(flow, panel)]))
    with expect_revert("DatasetBusy"):
        flow.open(1, 1)


def test_a_bad_item_is_skipped_and_the_rest_accepted(flow: Flow, people: list[Wallet]) -> None:
    ada, bob, cleo = people
    flow.open(4, 12)
    forged = flow.submission(ada, 4, signer=bob)
    good = flow.submission(bob, 4)
    mangled = (*flow.submission(cleo, 4)[:1], b"\1" * 64, b"")
    tx = flow.submit(forged, good, mangled)
    assert [e["contributor"].lower() for e in tx.events["SubmissionAccepted"]] == [bob.address]
    assert sorted(e["reason"] for e in tx.events["SubmissionSkipped"]) == [9, 9]


def test_a_session_key_signs_within_its_bond(flow: Flow, people: list[Wallet]) -> None:
    ada, key = people[0], wallet("ada's browser")
    flow.session(ada, key, max_bond=4 * BOND)
    flow.open(8, 24)
    accepted = flow.submit(flow.submission(ada, 4, signer=key))
    assert accepted.events["SubmissionAccepted"][0]["signer"].lower() == key.address
    refused = flow.submit(flow.submission(ada, 4, signer=key))
    assert refused.events["SubmissionSkipped"][0]["reason"] == 12


def test_a_third_party_relays_with_a_ticket_and_not_without(flow: Flow, people: list[Wallet], stranger: Any) -> None:
    operator = wallet("operator with a key")
    flow.create(operator=operator.address)
    flow.operator.transfer(operator.account, "1 ether")
    deadline = chain.time() + 10_000
    flow.protocol.label_registry.openRound(flow.dataset, b"\1" * 32, 4, 12, deadline, False, {"from": operator.account})
    flow.round = flow.protocol.label_registry.roundCount()
    ada = people[0]
    item = flow.submission(ada, 4)
    assert flow.submit(item, sender=stranger).events["SubmissionSkipped"][0]["reason"] == 8

    def ticket(count: int) -> bytes:
        message = eip712.Assignment(flow.round, ada.address, 0, count, 2**40)
        signature = operator.sign(message, domain(flow.protocol.label_registry))
        return encode(("uint32", "uint64", "bytes"), (count, 2**40, signature))

    too_small = flow.submit((*item[:2], ticket(3)), sender=stranger)
    assert too_small.events["SubmissionSkipped"][0]["reason"] == 8
    assert "SubmissionAccepted" in flow.submit((*item[:2], ticket(4)), sender=stranger).events


def test_silence_is_slashed_and_suspended_and_a_lost_quorum_redraws(flow: Flow, people: list[Wallet]) -> None:
    contributed(flow, people)
    flow.close()
    panel = flow.draw()
    chain.sleep(201)
    chain.mine(1)
    before = {v.address: flow.protocol.staking.stakeOf(b"\0" * 32, v.address) for v, _ in panel}
    tx = flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    penalty = 5 * FEE * flow.sample_size()
    for member, weight in panel:
        assert before[member.address] - flow.protocol.staking.stakeOf(b"\0" * 32, member.address) == penalty * weight
        assert flow.protocol.staking.locksOf(member.address) == 0
    assert tx.events["AuditConcluded"][0]["phase"] == 1
    assert flow.protocol.audit_board.auditOf(flow.round)[1] == 1
    assert flow.conserved()


def test_entries_cannot_be_hidden_doubled_or_overpaid(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people)
    panel = flow.audit()
    rest = validator_entries(flow, panel)
    full = in_order([*(entry("contributor", p.address, 4 * REWARD) for p in people), *rest])
    flow.propose(full[1:])
    with expect_revert("TotalsMismatch"):
        flow.publish(full[1:])
    with expect_revert("EntriesOutOfOrder"):
        flow.publish([full[0], *full])
    greedy = [(*full[0][:2], 4 * REWARD + 1, *full[0][3:]), *full[1:]]
    with expect_revert("LimitExceeded"):
        flow.publish(greedy)
    with expect_revert("LimitExceeded"):
        flow.publish([entry("contributor", flow.operator.address, 1)])


@pytest.mark.parametrize("total", list(totals_of([])))
def test_totals_that_are_not_those_of_the_entries_are_refused(
    flow: Flow, people: list[Wallet], total: str, expect_revert: Any
) -> None:
    contributed(flow, people)
    panel = flow.audit()
    paid = [entry("contributor", p.address, REWARD, shares=2 * ONE) for p in people]
    entries = in_order([*paid, *validator_entries(flow, panel)])
    flow.propose(entries, **{total: totals_of(entries)[total] + 1})
    with expect_revert("TotalsMismatch"):
        flow.publish(entries)


def test_no_entry_exceeds_its_accounts_work(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people)
    panel = flow.audit()
    entries = in_order([*(entry("contributor", p.address, REWARD) for p in people), *validator_entries(flow, panel)])
    flow.propose(entries)
    validator, weight = panel[0]
    votes = flow.sample_size() * weight
    for wrong, most in (
        (entry("contributor", people[0].address, 4 * REWARD + 1), 4 * REWARD),
        (entry("contributor", people[0].address, slash=4 * BOND + 1), 4 * BOND),
        (entry("contributor", people[0].address, shares=4 * ONE + 1), 4 * ONE),
        (entry("validator", validator.address, votes * FEE + 1), votes * FEE),
        (entry("validator", validator.address, slash=5 * votes * FEE + 1), 5 * votes * FEE),
    ):
        with expect_revert("LimitExceeded"):
            flow.publish([wrong])
        call = flow.protocol.settlement.publish.encode_input(flow.round, 0, [wrong])
        asked = {"from": flow.operator.address, "to": flow.protocol.settlement.address, "data": call}
        # The error names what would be allowed.
        with pytest.raises(Exception, match=f"{most:064x}"):
            web3.eth.call(asked)


def test_the_requesters_entry_holds_shares_and_nothing_else_and_is_nobody_elses(
    flow: Flow, people: list[Wallet], expect_revert: Any
) -> None:
    contributed(flow, people)
    panel = flow.audit()
    paid = [entry("contributor", p.address, 4 * REWARD, shares=4 * ONE) for p in people]
    rest = in_order([*paid, *validator_entries(flow, panel)])
    flow.propose([*rest, entry("requester", flow.requester.address, shares=ONE)])
    for wrong in ({"reward": 1}, {"slash": 1}, {"waiting": 1}):
        with expect_revert("LimitExceeded"):
            flow.publish([*rest, entry("requester", flow.requester.address, shares=ONE, **wrong)])
    with expect_revert("LimitExceeded"):
        flow.publish([*rest, entry("requester", flow.operator.address, shares=ONE)])
    flow.publish([*rest, entry("requester", flow.requester.address, shares=ONE)])
    flow.finalize()


def test_distribution_pays_each_chunk_once_and_only_as_published(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people)
    panel = flow.audit()
    entries = in_order([*(entry("contributor", p.address, REWARD) for p in people), *validator_entries(flow, panel)])
    first, second = entries[:2], entries[2:]
    flow.propose(entries, chunks=2)
    flow.publish(first, 0)
    flow.publish(second, 1)
    with expect_revert("WindowStillOpen"):
        flow.protocol.settlement.finalize(flow.round, {"from": flow.operator})
    flow.finalize()
    with expect_revert("ChunkMismatch"):
        flow.distribute(first, 1)
    flow.distribute(second, 1)
    with expect_revert("ChunkDistributed"):
        flow.distribute(second, 1)
    flow.distribute(first, 0)
    assert flow.protocol.settlement.proposalOf(flow.round)[0] == 4
    assert flow.conserved()


def test_a_proposal_needs_a_majority_of_the_panel_that_revealed(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people)
    panel = flow.audit()
    entries = in_order([*(entry("contributor", p.address) for p in people), *validator_entries(flow, panel)])
    totals = tuple(totals_of(entries).values())
    with expect_revert("NoPanelMajority"):
        flow.protocol.settlement.propose(flow.round, b"\1" * 32, 1, totals, [], {"from": flow.operator})
    forged = [(panel[0][0].address, b"\1" * 65)]
    with expect_revert("InvalidSignature"):
        flow.protocol.settlement.propose(flow.round, b"\1" * 32, 1, totals, forged, {"from": flow.operator})


def test_only_those_who_revealed_sign_for_a_proposal(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    """So that there are no more signatures to check than the panel has members."""
    contributed(flow, people)
    panel = flow.audit()
    outsider = wallet("no member of the panel")
    evidence = eip712.Evidence(flow.round, b"\1" * 32, flow.operator.address.lower())
    here = domain(flow.protocol.settlement)
    signed = sorted((who.address, who.sign(evidence, here)) for who in [outsider, *(member for member, _ in panel)])
    entries = in_order([*(entry("contributor", p.address) for p in people), *validator_entries(flow, panel)])
    arguments = (flow.round, b"\1" * 32, 1, tuple(totals_of(entries).values()))
    with expect_revert("NotRevealed"):
        flow.protocol.settlement.propose(*arguments, signed, {"from": flow.operator})
    of_the_panel = [item for item in signed if item[0] != outsider.address]
    flow.protocol.settlement.propose(*arguments, of_the_panel, {"from": flow.operator})


def test_the_reserve_cannot_be_taken_back_by_the_requester_or_by_time(flow: Flow, people: list[Wallet], expect_revert: Any) -> None:
    contributed(flow, people)
    registry = flow.protocol.dataset_registry
    free, reserved = registry.freeOf(flow.dataset), registry.reservedOf(flow.dataset)
    assert reserved == 12 * REWARD + 2 * 3 * FEE
    chain.sleep(100 * 24 * 3600)
    chain.mine(1)
    to = flow.protocol.ledger.accountOf(flow.requester)
    with expect_revert("InsufficientEscrow"):
        registry.withdrawFree(flow.dataset, to, free + 1, {"from": flow.requester})
    registry.withdrawFree(flow.dataset, to, free, {"from": flow.requester})
    assert registry.reservedOf(flow.dataset) == reserved
    assert flow.conserved()
