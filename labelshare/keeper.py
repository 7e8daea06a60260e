"""What is due in a round, for anyone to do: the chores that keep the protocol moving without the operator.

`due_steps` is pure. The operator's backend runs it on its mirror, and anyone can run it on the chain alone.
"""

from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """A call that anyone may make: (contract, function)."""

    CLOSE = ("LabelRegistry", "closeRound")
    DRAW = ("AuditBoard", "drawPanel")
    CONCLUDE = ("AuditBoard", "conclude")
    FINALIZE = ("Settlement", "finalize")
    EXPIRE = ("Settlement", "expire")
    START_EXIT = ("Settlement", "startExit")


@dataclass(frozen=True)
class RoundState:
    """A round as the chain has it. Phases by their names in the specification, section 4; times in unix seconds.

    Attributes:
        revealed, committed, members: how many of the panel did what.
        publish_ends: when a proposal expires; 0 if the caller leaves that to others.
        exit_due: when the round may exit; 0 if the caller leaves that to others.
    """

    phase: str
    labels: int
    label_budget: int
    deadline: int
    audit_phase: str | None = None
    seed_block: int = 0
    commit_ends: int = 0
    reveal_ends: int = 0
    members: int = 0
    committed: int = 0
    revealed: int = 0
    settlement_phase: str | None = None
    challenge_ends: int = 0
    publish_ends: int = 0
    exit_due: int = 0


def due_step(state: RoundState, now: int, block: int) -> Step | None:
    """The step that would succeed in a block after `block` with a timestamp above `now`, if any."""
    if state.phase == "open":
        return Step.CLOSE if now > state.deadline or state.labels >= state.label_budget else None
    if state.audit_phase == "seeding":
        return Step.DRAW if block >= state.seed_block else None
    if state.audit_phase in ("committing", "revealing"):
        ends = state.commit_ends if state.audit_phase == "committing" and not state.committed else state.reveal_ends
        all_revealed = 0 < state.members == state.revealed
        return Step.CONCLUDE if all_revealed or now > ends else None
    if state.settlement_phase == "published":
        return Step.FINALIZE if now > state.challenge_ends else None
    if state.settlement_phase == "proposed":
        return Step.EXPIRE if state.publish_ends and now > state.publish_ends else None
    if state.settlement_phase is None and state.audit_phase in ("audited", "failed"):
        return Step.START_EXIT if state.exit_due and now > state.exit_due else None
    return None
