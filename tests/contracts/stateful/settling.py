"""Settlements: right ones, wrong ones, expired ones; the exit. What is paid is what the model says, to the unit."""

from random import Random
from typing import Any

from eth_utils import keccak

from labelshare.rules import eip712
from tests.contracts.flow import totals_of
from tests.contracts.stateful.disputing import DisputeActions
from tests.contracts.stateful.state import CONTRIBUTOR, ONE, REQUESTER, VALIDATOR, Dataset, Entry, Proposal, Round, root_of, user

BPS = 10_000
MAX_PROPOSALS = 3


class SettlementActions(DisputeActions):
    # Entries

    def entries(self, r: Round, seed: int) -> list[Entry]:
        """Some settlement of all pending work within the limits (R3-R5); another for another seed."""
        d, random = self.dataset(r), Random(seed)
        t, entries = d.terms, []
        for who, c in d.pending().items():
            q = random.randint(-1_000, 1_000)
            if not r.last and random.random() < 0.25:
                entries.append((CONTRIBUTOR, who, 0, 0, 0, c.pending))
            elif q >= 0:
                entries.append((CONTRIBUTOR, who, c.pending * t["reward"] * q // 1_000, 0, c.pending * ONE * q // 1_000, 0))
            else:
                entries.append((CONTRIBUTOR, who, 0, d.bond_of(who) * -q // 1_000, 0, 0))
        shares = sum(e[4] for e in entries)
        left = shares * t["validatorsBps"] // t["contributorsBps"]
        for who, votes in sorted((v, held.count) for v, held in d.votes.items()):
            q = random.randint(-1_000, 1_000)
            if not r.last and random.random() < 0.25:
                entries.append((VALIDATOR, who, 0, 0, 0, votes))
            elif q >= 0:
                part = left * q // 2_000
                left -= part
                entries.append((VALIDATOR, who, votes * t["auditFee"] * q // 1_000, 0, part, 0))
            else:
                entries.append((VALIDATOR, who, 0, 5 * votes * t["auditFee"] * -q // 1_000, 0, 0))
        if random.random() < 0.8:
            entries.append((REQUESTER, t["requester"], 0, 0, shares * t["requesterBps"] // t["contributorsBps"], 0))
        return entries

    def right(self, r: Round) -> list[Entry]:
        """What the honest compute."""
        if r.right is None:
            r.right = self.entries(r, r.id)
        return r.right

    def wrong(self, r: Round) -> list[Entry]:
        """Within every limit, and not what the honest compute."""
        seed = 1_000
        while self.entries(r, seed) == self.right(r):
            seed += 1
        return self.entries(r, seed)

    def chunked(self, entries: list[Entry], chunks: int) -> list[list[Entry]]:
        size = -(-len(entries) // chunks)
        return [entries[i * size : (i + 1) * size] for i in range(chunks)]

    # Propose and publish

    def signatures(self, r: Round, evidence: bytes, proposer: str) -> list[tuple[str, bytes]]:
        message = eip712.Evidence(r.id, evidence, proposer)
        members = [v for v, m in r.panel.members.items() if m.revealed]
        return [(v, self.people[v].sign(message, self.domain("settlement"))) for v in sorted(members)]

    def bond_now(self, r: Round) -> int:
        d = self.dataset(r)
        fees = (2 * d.terms["panelSize"] + 1) * self.seat_fee(r)
        return int(max(fees * 3 // 2, (r.reserve + d.carried()) * 500 // BPS) << (r.disputes + self.expired(r)))

    def expired(self, r: Round) -> int:
        return r.proposals - (r.settlement in ("Proposed", "Published", "Challenged"))

    def may_propose(self, r: Round) -> bool:
        usable = r.panel.phase == "Concluded" and r.settlement == "None" and not r.hung and r.proposals < MAX_PROPOSALS
        return usable and bool(self.dataset(r).pending() or self.dataset(r).votes)

    def propose(self, who: str, r: Round, entries: list[Entry], chunks: int = 1, signed: bool = True, **wrong: int) -> None:
        evidence = keccak(text=f"evidence {r.id}")
        totals = totals_of(entries) | wrong
        needs_panel = not r.required and r.panel.weight(revealed=True) > 0
        signatures = self.signatures(r, evidence, who) if needs_panel and signed else []
        args = (r.id, evidence, chunks, tuple(totals.values()), signatures)
        bond = self.bond_now(r)
        for refusal, holds in (
            ("WrongPhase", r.settlement != "None"),
            ("NotAudited", r.panel.phase != "Concluded"),
            ("RoundHung", r.hung),
            ("NoPanelMajority", needs_panel and not signed),
            ("TooManyProposals", r.proposals == MAX_PROPOSALS),
            ("InsufficientBalance", self.of(user(who)) < bond),
        ):
            if holds:
                return self.refused(refusal, who, "settlement", "propose", *args)
        receipt = self.tx(who, "settlement", "propose", *args)
        self.move(user(who), self.proposal_bonds, bond)
        ends = receipt.time + self.dataset(r).terms["challengeWindow"]
        r.proposal = Proposal(who, bond, self.chunked(entries, chunks), totals, ends)
        r.settlement, r.proposals = "Proposed", r.proposals + 1
        return None

    def publish(self, r: Round) -> None:
        """The next chunk. The last one of a proposal whose totals or entries are not in order is refused (Invariant 5)."""
        p, d = self.proposal(r), self.dataset(r)
        chunk = p.published
        args = (r.id, chunk, p.chunks[chunk])
        if self.soon > p.publish_ends:
            return self.refused("WindowClosed", p.proposer, "settlement", "publish", *args)
        is_last = chunk + 1 == len(p.chunks)
        error = self.flaw(r, d, p) if is_last else ""
        if error:
            return self.refused(error, p.proposer, "settlement", "publish", *args)
        receipt = self.tx(p.proposer, "settlement", "publish", *args)
        p.published += 1
        if is_last:
            p.root = root_of(r.id, p.entries())
            r.settlement, p.challenge_ends = "Published", receipt.time + d.terms["challengeWindow"]
        return None

    def flaw(self, r: Round, d: Dataset, p: Proposal) -> str:
        entries = p.entries()
        if r.required and root_of(r.id, entries) != r.required:
            return "NotTheVerdict"
        named = {(e[0], e[1]) for e in entries if e[0] != REQUESTER}
        owed = {(CONTRIBUTOR, who) for who in d.pending()} | {(VALIDATOR, who) for who in d.votes}
        return "TotalsMismatch" if named != owed or p.totals != totals_of(entries) else ""

    def proposal(self, r: Round) -> Proposal:
        assert r.proposal is not None
        return r.proposal

    def expire(self, anyone: str, r: Round) -> None:
        p = self.proposal(r)
        if self.soon <= p.publish_ends:
            return self.refused("WindowStillOpen", anyone, "settlement", "expire", r.id)
        receipt = self.tx(anyone, "settlement", "expire", r.id)
        self.move(self.proposal_bonds, user(self.treasury), p.bond)
        self.reopen(r, receipt.time)
        return None

    # Finalize and distribute

    def finalize(self, anyone: str, r: Round) -> None:
        p, d = self.proposal(r), self.dataset(r)
        if self.soon <= p.challenge_ends:
            return self.refused("WindowStillOpen", anyone, "settlement", "finalize", r.id)
        self.tx(anyone, "settlement", "finalize", r.id)
        t, held = p.totals, r.reserve + d.carried()
        paid = t["contributorReward"] + t["validatorReward"]
        d.waiting = (t["waitingLabels"], t["waitingVotes"])
        self.settle(d, paid, held - paid - d.carried())
        self.finalize_shares(d, r, t["contributorShares"] + t["validatorShares"] + t["requesterShares"])
        self.move(self.proposal_bonds, user(p.proposer), p.bond)
        r.settlement = "Final"
        return None

    def settle(self, d: Dataset, paid: int, released: int) -> None:
        assert released >= 0
        d.reserved -= paid + released
        d.settled += paid
        self.move(self.escrow(d), self.pay(d), paid)

    def distribute(self, anyone: str, r: Round, chunk: int) -> None:
        p, d = self.proposal(r), self.dataset(r)
        entries = p.chunks[chunk]
        if chunk in p.distributed:
            return self.refused("ChunkDistributed", anyone, "settlement", "distribute", r.id, chunk, entries)
        receipt = self.tx(anyone, "settlement", "distribute", r.id, chunk, entries)
        p.distributed.add(chunk)
        at_once = d.finished or d.pending_open() > 0
        for role, who, reward, slash, shares, waiting in entries:
            if role == CONTRIBUTOR and not waiting:
                assert reward <= d.contributors[who].pending * d.terms["reward"], "invariant 5"
                self.move(self.pay(d), user(self.treasury), slash)
                labels = d.contributors[who].pending
                self.pay_labels(d, who, slash, reward, keeps=not slash and not d.finished)
                # The chain shows them as pending until the round is settled: it writes nothing for who is not slashed.
                d.contributors[who].undecided = 0 if slash or at_once else labels
            elif role == CONTRIBUTOR:
                d.contributors[who].round = r.id + 1
            elif role == VALIDATOR and not waiting:
                self.slash(d.terms["validatorCredential"], who, slash, receipt.block, receipt.time)
                self.release_votes(d, who, reward)
            if shares:
                self.mint(d, r, who, shares)
        if len(p.distributed) == len(p.chunks):
            self.mark_settled(r, receipt.time)
        return None

    def pay_labels(self, d: Dataset, who: str, slash: int, pay: int, keeps: bool) -> None:
        """Ticketed bonds stay for the next labels, or return with the open ones, less the slash."""
        c = d.contributors[who]
        bonds = c.pending_open * d.terms["openBond"] + (0 if keeps else c.covered * d.terms["bond"])
        self.move(self.pay(d), user(who), bonds - slash + pay)
        d.distributed += pay
        c.earned += pay
        c.pending = c.pending_open = 0
        c.covered = c.covered if keeps else 0

    def release_bonds(self, anyone: str, d: Dataset, contributors: list[str]) -> None:
        """Those named twice, or unknown, get nothing more and break nothing."""
        self.tx(anyone, "settlement", "releaseBonds", d.id, contributors)
        for who in d.contributors.keys() & set(contributors):
            c = d.contributors[who]
            self.move(self.pay(d), user(who), d.kept_for(who))
            c.covered = c.ticketed

    def release_votes(self, d: Dataset, who: str, pay: int) -> None:
        self.move(self.pay(d), user(who), pay)
        d.distributed += pay
        if d.votes.pop(who).locked:
            self.unlock(who)

    def mark_settled(self, r: Round, time: int) -> None:
        r.phase, r.settlement = "Settled", "Distributed"
        for c in self.dataset(r).contributors.values():
            c.undecided = 0
        self.dataset(r).settled_at = time

    # The exit

    def exit_due_at(self, r: Round) -> int:
        return int(max(r.panel.concluded_at, r.reopened_at) + self.dataset(r).terms["exitDelay"])

    def exit_due(self, r: Round) -> bool:
        if r.settlement != "None" or r.panel.phase not in ("Concluded", "Failed"):
            return False
        overdue = self.soon > self.exit_due_at(r) or r.proposals == MAX_PROPOSALS or r.hung
        return r.panel.phase == "Failed" or overdue

    def start_exit(self, anyone: str, r: Round) -> None:
        if not self.exit_due(r):
            closed = r.settlement != "None" or r.panel.phase in ("Concluded", "Failed")
            error = "WrongPhase" if r.settlement != "None" else "ExitNotDue" if closed else "NotAudited"
            return self.refused(error, anyone, "settlement", "startExit", r.id)
        self.tx(anyone, "settlement", "startExit", r.id)
        d = self.dataset(r)
        t = d.terms
        rates = (t["reward"] * t["exitRate"] // BPS, t["auditFee"] * t["exitRate"] // BPS, ONE * t["exitRate"] // BPS)
        labels = sum(c.pending for c in d.contributors.values())
        votes, held = d.pending_votes(), r.reserve + d.carried()
        paid = labels * rates[0] + votes * rates[1]
        r.settlement, r.exit_rates, d.waiting = "Exiting", rates, (0, 0)
        self.settle(d, paid, held - paid)
        self.finalize_shares(d, r, labels * rates[2])
        return None

    def exit(self, anyone: str, r: Round, contributors: list[str], validators: list[str]) -> None:
        d = self.dataset(r)
        receipt = self.tx(anyone, "settlement", "exit", r.id, contributors, validators)
        label_pay, vote_pay, label_shares = r.exit_rates
        for who in contributors:
            labels = d.contributors[who].pending
            self.pay_labels(d, who, 0, labels * label_pay, keeps=False)
            self.mint(d, r, who, labels * label_shares)
        for who in validators:
            self.release_votes(d, who, d.votes[who].count * vote_pay)
        if not d.pending() and not d.votes:
            self.mark_settled(r, receipt.time)

    # Checking

    def undistributed(self, d: Dataset) -> int:
        """Pay that a final round still owes."""
        r: Any = self.current(d)
        if r is None or r.settlement not in ("Final", "Exiting"):
            return 0
        if r.settlement == "Final":
            p = self.proposal(r)
            return sum(e[2] for i, chunk in enumerate(p.chunks) if i not in p.distributed for e in chunk)
        labels = sum(c.pending for c in d.contributors.values())
        return int(labels * r.exit_rates[0] + d.pending_votes() * r.exit_rates[1])
