"""Fills docs/INCENTIVES.md: its worked example from the rule itself, its tables from the lab's summary; none is typed by hand.

    python -m scripts.lab.incentives_doc [--summary reports/lab/summary.json]
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path

from labelshare.lab.report import TABLES
from labelshare.rules.fixed import ONE
from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, SubmissionEvidence
from labelshare.rules.settlement import settle
from scripts.bench.incentives import address

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "INCENTIVES.md"
TASKS = 60
REWARD, BOND = 100, 25
MISTAKES = {"Ann": 3, "Ben": 6, "Cat": 12, "Dan": 15}
COPIERS = ("Rex", "Rob")


def example() -> str:
    """Sixty tasks of two classes, four people who make mistakes, two with one list of coin tosses; every fourth task audited."""
    rng = random.Random(1)
    truth = [rng.randrange(2) for _ in range(TASKS)]
    answers = {name: {t: truth[t] for t in range(TASKS)} for name in MISTAKES}
    for name, count in MISTAKES.items():
        for task in rng.sample(range(TASKS), count):
            answers[name][task] ^= 1
    tossed = {t: rng.randrange(2) for t in range(TASKS)}
    answers |= dict.fromkeys(COPIERS, tossed)
    terms = RuleTerms(2, REWARD, 50, BOND, REWARD, 64, 5000, 3, 9, 8000, 1000, 1000, address("req"))
    submissions = tuple(SubmissionEvidence(address(n), 0, False, TASKS, tuple(a.items())) for n, a in answers.items())
    sample = tuple(range(0, TASKS, 4))
    ballots = tuple(Ballot(address(f"v{i}"), 1, tuple(truth[t] for t in sample)) for i in range(3))
    settlement = settle(terms, [RoundEvidence(1, bytes(32), True, TASKS, sample, submissions, ballots)])
    paid = {entry.account: entry for entry in settlement.entries}
    scored = {score.account: score for score in settlement.scores}
    lines = ["| | right | κ | found copying | pay | lost of the bond | shares |", "|---|---|---|---|---|---|---|"]
    for name, given in answers.items():
        entry, score = paid[address(name)], scored[address(name)]
        right = sum(given[t] == truth[t] for t in given)
        copying = "yes" if score.flagged else "no"
        lines.append(
            f"| {name} | {right} of {TASKS} | {score.kappa / ONE:.2f} | {copying} | {entry.reward:,} | {entry.slash:,} "
            f"| {entry.shares / ONE:.1f} |"
        )
    consensus = sum(a == b for a, b in zip(settlement.consensus, truth, strict=True))
    whole = f"Full pay would be {REWARD * TASKS:,}, each bond {BOND * TASKS:,}."
    lines.append(f"\nThe consensus is right on {consensus} of {TASKS} tasks. {whole}")
    return "\n".join(lines)


def filled(document: str, block: str, text: str) -> str:
    """The document with what stands between `<!-- block -->` and `<!-- /block -->` replaced."""
    pattern = re.compile(rf"(<!-- {re.escape(block)} -->\n).*?(<!-- /{re.escape(block)} -->)", re.DOTALL)
    if not pattern.search(document):
        sys.exit(f"docs/INCENTIVES.md has no block {block}.")
    return pattern.sub(lambda match: match[1] + text + "\n" + match[2], document)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", type=Path, default=ROOT / "reports" / "lab" / "summary.json")
    path = parser.parse_args().summary
    document = filled(DOCUMENT.read_text(encoding="utf-8"), "example", example())
    if not path.exists():
        sys.exit(f"{path} is missing: run `labelshare lab` (or `make lab`) first.")
    summary = json.loads(path.read_text(encoding="utf-8"))
    for title, make in TABLES.items():
        document = filled(document, title, make(summary))
    DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
