"""From what the backend and the mirror hold of a round to its evidence, its settlement, and the steps on chain."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Forbidden, NotFound
from backend.models import EvidenceFile, Label, SignedSubmission
from indexer.models import Audit, Dataset, Dispute, OpenSubmission, PanelMember, Round, Submission
from indexer.models import Settlement as SettlementRow
from labelshare.rules import jury
from labelshare.rules.draw import sample
from labelshare.rules.entries import Entry, in_chunks
from labelshare.rules.evidence import SubmissionRecord, evidence_file, evidence_hash
from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, Settlement, SubmissionEvidence, check_rule
from labelshare.rules.settlement import settle

OPEN_PATH = 2


def accepted(session: Session, round_id: int) -> list[tuple[Submission, SignedSubmission]]:
    """The round's submissions that count, as the chain has them, each with what was signed here, by contributor and sequence
    number. Open ones count by the panel's word.

    What was passed over and signed anew has the same labels under the same root, for salts follow from the sequence number: of all
    that is here the one counts that the chain's signer signed, and of these the newest that was not dropped.
    """
    counted = select(OpenSubmission.sequence).where(
        OpenSubmission.round == Submission.round,
        OpenSubmission.contributor == Submission.contributor,
        OpenSubmission.counted.is_(True),
    )
    rows = session.execute(
        select(Submission, SignedSubmission)
        .join(
            SignedSubmission,
            (SignedSubmission.round == Submission.round)
            & (SignedSubmission.contributor == Submission.contributor)
            & (SignedSubmission.sequence == Submission.sequence)
            & (SignedSubmission.labels_root == Submission.labels_root),
        )
        .where(Submission.round == round_id, (Submission.admission != OPEN_PATH) | counted.exists())
        .order_by(
            Submission.contributor,
            Submission.sequence,
            SignedSubmission.signer == Submission.signer,
            SignedSubmission.dropped.desc(),
            SignedSubmission.received_at,
            SignedSubmission.digest,
        )
    )
    return list({(on_chain.contributor, on_chain.sequence): (on_chain, signed) for on_chain, signed in rows}.values())


def labels_of(session: Session, signed: SignedSubmission) -> list[Label]:
    return list(session.scalars(select(Label).where(Label.digest == signed.digest).order_by(Label.task)))


def evidence_of(backend: Backend, session: Session, row: Round) -> EvidenceFile:
    """The round's evidence file, built once the round is closed and it is known which open submissions count, and kept as hashed.

    Raises NotFound or Forbidden before.
    """
    kept = session.get(EvidenceFile, row.id)
    if kept is not None:
        return kept
    if row.closed_block is None:
        raise NotFound("no_evidence", f"Round {row.id} is still open; its evidence exists once it closed.")
    unknown = select(OpenSubmission).where(OpenSubmission.round == row.id, OpenSubmission.counted.is_(None))
    if session.scalar(unknown.limit(1)) is not None:
        raise Forbidden("too_early", f"Which open submissions of round {row.id} count is not known before its audit ends.")
    records = [
        SubmissionRecord(
            contributor=signed.contributor,
            sequence=signed.sequence,
            admission=signed.admission,
            count=signed.count,
            labels_root=bytes.fromhex(signed.labels_root[2:]),
            labels=tuple((x.task, x.answer, bytes.fromhex(x.salt[2:])) for x in labels_of(session, signed)),
        )
        for _, signed in accepted(session, row.id)
    ]
    registry = backend.deployment.address("LabelRegistry")
    body = evidence_file(backend.deployment.chain_id, registry, row.dataset, row.id, records)
    kept = EvidenceFile(round=row.id, hash="0x" + evidence_hash(body).hex(), body=body)
    session.add(kept)
    session.flush()
    return kept


def panel_of(session: Session, audit: Audit) -> list[PanelMember]:
    """The audit's current panel, by address."""
    members = select(PanelMember).where(PanelMember.round == audit.round, PanelMember.attempt == audit.attempt)
    return list(session.scalars(members.order_by(PanelMember.validator)))


def sample_of(row: Round, audit: Audit) -> tuple[int, ...]:
    """The audited task indices, none of a closing round. Raises NotFound before the seed is known."""
    if row.sample_size == 0:
        return ()
    if audit.seed is None:
        raise NotFound("no_sample", f"The sample of round {row.id} is not drawn yet.")
    return sample(bytes.fromhex(audit.seed[2:]), row.task_count, row.sample_size)


def rule_terms(dataset: Dataset) -> RuleTerms:
    """The dataset's terms that the rule needs. Raises OtherRule."""
    terms = dataset.terms
    check_rule(terms["rule_id"])
    return RuleTerms(
        classes=terms["classes"],
        reward=int(terms["reward"]),
        audit_fee=int(terms["audit_fee"]),
        bond=int(terms["bond"]),
        open_bond=int(terms["open_bond"]),
        audit_rate=terms["audit_rate"],
        exit_rate_bps=terms["exit_rate"],
        min_labels=terms["min_labels"],
        max_labels=terms["max_labels"],
        contributors_bps=terms["contributors_bps"],
        validators_bps=terms["validators_bps"],
        requester_bps=terms["requester_bps"],
        requester=dataset.requester,
    )


def round_evidence(session: Session, row: Round) -> RoundEvidence:
    """What the rule takes of a round that is over its audit. A failed audit has neither sample nor ballots."""
    audit = session.get_one(Audit, row.id)
    audited = audit.phase == "audited"
    on_chain_settlement = session.get(SettlementRow, row.id)
    exited = on_chain_settlement is not None and on_chain_settlement.phase in ("exiting", "exited")
    ballots = tuple(
        Ballot(member.validator, member.weight, tuple(bytes.fromhex((member.answers or "0x")[2:])))
        for member in panel_of(session, audit)
        if audited and member.revealed
    )
    submissions = tuple(
        SubmissionEvidence(
            contributor=signed.contributor,
            sequence=signed.sequence,
            open_path=signed.admission == OPEN_PATH,
            count=on_chain.count,
            labels=tuple((label.task, label.answer) for label in labels_of(session, signed)),
        )
        for on_chain, signed in accepted(session, row.id)
    )
    seed = bytes.fromhex((audit.seed or "0x")[2:])
    sample = sample_of(row, audit) if audited else ()
    return RoundEvidence(row.id, seed, row.last, row.task_count, sample, submissions, ballots, exited)


def settlement_of(session: Session, row: Round) -> Settlement:
    """The round's settlement by the rule, over the dataset's history up to it."""
    dataset = session.get_one(Dataset, row.dataset)
    return settle(rule_terms(dataset), [round_evidence(session, past) for past in settled_history(session, row)])


def settled_history(session: Session, row: Round) -> list[Round]:
    """The rounds of the dataset up to this one that hold evidence, in order."""
    history = select(Round).where(Round.dataset == row.dataset, Round.id <= row.id, Round.phase.in_(("closed", "settled")))
    return list(session.scalars(history.order_by(Round.id)))


def chunks_of(entries: Sequence[Entry]) -> list[list[list[str | int]]]:
    """Entries as the contract takes them, in chunks; amounts as decimal strings."""

    def row(e: Entry) -> list[str | int]:
        return [int(e.role), e.account, str(e.reward), str(e.slash), str(e.shares), e.waiting]

    return [[row(entry) for entry in chunk] for chunk in in_chunks(entries)]


def proposal_bond(session: Session, row: Round) -> int:
    """Base units that a proposal of the round costs now, when none is under way."""
    dataset = session.get_one(Dataset, row.dataset)
    terms = dataset.terms
    fee = int(terms["audit_fee"])
    held = row.reserve + dataset.waiting_labels * int(terms["reward"]) + dataset.waiting_votes * fee
    disputes = len(session.scalars(select(Dispute.number).where(Dispute.round == row.id)).all())
    before = session.get(SettlementRow, row.id)
    expired = before.attempt - before.overturned if before else 0
    return jury.bond(terms["panel_size"], fee, row.sample_size, held, disputes + expired)
