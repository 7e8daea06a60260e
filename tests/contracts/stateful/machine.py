"""The state machine: any order of steps, honest and not; at the end everyone leaves."""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contracts.stateful.moves import Moves
from tests.contracts.stateful.shares import INFLOWS
from tests.contracts.stateful.staking import OPEN_POOL
from tests.contracts.stateful.state import Dataset, Round, user
from tests.contracts.stateful.world import CONTRIBUTORS, CREDENTIALED, DAY, OPEN_STAKERS, VALIDATORS

SEEDS = st.integers(0, 2**32 - 1)
PEOPLE = CONTRIBUTORS + VALIDATORS
WAITS = (1, 30, 101, 3_600, DAY, 3 * DAY, 15 * DAY, 20 * DAY)
FIRED: Counter[str] = Counter()


class ProtocolMachine(RuleBasedStateMachine):
    """`world` is set by the test; a run works on it from where it stands, and rolls back."""

    world: Moves

    def __init__(self) -> None:
        super().__init__()
        self.w = self.world
        self.snapshot = self.w.node.snapshot()
        self.began = self.w.copy_state()
        self.steps = 0

    def teardown(self) -> None:
        try:
            self.w.check_all()
            self.w.everyone_leaves(self.w.stranger, validators_vote=self.w.node.number % 2 == 0)
        finally:
            self.w.node.revert(self.snapshot)
            self.w.state = self.began

    @invariant()
    def holds(self) -> None:
        self.w.check()
        self.steps += 1
        if self.steps % 8 == 0:
            self.w.check_all()

    # Picking

    def d(self, random: Random) -> Dataset:
        return self.w.state.datasets[random.randint(1, 4)]

    def pick(self, seed: int, settlement: str = "", phase: str = "") -> Round | None:
        return pick(Random(seed), self.w.rounds_where(phase, settlement))

    def found(self, seed: int, name: str, about: Any) -> Any:
        """Whom the rule is about. When there is nobody, time goes on instead, so that there will be."""
        if not fired(name, about):
            self.several_steps(seed)
        return about

    # The honest way

    @initialize(seed=SEEDS)
    def two_rounds_are_under_way(self, seed: int) -> None:
        random = Random(seed)
        for d in random.sample(list(self.w.state.datasets.values()), 2):
            for _ in range(random.randint(2, 14)):
                fired("step", self.w.step(d, random))

    @rule(seed=SEEDS)
    def step(self, seed: int) -> None:
        random = Random(seed)
        fired("step", self.w.step(self.d(random), random))

    @rule(seed=SEEDS)
    def several_steps(self, seed: int) -> None:
        random = Random(seed)
        d = self.d(random)
        for _ in range(random.randint(2, 6)):
            fired("step", self.w.step(d, random))

    # Labels

    @rule(seed=SEEDS)
    def bad_batch(self, seed: int) -> None:
        if self.found(seed, "bad_batch", r := self.pick(seed, phase="Open")):
            self.w.bad_batch(r, Random(seed))

    @rule(seed=SEEDS)
    def label_openly(self, seed: int) -> None:
        if self.found(seed, "label_openly", r := self.pick(seed, phase="Open")):
            self.w.label_openly(r, Random(seed))

    @rule(seed=SEEDS)
    def sessions(self, seed: int) -> None:
        fired("sessions", True)
        self.w.sessions(Random(seed))

    @rule(seed=SEEDS)
    def close_too_early_or_not(self, seed: int) -> None:
        if self.found(seed, "close", r := self.pick(seed, phase="Open")):
            self.w.close_round(self.w.stranger, r)

    # Audits

    @rule(seed=SEEDS)
    def one_ballot(self, seed: int) -> None:
        """Somebody commits, reveals or attests; the others perhaps never."""
        random = Random(seed)
        rounds = [r for r, g in self.w.groups("Committing") + self.w.groups("Revealing") if g is r.panel]
        if not self.found(seed, "one_ballot", r := pick(random, rounds)):
            return
        v = random.choice(sorted(r.panel.members))
        if self.w.may_commit(r.panel, v):
            self.w.commit(r, v, random.randint(0, 255))
        elif self.w.may_reveal(r.panel, v):
            self.w.reveal(self.w.stranger, r, v)
        elif self.w.may_attest(r, v):
            self.w.attest(r, v, random.getrandbits(8))

    @rule(seed=SEEDS)
    def silence(self, seed: int) -> None:
        """Time passes over a panel or a jury, which then is over."""
        random = Random(seed)
        sitting = self.w.groups("Committing") + self.w.groups("Revealing")
        if not self.found(seed, "silence", found := pick(random, sitting)):
            return
        r, g = found
        self.w.until(max(g.commit_ends, g.reveal_ends))
        if g is r.panel:
            self.w.conclude(self.w.stranger, r)
        else:
            self.w.conclude_jury(self.w.stranger, r)

    @rule(seed=SEEDS)
    def miss_a_seed(self, seed: int) -> None:
        """With real blocks, which `wait` does without."""
        if fired("miss_a_seed", self.w.groups("Seeding") and seed % 8 == 0):
            self.w.node.pass_time(1, 300)

    # Settlements

    @rule(seed=SEEDS)
    def propose_badly(self, seed: int) -> None:
        rounds = [r for r in self.w.rounds_where("Closed", "None") if self.w.may_propose(r)]
        if self.found(seed, "propose_badly", r := pick(Random(seed), rounds)):
            self.w.propose_badly(r, Random(seed))

    @rule(seed=SEEDS)
    def publish_or_not(self, seed: int) -> None:
        if self.found(seed, "publish", r := self.pick(seed, "Proposed")):
            self.w.refuse_entries(r)
            self.w.publish(r)

    @rule(seed=SEEDS)
    def let_expire(self, seed: int) -> None:
        if self.found(seed, "let_expire", r := self.pick(seed, "Proposed")):
            self.w.until(self.w.proposal(r).publish_ends)
            self.w.expire(self.w.stranger, r)

    @rule(seed=SEEDS)
    def challenge(self, seed: int) -> None:
        random = Random(seed)
        if self.found(seed, "challenge", r := self.w.published_round(random)):
            self.w.challenge(self.w.watcher, r)
            for _ in range(random.randint(0, 8)):
                if r.settlement == "Challenged":
                    self.w.judge(r, random, honest=random.random() < 0.5)

    @rule(seed=SEEDS)
    def judge(self, seed: int) -> None:
        random = Random(seed)
        if self.found(seed, "judge", r := self.pick(seed, "Challenged")):
            for _ in range(random.randint(1, 4)):
                if r.settlement == "Challenged":
                    self.w.judge(r, random, honest=random.random() < 0.5)

    @rule(seed=SEEDS)
    def distribute(self, seed: int) -> None:
        if self.found(seed, "distribute", r := self.pick(seed, "Final")):
            self.w.refuse_distribution(r)
            self.w.distribute(self.w.stranger, r, Random(seed).randrange(len(self.w.proposal(r).chunks)))

    @rule(seed=SEEDS)
    def exit_perhaps(self, seed: int) -> None:
        random = Random(seed)
        if not self.found(seed, "exit", r := self.pick(seed, phase="Closed")):
            return
        if r.settlement == "Exiting":
            self.w.exit_some(r, random)
        else:
            if r.settlement == "None" and r.panel.phase == "Concluded" and random.random() < 0.3:
                self.w.until(self.w.exit_due_at(r))
            self.w.start_exit(self.w.stranger, r)

    @rule(seed=SEEDS)
    def finish(self, seed: int) -> None:
        fired("finish", self.w.finish_dataset(self.w.stranger, self.d(Random(seed))))

    @rule(seed=SEEDS)
    def unlock_waiting(self, seed: int) -> None:
        random = Random(seed)
        d = self.d(random)
        if self.found(seed, "unlock_waiting", d.votes):
            self.w.unlock_waiting(self.w.stranger, d, random.choice(sorted(d.votes)))

    # Money and shares

    @rule(seed=SEEDS)
    def release_bonds(self, seed: int) -> None:
        """In whatever phase the dataset's round is; some are named twice, some are strangers to the dataset."""
        random = Random(seed)
        d = self.d(random)
        fired("release_bonds", any(d.kept_for(who) for who in d.contributors))
        people = [self.w.name(name) for name in random.choices(PEOPLE, k=random.randint(0, 12))]
        self.w.release_bonds(self.w.stranger, d, people)

    @rule(seed=SEEDS)
    def fund(self, seed: int) -> None:
        random = Random(seed)
        fired("fund", True)
        self.w.fund(self.w.name("requester"), self.d(random), random.randint(0, 10**21))

    @rule(seed=SEEDS)
    def withdraw_free(self, seed: int) -> None:
        """A part of what is free, all of it, or a unit more, which is refused."""
        random = Random(seed)
        fired("withdraw_free", True)
        d = self.d(random)
        free = self.w.of(self.w.escrow(d)) - d.reserved
        self.w.withdraw_free(self.w.name("requester"), d, random.choice([0, 1, free // 2, free, free + 1]) if free else 1)

    @rule(seed=SEEDS)
    def withdraw(self, seed: int) -> None:
        random = Random(seed)
        fired("withdraw", True)
        who = self.w.name(random.choice(PEOPLE))
        balance = self.w.of(user(who))
        amount = random.choice([0, balance // 2, balance, balance + 1])
        if random.random() < 0.5:
            self.w.withdraw_by_signature(who, self.w.name("relayer"), amount, balance // 1_000)
        else:
            self.w.withdraw(who, amount)

    @rule(seed=SEEDS)
    def deposit(self, seed: int) -> None:
        random = Random(seed)
        fired("deposit", True)
        who = self.w.name(random.choice(PEOPLE))
        self.w.deposit(who, user(who), random.randint(0, 10**21))

    @rule(seed=SEEDS)
    def sell(self, seed: int) -> None:
        random = Random(seed)
        d = self.d(random)
        self.found(seed, "sell", d.supply)
        if random.random() < 0.25:
            self.w.set_price(d, random.choice([0, 1, 10**20, 10**20 + 7]))
        self.w.buy(self.w.name(random.choice(["buyer 0", "buyer 1"])), d)

    @rule(seed=SEEDS)
    def transfer_shares(self, seed: int) -> None:
        random = Random(seed)
        d = self.d(random)
        if not self.found(seed, "transfer_shares", d.holders):
            return
        who, to = random.choice(sorted(d.holders)), self.w.name(random.choice([*CONTRIBUTORS, "buyer 0"]))
        self.w.transfer_shares(who, d, to, random.randint(0, d.holders[who].balance + 1))

    @rule(seed=SEEDS)
    def claim(self, seed: int) -> None:
        random = Random(seed)
        fired("claim", True)
        self.w.claim(self.w.stranger, self.d(random), self.w.name(random.choice(PEOPLE)))

    # Stakes and credentials

    @rule(seed=SEEDS)
    def join(self, seed: int) -> None:
        random = Random(seed)
        who = self.w.name(random.choice(VALIDATORS))
        pool, count = random.choice([OPEN_POOL, self.w.credential]), random.randint(1, 3)
        if fired("join", self.w.of(user(who)) >= count * self.w.seat_size):
            self.w.join(who, pool, count)

    @rule(seed=SEEDS)
    def leave_or_collect(self, seed: int) -> None:
        random = Random(seed)
        pool, names = random.choice([(OPEN_POOL, OPEN_STAKERS), (self.w.credential, CREDENTIALED)])
        who = self.w.name(random.choice(names))
        seats, out = self.w.seats_in(pool, who), self.w.seats_out(pool, who)
        fired("leave_or_collect", True)
        match random.randint(0, 4):
            case 0:
                self.w.quit(who, pool, seats[: random.randint(0, 2)])
            case 1:
                self.w.quit(who, pool, seats)
            case 2:
                self.w.collect(who, pool, random.choice([out, seats[:1]]))
            case 3:
                self.w.collect_loose(who, pool)
            case _:
                self.w.resume_seats(who, pool)

    @rule(seed=SEEDS)
    def credentials(self, seed: int) -> None:
        random = Random(seed)
        who, issuer = self.w.name(random.choice(CREDENTIALED + CONTRIBUTORS)), self.w.name("issuer")
        fired("credentials", True)
        match random.randint(0, 2):
            case 0:
                self.w.revoke_credential(issuer, self.w.credential, who)
            case 1:
                self.w.attest_credential(issuer, self.w.credential, who, random.choice([0, 100, 300 * DAY]))
            case _:
                self.w.expel(self.w.stranger, self.w.credential, self.w.name(random.choice(CREDENTIALED)))

    # The guardian, thieves, time

    @rule(seed=SEEDS)
    def pause(self, seed: int) -> None:
        if fired("pause", seed % 4 == 0):
            self.w.pause(self.w.treasury, Random(seed).choice(INFLOWS))

    @rule(seed=SEEDS)
    def resume(self, seed: int) -> None:
        if fired("resume", self.w.state.paused):
            self.w.resume(self.w.treasury, Random(seed).choice(sorted(self.w.state.paused)))

    @rule(seed=SEEDS)
    def steal(self, seed: int) -> None:
        fired("steal", True)
        self.w.steal(Random(seed))

    @rule(seed=SEEDS)
    def wait(self, seed: int) -> None:
        random = Random(seed)
        fired("wait", True)
        self.w.pass_time(random.choice(WAITS), asleep=random.random() < 0.5)


def pick(random: Random, choices: list[Any]) -> Any:
    return random.choice(choices) if choices else None


def fired(name: str, happened: Any) -> Any:
    """Counts a rule that had something to do, or found nothing."""
    FIRED[name if happened else f"{name}: nothing to do"] += 1
    return happened
