"""What a submission must be, in the words of the LabelRegistry and of the lease. Pure: everything was read before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthorized
from backend.signatures import wrong_signer
from backend.submissions.facts import Facts, InFlight
from backend.submissions.schemas import OpenLabelsRequest, SubmissionBody, SubmitRequest
from labelshare.rules.merkle import labels_root

TICKETED = 1


@dataclass(frozen=True)
class Signed:
    """A request, and what it takes no database to know: the digest that was signed, and by whom, or what is wrong with the
    signature (said only when nothing else is); the root of its labels, 0x."""

    round_id: int
    request: SubmitRequest
    digest: bytes
    signer: str | DomainError
    root: str

    @property
    def key(self) -> str:
        """The digest as it is written everywhere."""
        return "0x" + self.digest.hex()


def check(facts: Facts, signed: Signed) -> int:
    """The bond that the submission takes, base units. Raises a DomainError for the first thing that is wrong."""
    s, row, round_id, signer = signed.request.submission, facts.row, signed.round_id, signed.signer
    if (row.id, row.contributor) != (round_id, s.contributor):
        raise NotFound("unknown_lease", "There is no such lease of this contributor in this round; lease tasks first.")
    check_labels(signed.request, row.terms["classes"], signed.root)
    _check_lease(facts, signed.request)
    if row.phase != "open" or facts.now > row.deadline:
        raise Conflict("round_not_open", f"Round {round_id} takes no labels any more.")
    if s.deadline < facts.now:
        raise Invalid("submission_expired", f"The submission's deadline {s.deadline} is past.")
    if s.admission != TICKETED:
        raise Invalid("unsupported_admission", "This backend relays admission 1 (ticketed) only.")
    if isinstance(signer, str) and signer != s.contributor and signer not in facts.keys:
        signer = wrong_signer(signed.digest, signed.request.signature, s.contributor, signer, " or a session key of theirs")
    return _check_order_and_bond(facts, s, signer)


def root_of(request: SubmitRequest | OpenLabelsRequest) -> str:
    """The root of the labels that a request holds, 0x."""
    return "0x" + labels_root([(x.task, x.answer, bytes.fromhex(x.salt[2:])) for x in request.labels]).hex()


def check_labels(request: SubmitRequest | OpenLabelsRequest, classes: int | None, root: str) -> None:
    """Raises Invalid unless these are the labels whose number and root were signed, each of another task and of a class.
    `classes`: None for any; `root`: theirs."""
    labels = request.labels
    if len({label.task for label in labels}) != len(labels):
        raise Invalid("task_twice", "A submission holds a task at most once.")
    if len(labels) != request.submission.count:
        raise Invalid("wrong_count", f"The submission claims {request.submission.count} labels and holds {len(labels)}.")
    for label in labels:
        if classes is not None and label.answer >= classes:
            raise Invalid("unknown_class", f"Task {label.task} has answer {label.answer}; classes run from 0 to {classes - 1}.")
    if root != request.submission.labels_root:
        raise Invalid("wrong_root", "labels_root is not the root of these labels (leaves: task, answer, salt; sorted by hash).")


def _check_lease(facts: Facts, request: SubmitRequest) -> None:
    if request.submission.count > facts.row.most:
        claimed = request.submission.count
        raise Forbidden("over_ticket", f"The lease covers {facts.row.most} labels; the submission has {claimed}.")
    if facts.row.expires_at < facts.now:
        raise Conflict("lease_expired", "The lease expired and its tasks may be others' now; lease again.")
    stray = sorted({label.task for label in request.labels} - facts.slots)
    if stray:
        raise Forbidden("not_leased", f"Task {stray[0]} is not in this lease, or was submitted with it before.")


def _check_order_and_bond(facts: Facts, s: SubmissionBody, signer: str | DomainError) -> int:
    """The bond that the submission takes, in base units, after all that concerns sequence number, signer and bond."""
    row, in_flight = facts.row, facts.in_flight
    ours = [flying for flying in in_flight if flying.dataset == row.dataset]
    expected = max([row.next_sequence or 0, *(flying.sequence + 1 for flying in ours)])
    if s.sequence != expected:
        raise Conflict("wrong_sequence", f"The submission's sequence number is {s.sequence}; the next is {expected}.")
    if isinstance(signer, DomainError):
        raise signer
    ticketed = sum(flying.count for flying in ours if flying.admission == TICKETED)
    bond = uncovered(row, ticketed, s.count) * int(row.terms["bond"])
    if signer != s.contributor:
        _check_key(facts, in_flight, signer, bond)
    spendable = facts.spendable - sum(flying.bond for flying in in_flight)
    if bond and spendable < bond:
        raise Conflict(
            "bond_unavailable",
            f"The bond is {bond} base units; the LabelRegistry may spend {max(0, spendable)} of the contributor's Ledger account. "
            "Deposit LBL and allow the LabelRegistry.",
        )
    return bond


def _check_key(facts: Facts, in_flight: Sequence[InFlight], signer: str, bond: int) -> None:
    key = facts.keys[signer]
    if key.revoked or key.expiry < facts.now:
        raise Unauthorized("session_not_live", "The session key is revoked or expired; register a new one.")
    if key.key_dataset not in (0, facts.row.dataset):
        raise Forbidden("session_other_dataset", f"The session key is for dataset {key.key_dataset} only.")
    left = key.bond_left - sum(flying.bond for flying in in_flight if flying.signer == signer)
    if left < bond:
        raise Forbidden("session_bond_exceeded", f"The session key may bond {left} more base units, not {bond}.")


def uncovered(row: Any, in_flight: int, count: int) -> int:
    """Of `count` further ticketed labels, those whose bond must be taken: not covered by bonds that the Settlement holds, or will
    hold once what was taken here, `in_flight` labels, is on chain. `row`: the contributor's columns, None where there are none."""
    pending = (row.pending or 0) - (row.pending_open or 0) + in_flight
    return max(0, pending + count - max(row.covered or 0, pending))
