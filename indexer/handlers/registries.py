"""DatasetRegistry and LabelRegistry events: datasets, rounds, sessions, submissions."""

from dataclasses import asdict

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from indexer.handlers.context import Context, Handler
from indexer.models import Contributor, Dataset, OpenSubmission, Round, Session, SkippedSubmission, Submission
from labelshare.chain import events as e
from labelshare.chain.events import Event

OPEN_PATH = 2
AMOUNTS = ("reward", "audit_fee", "bond", "open_bond", "license_floor")


def sub_account(contract: str, key: int) -> str:
    """The Ledger's account of a contract's numbered sub-account."""
    return "0x" + keccak(encode(("address", "uint256"), (contract, key))).hex()


def dataset_created(context: Context, event: e.DatasetRegistryDatasetCreated) -> None:
    terms = {name: str(value) if name in AMOUNTS else value for name, value in asdict(event.terms).items()}
    context.add(
        Dataset,
        id=event.dataset,
        requester=event.requester,
        operator=event.operator,
        terms=terms,
        escrow_account=sub_account(context.contracts["DatasetRegistry"], event.dataset),
        reserved=0,
        price=event.terms.license_floor,
        supply=0,
        acc=0,
        revenue=0,
        waiting_labels=0,
        waiting_votes=0,
        pending_open=0,
        settled_block=0,
    )


def escrow_changed(context: Context, event: e.DatasetRegistryEscrowReserved | e.DatasetRegistryEscrowSettled) -> None:
    context.get(Dataset, event.dataset).reserved = event.reserved


def round_opened(context: Context, event: e.LabelRegistryRoundOpened) -> None:
    context.add(
        Round,
        id=event.round,
        dataset=event.dataset,
        phase="open",
        tasks_root=event.tasks_root,
        task_count=event.task_count,
        label_budget=event.label_budget,
        labels=0,
        open_labels=0,
        open_submissions=0,
        sample_size=event.sample_size,
        deadline=event.deadline,
        last=event.last,
        reserve=event.reserve,
        opened_block=context.block_number,
        closed_block=None,
    )


def round_closed(context: Context, event: e.LabelRegistryRoundClosed) -> None:
    row = context.get(Round, event.round)
    row.phase, row.closed_block = "closed", context.block_number


def round_void(context: Context, event: e.LabelRegistryRoundVoid) -> None:
    row = context.get(Round, event.round)
    row.phase, row.closed_block = "void", context.block_number


def round_settled(context: Context, event: e.LabelRegistryRoundSettled) -> None:
    context.get(Round, event.round).phase = "settled"
    context.get(Dataset, event.dataset).settled_block = context.block_number
    for contributor in context.where(Contributor, dataset=event.dataset, decided=True):
        contributor.pending, contributor.decided = 0, False


def session_registered(context: Context, event: e.LabelRegistrySessionRegistered) -> None:
    context.add(
        Session,
        contributor=event.contributor,
        key=event.key,
        dataset=event.dataset,
        expiry=event.expiry,
        max_bond=event.max_bond,
        bond_left=event.max_bond,
        revoked=False,
    )


def session_revoked(context: Context, event: e.LabelRegistrySessionRevoked) -> None:
    # A key may be revoked before it was ever registered, so that it never can be.
    unknown = {"dataset": 0, "expiry": 0, "max_bond": 0, "bond_left": 0, "revoked": True}
    context.get_or_add(Session, contributor=event.contributor, key=event.key, **unknown).revoked = True


def submission_accepted(context: Context, event: e.LabelRegistrySubmissionAccepted) -> None:
    row = context.get(Round, event.round)
    row.labels += event.count
    contributor = context.rows.find(Contributor, (row.dataset, event.contributor)) or _begin(
        context, row.dataset, event.contributor
    )
    contributor.sequence = event.sequence + 1
    contributor.last_round = event.round
    if event.admission == OPEN_PATH:
        contributor.open_round = event.round
        _add_open(context, row, event)
    else:
        contributor.labels += event.count
        contributor.pending += event.count
        contributor.covered = max(contributor.covered, contributor.pending - contributor.pending_open)
    if event.signer != event.contributor:
        context.get(Session, event.contributor, event.signer).bond_left -= event.bond
    context.add(
        Submission,
        round=event.round,
        contributor=event.contributor,
        sequence=event.sequence,
        count=event.count,
        labels_root=event.labels_root,
        signer=event.signer,
        admission=event.admission,
        bond=event.bond,
        block_number=context.block_number,
        tx_hash=context.tx_hash,
    )


def _begin(context: Context, dataset: int, contributor: str) -> Contributor:
    empty = dict.fromkeys(("sequence", "labels", "pending", "pending_open", "covered", "last_round", "open_round"), 0)
    return context.add(Contributor, dataset=dataset, contributor=contributor, decided=False, **empty)


def _add_open(context: Context, row: Round, event: e.LabelRegistrySubmissionAccepted) -> None:
    """Open labels become the contributor's pending ones only by the panel's word."""
    context.add(
        OpenSubmission,
        round=event.round,
        contributor=event.contributor,
        position=row.open_submissions,
        sequence=event.sequence,
        count=event.count,
        labels_root=event.labels_root,
        counted=None,
    )
    row.open_submissions += 1
    row.open_labels += event.count


def open_resolved(context: Context, event: e.LabelRegistryOpenResolved) -> None:
    context.get(OpenSubmission, event.round, event.contributor).counted = event.counted
    row = context.get(Round, event.round)
    if not event.counted:
        row.labels -= event.count
        return
    contributor = context.get(Contributor, row.dataset, event.contributor)
    contributor.labels += event.count
    contributor.pending += event.count
    contributor.pending_open += event.count
    context.get(Dataset, row.dataset).pending_open += event.count


def submission_skipped(context: Context, event: e.LabelRegistrySubmissionSkipped) -> None:
    context.add(
        SkippedSubmission,
        block_number=context.block_number,
        log_index=context.log_index,
        round=event.round,
        contributor=event.contributor,
        sequence=event.sequence,
        reason=event.reason,
        tx_hash=context.tx_hash,
    )


def contributors_settled(context: Context, event: e.LabelRegistryContributorsSettled) -> None:
    """Of those who keep their bonds, while no open label is pending, the contract writes nothing: what they had pending is decided
    when the round is settled, with the last chunk."""
    dataset = context.get(Dataset, event.dataset)
    open_labels = dataset.pending_open
    for number, who in enumerate(event.contributors):
        contributor = context.get(Contributor, event.dataset, who)
        kept = event.kept >> number & 1
        if kept and open_labels == 0:
            contributor.decided = True
            continue
        dataset.pending_open -= contributor.pending_open
        contributor.pending = contributor.pending_open = 0
        if not kept:
            contributor.covered = 0


def bonds_released(context: Context, event: e.LabelRegistryBondsReleased) -> None:
    for who, labels in zip(event.contributors, event.labels, strict=True):
        if labels:
            context.get(Contributor, event.dataset, who).covered -= labels


HANDLERS: dict[type[Event], Handler] = {
    e.DatasetRegistryDatasetCreated: dataset_created,
    e.DatasetRegistryEscrowReserved: escrow_changed,
    e.DatasetRegistryEscrowSettled: escrow_changed,
    e.LabelRegistryRoundOpened: round_opened,
    e.LabelRegistryRoundClosed: round_closed,
    e.LabelRegistryRoundVoid: round_void,
    e.LabelRegistryRoundSettled: round_settled,
    e.LabelRegistrySessionRegistered: session_registered,
    e.LabelRegistrySessionRevoked: session_revoked,
    e.LabelRegistrySubmissionAccepted: submission_accepted,
    e.LabelRegistrySubmissionSkipped: submission_skipped,
    e.LabelRegistryOpenResolved: open_resolved,
    e.LabelRegistryContributorsSettled: contributors_settled,
    e.LabelRegistryBondsReleased: bonds_released,
}
