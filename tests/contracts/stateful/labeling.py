"""Rounds and submissions: good and bad ones in the same batch, each accepted or skipped for the reason the model gives."""

from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils import keccak

from labelshare.rules import eip712
from tests.contracts.flow import REASONS
from tests.contracts.stateful.core import Person
from tests.contracts.stateful.staking import StakeActions
from tests.contracts.stateful.state import Contributor, Dataset, Group, Round, Session, user

TICKETED, OPEN = 1, 2
MAX_COUNT = 1_024
WAIT_LIMIT = 14 * 24 * 3600


@dataclass(frozen=True)
class Item:
    """A submission as sent. `signer`: who really signed these very fields for this contract, or nobody. `ticket`: a good one."""

    fields: eip712.Submission
    signature: bytes
    signer: str
    ticket: bytes = b""

    def encoded(self) -> tuple[Any, ...]:
        f = self.fields
        return ((f.round, f.contributor, f.sequence, f.count, f.labels_root, f.admission, f.deadline), self.signature, self.ticket)


class LabelActions(StakeActions):
    operator: Person

    def dataset(self, r: Round) -> Dataset:
        return self.state.datasets[r.dataset]

    def current(self, d: Dataset) -> Round | None:
        return self.state.rounds.get(d.current)

    def contributor(self, d: Dataset, who: str) -> Contributor:
        return d.contributors.setdefault(who, Contributor())

    # Rounds

    def idle(self, d: Dataset) -> bool:
        r = self.current(d)
        return not d.finished and (r is None or r.phase in ("Void", "Settled"))

    def waits_too_long(self, d: Dataset) -> bool:
        return any(d.waiting) and self.soon > d.settled_at + WAIT_LIMIT

    def open_round(self, sender: str, d: Dataset, tasks: int, budget: int, lasts: int, last: bool = False) -> Round | None:
        terms = d.terms
        sample = -(-tasks * terms["auditRate"] // 256)
        reserve = budget * terms["reward"] + sample * terms["panelSize"] * terms["auditFee"]
        args = (d.id, keccak(text="tasks"), tasks, budget, self.soon + lasts, last)
        seats, owners = self.pool(terms["validatorCredential"]).size()
        for refusal, holds in (
            ("InflowPaused", "Rounds" in self.state.paused),
            ("DatasetBusy", not self.idle(d)),
            ("WaitedTooLong", self.waits_too_long(d)),
            ("InvalidRound", budget > tasks * terms["maxLabels"]),
            ("LabelCapExceeded", d.accepted + budget > terms["labelCap"]),
            ("PoolTooSmall", seats < 3 * terms["panelSize"] or owners < 3),
            ("InsufficientEscrow", self.of(self.escrow(d)) - d.reserved < reserve),
        ):
            if holds:
                self.refused(refusal, sender, "label_registry", "openRound", *args)
                return None
        deadline = self.soon + lasts
        self.tx(sender, "label_registry", "openRound", *args)
        r = self.begin(d, Round(0, d.id, tasks, budget, sample, deadline, last, reserve, Group(0), Group(0)))
        d.reserved += reserve
        d.reserved_ever += reserve
        return r

    def begin(self, d: Dataset, r: Round) -> Round:
        r.id = len(self.state.rounds) + 1
        r.panel, r.jury = Group(d.terms["panelSize"]), Group(2 * d.terms["panelSize"] + 1)
        self.state.rounds[r.id], d.current = r, r.id
        return r

    def may_close(self, r: Round) -> bool:
        return r.phase == "Open" and (self.soon > r.deadline or r.labels >= r.budget)

    def close_round(self, anyone: str, r: Round) -> None:
        if not self.may_close(r):
            return self.refused("RoundStillOpen", anyone, "label_registry", "closeRound", r.id)
        receipt = self.tx(anyone, "label_registry", "closeRound", r.id)
        d = self.dataset(r)
        if r.labels == 0:
            r.phase = "Void"
            d.reserved -= r.reserve
            return None
        r.phase = "Closed"
        d.accepted += r.labels
        d.finished = d.finished or r.last
        self.call_group(r, r.panel, 0, receipt.block)
        return None

    def call_group(self, r: Round, group: Group, attempt: int, block: int) -> None:
        raise NotImplementedError

    def finish_dataset(self, anyone: str, d: Dataset) -> Round | None:
        if not self.idle(d):
            self.refused("DatasetBusy", anyone, "label_registry", "finishDataset", d.id)
            return None
        if not self.waits_too_long(d):
            error = "StillWaiting" if any(d.waiting) else "NothingWaits"
            self.refused(error, anyone, "label_registry", "finishDataset", d.id)
            return None
        receipt = self.tx(anyone, "label_registry", "finishDataset", d.id)
        r = self.begin(d, Round(0, d.id, 0, 0, 0, 0, True, 0, Group(0), Group(0)))
        r.phase, r.panel.phase, r.panel.concluded_at = "Closed", "Concluded", receipt.time
        d.finished = True
        return r

    # Sessions

    def register_session(self, who: Person, key: Person, dataset: int, lasts: int, max_bond: int, forged: bool = False) -> None:
        session = eip712.Session(who.address, key.address, dataset, self.soon + lasts, max_bond)
        signature = (key if forged else who).sign(session, self.domain("label_registry"))
        item = ((session.contributor, session.key, dataset, session.expiry, max_bond), signature)
        receipt = self.tx(self.operator.address, "label_registry", "registerSessions", [item])
        if forged or (who.address, key.address) in self.state.sessions:
            receipt.one("SessionSkipped")
        else:
            receipt.one("SessionRegistered")
            self.state.sessions[who.address, key.address] = Session(session.expiry, dataset, max_bond)

    def revoke_session(self, who: str, key: str) -> None:
        self.tx(who, "label_registry", "revokeSession", key)
        self.state.sessions.setdefault((who, key), Session(0, 0, 0)).revoked = True

    # Submissions

    def item(self, r: Round, who: Person, count: int, signer: Person | None = None, ticket: bool = False, **changes: Any) -> Item:
        fields = eip712.Submission(
            round=r.id,
            contributor=who.address,
            sequence=self.contributor(self.dataset(r), who.address).sequence,
            count=count,
            labels_root=keccak(text=f"labels {r.id} {who.address} {self.node.number}"),
            admission=TICKETED,
            deadline=self.soon + 1_000,
        )
        fields = replace(fields, **changes)
        signer = signer or who
        signature = signer.sign(fields, self.domain("label_registry"))
        return Item(fields, signature, signer.address, self.ticket(fields) if ticket else b"")

    def ticket(self, f: eip712.Submission) -> bytes:
        assignment = eip712.Assignment(f.round, f.contributor, f.sequence, f.count, f.deadline)
        signature = self.operator.sign(assignment, self.domain("label_registry"))
        return encode(["uint32", "uint64", "bytes"], [f.count, f.deadline, signature])

    def submit(self, sender: str, items: list[Item]) -> list[str]:
        """What became of each item."""
        encoded = [i.encoded() for i in items]
        if "Submissions" in self.state.paused:
            self.refused("InflowPaused", sender, "label_registry", "submit", encoded)
            return []
        receipt = self.tx(sender, "label_registry", "submit", encoded)
        expected = [self.accept(sender, item, receipt.time) for item in items]
        words = [e for e in receipt.events if e.name.startswith("Submission")]
        told = [REASONS[e.args.get("reason", 0)] for e in words]
        assert told == expected
        for reason in told:
            self.calls[f"submission {reason}"] += 1
        return told

    def open_limits(self, r: Round) -> tuple[int, int, int]:
        budget = r.budget // 5
        return budget, -(-budget // 4), -(-budget // 128)

    def accept(self, sender: str, item: Item, now: int) -> str:
        """Invariant 4: the checks of the specification, in the contract's order."""
        f = item.fields
        r = self.state.rounds.get(f.round)
        if r is None or r.phase != "Open" or now > r.deadline:
            return "RoundNotOpen"
        d = self.dataset(r)
        c = self.contributor(d, f.contributor)
        refusal = self.form(f, r, c, now)
        if refusal:
            return refusal
        is_open = f.admission == OPEN
        if is_open:
            budget, most, least = self.open_limits(r)
            if c.open_round == r.id or not least <= f.count <= most or r.open_labels + f.count > budget:
                return "OpenLimit"
        elif sender != self.operator.address and item.ticket != self.ticket(f):
            return "NotAdmitted"
        credential = d.terms["contributorCredential"]
        if any(credential) and not self.held(credential, f.contributor, now):
            return "CredentialMissing"
        uncovered = max(0, c.ticketed + f.count - c.covered)
        bond = f.count * d.terms["openBond"] if is_open else uncovered * d.terms["bond"]
        refusal = self.signed(item, d, bond, now)
        if refusal:
            return refusal
        if bond > self.of(user(f.contributor)):
            return "BondUnavailable"
        self.take(item, r, d, c, bond)
        return "None"

    def form(self, f: eip712.Submission, r: Round, c: Contributor, now: int) -> str:
        if now > f.deadline:
            return "Expired"
        if f.sequence != c.sequence:
            return "WrongSequence"
        if not 0 < f.count <= MAX_COUNT:
            return "InvalidCount"
        if not any(f.labels_root):
            return "EmptyRoot"
        if f.admission not in (TICKETED, OPEN):
            return "UnsupportedAdmission"
        return "BudgetExhausted" if r.labels + f.count > r.budget else ""

    def signed(self, item: Item, d: Dataset, bond: int, now: int) -> str:
        who = item.fields.contributor
        if item.signer == who:
            return ""
        session = self.state.sessions.get((who, item.signer))
        if session is None or session.expiry == 0:
            return "InvalidSignature"
        if session.revoked or now > session.expiry:
            return "SessionNotLive"
        if session.dataset not in (0, d.id):
            return "SessionOtherDataset"
        return "SessionBondExceeded" if session.bond_left < bond else ""

    def take(self, item: Item, r: Round, d: Dataset, c: Contributor, bond: int) -> None:
        f = item.fields
        key = (f.round, f.contributor, f.sequence)
        assert key not in {k for k, _ in self.state.consumed}, "a submission was consumed twice"
        self.state.consumed.append((key, item))
        r.labels += f.count
        c.sequence, c.round = c.sequence + 1, r.id
        if f.admission == OPEN:
            c.open_round = r.id
            r.open_labels += f.count
            r.open.append((f.contributor, f.count))
        else:
            c.labels += f.count
            c.pending += f.count
            c.covered = max(c.covered, c.ticketed)
        if bond and item.signer != f.contributor:
            self.state.sessions[f.contributor, item.signer].bond_left -= bond
        self.move(user(f.contributor), self.open_bonds(r) if f.admission == OPEN else self.pay(d), bond)
