"""The watcher: recomputes every settlement that is proposed, says what is wrong with it, and challenges it if it is to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from labelshare.client.api import ApiError, TimedOut
from labelshare.client.audit import EvidenceMismatch
from labelshare.client.chain import Chain, TransactionFailed
from labelshare.client.check import UNDER_WAY, Check, NothingProposed, check
from labelshare.client.dispute import challenge
from labelshare.client.evidence import rounds_with_evidence
from labelshare.client.recompute import EvidenceMissing
from labelshare.client.round_state import ROUND_PHASES, SETTLEMENT_PHASES
from labelshare.client.wallet import Wallet
from labelshare.rules.history import OtherRule

Evidence = Callable[[list[int]], Mapping[int, bytes]]


@dataclass(frozen=True)
class Notice:
    """One thing that a watcher says of a round. `alarm`: somebody should look."""

    round: int
    text: str
    alarm: bool

    def __str__(self) -> str:
        return f"{'ALARM: ' if self.alarm else ''}round {self.round}: {self.text}"


@dataclass(frozen=True)
class Challenger:
    """Whose bond a watcher stakes. `also_withheld`: on proposals, too, whose evidence nobody gives it (the jury may then find the
    same, J4; but a proposal that it merely cannot see may be right)."""

    wallet: Wallet
    also_withheld: bool = False


class Watcher:
    """Watches all rounds of a deployment, or those of one dataset.

    Args:
        evidence: gives the evidence files it has of these rounds, by round.
        challenger: None: it only speaks.
    """

    def __init__(
        self, chain: Chain, evidence: Evidence, challenger: Challenger | None = None, dataset: int | None = None
    ) -> None:
        self.chain = chain
        self.evidence = evidence
        self.challenger = challenger
        self.dataset = dataset
        self._over: set[int] = set()
        self._said: set[tuple[int, str]] = set()

    def look(self) -> Iterator[Notice]:
        """Looks once at every round whose settlement is under way; says of each what has not been said."""
        for round_id in range(1, int(self.chain.read("LabelRegistry", "roundCount")) + 1):
            if round_id in self._over:
                continue
            dataset, *_, phase, _, _, _, _, _, _ = self.chain.read("LabelRegistry", "roundOf", round_id)
            if ROUND_PHASES[phase] in ("void", "settled") or self.dataset not in (None, dataset):
                self._over.add(round_id)
            elif SETTLEMENT_PHASES[self.chain.read("Settlement", "proposalOf", round_id)[0]] in UNDER_WAY:
                yield from self._look_at(round_id)

    def _look_at(self, round_id: int) -> Iterator[Notice]:
        try:
            found = check(self.chain, round_id, self.evidence(rounds_with_evidence(self.chain, round_id)))
        except NothingProposed:
            return  # its proposal ended just now
        except OtherRule as error:
            self._over.add(round_id)
            yield from self._say(round_id, f"is not watched: {error}", alarm=False)
            return
        except (ApiError, TimedOut) as error:
            # Said, and the other rounds are looked at: who answers with failures is not to be challenged for them at once, nor to
            # keep a watcher from the rest.
            yield from self._say(round_id, f"cannot be checked now: {error}", alarm=True)
            return
        except (EvidenceMissing, EvidenceMismatch) as error:
            yield from self._say(round_id, f"cannot be checked: {error}", alarm=True)
            if self.challenger is not None and self.challenger.also_withheld:
                yield from self._challenge(round_id, self.challenger.wallet)
            return
        yield from self._say(round_id, _verdict(found), alarm=not found.right or found.evidence_differs)
        if not found.right and self.challenger is not None:
            yield from self._challenge(round_id, self.challenger.wallet)

    def _challenge(self, round_id: int, wallet: Wallet) -> Iterator[Notice]:
        if SETTLEMENT_PHASES[self.chain.read("Settlement", "proposalOf", round_id)[0]] != "published":
            return
        needed = int(self.chain.read("Jury", "bondOf", round_id))
        account = self.chain.read("Ledger", "accountOf", wallet.address)
        held = int(self.chain.read("Ledger", "balanceOf", account))
        if held < needed:
            short = f"the bond is {needed} base units and the Ledger account of {wallet.address} has {held}"
            yield from self._say(round_id, f"not challenged: {short}; deposit more", alarm=True)
            return
        try:
            challenge(self.chain, wallet, round_id)
        except TransactionFailed as error:
            yield from self._say(round_id, f"not challenged: {error}", alarm=True)
            return
        yield from self._say(round_id, f"challenged with a bond of {needed} base units", alarm=True)

    def _say(self, round_id: int, text: str, alarm: bool) -> Iterator[Notice]:
        """Once."""
        if (round_id, text) not in self._said:
            self._said.add((round_id, text))
            yield Notice(round_id, text, alarm)


def _verdict(found: Check) -> str:
    proposal = found.proposal
    if not found.right:
        return f"the settlement that {proposal.proposer} {proposal.phase} is wrong: " + "; ".join(found.problems)
    what = "is right" if proposal.complete else f"is right in the {len(proposal.entries)} entries published so far"
    more = ", but it names other evidence than the rule's" if found.evidence_differs else ""
    return f"the settlement that {proposal.proposer} proposed {what}{more}; root 0x{found.root.hex()}"
