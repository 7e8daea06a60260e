"""Invariant 10: from whatever state a run ended in everyone leaves, with requester, operator, relayer and keeper dead.

A stranger does what anyone may do; each owner acts for their own stake and balance alone. Validators vote no more.
"""

from tests.contracts.stateful.auditing import SEED_DELAY
from tests.contracts.stateful.checking import CheckActions
from tests.contracts.stateful.node import SEED_RANGE
from tests.contracts.stateful.state import Dataset, Group, Round, user

DAY = 24 * 3600
STUCK = 60


class LeaveActions(CheckActions):
    def everyone_leaves(self, stranger: str) -> None:
        began = self.node.time
        for d in self.state.datasets.values():
            self.end_dataset(stranger, d)
        self.end_stakes()
        self.claim_all(stranger)
        assert self.node.time - began < 400 * DAY, "leaving took too long"
        self.nothing_is_left()
        self.withdraw_all()
        self.check()

    # The dataset's side

    def end_dataset(self, stranger: str, d: Dataset) -> None:
        for _ in range(STUCK):
            r = self.current(d)
            if r is not None and r.phase not in ("Void", "Settled"):
                self.end_round(stranger, r)
            elif any(d.waiting):
                self.until(d.settled_at + 14 * DAY)
                assert self.finish_dataset(stranger, d) is not None
            else:
                return
        raise AssertionError(f"dataset {d.id} does not end: {self.current(d)}")

    def end_round(self, stranger: str, r: Round) -> None:
        if r.phase == "Open":
            self.until(r.deadline)
            self.close_round(stranger, r)
        elif r.panel.phase not in ("Concluded", "Failed"):
            self.end_panel(stranger, r)
        else:
            self.end_settlement(stranger, r)

    def reach_seed(self, group: Group) -> None:
        if self.node.number + 1 <= group.seed_block:
            self.node.pass_time(1, SEED_DELAY)

    def end_panel(self, stranger: str, r: Round) -> None:
        g = r.panel
        if g.phase == "Seeding":
            self.reach_seed(g)
            if not self.missed(r, g) and len(self.drawn(r, g, g.size, [])) < g.size:
                self.draw_panel(stranger, r)
                self.node.pass_time(1, SEED_RANGE)
            self.draw_panel(stranger, r)
            return
        self.until(max(g.commit_ends, g.reveal_ends))
        self.conclude(stranger, r)

    def end_jury(self, stranger: str, r: Round) -> None:
        g = r.jury
        if g.phase == "Seeding":
            self.reach_seed(g)
            self.draw_jury(stranger, r)
            return
        self.until(max(g.commit_ends, g.reveal_ends))
        self.conclude_jury(stranger, r)

    def end_settlement(self, stranger: str, r: Round) -> None:
        match r.settlement:
            case "None":
                if r.panel.phase != "Failed":
                    self.until(self.exit_due_at(r))
                self.start_exit(stranger, r)
            case "Proposed":
                self.until(self.proposal(r).publish_ends)
                self.expire(stranger, r)
            case "Challenged":
                self.end_jury(stranger, r)
            case "Published":
                self.until(self.proposal(r).challenge_ends)
                self.finalize(stranger, r)
            case "Final":
                p = self.proposal(r)
                for chunk in reversed(range(len(p.chunks))):
                    if chunk not in p.distributed:
                        self.distribute(stranger, r, chunk)
            case "Exiting":
                d = self.dataset(r)
                self.exit(stranger, r, list(d.pending()), [v for v, votes in d.votes.items() if votes])

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
