"""AuditBoard events: audits and panels."""

from indexer.handlers.context import Context, Handler
from indexer.models import Audit, PanelMember
from labelshare.chain import events as e
from labelshare.chain.events import Event

PHASES = ("none", "seeding", "committing", "revealing", "audited", "failed")
MAX_MISSES = 3


def started(context: Context, event: e.AuditBoardAuditStarted) -> None:
    empty = {"phase": "", "attempt": 0, "misses": 0, "seed_block": 0, "as_of": 0, "slots": 0, "seed": None}
    audit = context.get_or_add(Audit, round=event.round, commit_ends=0, reveal_ends=0, **empty)
    audit.phase, audit.attempt, audit.seed = "seeding", event.attempt, None
    audit.seed_block, audit.as_of, audit.slots = event.seed_block, event.as_of, event.slots


def seed_missed(context: Context, event: e.AuditBoardSeedMissed) -> None:
    audit = context.get(Audit, event.round)
    audit.misses, audit.seed_block = event.misses, event.seed_block
    if event.misses == MAX_MISSES:
        audit.phase = "failed"


def panel_drawn(context: Context, event: e.AuditBoardPanelDrawn) -> None:
    audit = context.get(Audit, event.round)
    audit.phase, audit.seed, audit.commit_ends = "committing", event.seed, event.commit_ends
    for validator, weight in zip(event.validators, event.weights, strict=True):
        context.add(
            PanelMember(
                round=event.round,
                attempt=event.attempt,
                validator=validator,
                weight=weight,
                commitment=None,
                revealed=False,
                answers=None,
                salt=None,
                slashed=0,
            )
        )


def committed(context: Context, event: e.AuditBoardBallotCommitted) -> None:
    context.get(PanelMember, event.round, event.attempt, event.validator).commitment = event.commitment


def reveal_opened(context: Context, event: e.AuditBoardRevealOpened) -> None:
    audit = context.get(Audit, event.round)
    audit.phase, audit.reveal_ends = "revealing", event.reveal_ends


def revealed(context: Context, event: e.AuditBoardBallotRevealed) -> None:
    member = context.get(PanelMember, event.round, event.attempt, event.validator)
    member.revealed, member.answers, member.salt = True, event.answers, event.salt


def silent(context: Context, event: e.AuditBoardValidatorSilent) -> None:
    context.get(PanelMember, event.round, event.attempt, event.validator).slashed = event.slashed


def concluded(context: Context, event: e.AuditBoardAuditConcluded) -> None:
    context.get(Audit, event.round).phase = PHASES[event.phase]


HANDLERS: dict[type[Event], Handler] = {
    e.AuditBoardAuditStarted: started,
    e.AuditBoardSeedMissed: seed_missed,
    e.AuditBoardPanelDrawn: panel_drawn,
    e.AuditBoardBallotCommitted: committed,
    e.AuditBoardRevealOpened: reveal_opened,
    e.AuditBoardBallotRevealed: revealed,
    e.AuditBoardValidatorSilent: silent,
    e.AuditBoardAuditConcluded: concluded,
}
