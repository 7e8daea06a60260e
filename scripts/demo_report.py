"""What the demo did, as numbers (reports/demo.json) and as tables that a stranger understands; and what must hold of them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from labelshare.chain.events import (
    AuditBoardAuditConcluded,
    AuditBoardBallotCommitted,
    AuditBoardBallotRevealed,
    AuditBoardPanelDrawn,
    LabelRegistryRoundClosed,
    LabelRegistryRoundOpened,
    LabelRegistrySubmissionAccepted,
    SettlementChunkPaid,
    SettlementChunkPublished,
    SettlementSettlementFinalized,
    SettlementSettlementProposed,
)
from labelshare.client.api import Api
from labelshare.client.chain import Chain, topic
from labelshare.client.verify import Verification
from labelshare.crowd import Crowd
from labelshare.lab.measures import spearman
from scripts.crowd_replay import Label, accuracy, majority, worker_accuracy

LBL = 10**18
REWARD = LBL
EXPECTED_LABELS = 12_212
ROUND_EVENTS = (
    LabelRegistryRoundOpened,
    LabelRegistrySubmissionAccepted,
    LabelRegistryRoundClosed,
    AuditBoardPanelDrawn,
    AuditBoardBallotCommitted,
    AuditBoardBallotRevealed,
    AuditBoardAuditConcluded,
    SettlementSettlementProposed,
    SettlementChunkPublished,
    SettlementSettlementFinalized,
    SettlementChunkPaid,
)


# Of each crowd: name, description, question. The public sets have labels and answers; what was shown to people is not in them.
ABOUT = {
    "bluebird": (
        "Indigo bunting or blue grosbeak",
        "39 people and 108 photographs (Welinder et al., NIPS 2010), replayed. Hard, and people err alike.",
        "Which of the two birds is it?",
    ),
    "rte": (
        "Does one sentence follow from another",
        "164 people and 800 pairs of sentences (Snow et al., EMNLP 2008), replayed, with a clique of spammers.",
        "Does the second sentence follow from the first?",
    ),
}


@dataclass
class Replay:
    """A crowd on its way through the protocol.

    Labels are (task, worker, class); spammers are named c0, c1, …; `per_task`: most labels of a task; `file`: the download.
    """

    name: str
    crowd: Crowd
    truth: dict[int, int]
    labels: list[Label]
    per_task: int
    file: Path
    dataset: int = 0
    round: int = 0
    accepted: int = 0
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the dataset's terms name by hash."""
        name, description, question = ABOUT[self.name]
        classes = [{"name": label} for label in self.crowd.classes]
        about = {"name": name, "description": description, "license": "MIT", "task_type": "text-choice", "question": question}
        return {**about, "classes": classes}

    @property
    def tasks(self) -> list[dict[str, str]]:
        """What people are shown: the set's number of a task, for want of the picture or the sentences."""
        return [{"text": f"Task {task} of the set {self.name}"} for task in self.crowd.tasks]

    @property
    def answers(self) -> dict[str, dict[int, int]]:
        """Class by task of each worker."""
        by_worker: dict[str, dict[int, int]] = {}
        for task, worker, answer in self.labels:
            by_worker.setdefault(worker, {})[task] = answer
        return by_worker


def build_report(
    chain: Chain,
    api: Api,
    replays: list[Replay],
    verifications: dict[str, Verification],
    ledger_checks: list[tuple[int, int]],
    restarts: dict[str, int],
    seconds: float,
) -> dict[str, Any]:
    """Everything by what the chain and the API say now."""
    summed, held = ledger_checks[-1]
    return {
        "seconds": round(seconds, 1),
        "datasets": {replay.name: _dataset(chain, api, replay) for replay in replays},
        "verify": {
            "checked": sum(v.checked for v in verifications.values()),
            "failed": sum(v.failed for v in verifications.values()),
            "first_failure": next((v.first_failure for v in verifications.values() if v.first_failure), None),
        },
        "ledger": {"sum": str(summed), "held": str(held), "times_checked": len(ledger_checks)},
        "restarts": restarts,
    }


def _dataset(chain: Chain, api: Api, replay: Replay) -> dict[str, Any]:
    entries = {
        e["account"]: e for e in api.get(f"/rounds/{replay.round}/settlement")["entries"] if e["role"] == "contributor"
    }
    answers = replay.answers
    net = {
        worker: (int(entries[account]["reward"]) - int(entries[account]["slash"])) / REWARD
        for worker, account in replay.accounts.items()
    }
    per_label = {worker: net[worker] / len(answers[worker]) for worker in net}
    hits = worker_accuracy(replay.labels, replay.truth)
    judged = sorted(worker for worker in net if worker in hits)
    on_chain = chain.submissions(replay.round)
    gas = _gas(chain, replay.round)
    report: dict[str, Any] = {
        "dataset": replay.dataset,
        "round": replay.round,
        "contributors": len(replay.accounts),
        "labels_accepted": replay.accepted,
        "labels_on_chain": sum(event.count for event in on_chain),
        "submissions_on_chain": len(on_chain),
        "submissions_distinct": len({(event.contributor, event.sequence) for event in on_chain}),
        "accuracy_majority": accuracy(majority(replay.labels), replay.truth),
        "accuracy_consensus": accuracy(_consensus(replay), replay.truth),
        "tasks_with_truth": len(replay.truth),
        "spearman_pay_accuracy": spearman([per_label[w] for w in judged], [hits[w] for w in judged]),
        "gas_per_label": sum(gas.values()) / len(replay.labels),
        "gas": gas,
        "top_holders": _top(api, replay),
    }
    spammers = [worker for worker in net if worker.startswith("c")]
    if spammers:
        honest = [worker for worker in net if not worker.startswith("c")]
        report["attackers"] = {
            "identities": len(spammers),
            "labels": sum(len(answers[w]) for w in spammers),
            "earned": sum(int(entries[replay.accounts[w]]["reward"]) for w in spammers) / REWARD,
            "lost": sum(int(entries[replay.accounts[w]]["slash"]) for w in spammers) / REWARD,
            "net_per_label": sum(net[w] for w in spammers) / sum(len(answers[w]) for w in spammers),
            "honest_net_per_label": sum(net[w] for w in honest) / sum(len(answers[w]) for w in honest),
        }
    return report


def _consensus(replay: Replay) -> dict[int, int]:
    """The consensus that was sold: read from the downloaded file."""
    data = json.loads(replay.file.read_text())
    return {task["index"]: task["consensus"] for task in data["rounds"][0]["tasks"]}


def _gas(chain: Chain, round_id: int) -> dict[str, int]:
    """Gas of the transactions of a round, by the step that they did."""
    used: dict[str, int] = {}
    seen: set[str] = set()
    for kind in ROUND_EVENTS:
        for log, _ in chain.events(kind, topic(round_id)):
            if log.transaction_hash not in seen:
                seen.add(log.transaction_hash)
                receipt = chain.rpc.call("eth_getTransactionReceipt", log.transaction_hash)
                used[kind.__name__] = used.get(kind.__name__, 0) + int(receipt["gasUsed"], 16)
    return used


def _top(api: Api, replay: Replay) -> list[dict[str, Any]]:
    names = {account: worker for worker, account in replay.accounts.items()}
    rows = sorted(api.pages(f"/datasets/{replay.dataset}/contributors"), key=lambda row: (-int(row["shares"]), row["contributor"]))
    supply = int(api.get(f"/datasets/{replay.dataset}")["shares"])
    return [
        {
            "worker": names.get(row["contributor"], "?"),
            "account": row["contributor"],
            "labels": row["labels"],
            "pay": row["reward"],
            "shares": row["shares"],
            "share_of_dataset": int(row["shares"]) / supply if supply else 0.0,
            "revenue": row["revenue"],
        }
        for row in rows[:5]
    ]


def problems_of(report: dict[str, Any]) -> list[str]:
    """What of the demo's promises does not hold; empty when all do."""
    bluebird, rte = report["datasets"]["bluebird"], report["datasets"]["rte"]
    attackers = rte["attackers"]
    labels = sum(d["labels_on_chain"] for d in (bluebird, rte))
    promises = {
        "bluebird: consensus right on at least 94 of 108": round(bluebird["accuracy_consensus"] * 108) >= 94,
        "bluebird: Spearman of pay and accuracy at least .85": bluebird["spearman_pay_accuracy"] >= 0.85,
        "rte: consensus accuracy at least .89 with a clique in a fifth of the seats": rte["accuracy_consensus"] >= 0.89,
        "rte: honest contributors gain": attackers["honest_net_per_label"] > 0,
        "rte: the clique gains at most a quarter of that": attackers["net_per_label"] <= attackers["honest_net_per_label"] / 4,
        f"all {EXPECTED_LABELS} labels accepted": sum(d["labels_accepted"] for d in (bluebird, rte)) == EXPECTED_LABELS,
        "every label on chain exactly once": labels == EXPECTED_LABELS
        and all(d["submissions_on_chain"] == d["submissions_distinct"] for d in (bluebird, rte)),
        "every label verified": report["verify"]["checked"] == EXPECTED_LABELS and report["verify"]["failed"] == 0,
        "nothing wrong with the downloaded files": report["verify"]["first_failure"] is None,
        "the Ledger's accounts add up to what it holds": report["ledger"]["sum"] == report["ledger"]["held"],
    }
    return [promise for promise, holds in promises.items() if not holds]


def show_report(console: Console, report: dict[str, Any]) -> None:
    """The report for people."""
    table = Table(title="What came out")
    for column in ("", *report["datasets"]):
        table.add_column(column, justify="left" if not column else "right")

    def row(text: str, show: Any) -> None:
        table.add_row(text, *(show(d) for d in report["datasets"].values()))

    row("people (wallets)", lambda d: str(d["contributors"]))
    row("labels on chain, each once", lambda d: f"{d['labels_on_chain']:,}")
    row("right by majority vote", lambda d: f"{d['accuracy_majority']:.1%}")
    row("right by the consensus that was sold", lambda d: f"{d['accuracy_consensus']:.1%}")
    row("pay follows true accuracy (Spearman)", lambda d: f"{d['spearman_pay_accuracy']:+.2f}")
    row("spammers' net pay, of a full label", lambda d: f"{d['attackers']['net_per_label']:+.3f}" if "attackers" in d else "–")
    row("  earned, LBL", lambda d: f"{d['attackers']['earned']:.1f}" if "attackers" in d else "–")
    row("  lost in bonds, LBL", lambda d: f"{d['attackers']['lost']:.1f}" if "attackers" in d else "–")
    row("honest net pay, of a full label", lambda d: f"{d['attackers']['honest_net_per_label']:+.3f}" if "attackers" in d else "–")
    row("gas a label, all in", lambda d: f"{d['gas_per_label']:.0f}")
    console.print(table)
    for name, dataset in report["datasets"].items():
        holders = Table(title=f"{name}: the five largest shareholders among its labelers")
        for column in ("worker", "labels", "pay, LBL", "part of the dataset", "revenue, LBL"):
            holders.add_column(column, justify="right")
        for top in dataset["top_holders"]:
            pay, revenue = int(top["pay"]) / LBL, int(top["revenue"]) / LBL
            holders.add_row(top["worker"], str(top["labels"]), f"{pay:.2f}", f"{top['share_of_dataset']:.2%}", f"{revenue:.2f}")
        console.print(holders)
    verify, ledger = report["verify"], report["ledger"]
    console.print(f"Labels verified against the chain: {verify['checked'] - verify['failed']:,} of {verify['checked']:,}")
    console.print(f"Ledger: accounts add up to {int(ledger['sum']) / LBL:,.2f} LBL, holds {int(ledger['held']) / LBL:,.2f} LBL")
    console.print(f"Processes started again after dying: {sum(report['restarts'].values())}. Time: {report['seconds']:.0f} s")
