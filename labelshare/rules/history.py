"""What the scoring rule is given, a dataset's history, and what it returns, a settlement. No arithmetic, and no numpy."""

from dataclasses import dataclass

from eth_utils.crypto import keccak

from labelshare.rules.entries import Entry

RULE = "kappa-3"
RULE_ID = "0x" + keccak(text=RULE).hex()  # in a dataset's terms


class OtherRule(ValueError):
    """A dataset is settled by the rule that its terms name, and by no other version of it."""


def check_rule(rule_id: str) -> None:
    """Raises OtherRule unless the terms of a dataset name this rule."""
    if rule_id.lower() != RULE_ID:
        raise OtherRule(f"The dataset's terms name the rule {rule_id}; this version settles by {RULE} only ({RULE_ID}).")


@dataclass(frozen=True)
class RuleTerms:
    """The dataset's terms that the rule needs: LBL base units, audit rate in 1/256, the rest basis points."""

    classes: int
    reward: int
    audit_fee: int
    bond: int
    open_bond: int
    audit_rate: int
    exit_rate_bps: int
    min_labels: int
    max_labels: int
    contributors_bps: int
    validators_bps: int
    requester_bps: int
    requester: str


@dataclass(frozen=True)
class SubmissionEvidence:
    """One accepted submission. `count` is the chain's; `labels` are (task index in the round, answer).

    `void`: on the open path, and the panel's majority did not attest it. It never was pending, and is no evidence (R13).
    """

    contributor: str
    sequence: int
    open_path: bool
    count: int
    labels: tuple[tuple[int, int], ...]
    void: bool = False

    @property
    def valid(self) -> bool:
        """Whether it holds as many labels as it claimed, no task twice."""
        return len(self.labels) == self.count == len({task for task, _ in self.labels})


@dataclass(frozen=True)
class Ballot:
    """A validator's answers to the round's sample, in its order; an answer at or above the classes is no vote."""

    validator: str
    weight: int
    answers: tuple[int, ...]


@dataclass(frozen=True)
class RoundEvidence:
    """A round of the history. `exited`: it ended without a settlement, its pending work paid at the exit rate (R11).

    A closing round has no tasks, no sample and nothing new: it is last, and settles what waits.
    """

    round_id: int
    seed: bytes
    last: bool
    task_count: int
    sample: tuple[int, ...]
    submissions: tuple[SubmissionEvidence, ...]
    ballots: tuple[Ballot, ...]
    exited: bool = False


@dataclass(frozen=True)
class ContributorScore:
    """For reports. κ and pay rate in 1/ONE; pay rate is the part of the full reward that a label earns."""

    account: str
    labels: int
    audited: int
    kappa: int
    pay_rate: int
    low: bool
    flagged: bool
    waiting: bool


@dataclass(frozen=True)
class ValidatorScore:
    """For reports. κ in 1/ONE against the other ballots and the consensus; answers = audited tasks voted on."""

    account: str
    answers: int
    kappa: int
    waiting: bool


@dataclass(frozen=True)
class Settlement:
    """The last round's settlement.

    Attributes:
        entries: sorted by (role, account), each account once a role.
        consensus, confidence: per task of the last round, its class and max P in 1/ONE.
    """

    entries: tuple[Entry, ...]
    consensus: tuple[int, ...]
    confidence: tuple[int, ...]
    scores: tuple[ContributorScore, ...]
    validator_scores: tuple[ValidatorScore, ...]
