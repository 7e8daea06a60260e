"""What a settlement by the rule may never do, over random histories; open labels, void ones, closing rounds."""

import random
from dataclasses import replace

import pytest

from labelshare.rules.entries import MAX_ENTRIES, MAX_STAKE_SLASHES, Entry, Role, in_chunks, settlement_root
from labelshare.rules.fixed import ONE
from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, SubmissionEvidence
from labelshare.rules.settlement import settle
from scripts.bench.incentives import address
from tests.unit.histories import shuffled

TERMS = RuleTerms(3, 1000, 400, 250, 1000, 64, 5000, 3, 9, 8000, 1000, 1000, address("req"))


def history(rng: random.Random, rounds: int) -> list[RoundEvidence]:
    """A random dataset's history: people who come and go, some submissions invalid, some rounds exited, the last round
    sometimes the last."""
    evidence = []
    sequences: dict[str, int] = {}
    for number in range(1, rounds + 1):
        tasks = rng.randint(4, 20)
        sample = tuple(sorted(rng.sample(range(tasks), -(-tasks * TERMS.audit_rate // 256))))
        submissions = []
        for person in rng.sample(range(8), rng.randint(1, 6)):
            name = address(f"p{person}")
            chosen = rng.sample(range(tasks), rng.randint(1, tasks))
            labels = tuple((task, rng.choice([task % 3, task % 3, rng.randrange(4)])) for task in chosen)
            count = len(labels) + (rng.random() < 0.1)
            open_path = rng.random() < 0.2
            void = open_path and rng.random() < 0.3
            submissions.append(SubmissionEvidence(name, sequences.get(name, 0), open_path, count, labels, void))
            sequences[name] = sequences.get(name, 0) + 1
        panel = rng.sample(range(5), 3)
        ballots = tuple(
            Ballot(address(f"v{v}"), 1, tuple(rng.choice([t % 3, t % 3, rng.randrange(5)]) for t in sample)) for v in panel
        )
        last = number == rounds and rng.random() < 0.5
        seed = rng.randbytes(32)
        exited = number < rounds and rng.random() < 0.3
        if exited and rng.random() < 0.5:
            sample, ballots = (), ()  # its audit failed
        evidence.append(RoundEvidence(number, seed, last, tasks, sample, tuple(submissions), ballots, exited))
    if not last and rng.random() < 0.5:
        evidence.append(closing(rounds + 1))
    return evidence


def closing(number: int) -> RoundEvidence:
    """The round that settles what has waited too long."""
    return RoundEvidence(number, b"", True, 0, (), (), ())


@pytest.mark.parametrize("seed", range(25))
def test_a_settlement_does_not_depend_on_the_order_of_what_it_is_given(seed: int) -> None:
    rng = random.Random(seed)
    rounds = history(rng, rng.randint(1, 3))
    again = [shuffled(rng, evidence) for evidence in rng.sample(rounds, len(rounds))]
    assert settle(TERMS, again) == settle(TERMS, rounds)


@pytest.mark.parametrize("seed", range(40))
def test_the_chain_would_take_every_settlement(seed: int) -> None:
    """R3–R5 of the specification, kept as the contract keeps them, over a history of settlements."""
    rng = random.Random(1000 + seed)
    rounds = history(rng, rng.randint(1, 4))
    pending = {Role.CONTRIBUTOR: {}, Role.VALIDATOR: {}}  # type: dict[Role, dict[str, int]]
    unit = {Role.CONTRIBUTOR: TERMS.reward, Role.VALIDATOR: TERMS.audit_fee}
    at_stake = {Role.CONTRIBUTOR: {}, Role.VALIDATOR: {}}  # type: dict[Role, dict[str, int]]

    def add(role: Role, account: str, work: int, stake: int) -> None:
        pending[role][account] = pending[role].get(account, 0) + work
        at_stake[role][account] = at_stake[role].get(account, 0) + work * stake

    for index, evidence in enumerate(rounds):
        for s in (s for s in evidence.submissions if not s.void):
            add(Role.CONTRIBUTOR, s.contributor, s.count, TERMS.open_bond if s.open_path else TERMS.bond)
        for b in evidence.ballots:
            add(Role.VALIDATOR, b.validator, b.weight * len(evidence.sample), 5 * TERMS.audit_fee)
        if evidence.exited:
            for accounts in (*pending.values(), *at_stake.values()):
                accounts.clear()
            continue
        held = {role: unit[role] * sum(accounts.values()) for role, accounts in pending.items()}
        entries = settle(TERMS, rounds[: index + 1]).entries
        keys = [(entry.role, entry.account) for entry in entries]
        assert keys == sorted(set(keys))
        for role in (Role.CONTRIBUTOR, Role.VALIDATOR):
            mine = [entry for entry in entries if entry.role == role]
            assert {entry.account for entry in mine} == {account for account, work in pending[role].items() if work}
            assert sum(entry.reward + unit[role] * entry.waiting for entry in mine) <= held[role]
            for entry in mine:
                work = pending[role][entry.account]
                assert entry.waiting in (0, work)
                assert 0 <= entry.reward <= unit[role] * work
                assert 0 <= entry.slash <= at_stake[role][entry.account]
                assert role == Role.VALIDATOR or entry.shares <= ONE * work
                if entry.waiting:
                    assert entry.reward == entry.slash == entry.shares == 0
                    assert not evidence.last
                else:
                    pending[role][entry.account] = at_stake[role][entry.account] = 0
        shares = {role: sum(entry.shares for entry in entries if entry.role == role) for role in Role}
        assert shares[Role.VALIDATOR] * TERMS.contributors_bps <= shares[Role.CONTRIBUTOR] * TERMS.validators_bps
        assert shares[Role.REQUESTER] * TERMS.contributors_bps <= shares[Role.CONTRIBUTOR] * TERMS.requester_bps


def test_what_an_exit_paid_is_not_paid_again_and_not_taken_back() -> None:
    """A perfect contributor earns half in a round that exits; the next round pays what it is short of, within its own labels."""
    tasks, sample = 40, tuple(range(20))
    labels = tuple((t, t % 3) for t in range(tasks))
    ballots = tuple(Ballot(address(f"v{v}"), 1, tuple(t % 3 for t in sample)) for v in range(3))

    def played(number: int, exited: bool) -> RoundEvidence:
        crowd = tuple(SubmissionEvidence(address(f"p{i}"), number, False, tasks, labels) for i in range(4))
        return RoundEvidence(number, bytes(32), not exited, tasks, sample, crowd, ballots, exited)

    rounds = [played(1, True), played(2, False)]
    alone = {e.account: e for e in settle(TERMS, rounds[1:]).entries if e.role == Role.CONTRIBUTOR}
    after = {e.account: e for e in settle(TERMS, rounds).entries if e.role == Role.CONTRIBUTOR}
    for account, entry in after.items():
        assert alone[account].reward > TERMS.reward * tasks // 2
        assert entry.reward == TERMS.reward * tasks
        assert entry.shares == ONE * tasks
    with pytest.raises(ValueError, match="Round 1 exited"):
        settle(TERMS, rounds[:1])


def test_a_submission_that_holds_other_than_it_claimed_pays_nothing() -> None:
    rng = random.Random(5)
    evidence = history(rng, 1)[0]
    broken = tuple(SubmissionEvidence(s.contributor, s.sequence, False, s.count + 1, s.labels) for s in evidence.submissions)
    entries = settle(TERMS, [RoundEvidence(**(vars(evidence) | {"submissions": broken, "last": True}))]).entries
    assert sum(entry.reward for entry in entries if entry.role == Role.CONTRIBUTOR) == 0


# The open path


def crowd(tasks: int, people: int, first: int = 0) -> tuple[SubmissionEvidence, ...]:
    labels = tuple((t, t % 3) for t in range(tasks))
    return tuple(SubmissionEvidence(address(f"p{i}"), 0, False, tasks, labels) for i in range(first, first + people))


def panel(sample: tuple[int, ...]) -> tuple[Ballot, ...]:
    return tuple(Ballot(address(f"v{v}"), 1, tuple(t % 3 for t in sample)) for v in range(3))


def wrong(name: str, tasks: int, open_path: bool, void: bool = False) -> SubmissionEvidence:
    return SubmissionEvidence(address(name), 0, open_path, tasks, tuple((t, (t + 1) % 3) for t in range(tasks)), void)


def test_a_label_is_slashed_up_to_the_bond_that_it_has_open_labels_more() -> None:
    tasks, sample = 40, tuple(range(40))
    submissions = (*crowd(tasks, 4), wrong("ticketed", tasks, False), wrong("open", tasks, True))
    entries = settle(TERMS, [RoundEvidence(1, bytes(32), True, tasks, sample, submissions, panel(sample))]).entries
    slashes = {e.account: e.slash for e in entries if e.role == Role.CONTRIBUTOR}
    assert slashes[address("ticketed")] == TERMS.bond * tasks
    assert TERMS.bond * tasks < slashes[address("open")] <= TERMS.open_bond * tasks


def test_a_void_submission_is_no_evidence_and_has_no_entry() -> None:
    tasks, sample = 40, tuple(range(20))
    base = RoundEvidence(1, bytes(32), True, tasks, sample, crowd(tasks, 4), panel(sample))
    spam = tuple(wrong(f"x{i}", tasks, True, void=True) for i in range(9))
    assert settle(TERMS, [replace(base, submissions=(*base.submissions, *spam))]) == settle(TERMS, [base])


# Closing rounds


def test_a_closing_round_pays_what_waits_in_proportion_to_its_audits() -> None:
    """Three of each contributor's labels were audited: they wait, and are then paid up to half, as in a last round."""
    tasks, sample = 12, (0, 1, 2)
    first = RoundEvidence(1, bytes(32), False, tasks, sample, crowd(tasks, 4), panel(sample))
    waiting = settle(TERMS, [first])
    assert {(e.reward, e.shares, e.waiting) for e in waiting.entries if e.role == Role.CONTRIBUTOR} == {(0, 0, tasks)}
    closed = settle(TERMS, [first, closing(2)])
    assert (closed.consensus, closed.confidence) == ((), ())
    assert closed.entries == settle(TERMS, [replace(first, last=True)]).entries
    pays = {e.reward for e in closed.entries if e.role == Role.CONTRIBUTOR}
    assert TERMS.reward * tasks * 4 // 10 < min(pays) <= max(pays) <= TERMS.reward * tasks * 3 // 6
    assert {e.waiting for e in closed.entries} == {0}


def test_the_consensus_of_a_round_is_that_of_its_own_tasks() -> None:
    first = RoundEvidence(1, bytes(32), False, 12, (0, 1, 2), crowd(12, 4), panel((0, 1, 2)))
    second = RoundEvidence(2, bytes(32), False, 5, (0, 1), crowd(5, 4), panel((0, 1)))
    assert settle(TERMS, [first, second]).consensus == (0, 1, 2, 0, 1)
    assert len(settle(TERMS, [first]).confidence) == 12


# Entries


def validator(number: int, slash: int) -> Entry:
    return Entry(Role.VALIDATOR, f"0x{number:040x}", 0, slash, 0, 0)


def test_a_chunk_holds_at_most_128_entries_and_16_slashed_stakes_in_order() -> None:
    contributors = [Entry(Role.CONTRIBUTOR, f"0x{i:040x}", 0, 7, 0, 0) for i in range(300)]
    entries = [*contributors, *(validator(i, i % 2) for i in range(80))]
    chunks = in_chunks(entries)
    assert [entry for chunk in chunks for entry in chunk] == entries
    assert [len(chunk) for chunk in chunks] == [128, 128, 77, 32, 15]
    for chunk in chunks:
        assert len(chunk) <= MAX_ENTRIES
        assert sum(e.role == Role.VALIDATOR and e.slash > 0 for e in chunk) <= MAX_STAKE_SLASHES
    assert in_chunks([]) == []


def test_a_root_depends_on_round_entries_and_order() -> None:
    entries = [validator(1, 0), validator(2, 5)]
    roots = {settlement_root(1, entries), settlement_root(2, entries), settlement_root(1, entries[::-1]), settlement_root(1, [])}
    assert len(roots) == 4
    assert settlement_root(7, []) == bytes(31) + b"\x07"
    with pytest.raises(ValueError, match="expected a uint96"):
        settlement_root(1, [validator(1, 2**96)])
