"""Disputes: whoever sees a wrong settlement challenges it, a fresh jury recomputes it, and the wrong side pays."""

from typing import Any

import pytest
from brownie import chain
from eth_utils import keccak

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import FEE, LBL, REWARD, Flow, Wallet, domain, entry, in_order, totals_of, wallet

ONE = 1 << 16
PUBLISHED, FINAL, EXITING, CHALLENGED = 2, 3, 5, 6
UPHELD, OVERTURNED, HUNG = range(3)
WRONG = keccak(text="another root")
SEAT_FEE = 10 * FEE  # a sample of 2 counts as 10 tasks
JURY = 7


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    return flow


@pytest.fixture
def people(flow: Flow) -> list[Wallet]:
    people = [wallet("ada"), wallet("bob")]
    for who in people:
        flow.fund_contributor(who)
    flow.open(4, 8)
    flow.submit(*(flow.submission(who, 4) for who in people))
    return people


@pytest.fixture
def panel(flow: Flow, people: list[Wallet]) -> list[tuple[Wallet, int]]:
    return flow.audit()


def entries_of(flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]], ada: int = REWARD) -> list[tuple[Any, ...]]:
    votes = [entry("validator", v.address, FEE * flow.sample_size() * weight) for v, weight in panel]
    pay = {people[0].address: ada}
    return in_order([*(entry("contributor", w.address, pay.get(w.address, REWARD), shares=ONE) for w in people), *votes])


@pytest.fixture
def right(flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]]) -> list[tuple[Any, ...]]:
    return entries_of(flow, people, panel)


@pytest.fixture
def wrong(flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]]) -> list[tuple[Any, ...]]:
    """Ada gets nothing."""
    return entries_of(flow, people, panel, ada=0)


def publish(flow: Flow, entries: list[tuple[Any, ...]]) -> None:
    flow.propose(entries)
    flow.publish(entries)


def phase(flow: Flow) -> int:
    return int(flow.protocol.settlement.proposalOf(flow.round)[0])


def balance(flow: Flow, who: Any) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(who)))


def bonds(flow: Flow) -> int:
    """What the Jury and the proposals hold."""
    ledger = flow.protocol.ledger
    accounts = (
        ledger.subAccountOf(flow.protocol.jury, flow.round.to_bytes(32, "big")),
        ledger.subAccountOf(flow.protocol.settlement, keccak(text="proposal bonds")),
    )
    return sum(int(ledger.balanceOf(account)) for account in accounts)


def later(seconds: int) -> None:
    chain.sleep(seconds)
    chain.mine(1)


def unlocked(flow: Flow) -> bool:
    return all(flow.protocol.staking.locksOf(v.address) == 0 for v in flow.validators)


def test_a_wrong_settlement_is_overturned_by_one_who_has_no_evidence(
    flow: Flow, wrong: list[Any], right: list[Any], treasury: Any, stranger: Any, expect_revert: Any
) -> None:
    operator, ada = balance(flow, flow.operator), wallet("ada")
    publish(flow, wrong)
    lost = operator - balance(flow, flow.operator)
    bond = flow.challenge(ada)
    assert bond == lost == JURY * SEAT_FEE * 3 // 2
    with expect_revert("WrongPhase"):
        flow.finalize()
    jurors, before = flow.draw_jury(), balance(flow, treasury)
    assert sum(weight for _, weight in jurors) == JURY
    paid = {who: balance(flow, who.address) for who, _ in jurors}
    ada_before = balance(flow, ada.address)
    flow.judge({who: flow.root_of(right) for who, _ in jurors})

    rest = lost - JURY * SEAT_FEE
    assert all(balance(flow, who.address) - paid[who] == SEAT_FEE * weight for who, weight in jurors)
    assert balance(flow, ada.address) - ada_before == bond + rest // 2
    assert balance(flow, treasury) - before == rest - rest // 2
    assert bonds(flow) == 0
    assert flow.protocol.settlement.requiredRootOf(flow.round) == "0x" + flow.root_of(right).hex()

    flow.credit(stranger.address, 1_000 * LBL)
    flow.protocol.ledger.allow(flow.protocol.settlement, 1_000 * LBL, {"from": stranger})
    settlement = flow.protocol.settlement
    flow.propose(wrong)
    assert settlement.proposalOf(flow.round)[7] == 2 * bond
    with expect_revert("NotTheVerdict"):
        flow.publish(wrong)
    later(101)
    settlement.expire(flow.round, {"from": stranger})
    assert flow.protocol.jury.bondOf(flow.round) == 4 * bond
    unsigned(flow, right, stranger)
    flow.publish(right, sender=stranger)
    flow.finalize()
    flow.distribute(right)
    assert balance(flow, ada.address) - ada_before == bond + rest // 2 + REWARD
    assert unlocked(flow)
    assert flow.conserved()


def unsigned(flow: Flow, entries: list[Any], sender: Any) -> None:
    """Proposes without a single signature of the panel."""
    totals = tuple(totals_of(entries).values())
    flow.protocol.settlement.propose(flow.round, keccak(text="evidence"), 1, totals, [], {"from": sender})


def test_a_right_settlement_is_upheld_and_the_challenger_pays(
    flow: Flow, right: list[Any], treasury: Any, expect_revert: Any
) -> None:
    publish(flow, right)
    proposer, cleo = balance(flow, flow.operator), wallet("cleo")
    bond = flow.challenge(cleo)
    jurors, before = flow.draw_jury(), balance(flow, treasury)
    flow.judge({who: flow.root_of(right) for who, _ in jurors})
    rest = bond - JURY * SEAT_FEE
    assert balance(flow, cleo.address) == 0
    assert balance(flow, flow.operator) - proposer == rest // 2
    assert balance(flow, treasury) - before == rest - rest // 2
    assert phase(flow) == PUBLISHED
    with expect_revert("WindowStillOpen"):
        flow.protocol.settlement.finalize(flow.round, {"from": flow.operator})
    flow.finalize()
    assert phase(flow) == FINAL
    assert bonds(flow) == 0
    flow.distribute(right)
    assert unlocked(flow)


def test_a_round_has_two_disputes_and_the_second_costs_twice(
    flow: Flow, wrong: list[Any], right: list[Any], expect_revert: Any
) -> None:
    publish(flow, right)
    first = flow.challenge(wallet("cleo"))
    flow.judge({who: flow.root_of(right) for who, _ in flow.draw_jury()})
    assert flow.challenge(wallet("dan")) == 2 * first
    flow.judge({who: flow.root_of(right) for who, _ in flow.draw_jury()})
    with expect_revert("TooManyDisputes"):
        flow.challenge(wallet("eve"))
    flow.finalize()
    flow.distribute(right)
    assert bonds(flow) == 0
    assert flow.conserved()


def test_a_wrong_verdict_can_be_disputed_once_more_and_put_right(
    flow: Flow, wrong: list[Any], right: list[Any], stranger: Any
) -> None:
    publish(flow, right)
    flow.challenge(wallet("mallory"))
    flow.judge({who: flow.root_of(wrong) for who, _ in flow.draw_jury()})
    publish(flow, wrong)
    flow.challenge(wallet("ada"))
    flow.judge({who: flow.root_of(right) for who, _ in flow.draw_jury()})
    publish(flow, right)
    flow.finalize()
    flow.distribute(right)
    assert bonds(flow) == 0
    assert unlocked(flow)
    assert flow.conserved()


def test_the_lazy_and_the_silent_pay_and_silence_costs_more(flow: Flow, right: list[Any]) -> None:
    staking = flow.protocol.staking
    publish(flow, right)
    flow.challenge(wallet("cleo"))
    jurors = flow.draw_jury()
    ordered = sorted(jurors, key=lambda item: item[1])
    (lazy, of_lazy), (silent, of_silent) = ordered[:2]
    votes = {who: flow.root_of(right) for who, _ in jurors if who not in (silent,)} | {lazy: WRONG}
    assert (of_lazy + of_silent) * 2 < JURY
    flow.judge(votes)
    pool = b"\0" * 32
    assert 200 * LBL - staking.stakeOf(pool, lazy.address) == 2 * SEAT_FEE * of_lazy
    assert 200 * LBL - staking.stakeOf(pool, silent.address) == 5 * SEAT_FEE * of_silent
    assert phase(flow) == PUBLISHED
    panel = {who for who, _ in flow.panel()}
    assert all(staking.locksOf(v.address) == (1 if v in panel else 0) for v in flow.validators)


def test_a_jury_without_a_majority_is_followed_by_a_larger_one(flow: Flow, right: list[Any]) -> None:
    publish(flow, right)
    flow.challenge(wallet("cleo"))
    jurors = flow.draw_jury()
    flow.judge({who: keccak(text=f"root of {who.address}") for who, _ in jurors})
    assert phase(flow) == CHALLENGED
    larger = flow.draw_jury()
    assert sum(weight for _, weight in larger) == 4 * 3 + 1
    flow.judge({who: flow.root_of(right) for who, _ in larger})
    assert phase(flow) == PUBLISHED
    flow.finalize()
    flow.distribute(right)
    assert bonds(flow) == 0
    assert unlocked(flow)


def test_two_juries_that_decide_nothing_end_in_an_exit_and_both_bonds_return(
    flow: Flow, people: list[Wallet], panel: list[tuple[Wallet, int]], right: list[Any], stranger: Any, expect_revert: Any
) -> None:
    operator, cleo = balance(flow, flow.operator), wallet("cleo")
    publish(flow, right)
    bond = flow.challenge(cleo)
    for _ in range(2):
        jurors = flow.draw_jury()
        flow.judge({jurors[0][0]: flow.root_of(right)})
    assert balance(flow, cleo.address) == bond
    assert balance(flow, flow.operator) == operator
    assert bonds(flow) == 0
    with expect_revert("RoundHung"):
        flow.propose(right)
    flow.protocol.settlement.startExit(flow.round, {"from": stranger})
    accounts = [who.address for who in people], [v.address for v, _ in panel]
    flow.protocol.settlement.exit(flow.round, *accounts, {"from": stranger})
    assert flow.protocol.ledger.balanceOf(flow.protocol.settlement.accountOf(flow.dataset)) == 0
    assert unlocked(flow)
    assert flow.conserved()


def test_a_jury_that_nobody_draws_ends_in_an_exit(flow: Flow, right: list[Any], stranger: Any) -> None:
    publish(flow, right)
    bond = flow.challenge(wallet("cleo"))
    for _ in range(3):
        chain.mine(260)
        flow.protocol.jury.drawJury(flow.round, {"from": stranger})
    assert balance(flow, wallet("cleo").address) == bond
    flow.protocol.settlement.startExit(flow.round, {"from": stranger})
    assert phase(flow) == EXITING


def test_challenging_oneself_loses_money(flow: Flow, wrong: list[Any], right: list[Any]) -> None:
    publisher = wallet("self-challenger")
    stake = 1_000 * LBL
    flow.credit(publisher.address, stake)
    flow.protocol.ledger.allow(flow.protocol.settlement, stake, {"from": publisher.account})
    flow.protocol.ledger.allow(flow.protocol.jury, stake, {"from": publisher.account})
    flow.propose(wrong, sender=publisher.account)
    flow.publish(wrong, sender=publisher.account)
    flow.protocol.jury.challenge(flow.round, {"from": publisher.account})
    flow.judge({who: flow.root_of(right) for who, _ in flow.draw_jury()})
    lost = stake - balance(flow, publisher.address)
    bond = JURY * SEAT_FEE * 3 // 2
    assert lost == bond - (bond - JURY * SEAT_FEE) // 2
    assert bonds(flow) == 0


def test_who_leaves_the_pool_and_challenges_forces_no_exit(
    flow: Flow, right: list[Any], panel: list[tuple[Wallet, int]]
) -> None:
    staking, pool = flow.protocol.staking, b"\0" * 32
    stay = {who.address for who, _ in panel[:1]} | {flow.validators[-1].address, flow.validators[-2].address}
    publish(flow, right)
    for who in flow.validators:
        if who.address not in stay or who == flow.validators[-1]:
            own = [i for i in range(staking.slotCount(pool)) if staking.seatOf(pool, i)[0].lower() == who.address]
            staking.leave(pool, own, {"from": who.account})
    assert staking.poolSize(pool)[1] <= 2
    flow.challenge(wallet("cleo"))
    jurors = flow.draw_jury()
    flow.judge({who: flow.root_of(right) for who, _ in jurors})
    assert phase(flow) == PUBLISHED


def test_nobody_takes_the_panels_signatures_to_propose_first(
    flow: Flow, right: list[Any], panel: list[tuple[Wallet, int]], stranger: Any, expect_revert: Any
) -> None:
    flow.propose(right)
    evidence = keccak(text=f"evidence {flow.round}")
    message = eip712.Evidence(flow.round, evidence, flow.operator.address.lower())
    copied = sorted((who.address, who.sign(message, domain(flow.protocol.settlement))) for who, _ in panel)
    later(101)
    flow.protocol.settlement.expire(flow.round, {"from": stranger})
    totals = tuple(totals_of(right).values())
    with expect_revert("InvalidSignature"):
        flow.protocol.settlement.propose(flow.round, evidence, 1, totals, copied, {"from": stranger})


def test_seats_of_the_panel_do_not_sit_on_the_jury(flow: Flow, right: list[Any]) -> None:
    staking, pool = flow.protocol.staking, b"\0" * 32
    publish(flow, right)
    flow.challenge(wallet("cleo"))
    chain.mine(3)
    flow.protocol.jury.drawJury(flow.round, {"from": flow.operator})
    drawing = flow.protocol.jury.drawingOf(flow.round)
    barred = flow.protocol.audit_board.panelSeatsOf(flow.round)
    assert len(barred) == 3
    owners, seats = staking.draw(pool, drawing[9], drawing[5], drawing[4], JURY, flow.round, barred)
    assert not set(seats) & set(barred)
    assert sorted(str(o).lower() for o in owners) == sorted(who.address for who, weight in flow.jury() for _ in range(weight))


def test_a_challenge_needs_an_open_window_a_bond_and_a_published_settlement(
    flow: Flow, right: list[Any], stranger: Any, expect_revert: Any
) -> None:
    with expect_revert("WrongPhase"):
        flow.protocol.jury.challenge(flow.round, {"from": stranger})
    flow.propose(right)
    with expect_revert("WrongPhase"):
        flow.protocol.jury.challenge(flow.round, {"from": stranger})
    flow.publish(right)
    with expect_revert("InsufficientAllowance"):
        flow.protocol.jury.challenge(flow.round, {"from": stranger})
    later(101)
    with expect_revert("WindowClosed"):
        flow.challenge(wallet("cleo"))


def test_a_juror_reveals_once_what_they_committed_to(flow: Flow, right: list[Any], stranger: Any, expect_revert: Any) -> None:
    jury = flow.protocol.jury
    publish(flow, right)
    flow.challenge(wallet("cleo"))
    with expect_revert("SeedNotReady"):
        jury.drawJury(flow.round, {"from": stranger})
    juror = flow.draw_jury()[0][0]
    with expect_revert("NotDrawn"):
        jury.commit(flow.round, stranger, WRONG, b"", {"from": stranger})
    with expect_revert("InvalidSignature"):
        jury.commit(flow.round, juror.address, WRONG, b"", {"from": stranger})
    with expect_revert("WindowStillOpen"):
        jury.reveal(flow.round, juror.address, WRONG, WRONG, {"from": stranger})
    jury.commit(flow.round, juror.address, WRONG, b"", {"from": juror.account})
    with expect_revert("AlreadyCommitted"):
        jury.commit(flow.round, juror.address, WRONG, b"", {"from": juror.account})
    later(101)
    with expect_revert("ZeroRoot"):
        jury.reveal(flow.round, juror.address, b"\0" * 32, WRONG, {"from": stranger})
    with expect_revert("WrongReveal"):
        jury.reveal(flow.round, juror.address, flow.root_of(right), WRONG, {"from": stranger})
    with expect_revert("WindowStillOpen"):
        jury.conclude(flow.round, {"from": stranger})


def test_jurors_who_were_refused_the_evidence_overturn_by_the_root_one(flow: Flow, right: list[Any], stranger: Any) -> None:
    withheld = (1).to_bytes(32, "big")
    publish(flow, right)
    flow.challenge(wallet("cleo"))
    flow.judge({who: withheld for who, _ in flow.draw_jury()})
    assert flow.protocol.settlement.requiredRootOf(flow.round) == "0x" + withheld.hex()
    later(101)
    flow.protocol.settlement.startExit(flow.round, {"from": stranger})
    assert phase(flow) == EXITING


def test_only_the_jury_moves_a_disputed_settlement(flow: Flow, right: list[Any], stranger: Any, expect_revert: Any) -> None:
    publish(flow, right)
    settlement = flow.protocol.settlement
    for call in (settlement.suspend, settlement.uphold, settlement.hang):
        with expect_revert("OnlyProtocol"):
            call(flow.round, {"from": stranger})
    with expect_revert("OnlyProtocol"):
        settlement.overturn(flow.round, WRONG, {"from": stranger})
