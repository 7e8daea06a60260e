"""Why a settlement did to an account what it did: a code, and a sentence a person can read. Pure."""

from backend.settlements.results import Score
from labelshare.rules.entries import Role

MIN_AUDITED = 6
MARGIN = 0.05
VALIDATOR_ZERO = 0.4
Reason = tuple[str, str]


def kappa_means(kappa: float) -> str:
    """What a κ says, in words."""
    if kappa < -MARGIN:
        return "worse than guessing by the classes' shares"
    if kappa <= MARGIN:
        return "like guessing by the classes' shares: nothing is paid below .05"
    for limit, words in ((0.2, "slightly"), (0.4, "fairly"), (0.6, "moderately"), (0.8, "much"), (0.95, "very much")):
        if kappa < limit:
            return f"{words} better than chance"
    return "nearly always right"


def reason(role: int, reward: int, slash: int, waiting: int, exited: bool, score: Score | None) -> Reason:
    """The reason of an entry. `score` is None where the rule's figures are not known here."""
    if role == Role.REQUESTER:
        return "requester_shares", "The requester's part of the shares, by the dataset's terms."
    if exited:
        return "exit", "The round ended without a settlement: every pending label and vote is paid at the dataset's exit rate."
    if role == Role.VALIDATOR:
        return _validator(reward, slash, waiting, score)
    if waiting:
        audited = f"{score.audited} of your labels were audited so far; " if score else ""
        return "waiting", f"{audited}{MIN_AUDITED} are needed to decide. The work waits, its pay reserved, for a later round."
    if score is None:
        return (
            ("slashed", "Worse than chance.") if slash else ("paid", "Paid by the rule.") if reward else ("nothing", "Like chance.")
        )
    figure = f"κ is {score.kappa:.2f}: {kappa_means(score.kappa)}"
    if score.flagged:
        return "copied", f"The labels repeat others' labels more than honest work explains, so they earn nothing. {figure}."
    if slash:
        return "slashed", f"{figure}. Below −.05 the loss is taken from the bond."
    if reward:
        return "paid", f"{figure}. That earns {score.pay_rate:.2f} of the reward for each label, less what was paid before."
    return "nothing", f"{figure}. Nothing is paid or taken; or all that κ earns over the history was paid before."


def _validator(reward: int, slash: int, waiting: int, score: Score | None) -> Reason:
    if waiting:
        return (
            "waiting",
            "Fewer than 30 audited tasks were voted on so far: the votes wait, their fees reserved, for a later round.",
        )
    figure = f"κ against the other ballots is {score.kappa:.2f}. " if score else ""
    if slash:
        return "slashed", f"{figure}Below {VALIDATOR_ZERO} a ballot loses stake, twice what it lacks."
    if reward:
        return "paid", f"{figure}The audit fee is paid in proportion to what lies above {VALIDATOR_ZERO}."
    return "nothing", f"{figure}At {VALIDATOR_ZERO} nothing is paid or taken."
