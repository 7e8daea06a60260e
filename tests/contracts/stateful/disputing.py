"""Challenges and juries: who pays whom when a settlement is upheld, overturned, or nobody can say."""

from labelshare.rules import eip712
from tests.contracts.stateful.auditing import AuditActions
from tests.contracts.stateful.core import Person
from tests.contracts.stateful.node import Receipt
from tests.contracts.stateful.shares import ShareActions
from tests.contracts.stateful.state import Dispute, Entry, Round, root_of, user

MAX_DISPUTES = 2
MIN_OWNERS = 3
MIN_TASKS = 10


class DisputeActions(AuditActions, ShareActions):
    people: dict[str, Person]

    def right(self, r: Round) -> list[Entry]:
        raise NotImplementedError

    def bond_now(self, r: Round) -> int:
        raise NotImplementedError

    def seat_fee(self, r: Round) -> int:
        return int(self.dataset(r).terms["auditFee"] * max(r.sample, MIN_TASKS))

    def dispute(self, r: Round) -> Dispute:
        assert r.dispute is not None
        return r.dispute

    # The challenge

    def challenge(self, who: str, r: Round) -> None:
        p, bond = r.proposal, self.bond_now(r)
        for refusal, holds in (
            ("TooManyDisputes", r.disputes == MAX_DISPUTES),
            ("WrongPhase", r.settlement != "Published"),
            ("WindowClosed", p is not None and self.soon > p.challenge_ends),
            ("InsufficientBalance", self.of(user(who)) < bond),
        ):
            if holds:
                return self.refused(refusal, who, "jury", "challenge", r.id)
        receipt = self.tx(who, "jury", "challenge", r.id)
        assert p is not None
        self.move(user(who), self.jury_bonds(r), bond)
        r.settlement, r.disputes = "Challenged", r.disputes + 1
        r.dispute = Dispute(who, bond, p.root)
        r.jury.size = 2 * r.panel.size + 1
        self.call_group(r, r.jury, r.jury.attempt + 1, receipt.block)
        return None

    def draw_jury(self, anyone: str, r: Round) -> None:
        g = r.jury
        if self.node.number + 1 <= g.seed_block:
            return self.refused("SeedNotReady", anyone, "jury", "drawJury", r.id)
        if self.missed(r, g):
            receipt = self.tx(anyone, "jury", "drawJury", r.id)
            self.miss(r, g, receipt)
            if g.phase == "Failed":
                self.hang(r, receipt)
            return None
        seats = self.drawn(r, g, g.size, r.panel.seats)
        if len({g.eligible[s] for s in seats}) < MIN_OWNERS:
            seats = self.drawn(r, g, g.size, [])
        receipt = self.tx(anyone, "jury", "drawJury", r.id)
        if not seats:
            g.phase = "Failed"
            self.hang(r, receipt)
        else:
            self.seat(r, g, seats, receipt.one("JuryDrawn"), receipt.time)
        return None

    # Verdicts

    def juror_commits(self, r: Round, who: str, root: bytes, relayer: str = "") -> None:
        commitment = self.verdict_commitment(r, who, root)
        message = eip712.Verdict(r.id, r.jury.attempt, who, commitment)
        signature = self.people[who].sign(message, self.domain("jury")) if relayer else b""
        receipt = self.tx(relayer or who, "jury", "commit", r.id, who, commitment, signature)
        r.jury.members[who].said = root
        self.after_commit(r, r.jury, receipt.time)

    def juror_reveals(self, anyone: str, r: Round, who: str) -> None:
        said = r.jury.members[who].said
        assert said is not None
        self.tx(anyone, "jury", "reveal", r.id, who, said, self.secret(r, who))
        r.jury.phase = "Revealing"
        r.jury.members[who].revealed = True

    def right_root(self, r: Round) -> bytes:
        return root_of(r.id, self.right(r))

    def conclude_jury(self, anyone: str, r: Round) -> None:
        g = r.jury
        if not self.over(g, True):
            return self.refused("WindowStillOpen", anyone, "jury", "conclude", r.id)
        receipt = self.tx(anyone, "jury", "conclude", r.id)
        votes: dict[bytes, int] = {}
        for m in g.members.values():
            if m.revealed and m.said is not None:
                votes[m.said] = votes.get(m.said, 0) + m.weight
        root = max(votes, key=lambda k: votes[k]) if votes else b""
        self.punish_silence(r, g, self.seat_fee(r), receipt)
        if votes and votes[root] * 2 > g.weight():
            g.phase = "Concluded"
            self.punish_dissent(r, root, receipt)
            self.unlock_revealed(g)
            self.decide(r, root, votes[root], receipt)
            return None
        self.unlock_revealed(g)
        if self.dispute(r).larger:
            g.phase = "Failed"
            self.hang(r, receipt)
        else:
            self.dispute(r).larger, g.size = True, 4 * r.panel.size + 1
            self.call_group(r, g, g.attempt + 1, receipt.block)
        return None

    def punish_dissent(self, r: Round, root: bytes, receipt: Receipt) -> None:
        per_seat = min(2 * self.seat_fee(r), self.seat_size)
        for v, m in r.jury.members.items():
            if m.revealed and m.said != root:
                self.slash(self.pool_of(r), v, per_seat * m.weight, receipt.block, receipt.time)

    def decide(self, r: Round, root: bytes, votes: int, receipt: Receipt) -> None:
        dispute, p = self.dispute(r), r.proposal
        assert p is not None
        if root == dispute.proposed:
            r.settlement = "Published"
            p.challenge_ends = receipt.time + self.dataset(r).terms["challengeWindow"]
            self.split(r, root, votes, dispute.bond, 0, p.proposer)
            return
        self.move(self.proposal_bonds, self.jury_bonds(r), p.bond)
        self.reopen(r, receipt.time)
        r.proposals -= 1
        r.required = root
        self.split(r, root, votes, p.bond, dispute.bond, dispute.challenger)

    def split(self, r: Round, root: bytes, votes: int, lost: int, returned: int, winner: str) -> None:
        """The jurors get their fees of what the loser lost; of the rest, half goes to the winner, half to the treasury."""
        source = self.jury_bonds(r)
        per_seat = min(lost, (2 * r.panel.size + 1) * self.seat_fee(r)) // votes
        for v, m in r.jury.members.items():
            if m.revealed and m.said == root:
                self.move(source, user(v), per_seat * m.weight)
        rest = lost - per_seat * votes
        self.move(source, user(winner), returned + rest // 2)
        self.move(source, user(self.treasury), rest - rest // 2)

    def hang(self, r: Round, receipt: Receipt) -> None:
        dispute, p = self.dispute(r), r.proposal
        assert p is not None
        self.move(self.proposal_bonds, user(p.proposer), p.bond)
        self.move(self.jury_bonds(r), user(dispute.challenger), dispute.bond)
        r.hung = True
        self.reopen(r, receipt.time)

    def reopen(self, r: Round, time: int) -> None:
        r.settlement, r.proposal, r.reopened_at = "None", None, time
