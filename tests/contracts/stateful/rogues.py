"""Mischief: spoiled submissions, settlements that lie, thieves, and people who simply do not come back."""

from dataclasses import replace
from random import Random

from eth_utils import keccak

from tests.contracts.stateful.core import person
from tests.contracts.stateful.labeling import OPEN, Item
from tests.contracts.stateful.state import Entry, Round, root_of, user
from tests.contracts.stateful.world import VALIDATORS, World


class RogueMoves(World):
    @property
    def stranger(self) -> str:
        return self.name("stranger")

    @property
    def watcher(self) -> str:
        return self.name("watcher")

    # Submissions (Invariant 4)

    def spoiled(self, r: Round, name: str, random: Random) -> Item:
        """One of the ways in which a submission is bad, or, by a session key, perhaps good."""
        who = person(name)
        good = self.item(r, who, 1)
        f = good.fields
        nobody = replace(good, signer="")
        match random.randint(0, 13):
            case 0:
                return self.item(r, who, 1, sequence=f.sequence + 1)
            case 1:
                return self.item(r, who, 0)
            case 2:
                return self.item(r, who, 1, labels_root=bytes(32))
            case 3:
                return self.item(r, who, 1, deadline=self.soon - 10)
            case 4:
                return self.item(r, who, r.budget + 1 if r.budget < 1_000 else 1_025)
            case 5:
                return self.item(r, who, 1, admission=3)
            case 6:
                # Signed for another chain.
                return replace(nobody, signature=who.sign(f, self.domain("label_registry", chain_id=1)))
            case 7:
                # Signed for another contract.
                return replace(nobody, signature=who.sign(f, self.domain("ledger")))
            case 8:
                # Signed for another round, or with another admission, than it is sent for.
                other = replace(f, round=r.id + 1) if random.random() < 0.5 else replace(f, admission=OPEN)
                return replace(nobody, signature=who.sign(other, self.domain("label_registry")))
            case 9:
                return replace(nobody, signature=random.choice([b"", good.signature[:64], bytes(65), good.signature + b"\0"]))
            case 10:
                return self.item(r, who, 1, signer=person("stranger"))
            case 11:
                return self.item(r, who, max(1, self.open_limits(r)[1]) + random.randint(0, 1), admission=OPEN)
            case _:
                return self.item(r, who, random.randint(1, 3), signer=person("session key"), ticket=random.random() < 0.5)

    def replayed(self, r: Round, random: Random) -> list[Item]:
        """Submissions that were consumed before, as they were and as if for this round."""
        if not self.state.consumed:
            return []
        _, old = random.choice(self.state.consumed)
        return [old, replace(old, fields=replace(old.fields, round=r.id), signer="" if old.fields.round != r.id else old.signer)]

    def sessions(self, random: Random) -> None:
        who, key = person(f"contributor {random.randint(0, 5)}"), person("session key")
        match random.randint(0, 4):
            case 0 if (who.address, key.address) in self.state.sessions:
                self.revoke_session(who.address, key.address)
            case 1:
                self.register_session(who, person(f"forged {random.randint(0, 9)}"), 0, 100, 10, forged=True)
            case _:
                dataset = random.choice([0, 0, 1, 2])
                self.register_session(who, key, dataset, random.choice([50, 100_000]), random.choice([0, 10**18, 10**20]))

    # Settlements

    def verdict_entries(self, r: Round) -> list[Entry]:
        """The entries of the root that a jury decided on; liars' roots have none."""
        for entries in (self.right(r), self.wrong(r)):
            if root_of(r.id, entries) == r.required:
                return entries
        return self.right(r)

    def propose_badly(self, r: Round, random: Random) -> None:
        entries = self.right(r)
        match random.randint(0, 4):
            case 0:
                self.propose(self.watcher, r, entries, random.randint(1, 2), contributorReward=1)
            case 1:
                self.propose(self.watcher, r, entries[1:] if len(entries) > 1 else entries, 1)
            case 2:
                self.propose(self.watcher, r, entries, 1, signed=False)
            case _:
                self.propose(self.watcher, r, self.wrong(r), random.randint(1, 3))

    def refuse_entries(self, r: Round) -> None:
        """Invariant 5: an entry above its account's limits, doubled or out of order is refused as soon as it is published."""
        p, d = self.proposal(r), self.dataset(r)
        if p.published or self.soon + 4 > p.publish_ends or not d.pending():
            return
        who, c = next(iter(d.pending().items()))
        reward, bond = c.pending * d.terms["reward"], d.bond_of(who)
        good = (0, who, reward, 0, 0, 0)
        for error, entries in (
            ("LimitExceeded", [(0, who, reward + 1, 0, 0, 0)]),
            ("LimitExceeded", [(0, who, 0, bond + 1, 0, 0)]),
            ("LimitExceeded", [(0, self.stranger, 1, 0, 0, 0)]),
            ("EntriesOutOfOrder", [good, good]),
        ):
            self.refused(error, p.proposer, "settlement", "publish", r.id, 0, entries)

    def refuse_after_disputes(self, r: Round) -> None:
        self.challenge(self.watcher, r)

    def refuse_distribution(self, r: Round) -> None:
        """Another entry than what was published pays nobody."""
        p = self.proposal(r)
        chunk = next(i for i in range(len(p.chunks)) if i not in p.distributed)
        self.refused("ChunkMismatch", self.stranger, "settlement", "distribute", r.id, chunk, [(0, self.stranger, 1, 0, 0, 0)])

    # Thieves (Invariants 2 and 11)

    def steal(self, random: Random) -> None:
        thief, victim = self.stranger, self.name(random.choice(VALIDATORS))
        match random.randint(0, 3):
            case 0:
                self.refused("InsufficientAllowance", thief, "ledger", "spend", victim, user(thief), 1)
            case 1:
                self.refused("InsufficientBalance", thief, "ledger", "moveBatch", keccak(text="proposal bonds"), [(user(thief), 1)])
            case 2:
                item = (victim, thief, 1, 0, self.state.withdrawals.get(victim, 0), self.soon + 100, bytes(65))
                self.refused("InvalidWithdrawalSignature", thief, "ledger", "withdrawBySig", item)
            case _:
                self.no_role_moves_funds(thief)
