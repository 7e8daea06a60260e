"""Panels and juries: the pool as of a block, the draw by a later block's hash, sealed ballots, penalties for silence."""

from collections import Counter

from eth_abi.abi import encode
from eth_utils import keccak

from labelshare.rules import draw, eip712
from tests.contracts.stateful.labeling import LabelActions
from tests.contracts.stateful.node import SEED_RANGE, Receipt
from tests.contracts.stateful.state import Dataset, Group, Member, Round, Votes, user

SEED_DELAY = 2
MAX_TRIES = 1_024
TRIES_PER_SLOT, LEAST_TRIES = 16, 64
MAX_MISSES = 3
MAX_ATTEMPTS = 3
WAIT_LOCK = 30 * 24 * 3600


class AuditActions(LabelActions):
    # The draw (Invariant 9)

    def pool_of(self, r: Round) -> bytes:
        return bytes(self.state.datasets[r.dataset].terms["validatorCredential"])

    def fix_pool(self, r: Round, group: Group, block: int) -> None:
        """Who can be drawn is what is true now, whatever happens before the draw."""
        d, pool = self.state.datasets[r.dataset], self.pool(self.pool_of(r))

        def eligible(owner: str, active_from: int, left_at: int) -> bool:
            if not owner or active_from > block or left_at:
                return False
            staker, c = pool.stakers[owner], d.contributors.get(owner)
            contributed = c is not None and (c.round == r.id or c.pending != 0)
            return not staker.suspended_from and staker.eligible_from <= block and not contributed

        group.eligible = [s.owner if eligible(s.owner, s.active_from, s.left_at) else None for s in pool.seats]
        group.seed_block = block + SEED_DELAY

    def call_group(self, r: Round, group: Group, attempt: int, block: int) -> None:
        group.phase, group.attempt, group.misses, group.concluded_at = "Seeding", attempt, 0, 0
        self.fix_pool(r, group, block)

    def drawn(self, r: Round, group: Group, size: int, barred: list[int]) -> list[int]:
        """The seats, in the order they were drawn."""
        seed = draw.audit_seed(self.node.block_hash(group.seed_block), r.id, group.attempt)
        seats: list[int] = []
        slots = len(group.eligible)
        for i in range(min(MAX_TRIES, LEAST_TRIES + TRIES_PER_SLOT * slots) if slots else 0):
            if len(seats) == size:
                break
            seat = int.from_bytes(keccak(seed + i.to_bytes(32, "big")), "big") % slots
            if group.eligible[seat] is not None and seat not in seats and seat not in barred:
                seats.append(seat)
        return seats

    def missed(self, r: Round, group: Group) -> bool:
        """Whether the next transaction comes too late for the seed."""
        return self.node.number + 1 > group.seed_block + SEED_RANGE

    def miss(self, r: Round, group: Group, receipt: Receipt) -> None:
        receipt.one("SeedMissed")
        group.misses += 1
        if group.misses == MAX_MISSES:
            group.phase = "Failed"
        else:
            self.fix_pool(r, group, receipt.block)

    def seat(self, r: Round, group: Group, seats: list[int], event: dict[str, object], time: int) -> None:
        weights = Counter(str(group.eligible[s]) for s in seats)
        assert event["validators"] == tuple(sorted(weights)), "the draw is not what it was when the pool was fixed"
        assert event["weights"] == tuple(weights[v] for v in sorted(weights))
        terms = self.state.datasets[r.dataset].terms
        group.members = {v: Member(weights[v]) for v in sorted(weights)}
        group.phase, group.commit_ends = "Committing", time + terms["commitWindow"]
        group.reveal_ends = group.commit_ends + terms["revealWindow"]
        for validator in group.members:
            self.lock(validator)

    def draw_panel(self, anyone: str, r: Round) -> None:
        g = r.panel
        if self.node.number + 1 <= g.seed_block:
            return self.refused("SeedNotReady", anyone, "audit_board", "drawPanel", r.id)
        if self.missed(r, g):
            self.miss(r, g, self.tx(anyone, "audit_board", "drawPanel", r.id))
            if g.phase == "Failed":
                self.resolve_open(r, 0)
            return None
        seats = self.drawn(r, g, g.size, [])
        if len(seats) < g.size:
            return self.refused("DrawFailed", anyone, "audit_board", "drawPanel", r.id)
        receipt = self.tx(anyone, "audit_board", "drawPanel", r.id)
        g.seats = seats
        self.seat(r, g, seats, receipt.one("PanelDrawn"), receipt.time)
        return None

    # Ballots

    def secret(self, r: Round, who: str) -> bytes:
        return keccak(text=f"salt {r.id} {who}")

    def may_commit(self, group: Group, who: str) -> bool:
        return group.phase == "Committing" and self.soon <= group.commit_ends and group.members[who].said is None

    def may_reveal(self, group: Group, who: str) -> bool:
        late = group.phase == "Committing" and self.soon > group.commit_ends
        m = group.members[who]
        return (group.phase == "Revealing" or late) and self.soon <= group.reveal_ends and m.said is not None and not m.revealed

    def after_commit(self, r: Round, group: Group, time: int) -> None:
        if all(m.said is not None for m in group.members.values()):
            group.phase = "Revealing"
            group.reveal_ends = time + self.state.datasets[r.dataset].terms["revealWindow"]

    def commit(self, r: Round, who: str, answer: int = 0, relayer: str = "") -> None:
        g, answers = r.panel, bytes([answer]) * r.sample
        commitment = draw.commitment(r.id, g.attempt, who, answers, self.secret(r, who))
        message = eip712.Commit(r.id, g.attempt, who, commitment)
        signature = self.people[who].sign(message, self.domain("audit_board")) if relayer else b""
        receipt = self.tx(relayer or who, "audit_board", "commit", r.id, who, commitment, signature)
        g.members[who].said = answers
        self.after_commit(r, g, receipt.time)

    def reveal(self, anyone: str, r: Round, who: str) -> None:
        g = r.panel
        said = g.members[who].said
        assert said is not None
        if self.soon < g.reveal_ends:
            wrong = bytes([said[0] ^ 1]) * r.sample
            self.refused("WrongReveal", anyone, "audit_board", "reveal", r.id, who, wrong, self.secret(r, who))
        self.tx(anyone, "audit_board", "reveal", r.id, who, said, self.secret(r, who))
        g.phase = "Revealing"
        g.members[who].revealed = True

    def may_attest(self, r: Round, who: str) -> bool:
        g = r.panel
        late = g.phase == "Committing" and self.soon > g.commit_ends
        return bool(r.open) and who not in r.attestations and (g.phase == "Revealing" or late) and self.soon <= g.reveal_ends

    def attest(self, r: Round, who: str, shown: int, relayer: str = "") -> None:
        message = eip712.Attestation(r.id, r.panel.attempt, who, shown)
        signature = self.people[who].sign(message, self.domain("audit_board")) if relayer else b""
        self.tx(relayer or who, "audit_board", "attest", r.id, who, shown, signature)
        r.panel.phase = "Revealing"
        r.attestations[who] = shown

    def over(self, group: Group, complete: bool) -> bool:
        ends = group.reveal_ends if group.committed() else group.commit_ends
        return (complete and group.weight(revealed=True) == group.weight()) or self.soon > ends

    def conclude(self, anyone: str, r: Round) -> None:
        g, d = r.panel, self.state.datasets[r.dataset]
        if not self.over(g, not r.open or all(v in r.attestations for v in g.members)):
            return self.refused("WindowStillOpen", anyone, "audit_board", "conclude", r.id)
        receipt = self.tx(anyone, "audit_board", "conclude", r.id)
        self.punish_silence(r, g, d.terms["auditFee"] * r.sample, receipt)
        revealed = g.weight(revealed=True)
        if revealed * 2 > g.weight():
            g.phase, g.concluded_at = "Concluded", receipt.time
            for v, m in g.members.items():
                if not m.revealed:
                    continue
                before = d.votes.get(v)
                if before is not None and before.locked:
                    self.unlock(v)
                d.votes[v] = Votes((before.count if before else 0) + r.sample * m.weight, r.id)
            self.resolve_open(r, self.attested(r, revealed))
            return None
        self.unlock_revealed(g)
        if g.attempt + 1 < MAX_ATTEMPTS:
            r.attestations = {}
            self.call_group(r, g, g.attempt + 1, receipt.block)
        else:
            g.phase = "Failed"
            self.resolve_open(r, 0)
        return None

    def punish_silence(self, r: Round, group: Group, seat_fee: int, receipt: Receipt) -> None:
        per_seat = min(max(5 * seat_fee, self.seat_size // 100), self.seat_size)
        silent = {e["validator"]: e["slashed"] for e in receipt.all("ValidatorSilent")}
        for v, m in group.members.items():
            if m.revealed:
                continue
            taken = self.slash(self.pool_of(r), v, per_seat * m.weight, receipt.block, receipt.time)
            assert silent.pop(v) == taken
            self.suspend(self.pool_of(r), v, receipt.block, receipt.time)
            self.unlock(v)
        assert not silent

    def unlock_revealed(self, group: Group) -> None:
        for v, m in group.members.items():
            if m.revealed:
                self.unlock(v)

    def attested(self, r: Round, revealed: int) -> int:
        counted = 0
        for i in range(len(r.open)):
            weight = sum(m.weight for v, m in r.panel.members.items() if m.revealed and r.attestations.get(v, 0) >> i & 1)
            counted |= (weight * 2 > revealed) << i
        return counted

    def resolve_open(self, r: Round, counted: int) -> None:
        """Open labels that the panel was not shown give back their bond, and no more (the open path)."""
        d = self.state.datasets[r.dataset]
        for i, (who, count) in enumerate(r.open):
            bond = count * d.terms["openBond"]
            if counted >> i & 1:
                c = d.contributors[who]
                c.labels, c.pending, c.pending_open = c.labels + count, c.pending + count, c.pending_open + count
                self.move(self.open_bonds(r), self.pay(d), bond)
            else:
                r.labels -= count
                d.accepted -= count
                self.move(self.open_bonds(r), user(who), bond)

    # Votes that wait

    def unlock_waiting(self, anyone: str, d: Dataset, who: str) -> None:
        """A stake is no hostage of votes that wait: 30 days after its audit a settled round lets go of it."""
        votes, current = d.votes.get(who), self.state.rounds.get(d.current)
        source = self.state.rounds.get(votes.round) if votes else None
        quiet = current is None or current.settlement in ("None", "Distributed")
        due = votes is not None and votes.locked and source is not None and source.phase == "Settled" and quiet
        if not due or source is None or votes is None or self.soon <= source.panel.concluded_at + WAIT_LOCK:
            return self.refused("NotReleasable" if votes else "", anyone, "audit_board", "unlockWaiting", d.id, who)
        self.tx(anyone, "audit_board", "unlockWaiting", d.id, who)
        votes.locked = False
        self.unlock(who)
        return None

    def verdict_commitment(self, r: Round, who: str, root: bytes) -> bytes:
        kinds = ["uint256", "uint8", "address", "bytes32", "bytes32"]
        return keccak(encode(kinds, [r.id, r.jury.attempt, who, root, self.secret(r, who)]))
