"""An audited last round with real labels, its evidence, and the chain as the SDK sees it: for whoever computes settlements."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from brownie import chain
from eth_utils import keccak

from labelshare.client.chain import Chain
from labelshare.client.dispute import Juror
from labelshare.client.recompute import history, recompute, rule_terms
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.client.watch import Challenger, Notice, Watcher
from labelshare.rules import draw
from labelshare.rules.entries import Entry
from labelshare.rules.evidence import SubmissionRecord, evidence_file
from labelshare.rules.history import RoundEvidence
from labelshare.rules.merkle import labels_tree
from labelshare.rules.settlement import settle
from scripts.deploy import Deployed
from tests.contracts.flow import LBL, Flow, Wallet, wallet
from tests.contracts.sdk import sdk

TASKS = 24
LOT = 6  # labels of a submission
WRONG_EACH = {"ada": 0, "bob": 3, "cleo": 5, "dan": 8}  # of their 24 answers
NONE, PROPOSED, PUBLISHED, EXITING = 0, 1, 2, 5


def truth(task: int) -> int:
    return keccak(text=f"truth {task}")[0] % 2


def answer(name: str, task: int) -> int:
    order = sorted(range(TASKS), key=lambda t: keccak(text=f"{name} {t}"))
    return truth(task) ^ (task in order[: WRONG_EACH[name]])


class TruthfulFlow(Flow):
    """A Flow whose panel answers with the truth."""

    def ballot(self, who: Wallet, answer: int = 0) -> tuple[bytes, bytes]:
        seed = bytes(self.protocol.audit_board.auditOf(self.round)[-1])
        sample = draw.sample(seed, TASKS, self.sample_size())
        return bytes(truth(task) for task in sample), keccak(text=f"salt {who.address} {self.round}")


@dataclass
class World:
    """An audited last round with real labels, its evidence, and the chain as clients see it."""

    flow: Flow
    client: Chain
    body: bytes
    records: list[SubmissionRecord]
    watcher: Wallet

    @property
    def bodies(self) -> dict[int, bytes]:
        return {self.flow.round: self.body}

    @property
    def due(self) -> list[Entry]:
        return list(recompute(self.client, self.flow.round, self.bodies).entries)

    def history(self) -> RoundEvidence:
        (evidence,) = history(self.client, self.flow.dataset, self.flow.round, self.bodies)
        return evidence

    def settle(self, evidence: RoundEvidence) -> list[Entry]:
        return list(settle(rule_terms(self.client, self.flow.dataset), [evidence]).entries)

    def phase(self) -> int:
        return int(self.flow.protocol.settlement.proposalOf(self.flow.round)[0])

    def watch(self, seen: dict[int, bytes] | None = None, also_withheld: bool = False) -> list[Notice]:
        """What a watcher who has `seen` (else all evidence), and may challenge, says and does."""
        challenger = Challenger(ClientWallet(self.watcher.key), also_withheld)
        return list(Watcher(self.client, lambda _: self.bodies if seen is None else seen, challenger).look())

    def judge(self, bodies: dict[int, bytes] | None, folder: Path) -> None:
        """Every juror does their duty as the command line does it, then the jury concludes."""
        jurors = self.flow.draw_jury()
        for _ in ("commit", "reveal"):
            for who, _ in jurors:
                Juror(self.client, ClientWallet(who.key)).judge(self.flow.round, bodies, folder / who.address)
        self.flow.protocol.jury.conclude(self.flow.round, {"from": self.flow.operator})


@pytest.fixture(scope="module")
def audited(deployment: Deployed, treasury: Any, requester: Any, operator: Any) -> World:
    flow = TruthfulFlow(deployment, treasury, requester, operator)
    flow.stake(count=12, seats=2)
    flow.create()
    people = {name: wallet(name) for name in WRONG_EACH}
    for who in people.values():
        flow.fund_contributor(who)
    flow.open(TASKS, TASKS * len(people), last=True)
    records = [
        _hand_in(flow, who, name, number, range(number * LOT, (number + 1) * LOT))
        for number in range(TASKS // LOT)
        for name, who in people.items()
    ]
    flow.audit()
    client = sdk(deployment, treasury)
    body = evidence_file(chain.id, client.address("LabelRegistry"), flow.dataset, flow.round, records)
    watcher = wallet("watcher")
    flow.credit(watcher.address, 1_000 * LBL)
    return World(flow, client, body, records, watcher)


@pytest.fixture
def world(audited: World) -> Iterator[World]:
    chain.snapshot()
    yield audited
    chain.revert()


def _hand_in(flow: Flow, who: Wallet, name: str, sequence: int, tasks: range) -> SubmissionRecord:
    labels = tuple((task, answer(name, task), keccak(text=f"salt {name} {task}")) for task in tasks)
    root = labels_tree(labels).root
    flow.submit(flow.submission(who, len(tasks), labels_root=root))
    return SubmissionRecord(who.address, sequence, 1, len(tasks), root, labels)


def as_rows(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [(int(e.role), e.account, e.reward, e.slash, e.shares, e.waiting) for e in entries]
