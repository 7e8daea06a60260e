"""Verifying a downloaded dataset (specification F2) against the chain, trusting nobody but the node.

For each label: its Merkle proof leads to a root that the LabelRegistry accepted for this contributor, sequence number and round;
the signature over that submission is by the signer the chain recorded (what a contract wallet took, the chain says); the round is
of this dataset and has a final settlement, whose published entries have the contributor. For each round: no accepted submission is
missing, none holds fewer labels than it claimed or a task twice; tasks, evidence, ballots and entries are those of the chain. Open
submissions that the panel did not attest are void: they are in no file, and no proof is asked of them. For the file: no round is
listed twice or left out that was final when the license was last sold. The consensus in the file is the operator's word: it is not
computed again here.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelshare.chain.events import (
    AuditBoardBallotRevealed,
    DatasetMarketLicenseSold,
    LabelRegistryRoundOpened,
    LabelRegistrySubmissionAccepted,
    SettlementChunkPublished,
    SettlementSettlementFinalized,
    SettlementSettlementProposed,
)
from labelshare.chain.naming import user_account
from labelshare.client.chain import Chain, topic
from labelshare.rules import eip712
from labelshare.rules.evidence import ERASED, SubmissionRecord, content_hash, evidence_file, evidence_hash
from labelshare.rules.merkle import LABEL_TYPES, leaf_hash, tasks_tree, verify

SCHEMA = "labelshare-dataset-1"
NO_TASKS = "0x" + 64 * "0"  # the root of a closing round
ROLES = ("contributor", "validator", "requester")
MALFORMED = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


class DatasetFileError(ValueError):
    """The file is no dataset file of this chain; the message says why."""


@dataclass(frozen=True)
class Verification:
    """How many labels were checked, how many failed, and what is wrong with the first that did, or with the whole."""

    checked: int
    failed: int
    first_failure: str | None

    @property
    def passed(self) -> bool:
        return self.failed == 0 and self.first_failure is None


@dataclass(frozen=True)
class _Round:
    """What the chain says of a round."""

    opened: LabelRegistryRoundOpened
    submissions: dict[tuple[str, int], LabelRegistrySubmissionAccepted]
    evidence_hash: str
    entries: list[tuple[str, str, str, str, str, int]]
    ballots: list[tuple[str, int, str, str]]

    @property
    def settled(self) -> frozenset[str]:
        """Contributors with an entry."""
        return frozenset(account for role, account, *_ in self.entries if role == ROLES[0])


def verify_file(path: Path, chain: Chain, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Checks every label of a dataset file; calls `progress` with the labels of each submission. Raises DatasetFileError."""
    data = _read(path, chain)
    checked = failed = 0
    first_label: str | None = None
    try:
        whole = _coverage_problem(chain, data)
        for round_file in data["rounds"]:
            on_chain = _round_on_chain(chain, data["dataset"], round_file["round"])
            whole = whole or (on_chain if isinstance(on_chain, str) else _round_problem(chain, round_file, on_chain))
            for submission in round_file["submissions"]:
                wrong = on_chain if isinstance(on_chain, str) else _submission_problem(chain, round_file, submission, on_chain)
                for label_problem in label_problems(submission):
                    checked += 1
                    trouble = wrong or label_problem
                    if trouble is not None:
                        failed += 1
                        first_label = first_label or trouble
                progress(len(submission["labels"]))
    except MALFORMED as error:
        raise DatasetFileError(f"{path} is malformed after {checked} labels: {type(error).__name__}: {error}.") from error
    return Verification(checked, failed, first_label or whole)


def _read(path: Path, chain: Chain) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema, chain_id, contracts = data["schema"], data["chain_id"], (data["label_registry"], data["settlement"])
    except (OSError, *MALFORMED) as error:
        raise DatasetFileError(f"{path} is not a dataset file: {type(error).__name__}: {error}.") from error
    if schema != SCHEMA:
        raise DatasetFileError(f"{path} has schema {schema!r}; this version reads {SCHEMA}.")
    if chain_id != chain.rpc.chain_id() or contracts != (chain.address("LabelRegistry"), chain.address("Settlement")):
        raise DatasetFileError(f"{path} is of chain {chain_id}, contracts {contracts}; the node and manifest are of others.")
    return data


# What the file as a whole must hold


def _coverage_problem(chain: Chain, data: dict[str, Any]) -> str | None:
    given = [r["round"] for r in data["rounds"]]
    if given != sorted(set(given)):
        return "the file lists a round twice, or rounds out of order"
    dataset, licensee = data["dataset"], data["licensee"]
    sales = list(chain.events(DatasetMarketLicenseSold, topic(dataset), user_account(licensee)))
    if not sales:
        return f"no license to dataset {dataset} was ever sold to {licensee}"
    sale_log, sale = sales[-1]  # a renewal covers what became final since
    sold_at = (sale_log.block_number, sale_log.log_index)
    for log, final in chain.events(SettlementSettlementFinalized, None, topic(dataset)):
        bought = final.round <= sale.last_round and (log.block_number, log.log_index) < sold_at
        if final.round not in given and (bought or final.round < max(given, default=0)):
            return f"round {final.round} of dataset {dataset} is final on chain and not in the file"
    return None


# What the chain says of a round, and what the file must then hold


def _round_on_chain(chain: Chain, dataset: int, round_id: int) -> _Round | str:
    """The round, or why there is none to compare with."""
    opened = [event for _, event in chain.events(LabelRegistryRoundOpened, topic(round_id))]
    if not opened or opened[0].dataset != dataset:
        return f"round {round_id} is not of dataset {dataset} on chain"
    if not any(True for _ in chain.events(SettlementSettlementFinalized, topic(round_id))):
        return f"round {round_id} has no final settlement on chain"
    proposed = [event for _, event in chain.events(SettlementSettlementProposed, topic(round_id))][-1]
    chunks = {event.chunk: event for _, event in chain.events(SettlementChunkPublished, topic(round_id))}
    revealed = [event for _, event in chain.events(AuditBoardBallotRevealed, topic(round_id))]
    attempt = max((event.attempt for event in revealed), default=0)
    return _Round(
        opened=opened[0],
        submissions={(e.contributor, e.sequence): e for e in chain.counted_submissions(round_id)},
        evidence_hash=proposed.evidence_hash,
        entries=[
            (ROLES[e.role], e.account, str(e.reward), str(e.slash), str(e.shares), e.waiting)
            for chunk in range(proposed.chunks)
            for e in chunks[chunk].entries
        ],
        ballots=sorted((e.validator, e.weight, e.answers, e.salt) for e in revealed if e.attempt == attempt),
    )


def _round_problem(chain: Chain, round_file: dict[str, Any], on_chain: _Round) -> str | None:
    """What is wrong with the round as a whole."""
    return (
        _missing(round_file, on_chain)
        or _tasks_problem(round_file, on_chain)
        or _evidence_problem(chain, round_file, on_chain)
        or _settlement_problem(round_file, on_chain)
    )


def _missing(round_file: dict[str, Any], on_chain: _Round) -> str | None:
    given = [(s["contributor"], s["sequence"]) for s in round_file["submissions"]]
    if len(set(given)) != len(given):
        return f"round {round_file['round']} lists a submission twice"
    absent = sorted(set(on_chain.submissions) - set(given))
    if absent:
        return f"submission {absent[0][1]} of {absent[0][0]} is on chain and not in the file"
    return None


def _tasks_problem(round_file: dict[str, Any], on_chain: _Round) -> str | None:
    name, tasks = f"round {round_file['round']}", round_file["tasks"]
    if [task["index"] for task in tasks] != list(range(on_chain.opened.task_count)):
        return f"{name} does not list its {on_chain.opened.task_count} tasks in order"
    # Of content that was deleted only the hash is left; the tree shows that it is the one that was labeled.
    hashes = [
        bytes.fromhex(task["content_hash"][2:]) if task["content"] == ERASED else content_hash(task["content"]) for task in tasks
    ]
    for task, content in zip(tasks, hashes, strict=True):
        if task["content_hash"] != "0x" + content.hex():
            return f"{name}: the content of task {task['index']} is not that of its content hash"
    root = "0x" + tasks_tree(hashes).root.hex() if hashes else NO_TASKS
    if not round_file["tasks_root"] == root == on_chain.opened.tasks_root:
        return f"{name} was opened with other tasks on chain"
    return None


def _evidence_problem(chain: Chain, round_file: dict[str, Any], on_chain: _Round) -> str | None:
    records = [
        SubmissionRecord(
            contributor=s["contributor"],
            sequence=s["sequence"],
            admission=s["admission"],
            count=s["count"],
            labels_root=bytes.fromhex(s["labels_root"][2:]),
            labels=tuple((x["task"], x["answer"], bytes.fromhex(x["salt"][2:])) for x in s["labels"]),
        )
        for s in round_file["submissions"]
    ]
    registry, dataset = chain.address("LabelRegistry"), on_chain.opened.dataset
    body = evidence_file(chain.deployment.chain_id, registry, dataset, round_file["round"], records)
    if not round_file["evidence_hash"] == "0x" + evidence_hash(body).hex() == on_chain.evidence_hash:
        return f"round {round_file['round']} was settled on other evidence than these submissions"
    return None


def _settlement_problem(round_file: dict[str, Any], on_chain: _Round) -> str | None:
    entries = [(e["role"], e["account"], e["reward"], e["slash"], e["shares"], e["waiting"]) for e in round_file["entries"]]
    if entries != on_chain.entries:
        return f"round {round_file['round']}: its entries are not those published on chain"
    ballots = sorted((b["validator"], b["weight"], b["answers"], b["salt"]) for b in round_file["ballots"])
    if ballots != on_chain.ballots:
        return f"round {round_file['round']}: its ballots are not those revealed on chain"
    return None


# Submissions and labels


def _submission_problem(
    chain: Chain, round_file: dict[str, Any], submission: dict[str, Any], on_chain: _Round
) -> str | None:
    """What is wrong with a submission, and so with each of its labels."""
    round_id = round_file["round"]
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
        signer = _signer(chain, event, message.digest(domain), bytes.fromhex(submission["signature"][2:]))
    except ValueError as error:
        return f"{name}: {error}"
    if not signer == event.signer == submission["signer"]:
        return f"{name} is signed by {signer}, in the file by {submission['signer']}, on chain by {event.signer}"
    return None


def _signer(chain: Chain, event: LabelRegistrySubmissionAccepted, digest: bytes, signature: bytes) -> str:
    """Whose key signed, or the contributor when that is a contract: what its wallet takes it told the LabelRegistry, and may have
    changed since (S5). Raises ValueError."""
    try:
        signer = eip712.recover(digest, signature)
    except ValueError:
        if event.signer != event.contributor or not chain.has_code(event.contributor):
            raise
        return event.signer
    by_wallet = signer != event.signer == event.contributor and chain.has_code(event.contributor)
    return event.signer if by_wallet else signer


def label_problems(submission: dict[str, Any]) -> Iterator[str | None]:
    """For each label, what is wrong with its proof."""
    root = bytes.fromhex(submission["labels_root"][2:])
    for label in submission["labels"]:
        good = _proof_holds(root, label)
        yield None if good else f"task {label['task']} of {submission['contributor']}: the label's proof does not lead to its root"


def _proof_holds(root: bytes, label: dict[str, Any]) -> bool:
    try:
        leaf = leaf_hash(LABEL_TYPES, (label["task"], label["answer"], bytes.fromhex(label["salt"][2:])))
        return verify(root, leaf, [bytes.fromhex(sibling[2:]) for sibling in label["proof"]])
    except ValueError:
        return False
