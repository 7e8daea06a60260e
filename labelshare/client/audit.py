"""A validator: stake, then for each round one is drawn for: label the sample blind, commit, reveal, check and sign the evidence."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labelshare.chain.events import LabelRegistryRoundOpened
from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.chain import Chain, topic
from labelshare.client.open_path import shown_bits
from labelshare.client.round_state import AUDIT_PHASES
from labelshare.client.wallet import Wallet, write_secret
from labelshare.rules import draw, eip712
from labelshare.rules.evidence import ERASED, SubmissionRecord, content_hash, evidence_file, evidence_hash
from labelshare.rules.merkle import TASK_TYPES, labels_tree, leaf_hash, verify

NO_VOTE = 255  # on a task whose content was deleted: silence on the others would be slashed


class EvidenceMismatch(RuntimeError):
    """The evidence file is not what the chain says was submitted. Do not sign it."""


class SampleMismatch(RuntimeError):
    """The sample that the API shows is not the one that the chain's seed draws. Do not label it."""


class Validator:
    """One validator on one operator's rounds. `chain` is where the evidence is checked against."""

    def __init__(self, api: Api, wallet: Wallet, chain: Chain) -> None:
        api.expect(chain.deployment)
        self.api = api
        self.wallet = wallet
        self.chain = chain

    def is_audited(self, round_id: int) -> bool:
        """Whether the audit has ended well: then only the evidence is left to sign."""
        return AUDIT_PHASES[self.chain.read("AuditBoard", "auditOf", round_id)[0]] == "audited"

    def reveals(self, round_id: int) -> bool:
        """Whether nobody can commit to a ballot any more, by the chain: opened now, none can be copied."""
        phase, _, _, _, _, _, commit_ends, *_ = self.chain.read("AuditBoard", "auditOf", round_id)
        over = AUDIT_PHASES[phase] == "committing" and time.time() > commit_ends
        return over or AUDIT_PHASES[phase] in ("revealing", "audited")

    def sample(self, round_id: int) -> dict[str, Any]:
        """The tasks to label, in ballot order. Raises ApiError when not on the panel."""
        view: dict[str, Any] = self.api.get(f"/rounds/{round_id}/audit", self.wallet.access(self.api, "audit", round_id))
        return view

    def audit(
        self,
        round_id: int,
        answer: Callable[[dict[str, Any]], int],
        seconds: float = 120.0,
        ballot_file: Path | None = None,
        open_files: Sequence[Path] = (),
        evidence_file: Path | None = None,
        early: bool = True,
    ) -> bool:
        """The whole duty: `answer` gives the class of a sampled task {index, content_hash, content}. Waits between its steps.

        Whether it is done. `early`: the opened ballot is handed to the operator at once, who holds it until the panel reveals. Not
        early, nobody sees it before; while others still commit the duty is not done: call again with the same `ballot_file`.

        With a `ballot_file` the ballot is kept there before it is committed, and taken from there when the work was broken off:
        whoever commits and cannot reveal is slashed. `open_files`: the labels of open submissions shown to this validator, which
        it attests. `evidence_file`: as in sign_evidence.

        Raises ApiError, SampleMismatch, EvidenceMismatch, OpenPathError, TimedOut.
        """
        view = self.sample(round_id)
        check_sample(self.chain, round_id, view)
        shown = shown_bits(self.chain, round_id, open_files)
        answers, salt = self._ballot(round_id, view, answer, ballot_file)
        self.commit(round_id, view["attempt"], answers, salt)
        if not early and not self.reveals(round_id):
            return False
        self.reveal(round_id, answers, salt, seconds)
        if self.chain.read("LabelRegistry", "openSubmissionsOf", round_id):
            self.attest(round_id, view["attempt"], shown, seconds)
        self.sign_evidence(round_id, seconds, evidence_file)
        return True

    def _ballot(
        self, round_id: int, view: dict[str, Any], answer: Callable[[dict[str, Any]], int], path: Path | None
    ) -> tuple[bytes, bytes]:
        """Answers and salt: those kept for this attempt, else new ones."""
        name = {"round": round_id, "attempt": view["attempt"], "validator": self.wallet.address}
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            if {key: kept[key] for key in name} == name:
                return bytes.fromhex(kept["answers"]), bytes.fromhex(kept["salt"])
        given = [NO_VOTE if task["content"] == ERASED else answer(task) for task in view["sample"]]
        answers, salt = bytes(given), os.urandom(32)
        if path is not None:
            write_secret(path, json.dumps(name | {"answers": answers.hex(), "salt": salt.hex()}))
        return answers, salt

    def commit(self, round_id: int, attempt: int, answers: bytes, salt: bytes) -> None:
        """Hands in the sealed ballot."""
        commitment = draw.commitment(round_id, attempt, self.wallet.address, answers, salt)
        message = eip712.Commit(round_id, attempt, self.wallet.address, commitment)
        body = {
            "validator": self.wallet.address,
            "commitment": "0x" + commitment.hex(),
            "signature": self.wallet.sign(message, self.api.domain("AuditBoard")),
        }
        try:
            self.api.post(f"/rounds/{round_id}/commits", body)
        except ApiError as error:
            if error.code != "already_committed":
                raise

    def reveal(self, round_id: int, answers: bytes, salt: bytes, seconds: float = 120.0) -> None:
        """Hands in the ballot once the commitment is mirrored."""
        body = {"validator": self.wallet.address, "answers": "0x" + answers.hex(), "salt": "0x" + salt.hex()}

        def handed_in() -> bool | None:
            try:
                self.api.post(f"/rounds/{round_id}/reveals", body)
            except ApiError as error:
                if error.code != "not_committed":
                    raise
                return None
            return True

        wait_for("the commitment to be mirrored", handed_in, seconds)

    def attest(self, round_id: int, attempt: int, shown: int, seconds: float = 120.0) -> None:
        """Hands in which open submissions were shown to this validator, once ballots are revealed."""
        message = eip712.Attestation(round_id, attempt, self.wallet.address, shown)
        signature = self.wallet.sign(message, self.api.domain("AuditBoard"))
        body = {"validator": self.wallet.address, "shown": str(shown), "signature": signature}

        def handed_in() -> bool | None:
            try:
                self.api.post(f"/rounds/{round_id}/attestations", body)
            except ApiError as error:
                if error.code == "not_revealing":
                    return None
                if error.code != "already_attested":
                    raise
            return True

        wait_for("ballots to be revealed", handed_in, seconds)

    def sign_evidence(self, round_id: int, seconds: float = 120.0, file: Path | None = None) -> None:
        """Fetches the evidence once ballots are sealed, checks every submission's root against the chain, keeps it in `file`, and
        lets the operator propose by it. A jury gets it from the panel, which keeps it until 30 days after the round's end.

        Raises EvidenceMismatch when it is not exactly what the chain accepted.
        """

        def fetch() -> bytes | None:
            try:
                return self.api.get_bytes(f"/rounds/{round_id}/evidence", self.wallet.access(self.api, "evidence", round_id))
            except ApiError as error:
                if error.code != "too_early":
                    raise
                return None

        body = wait_for("every ballot to be sealed", fetch, seconds)
        check_evidence(self.chain, round_id, body)
        if file is not None:
            write_secret(file, body.decode())
        message = eip712.Evidence(round_id, evidence_hash(body), self.api.config["operator"].lower())
        signature = self.wallet.sign(message, self.api.domain("Settlement"))
        self.api.post(f"/rounds/{round_id}/evidence-signatures", {"validator": self.wallet.address, "signature": signature})


def check_sample(chain: Chain, round_id: int, view: dict[str, Any]) -> None:
    """The shown tasks are those that the chain's seed draws, in order, and each content is what the round was opened with on chain,
    or was deleted.

    Raises SampleMismatch.
    """
    _, attempt, *_, seed = chain.read("AuditBoard", "auditOf", round_id)
    _, task_count, _, _, sample_size, *_ = chain.read("LabelRegistry", "roundOf", round_id)
    if view["attempt"] != attempt:
        raise SampleMismatch(f"The API shows attempt {view['attempt']} of round {round_id}, the chain {attempt}. Try again soon.")
    if tuple(task["index"] for task in view["sample"]) != draw.sample(bytes(seed), task_count, sample_size):
        raise SampleMismatch(f"The tasks shown are not the sample that the chain's seed draws for round {round_id}.")
    (opened,) = [event for _, event in chain.events(LabelRegistryRoundOpened, topic(round_id))]
    for task in view["sample"]:
        if task["content"] != ERASED and "0x" + content_hash(task["content"]).hex() != task["content_hash"]:
            raise SampleMismatch(f"The content shown for task {task['index']} is not that of its content hash.")
        if not _is_task_of(bytes.fromhex(opened.tasks_root[2:]), task):
            raise SampleMismatch(f"The content shown for task {task['index']} is not what the round was opened with on chain.")


def _is_task_of(root: bytes, task: dict[str, Any]) -> bool:
    """Whether the proof shows the task's content hash at its index in the round's tree (T3)."""
    try:
        leaf = leaf_hash(TASK_TYPES, (task["index"], bytes.fromhex(task["content_hash"][2:])))
        return verify(root, leaf, [bytes.fromhex(sibling[2:]) for sibling in task["proof"]])
    except (KeyError, TypeError, ValueError):
        return False


def check_evidence(chain: Chain, round_id: int, body: bytes) -> None:
    """The evidence is the one file (F1) of what counts on chain: each such submission once, with labels of its root, nothing else.

    Raises EvidenceMismatch.
    """
    on_chain = {(e.contributor, e.sequence): e for e in chain.counted_submissions(round_id)}
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    try:
        records = [_record(shown) for shown in json.loads(body)["submissions"]]
        rebuilt = evidence_file(chain.deployment.chain_id, chain.address("LabelRegistry"), dataset, round_id, records)
        roots = {(r.contributor, r.sequence): (labels_tree(r.labels).root, r.count, r.admission) for r in records}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise EvidenceMismatch(f"The evidence is malformed: {type(error).__name__}: {error}.") from error
    if rebuilt != body or len(roots) != len(records):
        raise EvidenceMismatch(f"The evidence is not the canonical file of round {round_id} on this chain.")
    if roots.keys() != on_chain.keys():
        raise EvidenceMismatch("The evidence does not hold exactly the submissions that the chain accepted.")
    for (contributor, sequence), event in on_chain.items():
        if roots[contributor, sequence] != (bytes.fromhex(event.labels_root[2:]), event.count, event.admission):
            raise EvidenceMismatch(f"Submission {sequence} of {contributor} is not what was signed.")


def _record(shown: dict[str, Any]) -> SubmissionRecord:
    return SubmissionRecord(
        contributor=shown["contributor"],
        sequence=shown["sequence"],
        admission=shown["admission"],
        count=shown["count"],
        labels_root=bytes.fromhex(shown["labels_root"][2:]),
        labels=tuple((task, answer, bytes.fromhex(salt[2:])) for task, answer, salt in shown["labels"]),
    )
