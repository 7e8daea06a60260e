"""What must hold in every state: after each step what is cheap, after some what is dear."""

from typing import Any

from tests.contracts.stateful.settling import SettlementActions
from tests.contracts.stateful.state import user


class CheckActions(SettlementActions):
    def check(self) -> None:
        """Cheap: nothing but sums and one request."""
        self.agree()
        datasets = list(self.state.datasets.values())
        calls: list[tuple[str, str, tuple[Any, ...]]] = [("token", "balanceOf", (self.at("ledger"),))]
        calls += [("dataset_registry", "reservedOf", (d.id,)) for d in datasets]
        held, *reserved = self.node.views(calls)
        surplus = held - sum(self.state.balances.values())
        assert surplus == 0, f"invariant 1: the Ledger holds {surplus} more than its accounts, last {self.last}"
        assert reserved == [d.reserved for d in datasets]
        for d in datasets:
            r = self.current(d)
            running = r is not None and r.phase not in ("Void", "Settled") and r.settlement not in ("Final", "Exiting")
            assert d.reserved == (r.reserve if r is not None and running else 0) + d.carried(), "invariant 3"
            assert d.reserved <= self.of(self.escrow(d)), "invariant 3: the escrow does not cover the reserve"
            assert all(c.covered >= c.ticketed for c in d.contributors.values()), "a pending label without its bond"
            t, people = d.terms, d.contributors.values()
            bonds = sum(c.covered * t["bond"] + c.pending_open * t["openBond"] for c in people)
            assert self.of(self.pay(d)) == bonds + self.undistributed(d), "invariant 5: bonds and pay are not what lies there"
            assert d.distributed <= d.settled <= d.reserved_ever, "invariant 5"
        self.locks_hold()

    def locks_hold(self) -> None:
        """Invariant 7: who is locked is who sits on a panel or jury, or has votes that no settlement decided."""
        locks: dict[str, int] = {}
        for r in self.state.rounds.values():
            for group in (r.panel, r.jury):
                if group.phase in ("Committing", "Revealing"):
                    for v in group.members:
                        locks[v] = locks.get(v, 0) + 1
        for d in self.state.datasets.values():
            for v, votes in d.votes.items():
                locks[v] = locks.get(v, 0) + votes.locked
        assert {v: n for v, n in locks.items() if n} == {v: n for v, n in self.state.locks.items() if n}

    def check_all(self) -> None:
        """Dear: every account, everything pending, every stake, every share, read from the chain."""
        self.check()
        accounts = list(self.state.balances)
        assert self.node.views([("ledger", "balanceOf", (a,)) for a in accounts]) == [self.of(a) for a in accounts]
        calls: list[tuple[str, str, tuple[Any, ...]]] = []
        expected: list[Any] = []
        for d in self.state.datasets.values():
            for who, c in d.contributors.items():
                calls.append(("label_registry", "contributorOf", (d.id, who)))
                pending = c.pending + c.undecided
                expected.append((c.sequence, c.labels, pending, c.pending_open, c.covered, c.round, c.open_round))
            for who, votes in d.votes.items():
                calls.append(("audit_board", "pendingVotesOf", (d.id, who)))
                expected.append(votes.count)
            calls += [("label_registry", "pendingContributors", (d.id,)), ("audit_board", "pendingValidators", (d.id,))]
            expected += [len(d.pending()), len(d.votes)]
            calls.append(("settlement", "waitingOf", (d.id,)))
            expected.append(d.waiting)
        assert self.node.views(calls) == expected
        head = self.node.rpc("eth_getBlockByNumber", "latest", False)
        assert (int(head["number"], 16), int(head["timestamp"], 16)) == (self.node.number, self.node.time)
        self.stakes_agree()
        self.terms_stand()
        for d in self.state.datasets.values():
            self.shares_agree(d)

    def terms_stand(self) -> None:
        """Invariant 11: what people relied on when they labeled does not change."""
        datasets = self.state.datasets.values()
        now = self.node.views([("dataset_registry", "termsOf", (d.id,)) for d in datasets])
        assert [tuple(low(v) for v in terms) for terms in now] == [tuple(low(v) for v in d.terms.values()) for d in datasets]

    def no_role_moves_funds(self, outsider: str) -> None:
        """Invariant 11: what only the protocol's contracts may do is refused to treasury, guardian and operator alike."""
        d = next(iter(self.state.datasets.values()))
        for who in (outsider, self.treasury, self.operator.address, str(d.terms["requester"])):
            self.refused("OnlyProtocol", who, "dataset_registry", "settle", d.id, 1, 0)
            self.refused("OnlyProtocol", who, "label_registry", "settleContributors", d.id, [outsider], 0)
            self.refused("OnlyProtocol", who, "label_registry", "exitContributors", d.id, [outsider])
            self.refused("OnlyProtocol", who, "label_registry", "releaseBonds", d.id, [outsider])
            self.refused("OnlyProtocol", who, "audit_board", "settleValidators", d.id, [outsider])
            self.refused("OnlyProtocol", who, "staking", "slash", bytes(32), outsider, 1)
            self.refused("OnlyProtocol", who, "dataset_shares", "mint", d.id, 1, [(outsider, 1)])
            self.refused("OnlyProtocol", who, "settlement", "overturn", 1, bytes(32))
            self.refused("InsufficientBalance", who, "ledger", "move", d.id.to_bytes(32, "big"), user(who), 1)


def low(value: Any) -> Any:
    return value.lower() if isinstance(value, str) and value.startswith("0x") else value
