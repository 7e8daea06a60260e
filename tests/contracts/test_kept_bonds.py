"""Bonds that no settlement slashed stay for a contributor's next labels; anyone has what covers none of them sent back (R13)."""

from collections.abc import Callable
from typing import Any

import pytest
from brownie import chain

from scripts.deploy import Deployed
from tests.contracts.conftest import reverts_with
from tests.contracts.flow import BOND, FEE, LBL, REASONS, REWARD, Flow, Wallet, entry, in_order, wallet

OPEN_PATH = 2
OPEN_BOND = REWARD
START = 100 * LBL
Entries = list[tuple[Any, ...]]


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    return flow


@pytest.fixture
def ada(flow: Flow) -> Wallet:
    who = wallet("ada")
    flow.fund_contributor(who, START)
    return who


@pytest.fixture
def bob(flow: Flow) -> Wallet:
    who = wallet("bob")
    flow.fund_contributor(who, START)
    return who


def balance(flow: Flow, who: Wallet) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(who.address)))


def covered(flow: Flow, who: Wallet) -> int:
    return int(flow.protocol.label_registry.contributorOf(flow.dataset, who.address).dict()["covered"])


def held(flow: Flow) -> int:
    """What the Settlement holds for the dataset."""
    return int(flow.protocol.ledger.balanceOf(flow.protocol.settlement.accountOf(flow.dataset)))


def release(flow: Flow, *who: Wallet, dataset: int = 0) -> Any:
    """By the requester, who has no part in it."""
    settlement = flow.protocol.settlement
    return settlement.releaseBonds(dataset or flow.dataset, [w.address for w in who], {"from": flow.requester})


def released(flow: Flow, *who: Wallet) -> list[int]:
    """How many labels' bonds of each the event says were released."""
    event = release(flow, *who).events["BondsReleased"]
    assert event["dataset"] == flow.dataset
    assert [a.lower() for a in event["contributors"]] == [w.address for w in who]
    return [int(labels) for labels in event["labels"]]


def bond_taken(flow: Flow, who: Wallet, count: int, signer: Wallet | None = None, **changes: Any) -> int:
    """Submits `count` labels; the bond that was taken for them, by the event and by the account alike."""
    before = balance(flow, who)
    accepted = flow.submit(flow.submission(who, count, signer, **changes)).events["SubmissionAccepted"]["bond"]
    assert before - balance(flow, who) == accepted
    return int(accepted)


def entries_for(flow: Flow, contributors: Entries) -> Entries:
    votes = [entry("validator", v.address, FEE * flow.sample_size() * weight) for v, weight in flow.panel()]
    return in_order([*contributors, *votes])


def settled(flow: Flow, contributors: Entries) -> None:
    """Audits the round and settles it with these entries of contributors."""
    flow.audit()
    flow.settle(entries_for(flow, contributors))


def settled_round(flow: Flow, who: Wallet, count: int = 4, last: bool = False, slash: int = 0) -> None:
    """A round of `count` labels of `who`, paid in full or slashed."""
    flow.open(4, count, last)
    flow.submit(flow.submission(who, count))
    settled(flow, [entry("contributor", who.address, 0 if slash else count * REWARD, slash)])


# The next labels


def test_kept_bonds_cover_the_next_labels_and_only_the_rest_is_taken(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada)
    assert balance(flow, ada) == START - 4 * BOND + 4 * REWARD
    assert held(flow) == 4 * BOND
    assert covered(flow, ada) == 4
    flow.open(4, 36)
    assert bond_taken(flow, ada, 3) == 0
    assert bond_taken(flow, ada, 3) == 2 * BOND
    assert bond_taken(flow, ada, 2) == 2 * BOND
    assert covered(flow, ada) == 8
    assert held(flow) == 8 * BOND
    assert flow.conserved()


def test_covered_labels_need_neither_balance_nor_allowance(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada)
    flow.protocol.ledger.withdraw(ada.address, balance(flow, ada), {"from": ada.account})
    flow.protocol.ledger.allow(flow.protocol.label_registry, 0, {"from": ada.account})
    flow.open(4, 36)
    assert bond_taken(flow, ada, 4) == 0
    skipped = flow.submit(flow.submission(ada, 1)).events["SubmissionSkipped"]
    assert REASONS[skipped["reason"]] == "BondUnavailable"


def test_waiting_labels_keep_their_bonds_and_the_next_labels_bring_their_own(flow: Flow, ada: Wallet) -> None:
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    settled(flow, [entry("contributor", ada.address, waiting=4)])
    assert covered(flow, ada) == 4
    release(flow, ada)
    assert held(flow) == 4 * BOND
    flow.open(4, 36)
    assert bond_taken(flow, ada, 2) == 2 * BOND


def test_a_session_pays_for_what_is_newly_taken_alone(flow: Flow, ada: Wallet) -> None:
    key = wallet("ada's session key")
    flow.session(ada, key, max_bond=5 * BOND)
    flow.open(4, 4)
    assert bond_taken(flow, ada, 4, key) == 4 * BOND
    settled(flow, [entry("contributor", ada.address, REWARD)])
    flow.open(4, 36)
    assert bond_taken(flow, ada, 4, key) == 0
    assert bond_taken(flow, ada, 1, key) == BOND
    assert flow.protocol.label_registry.sessionOf(ada.address, key.address)[2] == 0
    skipped = flow.submit(flow.submission(ada, 1, key)).events["SubmissionSkipped"]
    assert REASONS[skipped["reason"]] == "SessionBondExceeded"


# What returns


def test_a_slash_returns_the_rest_of_all_bonds(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada, count=6)
    settled_round(flow, ada, count=2, slash=BOND)
    assert covered(flow, ada) == held(flow) == 0
    assert balance(flow, ada) == START + 6 * REWARD - BOND
    flow.open(4, 36)
    assert bond_taken(flow, ada, 3) == 3 * BOND


def test_a_slash_is_bounded_by_the_bonds_of_what_it_decides(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada, count=6)
    flow.open(4, 2)
    flow.submit(flow.submission(ada, 2))
    flow.audit()
    entries = entries_for(flow, [entry("contributor", ada.address, slash=2 * BOND + 1)])
    flow.propose(entries)
    with reverts_with("LimitExceeded"):
        flow.publish(entries)


def test_the_last_round_returns_all_that_covers_its_contributors(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    flow.open(4, 8)
    flow.submit(flow.submission(ada, 4), flow.submission(bob, 4))
    settled(flow, [entry("contributor", who.address, REWARD) for who in (ada, bob)])
    settled_round(flow, ada, count=1, last=True)
    assert balance(flow, ada) == START + 2 * REWARD
    assert covered(flow, ada) == 0
    assert held(flow) == 4 * BOND
    release(flow, ada, bob)
    assert balance(flow, bob) == START + REWARD
    assert held(flow) == 0


def test_an_exit_returns_all_bonds(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada)
    flow.open(4, 2)
    flow.submit(flow.submission(ada, 2))
    flow.audit()
    chain.sleep(101)
    chain.mine(1)
    settlement = flow.protocol.settlement
    settlement.startExit(flow.round, {"from": flow.requester})
    settlement.exit(flow.round, [ada.address], [v.address for v, _ in flow.panel()], {"from": flow.requester})
    assert balance(flow, ada) == START + 4 * REWARD + REWARD
    assert covered(flow, ada) == held(flow) == 0
    release(flow, ada)
    assert balance(flow, ada) == START + 4 * REWARD + REWARD


def test_open_bonds_return_with_the_settlement_and_ticketed_ones_stay(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    flow.open(10, 40)
    flow.submit(flow.submission(ada, 2), flow.submission(bob, 35))
    flow.submit(flow.submission(ada, 2, admission=OPEN_PATH))
    assert balance(flow, ada) == START - 2 * BOND - 2 * OPEN_BOND
    flow.submit(flow.submission(bob, 1))
    flow.close()
    panel = flow.draw()
    for member, _ in panel:
        flow.commit(member)
    for member, _ in panel:
        flow.reveal(member)
        flow.protocol.audit_board.attest(flow.round, member.address, 1, b"", {"from": member.account})
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    flow.settle(entries_for(flow, [entry("contributor", who.address, REWARD) for who in (ada, bob)]))
    assert balance(flow, ada) == START - 2 * BOND + REWARD
    assert (covered(flow, ada), covered(flow, bob)) == (2, 36)
    assert held(flow) == 38 * BOND


# Released


def test_a_release_gives_what_covers_nothing_to_whom_it_belongs(flow: Flow, ada: Wallet, stranger: Any) -> None:
    settled_round(flow, ada)
    before = flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(flow.requester))
    assert released(flow, ada) == [4]
    assert balance(flow, ada) == START + 4 * REWARD
    assert covered(flow, ada) == held(flow) == 0
    assert flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(flow.requester)) == before


def test_released_twice_or_named_twice_gives_nothing_more(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    settled_round(flow, ada)
    settled_round(flow, bob)
    assert released(flow, ada, ada, wallet("nobody")) == [4, 0, 0]
    assert released(flow, ada) == [0]
    assert balance(flow, ada) == START + 4 * REWARD
    assert held(flow) == 4 * BOND


def test_in_mid_round_a_release_leaves_the_bonds_of_what_is_pending(flow: Flow, ada: Wallet) -> None:
    settled_round(flow, ada)
    flow.open(4, 36)
    assert bond_taken(flow, ada, 1) == 0
    release(flow, ada)
    assert (balance(flow, ada), covered(flow, ada)) == (START - BOND + 4 * REWARD, 1)
    assert bond_taken(flow, ada, 2) == 2 * BOND
    release(flow, ada)
    assert (held(flow), covered(flow, ada)) == (3 * BOND, 3)


def test_whenever_bonds_are_released_the_largest_slash_stays_backed(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    settled_round(flow, ada)
    flow.open(4, 3)
    flow.submit(flow.submission(ada, 2), flow.submission(bob, 1))
    slash = entry("contributor", ada.address, slash=2 * BOND)
    steps: list[Callable[[], Any]] = [flow.audit]
    steps += [lambda: flow.propose(entries(), 2), lambda: flow.publish(entries()[:1], 0), lambda: flow.publish(entries()[1:], 1)]
    steps += [lambda: flow.challenge(wallet("watcher")), flow.draw_jury, lambda: flow.judge(dict.fromkeys(jurors(), root()))]
    steps += [flow.finalize, lambda: flow.distribute(entries()[1:], 1), lambda: flow.distribute(entries()[:1], 0)]

    def entries() -> Entries:
        return entries_for(flow, [slash, entry("contributor", bob.address, REWARD)])

    def jurors() -> list[Wallet]:
        return [who for who, _ in flow.jury()]

    def root() -> bytes:
        return flow.root_of(entries())

    for step in steps:
        release(flow, ada, bob)
        assert covered(flow, ada) == 2
        step()
    assert balance(flow, ada) == START + 4 * REWARD - 2 * BOND
    assert covered(flow, ada) == 0
    release(flow, ada, bob)
    assert balance(flow, bob) == START + REWARD
    assert held(flow) == 0


def test_bonds_of_one_dataset_do_not_leave_with_another(flow: Flow, ada: Wallet, bob: Wallet) -> None:
    settled_round(flow, ada)
    first = flow.dataset
    flow.create()
    settled_round(flow, bob)
    release(flow, ada)
    release(flow, bob, dataset=first)
    assert (covered(flow, bob), held(flow)) == (4, 4 * BOND)
    assert balance(flow, ada) == START - 4 * BOND + 4 * REWARD
    flow.open(4, 36)
    assert bond_taken(flow, ada, 1) == BOND


def test_bonds_of_a_dataset_without_a_round_or_unknown_are_none(flow: Flow, ada: Wallet) -> None:
    release(flow, ada)
    release(flow, ada, dataset=77)
    assert balance(flow, ada) == START


def test_a_pause_stops_no_release(flow: Flow, ada: Wallet, treasury: Any) -> None:
    settled_round(flow, ada)
    for inflow in range(4):
        flow.protocol.parameters.pause(inflow, {"from": treasury})
    release(flow, ada)
    assert balance(flow, ada) == START + 4 * REWARD


def test_only_the_settlement_settles_and_releases(flow: Flow, ada: Wallet, stranger: Any) -> None:
    registry = flow.protocol.label_registry
    for refused, arguments in (
        (registry.settleContributors, ([ada.address], 1)),
        (registry.exitContributors, ([ada.address],)),
        (registry.releaseBonds, ([ada.address],)),
    ):
        with reverts_with("OnlyProtocol"):
            refused(flow.dataset, *arguments, {"from": stranger})


def test_a_call_releases_the_bonds_of_as_many_as_a_chunk_holds(flow: Flow, ada: Wallet) -> None:
    most = flow.protocol.settlement.MAX_ENTRIES()
    settled_round(flow, ada)
    with reverts_with("ChunkTooLarge"):
        release(flow, *[ada] * (most + 1))
    release(flow, *[ada] * most)
    assert balance(flow, ada) == START + 4 * REWARD
