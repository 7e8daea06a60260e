"""AuditBoard events: audits and panels."""

from indexer.handlers.context import Context, Handler
from indexer.models import Audit, Dataset, PanelMember, Round, ValidatorVotes
from labelshare.chain import events as e
from labelshare.chain.events import Event

PHASES = ("none", "seeding", "committing", "revealing", "audited", "failed")
MAX_MISSES = 3


def _audit(context: Context, round_id: int) -> Audit:
    """The round's audit; a closing round's begins with its end."""
    counts = dict.fromkeys(("attempt", "misses", "seed_block", "as_of", "slots"), 0)
    times = dict.fromkeys(("commit_ends", "reveal_ends", "concluded_block"), 0)
    return context.get_or_add(Audit, round=round_id, phase="none", seed=None, **counts, **times)


def started(context: Context, event: e.AuditBoardAuditStarted) -> None:
    audit = _audit(context, event.round)
    audit.phase, audit.attempt, audit.misses, audit.seed = "seeding", event.attempt, 0, None
    audit.seed_block, audit.as_of, audit.slots = event.seed_block, event.as_of, event.slots


def seed_missed(context: Context, event: e.AuditBoardSeedMissed) -> None:
    audit = context.get(Audit, event.round)
    audit.misses, audit.seed_block, audit.as_of, audit.slots = event.misses, event.seed_block, event.as_of, event.slots
    if event.misses == MAX_MISSES:
        audit.phase = "failed"


def panel_drawn(context: Context, event: e.AuditBoardPanelDrawn) -> None:
    audit = context.get(Audit, event.round)
    audit.phase, audit.seed, audit.commit_ends = "committing", event.seed, event.commit_ends
    audit.reveal_ends = reveal_ends(context, event.round, event.commit_ends)
    for validator, weight in zip(event.validators, event.weights, strict=True):
        context.add(
            PanelMember,
            round=event.round,
            attempt=event.attempt,
            validator=validator,
            weight=weight,
            commitment=None,
            revealed=False,
            answers=None,
            salt=None,
            slashed=0,
            shown=None,
        )


def reveal_ends(context: Context, round_id: int, commit_ends: int) -> int:
    """Unix seconds at which the ballots of a group just drawn must be revealed, unless all commit earlier."""
    terms = context.get(Dataset, context.get(Round, round_id).dataset).terms
    return commit_ends + int(terms["reveal_window"])


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


def attested(context: Context, event: e.AuditBoardOpenAttested) -> None:
    context.get(PanelMember, event.round, event.attempt, event.validator).shown = event.shown


def concluded(context: Context, event: e.AuditBoardAuditConcluded) -> None:
    audit = _audit(context, event.round)
    audit.phase = PHASES[event.phase]
    audit.concluded_block = context.block_number if audit.phase == "audited" else 0
    if audit.phase == "audited":
        _count_votes(context, event)


def _count_votes(context: Context, event: e.AuditBoardAuditConcluded) -> None:
    row = context.get(Round, event.round)
    for member in context.where(PanelMember, round=event.round, attempt=event.attempt, revealed=True):
        who = {"dataset": row.dataset, "validator": member.validator}
        context.get_or_add(ValidatorVotes, **who, pending=0).pending += member.weight * row.sample_size


def validator_settled(context: Context, event: e.AuditBoardValidatorSettled) -> None:
    context.get(ValidatorVotes, event.dataset, event.validator).pending -= event.votes


HANDLERS: dict[type[Event], Handler] = {
    e.AuditBoardAuditStarted: started,
    e.AuditBoardSeedMissed: seed_missed,
    e.AuditBoardPanelDrawn: panel_drawn,
    e.AuditBoardBallotCommitted: committed,
    e.AuditBoardRevealOpened: reveal_opened,
    e.AuditBoardBallotRevealed: revealed,
    e.AuditBoardValidatorSilent: silent,
    e.AuditBoardOpenAttested: attested,
    e.AuditBoardAuditConcluded: concluded,
    e.AuditBoardValidatorSettled: validator_settled,
}
