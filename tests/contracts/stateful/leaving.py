"""Invariant 10: from whatever state a run ended in everyone leaves, with requester, operator, relayer and keeper dead.

A stranger does what anyone may do; each owner acts for their own stake and balance alone. Validators vote on, or not.
"""

from tests.contracts.stateful.auditing import SEED_DELAY
from tests.contracts.stateful.checking import CheckActions
from tests.contracts.stateful.state import Dataset, Group, Round, user

DAY = 24 * 3600
STUCK = 100


class LeaveActions(CheckActions):
    def everyone_leaves(self, stranger: str, validators_vote: bool) -> None:
        began = self.node.time
        for _ in range(STUCK):
            for d in self.running():
                while self.advance(stranger, d, validators_vote):
                    pass
            if not self.running():
                break
            self.wait_for_the_next()
        assert not self.running(), f"some rounds do not end: {[self.current(d) for d in self.running()]}"
        self.end_stakes()
        self.claim_all(stranger)
        for d in self.state.datasets.values():
            self.release_bonds(stranger, d, list(d.contributors))
        assert self.node.time - began < 400 * DAY, "leaving took too long"
        self.nothing_is_left()
        self.withdraw_all()
        self.check_all()

    def running(self) -> list[Dataset]:
        """Datasets that still owe somebody something."""
        return [d for d in self.state.datasets.values() if self.runs(self.current(d)) or any(d.waiting)]

    def runs(self, r: Round | None) -> bool:
        return r is not None and r.phase not in ("Void", "Settled")

    # What can be done now

    def advance(self, stranger: str, d: Dataset, validators_vote: bool) -> bool:
        """Whether something could be done without waiting."""
        r = self.current(d)
        if r is None or not self.runs(r):
            return self.waits_too_long(d) and not d.finished and self.finish_dataset(stranger, d) is not None
        if r.phase == "Open":
            return self.may_close(r) and self.done(self.close_round(stranger, r))
        if r.panel.phase not in ("Concluded", "Failed"):
            return self.advance_panel(stranger, r, validators_vote)
        if r.settlement == "Challenged":
            return self.advance_jury(stranger, r, validators_vote)
        return self.advance_settlement(stranger, r)

    def done(self, _: None) -> bool:
        return True

    def advance_panel(self, stranger: str, r: Round, validators_vote: bool) -> bool:
        g = r.panel
        if g.phase == "Seeding":
            return self.drawable(r, g) and self.done(self.draw_panel(stranger, r))
        if validators_vote:
            for v in g.members:
                if self.may_commit(g, v):
                    self.commit(r, v)
                if self.may_reveal(g, v):
                    self.reveal(stranger, r, v)
        return self.over(g, not r.open) and self.done(self.conclude(stranger, r))

    def advance_jury(self, stranger: str, r: Round, validators_vote: bool) -> bool:
        g = r.jury
        if g.phase == "Seeding":
            return self.node.number + 1 > g.seed_block and self.done(self.draw_jury(stranger, r))
        if validators_vote:
            for v in g.members:
                if self.may_commit(g, v):
                    self.juror_commits(r, v, self.right_root(r))
                if self.may_reveal(g, v):
                    self.juror_reveals(stranger, r, v)
        return self.over(g, True) and self.done(self.conclude_jury(stranger, r))

    def drawable(self, r: Round, g: Group) -> bool:
        seeded = self.node.number + 1 > g.seed_block
        return seeded and (self.missed(r, g) or len(self.drawn(r, g, g.size, [])) == g.size)

    def advance_settlement(self, stranger: str, r: Round) -> bool:
        match r.settlement:
            case "None":
                return self.exit_due(r) and self.done(self.start_exit(stranger, r))
            case "Proposed":
                return self.soon > self.proposal(r).publish_ends and self.done(self.expire(stranger, r))
            case "Published":
                return self.soon > self.proposal(r).challenge_ends and self.done(self.finalize(stranger, r))
            case "Final":
                p = self.proposal(r)
                last = max(set(range(len(p.chunks))) - p.distributed)
                return self.done(self.distribute(stranger, r, last))
        d = self.dataset(r)
        return self.done(self.exit(stranger, r, list(d.pending()), list(d.votes)))

    # What must be waited for

    def wait_for_the_next(self) -> None:
        seeds = [g for d in self.running() if (g := self.seeded_group(self.current(d))) is not None]
        times = [self.due_at(d) for d in self.running() if self.seeded_group(self.current(d)) is None]
        if any(self.node.number + 1 <= g.seed_block for g in seeds):
            self.node.pass_time(1, SEED_DELAY)
        elif times:
            self.until(min(times))
        else:
            # Too few seats can be drawn by these seeds: they must be missed.
            self.pass_time(DAY)

    def seeded_group(self, r: Round | None) -> Group | None:
        if r is None:
            return None
        return next((g for g in (r.panel, r.jury) if g.phase == "Seeding"), None)

    def due_at(self, d: Dataset) -> int:
        r = self.current(d)
        if r is None or not self.runs(r):
            return d.settled_at + 14 * DAY
        if r.phase == "Open":
            return r.deadline
        for g in (r.panel, r.jury):
            if g.phase in ("Committing", "Revealing"):
                late = g.phase == "Revealing" or self.soon > g.commit_ends
                return g.reveal_ends if late else g.commit_ends
        if r.settlement == "None":
            return self.exit_due_at(r)
        return self.proposal(r).publish_ends if r.settlement == "Proposed" else self.proposal(r).challenge_ends

    def keep(self) -> None:
        keeper = self.operator.address
        for d in self.state.datasets.values():
            r = self.current(d)
            group = self.seeded_group(r)
            if r is None or group is None:
                continue
            self.reach_seed(group)
            if group is r.jury:
                self.draw_jury(keeper, r)
            elif self.drawable(r, group):
                self.draw_panel(keeper, r)

    def reach_seed(self, group: Group) -> None:
        if self.node.number + 1 <= group.seed_block:
            self.node.pass_time(1, SEED_DELAY)

    # Each for themselves

    def end_stakes(self) -> None:
        """Invariants 7 and 8: once the rounds are over nobody is locked, and every stake comes out, whatever was slashed of it."""
        for pool, p in self.state.pools.items():
            for who in p.stakers:
                assert self.state.locks.get(who, 0) == 0, f"{who} stays locked"
                if self.seats_in(pool, who):
                    self.quit(who, pool, self.seats_in(pool, who))
        self.pass_time(self.unbonding)
        for pool, p in self.state.pools.items():
            for who in p.stakers:
                for start in range(0, len(self.seats_out(pool, who)), 64):
                    self.collect(who, pool, self.seats_out(pool, who)[start : start + 64])
                self.collect_loose(who, pool)

    def claim_all(self, anyone: str) -> None:
        for d in self.state.datasets.values():
            for who in list(d.holders):
                self.claim(anyone, d, who)

    def withdraw_all(self) -> None:
        for who in self.people:
            self.withdraw(who, self.of(user(who)))
            assert self.node.view("token", "balanceOf", who) == self.state.wallets[who]

    # What is left

    def nothing_is_left(self) -> None:
        assert self.of(self.proposal_bonds) == 0
        for pool in self.state.pools:
            assert self.of(self.stakes(pool)) == 0
        for r in self.state.rounds.values():
            assert self.of(self.open_bonds(r)) == self.of(self.jury_bonds(r)) == 0
        for d in self.state.datasets.values():
            assert d.reserved == self.of(self.pay(d)) == 0
            assert d.distributed == d.settled <= d.reserved_ever
            # Revenue leaves less than a unit a touch behind.
            assert self.of(self.revenue(d)) <= sum(h.touches + 1 for h in d.holders.values())
            for who, c in d.contributors.items():
                assert c.earned <= c.labels * d.terms["reward"], f"{who} was paid more than their labels are worth"
