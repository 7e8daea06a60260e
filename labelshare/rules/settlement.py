"""A round's settlement under `kappa-3`: from the dataset's whole history to pay, slashes and shares (specification K7–K11).

Money is Python int in LBL base units, floored everywhere. The result depends on what the history holds, not on its order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelshare.rules.consensus import audit_weight
from labelshare.rules.counting import Submitted
from labelshare.rules.entries import MAX_SLASH_FEES, Entry, Role
from labelshare.rules.fixed import ONE
from labelshare.rules.history import ContributorScore, RoundEvidence, RuleTerms, Settlement, ValidatorScore
from labelshare.rules.kappa import Scores, class_shares, score
from labelshare.rules.panel import Panel
from labelshare.rules.sums import ONE_THREAD, Labels, Split

MARGIN = ONE // 20  # κ that pays nothing: what luck looks like
MIN_AUDITED = 6  # audited labels before a contributor's work is decided
MIN_ANSWERS = 30  # audited tasks before a validator's votes are decided
VALIDATOR_ZERO = 2 * ONE // 5  # κ at which a validator earns nothing
ONE_CLASS_ACCURACY = (9, 10)
BPS = 10_000


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


def settle(terms: RuleTerms, rounds: Sequence[RoundEvidence], split: Split = ONE_THREAD) -> Settlement:
    """The settlement of the last of `rounds`, the dataset's whole history in order of round id.

    Raises ValueError when there is no round, the last one exited, a ballot does not fit its sample, or a validator has two.
    """
    ordered = sorted(rounds, key=lambda r: r.round_id)
    if not ordered:
        raise ValueError("A settlement needs at least one round of evidence.")
    if ordered[-1].exited:
        raise ValueError(f"Round {ordered[-1].round_id} exited: it has no settlement.")
    contributors = {s.contributor: _Account() for evidence in ordered for s in evidence.submissions if not s.void}
    validators = {ballot.validator: _Account() for evidence in ordered for ballot in evidence.ballots}
    settlement = None
    for current, labels, panel in _histories(terms, ordered, sorted(contributors), split):
        _add_pending(terms, current, contributors, validators)
        if current.exited:
            _exit(terms, contributors, validators)
        else:
            settlement = _settle_next(terms, current, labels, panel, contributors, validators)
    assert settlement is not None
    return settlement


def certainty(terms: RuleTerms, rounds: Sequence[RoundEvidence], split: Split = ONE_THREAD) -> tuple[tuple[int, int], ...]:
    """(class, max P in 1/ONE) of each task of the last of `rounds`, which may still be open: what K12 asks for."""
    ordered = sorted(rounds, key=lambda r: r.round_id)
    names = sorted({s.contributor for evidence in ordered for s in evidence.submissions if not s.void})
    *_, (current, labels, panel) = _histories(terms, ordered, names, split)
    posterior = score(labels, panel.verdicts(), audit_weight(terms.audit_rate)).consensus.posterior
    posterior = posterior[:, labels.tasks - current.task_count :]
    return tuple(zip(posterior.argmax(axis=0).tolist(), posterior.max(axis=0).tolist(), strict=True))


def _histories(
    terms: RuleTerms, ordered: Sequence[RoundEvidence], names: list[str], split: Split
) -> Iterator[tuple[RoundEvidence, Labels, Panel]]:
    """Each round, with the labels and ballots of the history up to it. All contributors are in every one, some without labels."""
    index = {name: i for i, name in enumerate(names)}
    columns, tasks = np.zeros((3, 0), np.int64), 0
    for number, evidence in enumerate(ordered, start=1):
        given = Submitted.of(evidence, terms.classes, index)
        counted = given.counted(evidence.task_count, terms.max_labels)
        more = np.stack([given.task + tasks, given.contributor, given.answer])[:, counted]
        columns, tasks = np.concatenate([columns, more], axis=1), tasks + evidence.task_count
        labels = Labels(columns[0], columns[1], columns[2], tasks, len(names), terms.classes, split)
        yield evidence, labels, Panel.of(ordered[:number], terms.classes, split)


def _add_pending(
    terms: RuleTerms, current: RoundEvidence, contributors: dict[str, _Account], validators: dict[str, _Account]
) -> None:
    for submission in current.submissions:
        if not submission.void:
            bond = terms.open_bond if submission.open_path else terms.bond
            contributors[submission.contributor].add(submission.count, submission.count * bond)
    for ballot in current.ballots:
        votes = ballot.weight * len(current.sample)
        validators[ballot.validator].add(votes, votes * MAX_SLASH_FEES * terms.audit_fee)


def _exit(terms: RuleTerms, contributors: dict[str, _Account], validators: dict[str, _Account]) -> None:
    for account in contributors.values():
        account.exit(terms.reward * terms.exit_rate_bps // BPS, ONE * terms.exit_rate_bps // BPS)
    for account in validators.values():
        account.exit(terms.audit_fee * terms.exit_rate_bps // BPS, 0)


def _settle_next(
    terms: RuleTerms,
    current: RoundEvidence,
    labels: Labels,
    panel: Panel,
    contributors: dict[str, _Account],
    validators: dict[str, _Account],
) -> Settlement:
    names = sorted(contributors)
    scores = score(labels, panel.verdicts(), audit_weight(terms.audit_rate))
    contributor_scores, dues = contributor_dues(terms, scores, names, current.last)
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
    validator_scores = _validator_scores(panel, labels, scores, current.last)
    entries += _validator_entries(terms, validator_scores, panel.votes_given().tolist(), validators, points)
    requester_shares = points * terms.requester_bps // terms.contributors_bps
    if requester_shares:
        entries.append(Entry(Role.REQUESTER, terms.requester, 0, 0, requester_shares, 0))
    posterior = scores.consensus.posterior
    posterior = posterior[:, labels.tasks - current.task_count :]
    return Settlement(
        entries=tuple(entries),
        consensus=tuple(posterior.argmax(axis=0).tolist()),
        confidence=tuple(posterior.max(axis=0).tolist()),
        scores=tuple(contributor_scores),
        validator_scores=tuple(validator_scores),
    )


# Contributors


def contributor_dues(
    terms: RuleTerms, scores: Scores, names: list[str], last: bool
) -> tuple[list[ContributorScore], list[_Due]]:
    """What each contributor is due over the whole history, and the row for reports."""
    rows, dues = [], []
    one_class = ONE * terms.exit_rate_bps // BPS
    columns = (scores.count, scores.audited, scores.audit_hits, scores.kappa, scores.low, scores.flagged)
    for name, count, audited, hits, kappa, low, flagged in zip(names, *(column.tolist() for column in columns), strict=True):
        merit = kappa - MARGIN
        if not scores.meaningful:
            accurate = hits * ONE_CLASS_ACCURACY[1] >= audited * ONE_CLASS_ACCURACY[0] and audited > 0
            merit = one_class if accurate and not flagged else 0
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
                low=low,
                flagged=flagged,
                waiting=waiting,
            )
        )
    return rows, dues


# Validators


def _validator_scores(panel: Panel, labels: Labels, scores: Scores, last: bool) -> list[ValidatorScore]:
    agreement = panel.agreement(scores.consensus, labels)
    kappas = agreement.kappa(*class_shares(scores.consensus)).tolist()
    answers = agreement.said.sum(axis=1).tolist()
    return [
        ValidatorScore(name, count, kappa, waiting=count < MIN_ANSWERS and not last)
        for name, count, kappa in zip(panel.names, answers, kappas, strict=True)
    ]


def _validator_entries(
    terms: RuleTerms, scores: list[ValidatorScore], votes_given: list[int], accounts: dict[str, _Account], points: int
) -> list[Entry]:
    entries, merits = [], []
    for row, votes in zip(scores, votes_given, strict=True):
        account = accounts[row.account]
        if account.pending == 0:
            continue
        if row.waiting:
            entries.append(Entry(Role.VALIDATOR, row.account, 0, 0, 0, account.pending))
            merits.append(0)
            continue
        excess = row.kappa - VALIDATOR_ZERO
        pending = account.pending
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
