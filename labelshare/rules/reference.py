"""The scoring rule `kappa-3` in plain Python: slow, to be read beside the specification (K1–K13), and to judge the fast one by.

With `settlement.settle` it shares what goes in and what comes out, and nothing of what lies between. Numbers are integers of 1/ONE.
The consensus is in `reference_model`, the copies test in `reference_copies`; the former's notation holds here too.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from eth_utils.crypto import keccak

from labelshare.rules.entries import Entry, Role
from labelshare.rules.history import ContributorScore, RoundEvidence, RuleTerms, Settlement, SubmissionEvidence, ValidatorScore
from labelshare.rules.reference_copies import copies, stride
from labelshare.rules.reference_model import ONE, Labels, Model, Row, Said, Task, by_class, exp2, log2, normalised

Votes = dict[Task, dict[str, tuple[int, int]]]  # by task and validator: answer, seats
Accounts = dict[str, "Account"]


def counted(terms: RuleTerms, evidence: RoundEvidence) -> Labels:
    """K2. The labels of a round that count."""

    def order(submission: SubmissionEvidence) -> tuple[bool, bytes, str, int]:
        lot = keccak(evidence.seed + bytes.fromhex(submission.contributor[2:]))
        return submission.open_path, lot if submission.open_path else b"", submission.contributor, submission.sequence

    labels: Labels = {}
    on_task: Counter[int] = Counter()
    for submission in sorted(evidence.submissions, key=order):
        if submission.void or not len(dict(submission.labels)) == len(submission.labels) == submission.count:
            continue
        for index, answer in submission.labels:
            place = (evidence.round_id, index), submission.contributor
            known = 0 <= index < evidence.task_count and 0 <= answer < terms.classes
            full = submission.open_path and on_task[index] >= terms.max_labels
            if known and not full and place not in labels:
                labels[place] = answer
                on_task[index] += 1
    return labels


def find_low(labels: Labels, verdicts: dict[Task, int]) -> set[str]:
    """K5. Those whose audited labels are too little better than chance to be heard."""
    known, heard = list(verdicts.values()), len({person for _, person in labels})
    gains: dict[str, Row] = defaultdict(list)
    for (task, person), x in labels.items():
        if task in verdicts:
            gains[person].append(ONE * (x == verdicts[task]) - known.count(x) * ONE // len(known))
    everyone = [gain for of in gains.values() for gain in of]
    mean = sum(everyone) // max(len(everyone), 1)
    shrunk = [((sum(of) + 2 * mean) // (len(of) + 2), person) for person, of in gains.items() if len(of) >= 3]
    worst_first = sorted((gain, person) for gain, person in shrunk if gain < max(mean, 0) // 3)
    return {person for _, person in worst_first[: max(0, min(heard - 3, heard // 2))]}


def echoes(model: Model, suspects: set[str]) -> set[str]:
    """K6. Those whose labels are better explained by copying suspects than by their own skill."""
    votes: dict[Task, dict[str, int]] = defaultdict(dict)
    for (task, person), x in model.labels.items():
        if person in suspects:
            votes[task][person] = x
    bits: Counter[str] = Counter()
    for (task, person), x in model.labels.items():
        others = [answer for suspect, answer in votes[task].items() if suspect != person]
        if others:
            copied = 15 * ONE * others.count(x) // (16 * len(others)) + ONE // (16 * len(model.K))
            own = zip(model.others_say(task, person), model.skill_of_class[person], strict=True)
            bits[person] += log2(copied) - log2(sum(p * exp2(-row[x]) for p, row in own) // ONE)
    labels = Counter(person for _, person in model.labels)
    return {person for person in bits if bits[person] > max(12 * ONE, labels[person] * (ONE // 8))}


def tally(votes: dict[str, tuple[int, int]], classes: int) -> Row:
    return [sum(seats for answer, seats in votes.values() if answer == k) for k in range(classes)]


class Account:
    """What was decided of an account's work so far, and what is pending."""

    def __init__(self) -> None:
        self.paid = self.slashed = self.shares = self.pending = self.at_stake = 0

    def add(self, work: int, stake: int) -> None:
        self.pending, self.at_stake = self.pending + work, self.at_stake + work * stake

    def decide(self, pay: int, slash: int, shares: int) -> tuple[int, int, int, int]:
        self.paid, self.slashed, self.shares = self.paid + pay, self.slashed + slash, self.shares + shares
        self.pending = self.at_stake = 0
        return pay, slash, shares, 0

    def settle(self, waits: bool, pay: int, slash: int, shares: int, unit: int, share: int) -> tuple[int, int, int, int]:
        """K8. What is due over the whole history and was not decided before, within what is pending; or all of it waits."""
        if waits:
            return 0, 0, 0, self.pending
        pay, slash = min(max(0, pay - self.paid), unit * self.pending), min(max(0, slash - self.slashed), self.at_stake)
        return self.decide(pay, slash, min(max(0, shares - self.shares), share * self.pending))


def settle(terms: RuleTerms, rounds: Sequence[RoundEvidence]) -> Settlement:
    """The settlement of the last of the rounds, which has not exited."""
    ordered = sorted(rounds, key=lambda evidence: evidence.round_id)
    people: Accounts = defaultdict(Account)
    panel: Accounts = defaultdict(Account)
    for number, evidence in enumerate(ordered, start=1):
        for submission in evidence.submissions:
            if not submission.void:
                people[submission.contributor].add(submission.count, terms.open_bond if submission.open_path else terms.bond)
        for ballot in evidence.ballots:
            panel[ballot.validator].add(ballot.weight * len(evidence.sample), 5 * terms.audit_fee)
        if not evidence.exited:
            settlement = settle_next(terms, ordered[:number], people, panel)
            continue
        for accounts, unit, share in ((people, terms.reward, ONE), (panel, terms.audit_fee, 0)):  # R11
            for a in accounts.values():
                a.decide(a.pending * (unit * terms.exit_rate_bps // 10_000), 0, a.pending * (share * terms.exit_rate_bps // 10_000))
    return settlement


def settle_next(terms: RuleTerms, history: list[RoundEvidence], people: Accounts, panel: Accounts) -> Settlement:
    tasks = [(evidence.round_id, index) for evidence in history for index in range(evidence.task_count)]
    labels = {place: x for evidence in history for place, x in counted(terms, evidence).items()}
    votes: Votes = defaultdict(dict)
    for evidence in history:
        for ballot in evidence.ballots:
            for index, x in zip(evidence.sample, ballot.answers, strict=True):
                if 0 <= x < terms.classes:
                    votes[evidence.round_id, index][ballot.validator] = (x, ballot.weight)
    seats = {task: tally(of, terms.classes) for task, of in votes.items()}
    verdicts = {task: row.index(max(row)) for task, row in seats.items() if row.count(max(row)) == 1}  # K3
    model = Model(terms, tasks, labels, verdicts, find_low(labels, verdicts), set())
    for _ in range(8):  # K6, K13
        found = copies(model, model.flagged)
        first = echoes(model, model.flagged | found | (model.low if stride(model) > 1 else set()))
        if found := (found | first & echoes(model, first)) - model.flagged:
            model = Model(terms, tasks, labels, verdicts, model.low, model.flagged | found)
    scores, entries = contributors(model, people, history[-1].last)
    C = sum(entry.shares for entry in entries)
    validator_scores, more = validators(model, votes, panel, history[-1].last, C)
    entries += more
    if for_requester := C * terms.requester_bps // terms.contributors_bps:
        entries.append(Entry(Role.REQUESTER, terms.requester, 0, 0, for_requester, 0))
    P = [model.P[task] for task in tasks if task[0] == history[-1].round_id]
    answers, confidence = tuple(row.index(max(row)) for row in P), tuple(max(row) for row in P)
    return Settlement(tuple(entries), answers, confidence, tuple(scores), tuple(validator_scores))


def contributors(model: Model, people: Accounts, last: bool) -> tuple[list[ContributorScore], list[Entry]]:
    """K7–K10."""
    terms, scores, entries = model.terms, [], []
    said: dict[str, Said] = {name: [] for name in sorted(people)}
    for (task, person), x in model.labels.items():
        said[person].append((2, x, model.known[task]) if task in model.known else (1, x, model.others_say(task, person)))
    for name, labeled in said.items():
        hits = [right[x] == ONE for weight, x, right in labeled if weight == 2]
        kappa = min(model.kappa(labeled), 0 if name in model.flagged else ONE)
        merit = kappa - ONE // 20
        if model.D < ONE // 32:  # K10
            right = hits and sum(hits) * 10 >= len(hits) * 9 and name not in model.flagged
            merit = ONE * terms.exit_rate_bps // 10_000 if right else 0
        known, waits = min(len(hits), 6), len(hits) < 6 and not last
        rate, low, flagged = max(0, merit) * known // 6, name in model.low, name in model.flagged
        scores.append(ContributorScore(name, len(labeled), len(hits), kappa, rate, low, flagged, waits))
        gain, loss = len(labeled) * max(0, merit) * known, len(labeled) * max(0, -merit) * known  # K8, K9
        due = terms.reward * gain // (6 * ONE), terms.reward * loss // (6 * ONE), gain // 6
        if people[name].pending:
            entries.append(Entry(Role.CONTRIBUTOR, name, *people[name].settle(waits, *due, terms.reward, ONE)))
    return scores, entries


def validators(model: Model, votes: Votes, panel: Accounts, last: bool, C: int) -> tuple[list[ValidatorScore], list[Entry]]:
    """K11. The reference is what the rest of the panel votes, and half a vote of the contributors; C are their points."""
    said: dict[str, Said] = {name: [] for name in sorted(panel)}
    terms, labeled = model.terms, {task for task, _ in model.labels}
    for task, of in votes.items():
        crowd = by_class(normalised(model.LO[task])) if task in labeled else [ONE // terms.classes] * terms.classes
        for name, (x, _) in of.items():
            rest = tally({other: vote for other, vote in of.items() if other != name}, terms.classes)
            said[name].append((1, x, [(2 * ONE * n + p) // (2 * sum(rest) + 1) for n, p in zip(rest, crowd, strict=True)]))
    scores, entries, merits, zero = [], [], {}, ONE * 2 // 5
    for name, answers in said.items():
        kappa, waits = model.kappa(answers), len(answers) < 30 and not last
        scores.append(ValidatorScore(name, len(answers), kappa, waits))
        merits[name] = 0 if waits else panel[name].pending * max(0, kappa - zero)
        full = terms.audit_fee * sum(of[name][1] for of in votes.values() if name in of) * (kappa - zero)
        due = max(0, full) // (ONE - zero), 2 * max(0, -full) // (ONE - zero), 0
        if panel[name].pending:
            entries.append(Entry(Role.VALIDATOR, name, *panel[name].settle(waits, *due, terms.audit_fee, 0)))
    pot, total = C * terms.validators_bps // terms.contributors_bps, max(sum(merits.values()), 1)
    return scores, [replace(entry, shares=pot * merits[entry.account] // total) for entry in entries]
