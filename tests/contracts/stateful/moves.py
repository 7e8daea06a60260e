"""What people do in a run: honest steps that bring a dataset on, and every kind of mischief, chosen by a random number.

A move with nobody to make it does nothing and says so, so that a run's table shows what really happened.
"""

from random import Random

from scripts.deploy import LBL
from tests.contracts.stateful.core import person
from tests.contracts.stateful.labeling import OPEN, TICKETED, Item
from tests.contracts.stateful.rogues import RogueMoves
from tests.contracts.stateful.state import Dataset, Group, Round
from tests.contracts.stateful.world import CONTRIBUTORS, DAY, VALIDATORS


class Moves(RogueMoves):
    # A dataset's life, one honest step at a time

    def step(self, d: Dataset, random: Random) -> bool:
        """The next thing that would happen if everyone did their part."""
        r = self.current(d)
        if r is None or r.phase in ("Void", "Settled"):
            return self.begin_round(d, random)
        if r.phase == "Open":
            if self.may_close(r):
                self.close_round(self.stranger, r)
            else:
                self.label(r, random)
            return True
        if r.panel.phase not in ("Concluded", "Failed"):
            self.audit(r, random)
            return True
        return self.settle_on(r, random)

    def bring(self, d: Dataset, settlement: str = "", panel: str = "", seed: int = 7) -> Round:
        """Steps until the dataset's round is there."""
        random = Random(seed)
        for _ in range(60):
            r = self.current(d)
            if r is not None and self.runs(r) and settlement in ("", r.settlement) and panel in ("", r.panel.phase):
                return r
            assert self.step(d, random), f"dataset {d.id} does not go on"
        raise AssertionError(f"dataset {d.id} does not get to {settlement or panel}")

    def begin_round(self, d: Dataset, random: Random) -> bool:
        if d.finished:
            return False
        if self.waits_too_long(d):
            self.finish_dataset(self.stranger, d)
            return True
        tasks = random.choice([1, 4, 12, 25])
        budget = random.choice([tasks, tasks * 2, tasks * int(d.terms["maxLabels"])])
        lasts = random.choice([60, 3_600, 5 * DAY])
        sender = random.choice([self.operator.address, str(d.terms["requester"])])
        return self.open_round(sender, d, tasks, budget, lasts, random.random() < 0.05) is not None

    def label(self, r: Round, random: Random) -> None:
        """A batch of the operator's, sometimes with labels for all that is left."""
        items, left, used = [], r.budget - r.labels, set()
        for _ in range(random.randint(1, 4)):
            name = random.choice(CONTRIBUTORS + VALIDATORS[:1])
            count = random.choice([1, max(1, left // 3), max(1, left)])
            if name not in used:
                used.add(name)
                items.append(self.item(r, person(name), min(count, 200)))
        self.submit(self.operator.address, items)

    def label_openly(self, r: Round, random: Random) -> None:
        names = random.sample(CONTRIBUTORS, 3)
        most = max(1, self.open_limits(r)[1])
        items = [self.item(r, person(name), random.randint(1, most), admission=OPEN) for name in names]
        self.submit(random.choice([self.stranger, self.name(names[0])]), items)

    def bad_batch(self, r: Round, random: Random) -> None:
        """Bad items among good ones: each is skipped for its own reason, none stops the rest."""
        names = random.sample(CONTRIBUTORS, 5)
        items = [self.item(r, person(names[0]), 1)]
        items += [self.spoiled(r, name, random) for name in names[1:4]]
        items += self.replayed(r, random)
        items.append(self.item(r, person(names[4]), 1, ticket=True))
        self.submit(random.choice([self.operator.address, self.stranger]), items)

    # Panels

    def audit(self, r: Round, random: Random) -> None:
        g = r.panel
        if g.phase == "Seeding":
            self.reach_seed(g)
            self.draw_panel(self.stranger, r)
        elif any(self.may_commit(g, v) for v in g.members):
            for v in list(g.members):
                if self.may_commit(g, v):
                    self.commit(r, v, random.randint(0, 1), random.choice(["", self.stranger]))
        elif any(self.may_reveal(g, v) or self.may_attest(r, v) for v in g.members):
            self.reveal_all(r, random)
        else:
            if not self.over(g, not r.open or all(v in r.attestations for v in g.members)):
                self.until(g.reveal_ends if g.committed() else g.commit_ends)
            self.conclude(self.stranger, r)

    def reveal_all(self, r: Round, random: Random) -> None:
        shown = random.choice([(1 << len(r.open)) - 1, 0, random.getrandbits(128)])
        for v in list(r.panel.members):
            if self.may_reveal(r.panel, v):
                self.reveal(self.stranger, r, v)
            if self.may_attest(r, v):
                self.attest(r, v, random.choice([shown, shown, 1]), random.choice(["", self.stranger]))

    # Settlements

    def settle_on(self, r: Round, random: Random) -> bool:
        match r.settlement:
            case "None":
                if self.may_propose(r) and not r.required:
                    self.propose(self.operator.address, r, self.right(r), random.randint(1, 3))
                elif self.may_propose(r):
                    self.propose(self.watcher, r, self.verdict_entries(r), random.randint(1, 3))
                else:
                    if not self.exit_due(r):
                        self.until(self.exit_due_at(r))
                    self.start_exit(self.stranger, r)
            case "Proposed":
                if self.soon > self.proposal(r).publish_ends or self.flaw(r, self.dataset(r), self.proposal(r)):
                    self.until(self.proposal(r).publish_ends)
                    self.expire(self.stranger, r)
                else:
                    self.publish(r)
            case "Published":
                self.until(self.proposal(r).challenge_ends)
                self.finalize(self.stranger, r)
            case "Final":
                p = self.proposal(r)
                self.distribute(self.stranger, r, random.choice([c for c in range(len(p.chunks)) if c not in p.distributed]))
            case "Exiting":
                self.exit_some(r, random)
            case "Challenged":
                self.judge(r, random, honest=True)
        return True

    def published_round(self, random: Random) -> Round | None:
        """One whose settlement, right or wrong, can be challenged; brought there when there is none."""
        for d in random.sample(list(self.state.datasets.values()), 4):
            for _ in range(10):
                r = self.current(d)
                if (
                    r is None
                    or r.phase not in ("Open", "Closed")
                    or r.settlement not in ("None", "Proposed", "Published")
                    or r.hung
                ):
                    break
                if r.settlement == "Published":
                    return r
                if self.may_propose(r) and not r.required and random.random() < 0.5:
                    self.propose(self.operator.address, r, self.wrong(r), random.randint(1, 3))
                else:
                    self.step(d, random)
        return None

    def exit_some(self, r: Round, random: Random) -> None:
        d = self.dataset(r)
        contributors, validators = list(d.pending()), list(d.votes)
        some, others = contributors[: random.randint(0, 3)], validators[: random.randint(0, 3)]
        self.exit(self.stranger, r, some or contributors, others or validators)

    def judge(self, r: Round, random: Random, honest: bool) -> None:
        """A jury's next step. Honest jurors commit to what they compute; others lie, or say nothing."""
        g = r.jury
        if g.phase == "Seeding":
            self.reach_seed(g)
            self.draw_jury(self.stranger, r)
        elif any(self.may_commit(g, v) for v in g.members):
            for v in list(g.members):
                if self.may_commit(g, v):
                    self.juror_says(r, v, random, honest)
            if g.phase == "Committing":
                self.until(g.commit_ends)
        elif any(self.may_reveal(g, v) for v in g.members):
            for v in list(g.members):
                if self.may_reveal(g, v) and (honest or random.random() < 0.8):
                    self.juror_reveals(self.stranger, r, v)
        else:
            if not self.over(g, True):
                self.until(g.reveal_ends if g.committed() else g.commit_ends)
            self.conclude_jury(self.stranger, r)

    def juror_says(self, r: Round, juror: str, random: Random, honest: bool) -> None:
        relayer = random.choice(["", self.stranger])
        lie = bytes([random.randint(1, 3)]) * 32
        if honest or random.random() < 0.4:
            self.juror_commits(r, juror, self.right_root(r), relayer)
        elif random.random() < 0.7:
            self.juror_commits(r, juror, random.choice([lie, self.dispute(r).proposed]), relayer)

    # Whom a move can be about

    def rounds_where(self, phase: str = "", settlement: str = "") -> list[Round]:
        running = [r for d in self.state.datasets.values() if (r := self.current(d)) is not None]
        return [r for r in running if phase in ("", r.phase) and settlement in ("", r.settlement)]

    def groups(self, phase: str) -> list[tuple[Round, Group]]:
        return [(r, g) for r in self.rounds_where("Closed") for g in (r.panel, r.jury) if g.phase == phase]

    def ticketed(self, r: Round, name: str, **changes: int) -> Item:
        return self.item(r, person(name), 1, admission=TICKETED, **changes)

    def top_up(self, d: Dataset) -> None:
        self.fund(str(d.terms["requester"]), d, 200 * LBL)
