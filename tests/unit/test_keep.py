"""`labelshare keep`: what anyone may do for a round, read from the chain alone."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from labelshare.chain import events
from labelshare.client.chain import Chain, TransactionFailed
from labelshare.client.keep import Keeper
from labelshare.client.round_state import state_of
from labelshare.client.staking import OPEN_POOL
from labelshare.client.wallet import Wallet
from labelshare.keeper import WAIT_LIMIT
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import ADA, ROUNDS, Node, small

NOW = 10_000_000
BLOCK = 50


class Head(Node):
    def block(self) -> dict[str, Any]:
        return {"timestamp": hex(NOW), "number": hex(BLOCK)}


class OneRound(Chain):
    """A chain of one round whose phases the tests set; `sent` is what was sent."""

    def __init__(self) -> None:
        node = Head()
        node.logs = small().node.logs
        super().__init__(node, DEPLOYMENT)  # type: ignore[arg-type]
        self.phase, self.audit, self.settlement = 1, 0, 0
        self.panel: Sequence[tuple[str, int, bool, bytes]] = ()
        self.deadline = self.commit_ends = self.reveal_ends = self.challenge_ends = NOW + 10
        self.publish_ends, self.exit_due, self.proposals = NOW + 10, NOW + 10, 0
        self.jury, self.jurors = 0, self.panel
        self.open_submissions, self.attested = 0, set[str]()
        self.waiting, self.settled_at = (0, 0), NOW
        self.credentials: set[str] = set()
        self.pending: dict[str, int] = {}
        self.covered: dict[str, int] = {}
        self.dataset, self.last = 4, False
        self.seed_block = BLOCK
        self.distributed: set[int] = set()
        self.fails = False
        self.sent: list[tuple[Any, ...]] = []

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return {
            "roundCount": lambda: 1,
            "datasetCount": lambda: 1,
            "currentRound": lambda: 1,
            "waitingOf": lambda: self.waiting,
            "settledAtOf": lambda: self.settled_at,
            "isHeld": lambda: arguments[1] in self.credentials,
            "seatOf": lambda: (ADA.address, 1, 9 if arguments[1] == 7 else 0, False),
            "roundOf": lambda: (
                *(self.dataset, 6, 9, 3, 2, self.deadline, "0x", 0, self.phase, self.last),
                *(0, 0, 0, bytes(32), bytes(32)),
            ),
            "auditOf": lambda: self.drawing(self.audit),
            "drawingOf": lambda: self.drawing(self.jury),
            "panelOf": lambda: self.panel,
            "jurorsOf": lambda: self.jurors,
            "openSubmissionsOf": lambda: self.open_submissions,
            "attestationOf": lambda: (arguments[1] in self.attested, 0),
            "proposalOf": lambda: (self.settlement, "0x", 2, 2, 0, *self.proposal_times(), 0, bytes(32), bytes(32)),
            "proposalsOf": lambda: self.proposals,
            "MAX_PROPOSALS": lambda: 3,
            "exitDueAt": lambda: self.exit_due,
            "contributorOf": lambda: (1, 6, self.pending.get(arguments[1], 0), 0, self.covered.get(arguments[1], 0), 1, 0),
            "pendingVotesOf": lambda: self.pending.get(arguments[1], 0),
            "isDistributed": lambda: arguments[1] in self.distributed,
        }[function]()

    def drawing(self, phase: int) -> tuple[Any, ...]:
        return phase, 0, 0, self.seed_block, 1, 9, self.commit_ends, self.reveal_ends, NOW, bytes(32)

    def proposal_times(self) -> tuple[int, int]:
        return self.publish_ends, self.challenge_ends

    def send(self, wallet: Wallet, contract: str, function: str, *arguments: Any, seconds: float = 120.0) -> dict[str, Any]:
        if self.fails:
            raise TransactionFailed(f"{contract}.{function} would fail: WrongPhase")
        self.sent.append((contract, function, *arguments))
        return {}


@pytest.fixture
def chain() -> OneRound:
    return OneRound()


def kept(chain: OneRound) -> list[str]:
    return list(Keeper(chain, ADA).keep())


def test_nothing_is_sent_while_nothing_is_due(chain: OneRound) -> None:
    for phases in ((1, 0, 0), (2, 2, 0), (2, 3, 0), (2, 4, 0), (2, 4, 1), (2, 4, 2), (2, 4, 6), (3, 0, 0), (4, 4, 4)):
        chain.phase, chain.audit, chain.settlement = phases
        assert kept(chain) == []
    chain.phase, chain.audit, chain.settlement, chain.seed_block = 2, 1, 0, BLOCK + 1
    assert kept(chain) == []
    assert chain.sent == []


@pytest.mark.parametrize(
    ("phases", "late", "call"),
    [
        ((1, 0, 0), "deadline", ("LabelRegistry", "closeRound")),
        ((2, 1, 0), "deadline", ("AuditBoard", "drawPanel")),
        ((2, 2, 0), "commit_ends", ("AuditBoard", "conclude")),
        ((2, 3, 0), "reveal_ends", ("AuditBoard", "conclude")),
        ((2, 4, 2), "challenge_ends", ("Settlement", "finalize")),
        ((2, 4, 1), "publish_ends", ("Settlement", "expire")),
    ],
)
def test_what_is_due_is_done(chain: OneRound, phases: tuple[int, int, int], late: str, call: tuple[str, str]) -> None:
    chain.phase, chain.audit, chain.settlement = phases
    setattr(chain, late, NOW - 1)
    assert kept(chain) == [f"round 1: {call[0]}.{call[1]} done"]
    assert chain.sent == [(*call, 1)]


def test_a_panel_that_revealed_is_concluded_before_its_window_ends(chain: OneRound) -> None:
    chain.phase, chain.audit = 2, 3
    chain.panel = [("0xa", 2, True, b"\x01" * 32), ("0xb", 1, False, b"\x01" * 32)]
    assert kept(chain) == []
    chain.panel = [(validator, weight, True, sealed) for validator, weight, _, sealed in chain.panel]
    assert chain.sent == []
    assert kept(chain) == ["round 1: AuditBoard.conclude done"]


def test_members_who_committed_are_counted(chain: OneRound) -> None:
    chain.phase, chain.audit = 2, 2
    chain.panel = [("0xa", 2, False, b"\x01" * 32), ("0xb", 1, False, bytes(32))]
    panel = state_of(chain, 1).audit
    assert panel is not None
    assert (panel.members, panel.committed, panel.revealed) == (2, 1, 0)


def test_a_final_settlement_is_distributed_from_what_was_published(chain: OneRound) -> None:
    chain.phase, chain.audit, chain.settlement = 2, 4, 3
    chain.distributed = {0}
    moved = [log for log in chain.rpc.logs if log.topics[0] == events.SettlementChunkPublished.TOPIC]  # type: ignore[attr-defined]
    chain.rpc.logs = [  # type: ignore[attr-defined]
        replace(log, topics=(log.topics[0], f"0x{1:064x}", *log.topics[2:]))
        for log in moved
        if int(log.topics[1], 16) == ROUNDS[0]
    ]
    assert kept(chain) == ["round 1: Settlement.distribute done"]
    ((contract, function, round_id, chunk, entries),) = chain.sent
    assert (contract, function, round_id, chunk) == ("Settlement", "distribute", 1, 1)
    assert [entry[0] for entry in entries] == [1]


def test_what_somebody_else_did_first_is_said_and_ends_nothing(chain: OneRound) -> None:
    chain.deadline, chain.fails = NOW - 1, True
    assert kept(chain) == ["round 1: LabelRegistry.closeRound would fail: WrongPhase"]


def test_a_round_exits_when_its_exit_is_due(chain: OneRound) -> None:
    chain.phase, chain.audit = 2, 4
    chain.exit_due = NOW
    assert kept(chain) == []
    chain.exit_due -= 1
    assert kept(chain) == ["round 1: Settlement.startExit done"]


@pytest.mark.parametrize(("audit", "proposals"), [(5, 0), (4, 3)])
def test_a_failed_audit_and_used_up_proposals_exit_at_once(chain: OneRound, audit: int, proposals: int) -> None:
    chain.phase, chain.audit, chain.proposals = 2, audit, proposals
    assert kept(chain) == ["round 1: Settlement.startExit done"]


@pytest.mark.parametrize(
    ("jury", "late", "function"), [(1, "deadline", "drawJury"), (2, "commit_ends", "conclude"), (3, "reveal_ends", "conclude")]
)
def test_the_jury_of_a_challenged_settlement_is_drawn_and_concluded(chain: OneRound, jury: int, late: str, function: str) -> None:
    chain.phase, chain.audit, chain.settlement, chain.jury = 2, 4, 6, jury
    setattr(chain, late, NOW - 1)
    assert kept(chain) == [f"round 1: Jury.{function} done"]


def test_a_panel_that_revealed_is_concluded_once_it_attested_what_the_open_path_took(chain: OneRound) -> None:
    chain.phase, chain.audit, chain.open_submissions = 2, 3, 1
    chain.panel = [("0xa", 2, True, b"\x01" * 32), ("0xb", 1, True, b"\x01" * 32)]
    chain.attested = {"0xa"}
    assert kept(chain) == []
    chain.attested.add("0xb")
    assert kept(chain) == ["round 1: AuditBoard.conclude done"]


def test_a_dataset_whose_work_waited_for_14_days_is_finished(chain: OneRound) -> None:
    chain.phase, chain.audit, chain.settlement, chain.waiting = 4, 4, 4, (3, 0)
    assert kept(chain) == []
    chain.settled_at = NOW - WAIT_LIMIT
    assert kept(chain) == []
    chain.settled_at -= 1
    assert kept(chain) == ["dataset 1: LabelRegistry.finishDataset done"]
    chain.waiting = (0, 0)
    assert kept(chain) == []


def test_whose_credential_lapsed_is_expelled_with_the_seats_that_are_in(chain: OneRound) -> None:
    pool = "0x" + "5c" * 32
    node: Any = chain.rpc
    for seat in (3, 5, 7):
        node.emit(events.StakingSeatJoined(pool, seat, ADA.address, 1))
    node.emit(events.StakingSeatJoined(OPEN_POOL, 1, ADA.address, 1))
    chain.credentials = {ADA.address}
    keeper = Keeper(chain, ADA)
    assert list(keeper.keep()) == []
    chain.credentials = set()
    assert list(keeper.keep()) == [f"pool {pool}: Staking.expel done"]
    assert chain.sent == [("Staking", "expel", pool, ADA.address, [3, 5])]


def with_labels_of(chain: OneRound) -> list[str]:
    """Makes all submissions of the chain's logs submissions to round 1; their contributors."""
    accepted = [log for log in chain.rpc.logs if log.topics[0] == events.LabelRegistrySubmissionAccepted.TOPIC]  # type: ignore[attr-defined]
    chain.rpc.logs = [  # type: ignore[attr-defined]
        replace(log, topics=(log.topics[0], f"0x{1:064x}", *log.topics[2:])) for log in accepted
    ]
    return sorted({"0x" + log.topics[2][-40:] for log in accepted})


def test_bonds_that_a_finished_dataset_holds_are_sent_back_once(chain: OneRound) -> None:
    people = with_labels_of(chain)
    chain.phase, chain.audit, chain.settlement, chain.dataset = 4, 4, 4, 1
    chain.covered = {people[1]: 2}
    keeper = Keeper(chain, ADA)
    assert list(keeper.keep()) == []
    chain.last = True
    assert list(keeper.keep()) == ["dataset 1: Settlement.releaseBonds done"]
    assert chain.sent == [("Settlement", "releaseBonds", 1, [people[1]])]
    assert list(keeper.keep()) == []


def test_an_exit_pays_those_who_have_something_pending(chain: OneRound) -> None:
    chain.phase, chain.audit, chain.settlement = 2, 4, 5
    people = with_labels_of(chain)
    chain.pending = {people[0]: 3}
    assert kept(chain) == ["round 1: Settlement.exit done"]
    assert chain.sent == [("Settlement", "exit", 1, [people[0]], [])]
