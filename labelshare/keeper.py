"""What is due in a round, for anyone to do: the chores that keep the protocol moving without the operator.

`due_step` and `may_finish` are pure. The operator's backend runs them on its mirror, and anyone can run them on the chain alone.
"""

from dataclasses import dataclass
from enum import Enum

WAIT_LIMIT = 14 * 24 * 3600  # seconds that work may wait for a next round


class Step(Enum):
    """A call that anyone may make, with the round's number as its argument: (contract, function)."""

    CLOSE = ("LabelRegistry", "closeRound")
    DRAW = ("AuditBoard", "drawPanel")
    CONCLUDE = ("AuditBoard", "conclude")
    DRAW_JURY = ("Jury", "drawJury")
    CONCLUDE_JURY = ("Jury", "conclude")
    FINALIZE = ("Settlement", "finalize")
    EXPIRE = ("Settlement", "expire")
    START_EXIT = ("Settlement", "startExit")


@dataclass(frozen=True)
class Group:
    """A panel or a jury as the chain has it; times in unix seconds.

    Attributes:
        phase: seeding, committing, revealing, or anything else when it has ended.
        members, committed, revealed: how many of them did what.
        attesting: members who have yet to attest open submissions; 0 when there are none.
    """

    phase: str
    seed_block: int = 0
    commit_ends: int = 0
    reveal_ends: int = 0
    members: int = 0
    committed: int = 0
    revealed: int = 0
    attesting: int = 0

    def is_over(self, now: int) -> bool:
        """Whether it can be concluded in a block with a timestamp above `now`: all is said, or time is up."""
        if self.phase not in ("committing", "revealing"):
            return False
        complete = 0 < self.members == self.revealed and self.attesting == 0
        nobody = self.phase == "committing" and not self.committed
        return complete or now > (self.commit_ends if nobody else self.reveal_ends)


@dataclass(frozen=True)
class RoundState:
    """A round as the chain has it. Phases by their names in the specification, section 4; times in unix seconds.

    Attributes:
        publish_ends: when a proposal expires.
        exit_due: when a round without a proposal may exit.
    """

    phase: str
    labels: int
    label_budget: int
    deadline: int
    audit: Group | None = None
    jury: Group | None = None
    settlement_phase: str | None = None
    challenge_ends: int = 0
    publish_ends: int = 0
    exit_due: int = 0


def due_step(state: RoundState, now: int, block: int) -> Step | None:
    """The step that would succeed in a block after `block` with a timestamp above `now`, if any."""
    if state.phase == "open":
        return Step.CLOSE if now > state.deadline or state.labels >= state.label_budget else None
    if state.phase != "closed" or state.audit is None:
        return None
    if state.audit.phase not in ("audited", "failed"):
        return _group_step(state.audit, now, block, Step.DRAW, Step.CONCLUDE)
    if state.settlement_phase == "challenged" and state.jury is not None:
        return _group_step(state.jury, now, block, Step.DRAW_JURY, Step.CONCLUDE_JURY)
    if state.settlement_phase == "published":
        return Step.FINALIZE if now > state.challenge_ends else None
    if state.settlement_phase == "proposed":
        return Step.EXPIRE if now > state.publish_ends else None
    if state.settlement_phase is None:
        return Step.START_EXIT if now > state.exit_due else None
    return None


def may_finish(waiting: int, settled_at: int, now: int) -> bool:
    """Whether an idle dataset may get its closing round in a block with a timestamp above `now`.

    Args:
        waiting: labels and votes that no settlement has decided.
        settled_at: unix seconds at which its last round was settled, 0 before the first.
    """
    return waiting > 0 and 0 < settled_at < now - WAIT_LIMIT


def _group_step(group: Group, now: int, block: int, draw: Step, conclude: Step) -> Step | None:
    if group.phase == "seeding":
        return draw if block >= group.seed_block else None
    return conclude if group.is_over(now) else None
