"""Long ways through the corners of the protocol, so that each is passed in every run of the tests; everyone leaves each of them."""

from random import Random

import pytest

from tests.contracts.stateful.core import person
from tests.contracts.stateful.labeling import OPEN
from tests.contracts.stateful.moves import Moves
from tests.contracts.stateful.shares import INFLOWS
from tests.contracts.stateful.staking import OPEN_POOL
from tests.contracts.stateful.state import Dataset, Round, root_of, user
from tests.contracts.stateful.world import CONTRIBUTORS, CREDENTIALED, DAY, VALIDATORS


def audited(w: Moves, d: Dataset, labels: int = 4, last: bool = False) -> Round:
    """A round in which four contributors labeled, audited by everyone drawn."""
    r = opened(w, d, 4 * labels, last)
    w.submit(w.operator.address, [w.item(r, person(name), labels) for name in CONTRIBUTORS[:4]])
    w.close_round(w.stranger, r)
    return w.bring(d, panel="Concluded")


def opened(w: Moves, d: Dataset, labels: int, last: bool = False) -> Round:
    r = w.open_round(w.operator.address, d, 16, labels, 1_000, last)
    assert r is not None
    return r


def published(w: Moves, r: Round, entries: list[tuple[int, str, int, int, int, int]], chunks: int = 2) -> None:
    w.propose(w.operator.address, r, entries, chunks)
    for _ in range(chunks):
        w.publish(r)


def jury_votes(w: Moves, r: Round, roots: list[bytes | None]) -> None:
    """Each juror in turn commits to the next of `roots`, or is silent."""
    w.reach_seed(r.jury)
    w.draw_jury(w.stranger, r)
    _vote(w, r, {juror: roots[i % len(roots)] for i, juror in enumerate(sorted(r.jury.members))})


def jury_divides(w: Moves, r: Round) -> None:
    """Each juror has a root of their own; who would be a majority by themselves, as the draw may have it, is silent."""
    w.reach_seed(r.jury)
    w.draw_jury(w.stranger, r)
    heard = sorted(r.jury.members, key=lambda juror: r.jury.members[juror].weight)
    while heard and 2 * r.jury.members[heard[-1]].weight > sum(r.jury.members[juror].weight for juror in heard):
        heard.pop()
    _vote(w, r, {juror: bytes([1 + heard.index(juror)]) * 32 if juror in heard else None for juror in r.jury.members})


def _vote(w: Moves, r: Round, roots: dict[str, bytes | None]) -> None:
    for juror, said in roots.items():
        if said is not None:
            w.juror_commits(r, juror, said)
    w.until(r.jury.commit_ends if r.jury.phase == "Committing" else 0)
    for juror, member in r.jury.members.items():
        if member.said is not None:
            w.juror_reveals(w.stranger, r, juror)
    w.until(r.jury.reveal_ends if r.jury.committed() else r.jury.commit_ends)
    w.conclude_jury(w.stranger, r)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_right_settlement_is_upheld_twice_and_then_stands(w: Moves, n: int) -> None:
    r = audited(w, w.state.datasets[n])
    published(w, r, w.right(r), chunks=3)
    for _ in range(2):
        w.challenge(w.watcher, r)
        jury_votes(w, r, [w.right_root(r)])
        assert r.settlement == "Published"
    w.refuse_after_disputes(r)
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.stranger, r)
    for chunk in (2, 0, 1):
        w.distribute(w.stranger, r, chunk)
        w.distribute(w.stranger, r, 0) if chunk == 0 else w.check()
    assert r.settlement == "Distributed"


def test_where_two_owners_are_left_they_judge(w: Moves) -> None:
    """One of three owners labels too, and so cannot be drawn: a challenge must not force the exit for that."""
    d = w.state.datasets[3]
    r = opened(w, d, 4)
    w.submit(w.operator.address, [w.item(r, person(CONTRIBUTORS[0]), 2), w.item(r, person(VALIDATORS[4]), 2)])
    w.close_round(w.stranger, r)
    w.bring(d, panel="Concluded")
    published(w, r, w.right(r))
    w.challenge(w.watcher, r)
    jury_votes(w, r, [w.right_root(r)])
    assert r.settlement == "Published"


@pytest.mark.parametrize("n", [1, 3])
def test_a_wrong_settlement_is_overturned_and_only_the_verdict_can_follow(w: Moves, n: int) -> None:
    r = audited(w, w.state.datasets[n])
    published(w, r, w.wrong(r))
    w.challenge(w.watcher, r)
    jury_votes(w, r, [w.right_root(r)])
    assert r.required == w.right_root(r)
    w.propose(w.watcher, r, w.wrong(r), 1, signed=False)
    w.publish(r)
    w.until(w.proposal(r).publish_ends)
    w.expire(w.stranger, r)
    w.propose(w.watcher, r, w.right(r), 2, signed=False)
    for _ in range(2):
        w.publish(r)
    assert r.settlement == "Published"


def test_two_juries_without_a_majority_hang_the_round_and_it_exits(w: Moves) -> None:
    d = w.state.datasets[1]
    r = audited(w, d)
    published(w, r, w.right(r))
    w.challenge(w.watcher, r)
    jury_divides(w, r)
    assert w.dispute(r).larger
    jury_votes(w, r, [None])
    assert r.hung
    w.propose(w.operator.address, r, w.right(r))
    w.start_exit(w.stranger, r)
    first = next(iter(d.pending()))
    w.refused("NothingPending", w.stranger, "settlement", "exit", r.id, [first, first], [])
    w.exit(w.stranger, r, [first], [])
    w.refused("NothingPending", w.stranger, "settlement", "exit", r.id, [first], [])
    w.exit(w.stranger, r, [], list(d.votes))
    assert r.settlement == "Exiting"


def test_a_jury_that_lies_costs_the_honest_and_a_second_dispute_sets_it_right(w: Moves) -> None:
    r = audited(w, w.state.datasets[1])
    lie = root_of(r.id, w.wrong(r))
    published(w, r, w.right(r))
    w.challenge(w.watcher, r)
    jury_votes(w, r, [lie])
    assert r.required == lie
    w.propose(w.watcher, r, w.wrong(r))
    w.publish(r)
    w.challenge(w.operator.address, r)
    jury_votes(w, r, [w.right_root(r)])
    assert r.required == w.right_root(r)


def test_three_proposals_that_nobody_publishes_end_in_the_exit(w: Moves) -> None:
    d = w.state.datasets[2]
    r = audited(w, d)
    for _ in range(3):
        w.propose(w.operator.address, r, w.right(r), 2)
        w.publish(r)
        w.until(w.proposal(r).publish_ends)
        w.expire(w.stranger, r)
    w.propose(w.operator.address, r, w.right(r))
    w.start_exit(w.stranger, r)
    w.start_exit(w.stranger, r)


@pytest.mark.parametrize("settled", [True, False])
def test_what_waits_for_a_round_that_never_comes_is_settled_or_exits(w: Moves, settled: bool) -> None:
    d = w.state.datasets[1]
    r = audited(w, d)
    published(w, r, [(role, who, 0, 0, 0, p) for role, who, p in all_pending(d)])
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.stranger, r)
    w.distribute(w.stranger, r, 1)
    w.distribute(w.stranger, r, 0)
    assert d.waiting == (16, d.pending_votes())
    w.finish_dataset(w.stranger, d)
    w.until(d.settled_at + 14 * DAY)
    w.open_round(w.operator.address, d, 4, 4, 100)
    closing = w.finish_dataset(w.stranger, d)
    assert closing is not None
    if settled:
        w.propose(w.watcher, closing, w.right(closing))
        w.publish(closing)
        w.challenge(w.operator.address, closing)
        jury_votes(w, closing, [w.right_root(closing)])
        assert closing.settlement == "Published"


def all_pending(d: Dataset) -> list[tuple[int, str, int]]:
    labels = [(0, who, c.pending) for who, c in d.pending().items()]
    return labels + [(1, who, votes.count) for who, votes in sorted(d.votes.items())]


def test_a_stake_waits_thirty_days_for_a_verdict_and_then_goes(w: Moves) -> None:
    d = w.state.datasets[1]
    r = audited(w, d)
    published(w, r, [(role, who, 0, 0, 0, p) for role, who, p in all_pending(d)])
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.stranger, r)
    validator = min(d.votes)
    w.unlock_waiting(w.stranger, d, validator)
    for chunk in (0, 1):
        w.distribute(w.stranger, r, chunk)
    w.unlock_waiting(w.stranger, d, validator)
    w.until(r.panel.concluded_at + 30 * DAY)
    w.unlock_waiting(w.stranger, d, validator)
    assert not w.state.locks[validator]


def test_a_stake_that_leaves_is_slashed_before_it_is_collected(w: Moves) -> None:
    """Invariants 7 and 8: leaving at once, and waiting out the unbonding period, saves nobody."""
    d = w.state.datasets[1]
    r = audited(w, d)
    worst = [(role, who, 0, 5 * p * d.terms["auditFee"] if role else d.bond_of(who), 0, 0) for role, who, p in all_pending(d)]
    leavers = [who for role, who, _ in all_pending(d) if role]
    for who in leavers:
        w.quit(who, OPEN_POOL, w.seats_in(OPEN_POOL, who))
    published(w, r, worst, 1)
    w.pass_time(30 * DAY)
    w.finalize(w.stranger, r)
    for who in leavers:
        w.collect(who, OPEN_POOL, w.seats_out(OPEN_POOL, who))
        w.collect_loose(who, OPEN_POOL)
    w.distribute(w.stranger, r, 0)
    assert all(w.staker(OPEN_POOL, who).loose for who in leavers)
    for who in leavers:
        w.collect(who, OPEN_POOL, w.seats_out(OPEN_POOL, who))


def test_nothing_after_the_pool_was_fixed_changes_the_draw(w: Moves) -> None:
    """Invariant 9: the model fixed who can be drawn at the close; joining, leaving, expulsion and suspension come after."""
    d, other = w.state.datasets[3], w.state.datasets[1]
    r = opened(w, d, 4)
    w.submit(w.operator.address, [w.item(r, person(CONTRIBUTORS[0]), 4)])
    w.close_round(w.stranger, r)
    w.reach_seed(r.panel)
    w.join(w.name(VALIDATORS[5]), w.credential, 3)
    w.quit(w.name(VALIDATORS[4]), w.credential, w.seats_in(w.credential, w.name(VALIDATORS[4])))
    w.revoke_credential(w.name("issuer"), w.credential, w.name(VALIDATORS[6]))
    w.expel(w.stranger, w.credential, w.name(VALIDATORS[6]))
    w.draw_panel(w.stranger, r)
    assert r.panel.phase == "Committing"
    # A panel that is silent is suspended while another round waits for its draw.
    silent = opened(w, other, 4)
    w.submit(w.operator.address, [w.item(silent, person(CONTRIBUTORS[0]), 4)])
    w.close_round(w.stranger, silent)
    w.bring(other, panel="Committing")
    second = w.state.datasets[2]
    waits = opened(w, second, 4)
    w.submit(w.operator.address, [w.item(waits, person(CONTRIBUTORS[1]), 4)])
    w.close_round(w.stranger, waits)
    w.node.pass_time(200)
    w.conclude(w.stranger, silent)
    w.draw_panel(w.stranger, waits)
    assert waits.panel.phase == "Committing"


def test_open_labels_count_when_the_panel_saw_them_and_else_return_their_bond(w: Moves) -> None:
    d = w.state.datasets[1]
    r = opened(w, d, 40)
    w.submit(w.operator.address, [w.item(r, person(CONTRIBUTORS[0]), 20)])
    items = [w.item(r, person(name), 2, admission=OPEN) for name in CONTRIBUTORS[1:5]]
    assert w.submit(w.stranger, items) == ["None"] * 4
    assert w.submit(w.stranger, [w.item(r, person(CONTRIBUTORS[5]), 1, admission=OPEN)]) == ["OpenLimit"]
    w.until(r.deadline)
    w.close_round(w.stranger, r)
    w.bring(d, panel="Committing")
    members = sorted(r.panel.members)
    for v in members:
        w.commit(r, v)
    for i, v in enumerate(members):
        w.reveal(w.stranger, r, v)
        w.attest(r, v, 0b0111 if i == 0 else 0b0011)
    w.conclude(w.stranger, r)
    assert r.labels in (24, 26)
    published(w, r, w.right(r))


def test_a_seed_missed_three_times_fails_the_audit_and_everyone_is_paid_the_exit_rate(w: Moves) -> None:
    d = w.state.datasets[1]
    r = opened(w, d, 40)
    w.submit(w.operator.address, [w.item(r, person(CONTRIBUTORS[0]), 20), w.item(r, person(CONTRIBUTORS[1]), 2, admission=OPEN)])
    w.until(r.deadline)
    w.close_round(w.stranger, r)
    for _ in range(3):
        w.node.pass_time(1, 260)
        w.draw_panel(w.stranger, r)
    assert r.panel.phase == "Failed"
    w.propose(w.operator.address, r, [])
    w.start_exit(w.stranger, r)
    assert d.waiting == (0, 0)


def test_a_pool_whose_credentials_lapse_loses_its_validators_and_the_round_still_ends(w: Moves) -> None:
    d, issuer = w.state.datasets[3], w.name("issuer")
    r = opened(w, d, 4)
    w.submit(w.operator.address, [w.item(r, person(CONTRIBUTORS[0]), 4)])
    for name in CREDENTIALED:
        w.revoke_credential(issuer, w.credential, w.name(name))
        w.expel(w.stranger, w.credential, w.name(name))
        w.join(w.name(name), w.credential, 1)
    w.close_round(w.stranger, r)
    w.reach_seed(r.panel)
    w.draw_panel(w.stranger, r)
    w.open_round(w.operator.address, w.state.datasets[3], 4, 4, 100)


def test_with_everything_paused_every_way_out_stays_open(w: Moves) -> None:
    """Invariant 11. The fixture's teardown too runs paused."""
    d = w.state.datasets[1]
    r = audited(w, d)
    second = opened(w, w.state.datasets[2], 4)
    for inflow in INFLOWS:
        w.pause(w.treasury, inflow)
    w.submit(w.operator.address, [w.item(second, person(CONTRIBUTORS[0]), 4)])
    w.open_round(w.operator.address, w.state.datasets[4], 4, 4, 100)
    published(w, r, w.right(r))
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.stranger, r)
    w.distribute(w.stranger, r, 0)
    w.buy(w.name("buyer 0"), d)
    w.withdraw_free(w.name("requester"), d, w.of(w.escrow(d)) - d.reserved)
    w.withdraw_by_signature(w.name(CONTRIBUTORS[0]), w.name("relayer"), 10**18, 10**16)
    w.no_role_moves_funds(w.stranger)


def test_governance_changes_the_fee_of_no_live_dataset(w: Moves) -> None:
    """Invariant 11: a sale after the change still pays the fee of the terms; nor can the governor move anybody's tokens."""
    d = w.state.datasets[1]
    r = audited(w, d)
    published(w, r, w.right(r))
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.stranger, r)
    w.change_fee(w.treasury, 500, delay=60)
    w.buy(w.name("buyer 0"), d)
    w.no_role_moves_funds(w.stranger)


@pytest.mark.parametrize("n", [1, 4])
def test_revenue_is_exact_while_chunks_are_late_and_shares_change_hands(w: Moves, n: int) -> None:
    """Invariant 6, over two rounds, with sales before, between and after the chunks."""
    d, random = w.state.datasets[n], Random(n)
    for labels in (3, 5):
        r = audited(w, d, labels)
        published(w, r, [(role, who, 0, 0, p * (9_000 + p) if role == 0 else 0, 0) for role, who, p in all_pending(d)], 3)
        w.until(w.proposal(r).challenge_ends)
        w.finalize(w.stranger, r)
        for chunk in (1, 2, 0):
            w.buy(w.name("buyer 1"), d)
            w.distribute(w.stranger, r, chunk)
            for who in sorted(d.holders):
                w.transfer_shares(who, d, w.name("buyer 0"), random.randint(0, d.holders[who].balance))
            w.claim(w.stranger, d, w.name("buyer 0"))
            w.check_all()
    assert d.revenue
    assert d.holders[w.name("buyer 0")].paid


def test_a_submission_counts_once_and_nowhere_else(w: Moves) -> None:
    """Invariant 4: sent again, to another round, chain or contract, or with another admission, it is skipped."""
    d = w.state.datasets[1]
    r = opened(w, d, 40)
    item = w.item(r, person(CONTRIBUTORS[0]), 2, ticket=True)
    assert w.submit(w.stranger, [item, item]) == ["None", "WrongSequence"]
    second = opened(w, w.state.datasets[2], 40)
    for seed in range(40):
        w.bad_batch(r if seed % 2 else second, Random(seed))
        w.sessions(Random(seed))
    assert w.of(user(w.name(CONTRIBUTORS[0]))) > 0
