"""A chain in memory that answers what the SDK asks of a node, and one dataset of two final rounds on it, with its file."""

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from labelshare.chain import events
from labelshare.chain.decode import Log
from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.evidence import SubmissionRecord, content_hash, evidence_file, evidence_hash, salt
from labelshare.rules.history import RULE
from labelshare.rules.merkle import labels_tree, tasks_tree
from tests.unit.logs import DEPLOYMENT, address, log_of

DATASET = 4
ROUNDS = (5, 9)
TASKS = 6
LICENSEE = address(0xBEE)
ADA, BOB, VALIDATOR = Wallet(b"\x0b" * 32), Wallet(b"\x0c" * 32), Wallet(b"\x0d" * 32)
KEY = Wallet(b"\x0e" * 32)
DOMAIN = eip712.Domain(DEPLOYMENT.chain_id, DEPLOYMENT.address("LabelRegistry"))
NO_TOTALS = events.Totals(*([0] * 9))


class Node:
    """Answers eth_chainId, eth_blockNumber, eth_getLogs and eth_getCode as a node does. `contracts`: the addresses with code."""

    def __init__(self) -> None:
        self.contracts: set[str] = set()
        self.logs: list[Log] = []
        self.asked: list[tuple[int, int]] = []
        self._block = count(DEPLOYMENT.block)

    def emit(self, event: events.Event) -> None:
        self.logs.append(log_of(event, next(self._block)))

    def chain_id(self) -> int:
        return DEPLOYMENT.chain_id

    def integer(self, method: str, *_: Any) -> int:
        assert method == "eth_blockNumber"
        return max(log.block_number for log in self.logs)

    def call(self, method: str, query: Any, *_: Any) -> Any:
        if method == "eth_getCode":
            return "0x60" if query in self.contracts else "0x"
        assert method == "eth_getLogs"
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.asked.append((first, last))
        return [raw_log(log) for log in self.logs if first <= log.block_number <= last and _fits(log, query)]


@dataclass
class Small:
    """The chain, and the dataset file as the operator would serve it."""

    node: Node = field(default_factory=Node)
    file: dict[str, Any] = field(default_factory=dict)

    @property
    def chain(self) -> Chain:
        return Chain(self.node, DEPLOYMENT)  # type: ignore[arg-type]

    def write(self, folder: Path) -> Path:
        path = folder / "dataset.json"
        path.write_text(json.dumps(self.file))
        return path


def small(first_sale: int | None = None) -> Small:
    """Two rounds with submissions of ada (by session key; two of them in the first round) and bob, settled and sold; `first_sale`:
    the round after which it was sold to the licensee a first time."""
    world = Small()
    rounds = []
    for number in ROUNDS:
        rounds.append(_round(world.node, number))
        if number == first_sale:
            world.node.emit(events.DatasetMarketLicenseSold(DATASET, LICENSEE, LICENSEE, 10, 1, 2**39, number))
    world.node.emit(events.DatasetMarketLicenseSold(DATASET, LICENSEE, LICENSEE, 10, 1, 2**40, ROUNDS[-1]))
    world.file = {
        "schema": "labelshare-dataset-1",
        "rule": RULE,
        "chain_id": DEPLOYMENT.chain_id,
        "label_registry": DEPLOYMENT.address("LabelRegistry"),
        "settlement": DEPLOYMENT.address("Settlement"),
        "dataset": DATASET,
        "licensee": LICENSEE,
        "rounds": rounds,
    }
    return world


def evidence_of(round_file: dict[str, Any]) -> bytes:
    """The round's evidence file."""
    records = [
        SubmissionRecord(
            s["contributor"],
            s["sequence"],
            s["admission"],
            s["count"],
            bytes.fromhex(s["labels_root"][2:]),
            tuple((x["task"], x["answer"], bytes.fromhex(x["salt"][2:])) for x in s["labels"]),
        )
        for s in round_file["submissions"]
    ]
    return evidence_file(DEPLOYMENT.chain_id, DOMAIN.contract, DATASET, round_file["round"], records)


def _round(node: Node, number: int) -> dict[str, Any]:
    contents = [{"round": number, "text": f"task {i}"} for i in range(TASKS)]
    hashes = [content_hash(content) for content in contents]
    root = "0x" + tasks_tree(hashes).root.hex()
    node.emit(events.LabelRegistryRoundOpened(number, DATASET, root, TASKS, 99, 2, 2**40, False, 1000))
    parts = [(ADA, KEY, number, range(3)), (ADA, ADA, number + 1, range(3, 6)), (BOB, BOB, number, range(TASKS))]
    submissions = [_submission(node, number, *part) for part in parts]
    submissions.sort(key=lambda s: (s["contributor"], s["sequence"]))
    result = {
        "round": number,
        "tasks_root": root,
        "tasks": [
            {"index": i, "content_hash": "0x" + h.hex(), "content": c, "consensus": 0, "confidence": 65536}
            for i, (h, c) in enumerate(zip(hashes, contents, strict=True))
        ],
        "submissions": submissions,
    }
    body_hash = "0x" + evidence_hash(evidence_of(result)).hex()
    ballot = events.AuditBoardBallotRevealed(number, VALIDATOR.address, 1, 3, "0x0001", "0x" + "5a" * 32)
    node.emit(events.AuditBoardBallotRevealed(number, address(0xDEAD), 0, 3, "0x0000", "0x" + "66" * 32))
    node.emit(ballot)
    people = sorted((ADA.address, BOB.address))
    chunks = ([events.Entry(0, who, 100, 0, 7, 0) for who in people], [events.Entry(1, VALIDATOR.address, 9, 1, 2, 0)])
    node.emit(events.SettlementSettlementProposed(number, DATASET, address(0x0F), body_hash, len(chunks), 1, NO_TOTALS))
    for i, chunk in enumerate(chunks):
        node.emit(events.SettlementChunkPublished(number, i, "0x" + "00" * 32, tuple(chunk)))
    node.emit(events.SettlementSettlementFinalized(number, DATASET, 209, 0, 0))
    return result | {
        "evidence_hash": body_hash,
        "ballots": [{"validator": ballot.validator, "weight": 3, "answers": ballot.answers, "salt": ballot.salt}],
        "entries": [
            {
                "role": ("contributor", "validator")[e.role],
                "account": e.account,
                "reward": str(e.reward),
                "slash": str(e.slash),
                "shares": str(e.shares),
                "waiting": e.waiting,
            }
            for chunk in chunks
            for e in chunk
        ],
    }


def _submission(node: Node, number: int, who: Wallet, signer: Wallet, sequence: int, tasks: range) -> dict[str, Any]:
    secret = who.salt_secret(DEPLOYMENT.chain_id, DOMAIN.contract)
    rows = [(task, task % 2, salt(secret, number, sequence, task)) for task in tasks]
    tree = labels_tree(rows)
    message = eip712.Submission(number, who.address, sequence, len(rows), tree.root, 1, 2**40)
    root = "0x" + tree.root.hex()
    node.emit(events.LabelRegistrySubmissionAccepted(number, who.address, sequence, len(rows), root, signer.address, 1, 0))
    return {
        "contributor": who.address,
        "signer": signer.address,
        "sequence": sequence,
        "count": len(rows),
        "labels_root": root,
        "admission": 1,
        "deadline": 2**40,
        "signature": signer.sign(message, DOMAIN),
        "labels": [
            {"task": task, "answer": answer, "salt": "0x" + grain.hex(), "proof": ["0x" + h.hex() for h in tree.proof(i)]}
            for i, (task, answer, grain) in enumerate(rows)
        ],
    }


def _fits(log: Log, query: dict[str, Any]) -> bool:
    wanted = query["topics"]
    if log.address != query["address"] or len(wanted) > len(log.topics):
        return False
    return all(want is None or want == topic for want, topic in zip(wanted, log.topics, strict=False))


def raw_log(log: Log) -> dict[str, Any]:
    return {
        "address": log.address,
        "topics": list(log.topics),
        "data": log.data,
        "blockNumber": hex(log.block_number),
        "blockHash": log.block_hash,
        "transactionHash": log.transaction_hash,
        "logIndex": hex(log.log_index),
    }
