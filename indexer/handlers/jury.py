"""Jury events: disputes and jurors. The chain names the jury by its attempt; the dispute is the round's latest."""

from indexer.handlers.audit_board import reveal_ends
from indexer.handlers.context import Context, Handler
from indexer.models import Dispute, Juror
from labelshare.chain import events as e
from labelshare.chain.events import Event

OUTCOMES = ("upheld", "overturned", "hung")
NO_ROOT = "0x" + 64 * "0"
MAX_DISPUTES = 2


def _latest(context: Context, round_id: int) -> Dispute:
    """The round's latest dispute. Raises InconsistentMirror."""
    return context.rows.find(Dispute, (round_id, MAX_DISPUTES)) or context.get(Dispute, round_id, 1)


def challenged(context: Context, event: e.JuryChallenged) -> None:
    counts = ("attempt", "misses", "seed_block", "as_of", "slots", "commit_ends", "reveal_ends", "to_winner", "to_jurors")
    context.add(
        Dispute,
        round=event.round,
        number=event.dispute,
        challenger=event.challenger,
        bond=event.bond,
        proposed=event.proposed,
        phase="seeding",
        seed=None,
        root=None,
        to_treasury=0,
        **dict.fromkeys(counts, 0),
    )


def called(context: Context, event: e.JuryJuryCalled) -> None:
    dispute = _latest(context, event.round)
    dispute.phase, dispute.attempt, dispute.misses, dispute.seed = "seeding", event.attempt, 0, None
    dispute.seed_block, dispute.as_of, dispute.slots = event.seed_block, event.as_of, event.slots


def seed_missed(context: Context, event: e.JurySeedMissed) -> None:
    """With the third miss the dispute is hung, which an event of its own says."""
    dispute = _latest(context, event.round)
    dispute.misses, dispute.seed_block, dispute.as_of, dispute.slots = event.misses, event.seed_block, event.as_of, event.slots


def drawn(context: Context, event: e.JuryJuryDrawn) -> None:
    dispute = _latest(context, event.round)
    dispute.phase, dispute.seed, dispute.commit_ends = "committing", event.seed, event.commit_ends
    dispute.reveal_ends = reveal_ends(context, event.round, event.commit_ends)
    empty = {"commitment": None, "revealed": False, "root": None, "salt": None, "slashed": 0}
    for juror, weight in zip(event.validators, event.weights, strict=True):
        context.add(Juror, round=event.round, attempt=event.attempt, juror=juror, weight=weight, **empty)


def committed(context: Context, event: e.JuryBallotCommitted) -> None:
    context.get(Juror, event.round, event.attempt, event.validator).commitment = event.commitment


def reveal_opened(context: Context, event: e.JuryRevealOpened) -> None:
    dispute = _latest(context, event.round)
    dispute.phase, dispute.reveal_ends = "revealing", event.reveal_ends


def revealed(context: Context, event: e.JuryVerdictRevealed) -> None:
    juror = context.get(Juror, event.round, event.attempt, event.validator)
    juror.revealed, juror.root, juror.salt = True, event.root, event.salt


def punished(context: Context, event: e.JuryValidatorSilent | e.JuryJurorDissented) -> None:
    context.get(Juror, event.round, event.attempt, event.validator).slashed = event.slashed


def decided(context: Context, event: e.JuryDisputeDecided) -> None:
    dispute = context.get(Dispute, event.round, event.dispute)
    dispute.phase = OUTCOMES[event.outcome]
    dispute.root = None if event.root == NO_ROOT else event.root


def bond_split(context: Context, event: e.JuryBondSplit) -> None:
    dispute = _latest(context, event.round)
    dispute.to_winner, dispute.to_jurors, dispute.to_treasury = event.to_winner, event.to_jurors, event.to_treasury


HANDLERS: dict[type[Event], Handler] = {
    e.JuryChallenged: challenged,
    e.JuryJuryCalled: called,
    e.JurySeedMissed: seed_missed,
    e.JuryJuryDrawn: drawn,
    e.JuryBallotCommitted: committed,
    e.JuryRevealOpened: reveal_opened,
    e.JuryVerdictRevealed: revealed,
    e.JuryValidatorSilent: punished,
    e.JuryJurorDissented: punished,
    e.JuryDisputeDecided: decided,
    e.JuryBondSplit: bond_split,
}
