"""A round's settlement under `kappa-1`: from the dataset's whole history to pay, slashes and shares (specification K7–K11).

Money is Python int in LBL base units, floored everywhere. The result depends on what the history holds, not on its order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from eth_utils.crypto import keccak

from labelshare.rules.consensus import NO_VERDICT, Labels, audit_weight
from labelshare.rules.entries import MAX_SLASH_FEES, Entry, Role
from labelshare.rules.fixed import ONE, Ints
from labelshare.rules.kappa import Scores, class_shares, score, unaudited_posterior, validator_kappa, verdicts_of

MARGIN = ONE // 20  # κ that pays nothing: what luck looks like
MIN_AUDITED = 6  # audited labels before a contributor's work is decided
MIN_ANSWERS = 30  # audited tasks before a validator's votes are decided
VALIDATOR_ZERO = 2 * ONE // 5  # κ at which a validator earns nothing
ONE_CLASS_ACCURACY = (9, 10)
BPS = 10_000


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


@dataclass(frozen=True)
class _Due:
    """Cumulative claims of an account over the history: base units and points."""

    pay: int
    slash: int
    points: int


@dataclass
class _Account:
    """What earlier settlements of the dataset did for an account, and what is pending.

    `at_stake`: base units that a settlement of what is pending may slash: a contributor's bonds, a validator's audit fees.
    """

    paid: int = 0
    slashed: int = 0
    shares: int = 0
    pending: int = 0
    at_stake: int = 0

    def add(self, pending: int, at_stake: int) -> None:
        self.pending, self.at_stake = self.pending + pending, self.at_stake + at_stake

    def decide(self, due: _Due, most_pay: int, most_shares: int) -> tuple[int, int, int]:
        reward = min(max(0, due.pay - self.paid), most_pay * self.pending)
        slash = min(max(0, due.slash - self.slashed), self.at_stake)
        shares = min(max(0, due.points - self.shares), most_shares * self.pending)
        self.paid, self.slashed, self.shares = self.paid + reward, self.slashed + slash, self.shares + shares
        self.pending, self.at_stake = 0, 0
        return reward, slash, shares

    def exit(self, pay: int, shares: int) -> None:
        """Takes `pay` base units and `shares` for each pending label or vote, as the chain does."""
        self.paid, self.shares = self.paid + pay * self.pending, self.shares + shares * self.pending
        self.pending, self.at_stake = 0, 0


def settle(terms: RuleTerms, rounds: Sequence[RoundEvidence]) -> Settlement:
    """The settlement of the last of `rounds`, the dataset's whole history in order of round id.

    Raises ValueError when there is no round, the last one exited, or a ballot does not fit its sample.
    """
    ordered = sorted(rounds, key=lambda r: r.round_id)
    if not ordered:
        raise ValueError("A settlement needs at least one round of evidence.")
    if ordered[-1].exited:
        raise ValueError(f"Round {ordered[-1].round_id} exited: it has no settlement.")
    contributors: dict[str, _Account] = {}
    validators: dict[str, _Account] = {}
    settlement = None
    for index, current in enumerate(ordered):
        _add_pending(terms, current, contributors, validators)
        if current.exited:
            _exit(terms, contributors, validators)
        else:
            settlement = _settle_next(terms, ordered[: index + 1], contributors, validators)
    assert settlement is not None
    return settlement


def certainty(terms: RuleTerms, rounds: Sequence[RoundEvidence]) -> tuple[tuple[int, int], ...]:
    """(class, max P in 1/ONE) of each task of the last of `rounds`, which may still be open: what K12 asks for."""
    ordered = sorted(rounds, key=lambda r: r.round_id)
    names = sorted({submission.contributor for evidence in ordered for submission in evidence.submissions})
    panel = _Panel.of(ordered, terms.classes)
    scores = score(_table(terms, ordered, names), panel.verdicts, audit_weight(terms.audit_rate))
    posterior = scores.consensus.posterior
    posterior = posterior[len(posterior) - ordered[-1].task_count :]
    return tuple((int(row.argmax()), int(row.max())) for row in posterior)


def _add_pending(
    terms: RuleTerms, current: RoundEvidence, contributors: dict[str, _Account], validators: dict[str, _Account]
) -> None:
    for submission in current.submissions:
        if not submission.void:
            bond = terms.open_bond if submission.open_path else terms.bond
            contributors.setdefault(submission.contributor, _Account()).add(submission.count, submission.count * bond)
    for ballot in current.ballots:
        votes = ballot.weight * len(current.sample)
        validators.setdefault(ballot.validator, _Account()).add(votes, votes * MAX_SLASH_FEES * terms.audit_fee)


def _exit(terms: RuleTerms, contributors: dict[str, _Account], validators: dict[str, _Account]) -> None:
    for account in contributors.values():
        account.exit(terms.reward * terms.exit_rate_bps // BPS, ONE * terms.exit_rate_bps // BPS)
    for account in validators.values():
        account.exit(terms.audit_fee * terms.exit_rate_bps // BPS, 0)


def _settle_next(
    terms: RuleTerms, history: Sequence[RoundEvidence], contributors: dict[str, _Account], validators: dict[str, _Account]
) -> Settlement:
    current = history[-1]
    names = sorted(contributors)
    table = _table(terms, history, names)
    panel = _Panel.of(history, terms.classes)
    scores = score(table, panel.verdicts, audit_weight(terms.audit_rate))
    contributor_scores, dues = _contributor_dues(terms, scores, names, current.last)
    entries = []
    for name, row, due in zip(names, contributor_scores, dues, strict=True):
        account = contributors[name]
        if account.pending == 0:
            continue
        if row.waiting:
            entries.append(Entry(Role.CONTRIBUTOR, name, 0, 0, 0, account.pending))
            continue
        entries.append(Entry(Role.CONTRIBUTOR, name, *account.decide(due, terms.reward, ONE), 0))
    points = sum(entry.shares for entry in entries)
    validator_scores = panel.scores(table, scores, current.last)
    entries += _validator_entries(terms, validator_scores, panel, validators, points)
    requester_shares = points * terms.requester_bps // terms.contributors_bps
    if requester_shares:
        entries.append(Entry(Role.REQUESTER, terms.requester, 0, 0, requester_shares, 0))
    posterior = scores.consensus.posterior
    posterior = posterior[len(posterior) - current.task_count :]
    return Settlement(
        entries=tuple(entries),
        consensus=tuple(int(k) for k in posterior.argmax(axis=1)),
        confidence=tuple(int(p) for p in posterior.max(axis=1)),
        scores=tuple(contributor_scores),
        validator_scores=tuple(validator_scores),
    )


# Contributors


def _counted_labels(terms: RuleTerms, evidence: RoundEvidence) -> Iterator[tuple[str, int, int]]:
    """(contributor, task, answer) that count: the first label of a task by a contributor; ticketed ones always, open ones only
    up to the task's maximum, in the order of keccak256(seed ‖ contributor)."""
    seen: set[tuple[str, int]] = set()
    on_task: dict[int, int] = {}

    def order(submission: SubmissionEvidence) -> tuple[bool, bytes, str, int]:
        lot = keccak(evidence.seed + bytes.fromhex(submission.contributor[2:])) if submission.open_path else b""
        return submission.open_path, lot, submission.contributor, submission.sequence

    for submission in sorted(evidence.submissions, key=order):
        if submission.void or not submission.valid:
            continue
        for task, answer in sorted(submission.labels):
            full = submission.open_path and on_task.get(task, 0) >= terms.max_labels
            known = 0 <= task < evidence.task_count and 0 <= answer < terms.classes
            if full or not known or (submission.contributor, task) in seen:
                continue
            seen.add((submission.contributor, task))
            on_task[task] = on_task.get(task, 0) + 1
            yield submission.contributor, task, answer


def _table(terms: RuleTerms, history: Sequence[RoundEvidence], names: list[str]) -> Labels:
    index = {name: i for i, name in enumerate(names)}
    rows, offset = [], 0
    for evidence in history:
        rows += [(offset + t, index[c], a) for c, t, a in sorted(_counted_labels(terms, evidence))]
        offset += evidence.task_count
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Labels(columns[:, 0], columns[:, 1], columns[:, 2], offset, len(names), terms.classes)


def _contributor_dues(
    terms: RuleTerms, scores: Scores, names: list[str], last: bool
) -> tuple[list[ContributorScore], list[_Due]]:
    rows, dues = [], []
    for i, name in enumerate(names):
        count, audited, hits = int(scores.count[i]), int(scores.audited[i]), int(scores.audit_hits[i])
        kappa = int(scores.kappa[i])
        merit = kappa - MARGIN
        if not scores.meaningful:
            accurate = hits * ONE_CLASS_ACCURACY[1] >= audited * ONE_CLASS_ACCURACY[0] and audited > 0
            merit = ONE * terms.exit_rate_bps // BPS if accurate and not scores.flagged[i] else 0
        rate = max(0, merit)
        loss = max(0, -merit)
        # Before MIN_AUDITED labels were audited the evidence is thin: wait, or at the very end be paid in proportion to it.
        known = MIN_AUDITED if audited >= MIN_AUDITED else audited
        waiting = audited < MIN_AUDITED and not last
        dues.append(
            _Due(
                pay=terms.reward * count * rate * known // (ONE * MIN_AUDITED),
                slash=terms.reward * count * loss * known // (ONE * MIN_AUDITED),
                points=count * rate * known // MIN_AUDITED,
            )
        )
        rows.append(
            ContributorScore(
                account=name,
                labels=count,
                audited=audited,
                kappa=kappa,
                pay_rate=rate * known // MIN_AUDITED,
                low=bool(scores.low[i]),
                flagged=bool(scores.flagged[i]),
                waiting=waiting,
            )
        )
    return rows, dues


# Validators


@dataclass(frozen=True, eq=False)
class _Panel:
    """All ballots of the history: names, answers and weights int64[validators, tasks], verdicts int64[tasks]."""

    names: list[str]
    answers: Ints
    weights: Ints
    verdicts: Ints

    @staticmethod
    def of(history: Sequence[RoundEvidence], classes: int) -> "_Panel":
        names = sorted({ballot.validator for evidence in history for ballot in evidence.ballots})
        row = {name: i for i, name in enumerate(names)}
        tasks = sum(evidence.task_count for evidence in history)
        answers = np.full((len(names), tasks), NO_VERDICT, np.int64)
        weights = np.zeros((len(names), tasks), np.int64)
        verdicts = np.full(tasks, NO_VERDICT, np.int64)
        offset = 0
        for evidence in history:
            sample = np.array(evidence.sample, dtype=np.int64) + offset
            for ballot in evidence.ballots:
                if len(ballot.answers) != len(sample):
                    raise ValueError(f"The ballot of {ballot.validator} has {len(ballot.answers)} answers for {len(sample)} tasks.")
                given = np.array(ballot.answers, dtype=np.int64)
                answers[row[ballot.validator], sample] = np.where(given < classes, given, NO_VERDICT)
                weights[row[ballot.validator], sample] = ballot.weight
            if len(names) and len(sample):
                verdicts[sample] = verdicts_of(answers[:, sample], weights[:, sample], classes)
            offset += evidence.task_count
        return _Panel(names, answers, weights, verdicts)

    def scores(self, table: Labels, scores: Scores, last: bool) -> list[ValidatorScore]:
        if not self.names:
            return []
        others = unaudited_posterior(scores.consensus, table)
        kappa = validator_kappa(self.answers, self.weights, others, class_shares(scores.consensus), scores.spread)
        counts = (self.answers != NO_VERDICT).sum(axis=1)
        return [
            ValidatorScore(name, int(counts[i]), int(kappa[i]), waiting=int(counts[i]) < MIN_ANSWERS and not last)
            for i, name in enumerate(self.names)
        ]

    def votes(self, index: int) -> int:
        """Votes of valid answers × seats."""
        return int((self.weights[index] * (self.answers[index] != NO_VERDICT)).sum())


def _validator_entries(
    terms: RuleTerms, scores: list[ValidatorScore], panel: _Panel, accounts: dict[str, _Account], points: int
) -> list[Entry]:
    entries, merits = [], []
    for i, row in enumerate(scores):
        account = accounts[row.account]
        if account.pending == 0:
            continue
        if row.waiting:
            entries.append(Entry(Role.VALIDATOR, row.account, 0, 0, 0, account.pending))
            merits.append(0)
            continue
        excess = row.kappa - VALIDATOR_ZERO
        votes, pending = panel.votes(i), account.pending
        full = terms.audit_fee * votes * abs(excess)
        pay = full // (ONE - VALIDATOR_ZERO) if excess > 0 else 0
        slash = 2 * full // (ONE - VALIDATOR_ZERO) if excess < 0 else 0
        reward, taken, _ = account.decide(_Due(pay, slash, 0), terms.audit_fee, 0)
        entries.append(Entry(Role.VALIDATOR, row.account, reward, taken, 0, 0))
        merits.append(pending * max(0, excess))
    pot = points * terms.validators_bps // terms.contributors_bps
    total = sum(merits)
    if not total:
        return entries
    return [replace(entry, shares=pot * merit // total) for entry, merit in zip(entries, merits, strict=True)]
