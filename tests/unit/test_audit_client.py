"""A validator's duty: labels only what the chain drew, never loses a sealed ballot, signs only the chain's evidence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from labelshare.client.api import Api, ApiError
from labelshare.client.audit import EvidenceMismatch, SampleMismatch, Validator, check_evidence, check_sample
from labelshare.client.chain import Chain
from labelshare.client.evidence import read_files
from labelshare.rules import draw, eip712
from labelshare.rules.evidence import ERASED, canonical_json, content_hash, evidence_hash
from labelshare.rules.merkle import tasks_tree
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import DATASET, ROUNDS, TASKS, VALIDATOR, Node, evidence_of, small

ROUND = ROUNDS[0]
SEED = b"\x42" * 32
SAMPLE = draw.sample(SEED, TASKS, 3)
OPERATOR = "0x" + "0e" * 20


class SeededChain(Chain):
    """The small chain, with the views that an audit reads."""

    attempt = 1
    open_submissions = 0
    phase = 2  # committing
    commit_ends = 2**40

    def __init__(self, node: Node) -> None:
        super().__init__(node, DEPLOYMENT)  # type: ignore[arg-type]

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        assert arguments == (ROUND,)
        if function == "auditOf":
            return (self.phase, self.attempt, 0, 1, 1, 9, self.commit_ends, 2**41, 0, SEED)
        if function == "openSubmissionsOf":
            return self.open_submissions
        assert function == "roundOf"
        return (DATASET, TASKS, 99, 12, len(SAMPLE), 2**40, "0x" + "00" * 20, 0, 2, False, 0, bytes(32))


class Operator:
    """The API of an operator that follows the protocol; `commits`, `reveals` and `signatures` are what it was handed."""

    def __init__(self, evidence: bytes) -> None:
        self.evidence = evidence
        self.commits: list[dict[str, Any]] = []
        self.reveals: list[dict[str, Any]] = []
        self.signatures: list[dict[str, Any]] = []
        self.attestations: list[dict[str, Any]] = []
        self.knows_attestation = False
        self.lose_reveals = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1")
        if path == "/config":
            config = {"operator": OPERATOR, "chain_id": DEPLOYMENT.chain_id, "contracts": DEPLOYMENT.contracts}
            return httpx.Response(200, json=config)
        if path.endswith("/audit"):
            return httpx.Response(200, json=view())
        if path.endswith("/evidence"):
            return self.sealed(self.evidence)
        body = json.loads(request.content)
        if path.endswith("/commits"):
            if self.commits:
                return refusal(409, "already_committed")
            self.commits.append(body)
        elif path.endswith("/reveals"):
            if self.lose_reveals:
                return refusal(400, "broken_off")
            self.reveals.append(body)
        elif path.endswith("/attestations"):
            if self.knows_attestation:
                return refusal(409, "already_attested")
            self.attestations.append(body)
        else:
            self.signatures.append(body)
        return httpx.Response(202, json={"status": "queued"})

    def sealed(self, body: bytes) -> httpx.Response:
        return httpx.Response(200, content=body) if self.reveals else refusal(403, "too_early")


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": code})


def view() -> dict[str, Any]:
    contents = [task["content"] for task in small().file["rounds"][0]["tasks"]]
    tree = tasks_tree([content_hash(content) for content in contents])
    sample = [
        {
            "index": i,
            "content_hash": "0x" + content_hash(contents[i]).hex(),
            "content": contents[i],
            "proof": ["0x" + sibling.hex() for sibling in tree.proof(i)],
        }
        for i in SAMPLE
    ]
    return {"attempt": 1, "classes": 3, "commit_ends": 2**40, "reveal_ends": 2**41, "sample": sample}


@pytest.fixture
def chain() -> SeededChain:
    return SeededChain(small().node)


@pytest.fixture
def evidence() -> bytes:
    return evidence_of(small().file["rounds"][0])


@pytest.fixture
def operator(evidence: bytes) -> Operator:
    return Operator(evidence)


def validator(operator: Operator, chain: Chain) -> Validator:
    return Validator(Api("http://api.test", 1.0, httpx.MockTransport(operator)), VALIDATOR, chain)


def never(_: dict[str, Any]) -> int:
    raise AssertionError("a kept ballot is not asked for again")


def test_the_whole_duty_commits_reveals_and_signs(operator: Operator, chain: SeededChain) -> None:
    validator(operator, chain).audit(ROUND, lambda task: task["index"] % 3)
    (commit,), (reveal,), (signature,) = operator.commits, operator.reveals, operator.signatures
    answers, salt = bytes.fromhex(reveal["answers"][2:]), bytes.fromhex(reveal["salt"][2:])
    assert list(answers) == [i % 3 for i in SAMPLE]
    sealed = draw.commitment(ROUND, 1, VALIDATOR.address, answers, salt)
    assert commit["commitment"] == "0x" + sealed.hex()
    signed = eip712.Commit(ROUND, 1, VALIDATOR.address, sealed).digest(eip712.Domain(31337, DEPLOYMENT.address("AuditBoard")))
    assert eip712.recover(signed, bytes.fromhex(commit["signature"][2:])) == VALIDATOR.address
    proposed = eip712.Evidence(ROUND, evidence_hash(operator.evidence), OPERATOR)
    held = proposed.digest(eip712.Domain(31337, DEPLOYMENT.address("Settlement")))
    assert eip712.recover(held, bytes.fromhex(signature["signature"][2:])) == VALIDATOR.address


def test_a_ballot_broken_off_after_its_commitment_is_revealed_by_doing_it_again(
    operator: Operator, chain: SeededChain, tmp_path: Path
) -> None:
    kept = tmp_path / "ballot"
    operator.lose_reveals = True
    with pytest.raises(ApiError, match="broken_off"):
        validator(operator, chain).audit(ROUND, lambda _: 2, ballot_file=kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    operator.lose_reveals = False
    validator(operator, chain).audit(ROUND, never, ballot_file=kept)
    answers, salt = (bytes.fromhex(operator.reveals[0][name][2:]) for name in ("answers", "salt"))
    assert operator.commits[0]["commitment"] == "0x" + draw.commitment(ROUND, 1, VALIDATOR.address, answers, salt).hex()


@pytest.mark.parametrize("other", [{"round": 1}, {"attempt": 0}, {"validator": "0x" + "00" * 20}])
def test_a_ballot_kept_for_something_else_is_not_used(
    operator: Operator, chain: SeededChain, tmp_path: Path, other: dict[str, Any]
) -> None:
    kept = tmp_path / "ballot"
    name = {"round": ROUND, "attempt": 1, "validator": VALIDATOR.address} | other
    kept.write_text(json.dumps(name | {"answers": "000000", "salt": "00" * 32}))
    validator(operator, chain).audit(ROUND, lambda _: 1, ballot_file=kept)
    assert operator.reveals[0]["answers"] == "0x010101"


def change_order(shown: dict[str, Any]) -> None:
    shown["sample"].reverse()


def swap_in_another_task(shown: dict[str, Any]) -> None:
    shown["sample"][0]["index"] = next(i for i in range(TASKS) if i not in SAMPLE)


def drop_task(shown: dict[str, Any]) -> None:
    shown["sample"].pop()


def change_content(shown: dict[str, Any]) -> None:
    shown["sample"][0]["content"] = "another"


def show_another_task(shown: dict[str, Any]) -> None:
    """A lie that agrees with itself: hash and content of another text under this index."""
    shown["sample"][0] |= {"content": {"text": "a lie"}, "content_hash": "0x" + content_hash({"text": "a lie"}).hex()}


def swap_two_tasks(shown: dict[str, Any]) -> None:
    first, second, *_ = shown["sample"]
    for name in ("content", "content_hash", "proof"):
        first[name], second[name] = second[name], first[name]


def leave_out_the_proof(shown: dict[str, Any]) -> None:
    del shown["sample"][0]["proof"]


def other_attempt(shown: dict[str, Any]) -> None:
    shown["attempt"] = 0


@pytest.mark.parametrize(
    "change",
    [
        change_order,
        swap_in_another_task,
        drop_task,
        change_content,
        show_another_task,
        swap_two_tasks,
        leave_out_the_proof,
        other_attempt,
    ],
)
def test_a_sample_that_the_chain_did_not_draw_is_not_labeled(chain: SeededChain, change: Callable[[dict[str, Any]], None]) -> None:
    shown = view()
    check_sample(chain, ROUND, shown)
    change(shown)
    with pytest.raises(SampleMismatch):
        check_sample(chain, ROUND, shown)


def test_a_task_whose_content_was_deleted_gets_no_vote_and_the_others_theirs(
    operator: Operator, chain: SeededChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who deletes a task during the audit has the whole panel slashed for silence."""
    shown = view()
    shown["sample"][1]["content"] = ERASED
    monkeypatch.setitem(globals(), "view", lambda: shown)
    validator(operator, chain).audit(ROUND, lambda _: 1)
    assert operator.reveals[0]["answers"] == "0x01ff01"


def changed(evidence: bytes, change: Callable[[Any], object]) -> bytes:
    shown = json.loads(evidence)
    change(shown)
    return canonical_json(shown)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e["submissions"].pop(),
        lambda e: e["submissions"].append(e["submissions"][-1]),
        lambda e: e["submissions"].reverse(),
        lambda e: e["submissions"][0]["labels"].pop(),
        lambda e: e["submissions"][0]["labels"].clear(),
        lambda e: e["submissions"][0]["labels"].reverse(),
        lambda e: e["submissions"][0]["labels"][0].__setitem__(1, 2),
        lambda e: e["submissions"][0]["labels"][0].__setitem__(2, "0x00"),
        lambda e: e["submissions"][0].update(admission=2),
        lambda e: e["submissions"][0].update(count=9),
        lambda e: e["submissions"][0].update(more="x"),
        lambda e: e["submissions"][0].pop("labels_root"),
        lambda e: e.update(round=6),
        lambda e: e.update(dataset=5),
        lambda e: e.update(chain_id=1),
        lambda e: e.update(label_registry="0x" + "00" * 20),
        lambda e: e.update(schema="labelshare-evidence-2"),
        lambda e: e.update(submissions=None),
    ],
)
def test_evidence_that_differs_in_anything_is_not_signed(
    chain: SeededChain, evidence: bytes, change: Callable[[Any], object]
) -> None:
    check_evidence(chain, ROUND, evidence)
    with pytest.raises(EvidenceMismatch):
        check_evidence(chain, ROUND, changed(evidence, change))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_evidence_is_not_signed(chain: SeededChain, body: bytes) -> None:
    with pytest.raises(EvidenceMismatch, match="malformed"):
        check_evidence(chain, ROUND, body)


def test_the_same_evidence_in_other_bytes_is_not_signed(chain: SeededChain, evidence: bytes) -> None:
    with pytest.raises(EvidenceMismatch, match="canonical"):
        check_evidence(chain, ROUND, json.dumps(json.loads(evidence)).encode())


def test_nothing_is_signed_or_kept_when_the_evidence_is_wrong(operator: Operator, chain: SeededChain, tmp_path: Path) -> None:
    operator.evidence = changed(operator.evidence, lambda e: e["submissions"].pop())
    with pytest.raises(EvidenceMismatch):
        validator(operator, chain).audit(ROUND, lambda _: 0, evidence_file=tmp_path / "kept")
    assert operator.signatures == []
    assert not (tmp_path / "kept").exists()


def test_the_evidence_is_kept_for_a_jury_byte_for_byte(operator: Operator, chain: SeededChain, tmp_path: Path) -> None:
    validator(operator, chain).audit(ROUND, lambda _: 0, evidence_file=tmp_path / "kept.json")
    assert read_files([tmp_path]) == {ROUND: operator.evidence}


def test_open_submissions_are_attested_once_ballots_are_revealed(operator: Operator, chain: SeededChain) -> None:
    chain.open_submissions = 2
    validator(operator, chain).audit(ROUND, lambda _: 1)
    (attestation,) = operator.attestations
    message = eip712.Attestation(ROUND, 1, VALIDATOR.address, 0)
    digest = message.digest(eip712.Domain(31337, DEPLOYMENT.address("AuditBoard")))
    assert eip712.recover(digest, bytes.fromhex(attestation["signature"][2:])) == VALIDATOR.address
    assert attestation["shown"] == "0"
    assert len(operator.signatures) == 1
    operator.knows_attestation = True
    validator(operator, chain).attest(ROUND, 1, 3)
    assert len(operator.attestations) == 1


@pytest.mark.parametrize(("phase", "commit_ends"), [(3, 2**40), (2, 1)])
def test_a_ballot_is_shown_to_nobody_while_another_can_still_be_committed(
    operator: Operator, chain: SeededChain, tmp_path: Path, phase: int, commit_ends: int
) -> None:
    """An operator who holds opened ballots early could have a friend on the panel copy them."""
    kept = tmp_path / "ballot"
    assert validator(operator, chain).audit(ROUND, lambda _: 2, ballot_file=kept, early=False) is False
    assert len(operator.commits) == 1
    assert operator.reveals == operator.signatures == []
    chain.phase, chain.commit_ends = phase, commit_ends
    assert validator(operator, chain).audit(ROUND, never, ballot_file=kept, early=False) is True
    assert operator.reveals[0]["answers"] == "0x020202"
    assert len(operator.signatures) == 1
