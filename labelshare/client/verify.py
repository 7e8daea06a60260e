"""Verifying a downloaded dataset (specification F2) against the chain, trusting nobody but the node.

For each label: its Merkle proof leads to a root that the LabelRegistry accepted for this contributor, sequence number and round;
the signature over that submission is by the signer the chain recorded; the round is of this dataset and has a final settlement,
whose published entries have the contributor. For each round: no accepted submission is missing, none holds fewer labels than it
claimed or a task twice.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelshare.chain.events import (
    LabelRegistryRoundOpened,
    LabelRegistrySubmissionAccepted,
    SettlementChunkPublished,
    SettlementSettlementFinalized,
)
from labelshare.client.chain import Chain, topic
from labelshare.rules import eip712
from labelshare.rules.merkle import LABEL_TYPES, leaf_hash, verify

SCHEMA = "labelshare-dataset-1"
CONTRIBUTOR = 0


class DatasetFileError(ValueError):
    """The file is no dataset file of this chain; the message says why."""


@dataclass(frozen=True)
class Verification:
    """How many labels were checked, how many failed, and what is wrong with the first that did."""

    checked: int
    failed: int
    first_failure: str | None

    @property
    def passed(self) -> bool:
        return self.failed == 0 and self.first_failure is None


@dataclass(frozen=True)
class _Round:
    """What the chain says of a round."""

    submissions: dict[tuple[str, int], LabelRegistrySubmissionAccepted]
    settled: frozenset[str]


def verify_file(path: Path, chain: Chain, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Checks every label of a dataset file; calls `progress` with the labels of each submission. Raises DatasetFileError."""
    data = _read(path, chain)
    checked = failed = 0
    first: str | None = None
    for round_file in data["rounds"]:
        on_chain, problem = _round_on_chain(chain, data["dataset"], round_file["round"])
        first = first or problem or _missing(round_file, on_chain)
        for submission in round_file["submissions"]:
            wrong = problem or _submission_problem(chain, round_file["round"], submission, on_chain)
            for label_problem in _label_problems(submission):
                checked += 1
                trouble = wrong or label_problem
                if trouble is not None:
                    failed += 1
                    first = first or trouble
            progress(len(submission["labels"]))
    return Verification(checked, failed, first)


def _read(path: Path, chain: Chain) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema, chain_id, registry = data["schema"], data["chain_id"], data["label_registry"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetFileError(f"{path} is not a dataset file: {type(error).__name__}: {error}.") from error
    if schema != SCHEMA:
        raise DatasetFileError(f"{path} has schema {schema!r}; this version reads {SCHEMA}.")
    if chain_id != chain.rpc.chain_id() or registry != chain.address("LabelRegistry"):
        raise DatasetFileError(f"{path} is of chain {chain_id}, LabelRegistry {registry}; the node and manifest are of another.")
    return data


def _round_on_chain(chain: Chain, dataset: int, round_id: int) -> tuple[_Round, str | None]:
    opened = [event for _, event in chain.events(LabelRegistryRoundOpened, topic(round_id))]
    problem = None
    if not opened or opened[0].dataset != dataset:
        problem = f"round {round_id} is not of dataset {dataset} on chain"
    elif not any(True for _ in chain.events(SettlementSettlementFinalized, topic(round_id))):
        problem = f"round {round_id} has no final settlement on chain"
    chunks = [event for _, event in chain.events(SettlementChunkPublished, topic(round_id))]
    settled = frozenset(e.account for chunk in chunks for e in chunk.entries if e.role == CONTRIBUTOR)
    submissions = {(e.contributor, e.sequence): e for e in chain.submissions(round_id)}
    return _Round(submissions, settled), problem


def _missing(round_file: dict[str, Any], on_chain: _Round) -> str | None:
    given = [(s["contributor"], s["sequence"]) for s in round_file["submissions"]]
    if len(set(given)) != len(given):
        return f"round {round_file['round']} lists a submission twice"
    absent = sorted(set(on_chain.submissions) - set(given))
    if absent:
        return f"submission {absent[0][1]} of {absent[0][0]} is on chain and not in the file"
    return None


def _submission_problem(chain: Chain, round_id: int, submission: dict[str, Any], on_chain: _Round) -> str | None:
    contributor, sequence = submission["contributor"], submission["sequence"]
    name = f"submission {sequence} of {contributor} in round {round_id}"
    event = on_chain.submissions.get((contributor, sequence))
    if event is None:
        return f"{name} is not on chain"
    if event.labels_root != submission["labels_root"]:
        return f"{name} has another root on chain"
    if len(submission["labels"]) != event.count or len({label["task"] for label in submission["labels"]}) != event.count:
        return f"{name} does not hold {event.count} labels of different tasks"
    if contributor not in on_chain.settled:
        return f"{name}: the round's settlement has no entry of the contributor"
    message = eip712.Submission(
        round_id,
        contributor,
        sequence,
        event.count,
        bytes.fromhex(event.labels_root[2:]),
        event.admission,
        submission["deadline"],
    )
    domain = eip712.Domain(chain.deployment.chain_id, chain.address("LabelRegistry"))
    try:
        signer = eip712.recover(message.digest(domain), bytes.fromhex(submission["signature"][2:]))
    except ValueError as error:
        return f"{name}: {error}"
    return None if signer == event.signer else f"{name} is signed by {signer}; on chain by {event.signer}"


def _label_problems(submission: dict[str, Any]) -> Iterator[str | None]:
    """For each label, what is wrong with its proof."""
    root = bytes.fromhex(submission["labels_root"][2:])
    for label in submission["labels"]:
        leaf = leaf_hash(LABEL_TYPES, (label["task"], label["answer"], bytes.fromhex(label["salt"][2:])))
        good = verify(root, leaf, [bytes.fromhex(sibling[2:]) for sibling in label["proof"]])
        yield None if good else f"task {label['task']} of {submission['contributor']}: the label's proof does not lead to its root"
