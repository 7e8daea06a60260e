"""The keeper: moves every round of this operator on, one step at a time, by what the mirror says. python -m backend.keeper

Each step is queued once under its own key and waited for in the mirror; nothing is assumed to have happened.
"""

import logging
import sys

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.db import Database
from backend.models import HeldBallot
from backend.process import configure_logging, run_loop
from backend.relay.outbox import enqueue_call
from backend.relay.signer import KeyFileError, load_operator
from backend.settings import Settings, SettingsError
from backend.settlements.service import chunks_of, evidence_of, panel_majority, panel_of, settlement_of, totals_of
from backend.submissions.service import drop_skipped
from indexer.models import Account, Allowance, Audit, Checkpoint, Dataset, Entry, Round, Settlement
from labelshare.chain import UnknownDeployment
from labelshare.chain.naming import user_account
from labelshare.keeper import RoundState, due_step

MAX_UINT = (1 << 256) - 1

log = logging.getLogger("labelshare.keeper")


class Keeper:
    """Steps of all live rounds of our operator's datasets."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def step(self) -> bool:
        with self.backend.database.transaction() as session:
            checkpoint = session.scalar(select(Checkpoint))
            if checkpoint is None:
                return False
            drop_skipped(session)
            live = (
                select(Round)
                .join(Dataset, Dataset.id == Round.dataset)
                .where(Dataset.operator == self.backend.operator.address, Round.phase.in_(("open", "closed")))
            )
            for row in session.scalars(live.order_by(Round.id)).all():
                self._advance(session, row, checkpoint)
        return False

    def _advance(self, session: Session, row: Round, checkpoint: Checkpoint) -> None:
        audit, settlement = session.get(Audit, row.id), session.get(Settlement, row.id)
        step = due_step(_state(session, row, audit, settlement), self.backend.now(session), checkpoint.block_number)
        if step is not None:
            attempt = audit.attempt if audit else 0
            seed_block = audit.seed_block if audit else 0
            contract, function = step.value
            enqueue_call(session, f"{function}:{row.id}:{attempt}:{seed_block}", contract, function, row.id)
        if audit is not None and audit.phase == "revealing":
            self._reveal(session, audit)
        if audit is not None and audit.phase == "audited":
            self._settle(session, row, audit, settlement)

    def _reveal(self, session: Session, audit: Audit) -> None:
        for member in panel_of(session, audit):
            held = session.get(HeldBallot, (audit.round, audit.attempt, member.validator))
            if held is not None and not member.revealed:
                key = f"reveal:{audit.round}:{audit.attempt}:{member.validator}"
                enqueue_call(session, key, "AuditBoard", "reveal", audit.round, member.validator, held.answers, held.salt)

    def _settle(self, session: Session, row: Round, audit: Audit, settlement: Settlement | None) -> None:
        if settlement is None or settlement.phase == "expired":
            self._propose(session, row, audit, settlement.attempt if settlement else 0)
        elif settlement.phase == "proposed" and settlement.proposer == self.backend.operator.address:
            chunks = chunks_of(settlement_of(session, row).entries)
            number = settlement.published
            key = f"publish:{row.id}:{settlement.attempt}:{number}"
            enqueue_call(session, key, "Settlement", "publish", row.id, number, chunks[number])
        elif settlement.phase == "final":
            self._distribute(session, row, settlement)

    def _propose(self, session: Session, row: Round, audit: Audit, expired: int) -> None:
        signatures = panel_majority(session, audit)
        if signatures is None or not self._can_bond(session, row):
            return
        entries = settlement_of(session, row).entries
        evidence = evidence_of(self.backend, session, row)
        arguments = (row.id, evidence.hash, len(chunks_of(entries)), totals_of(entries), signatures)
        enqueue_call(session, f"propose:{row.id}:{expired}", "Settlement", "propose", *arguments)

    def _can_bond(self, session: Session, row: Round) -> bool:
        """Whether the operator's Ledger account covers the proposal's bond; allows the Settlement to take it, once."""
        operator = self.backend.operator.address
        settlement = self.backend.deployment.address("Settlement")
        needed = row.reserve // 20
        account = session.get(Account, user_account(operator))
        if account is None or account.balance < needed:
            log.warning("round %d waits: deposit at least %d base units of LBL for %s", row.id, needed, operator)
            return False
        allowance = session.get(Allowance, (operator, settlement))
        if allowance is None or allowance.amount < needed:
            enqueue_call(session, f"allow:{settlement}", "Ledger", "allow", settlement, str(MAX_UINT))
            return False
        return True

    def _distribute(self, session: Session, row: Round, settlement: Settlement) -> None:
        for chunk in range(settlement.chunks):
            published = select(Entry).where(Entry.round == row.id, Entry.chunk == chunk)
            entries = session.scalars(published.order_by(Entry.position)).all()
            if entries and not entries[0].distributed:
                rows = [[e.role, e.account, str(e.reward), str(e.slash), str(e.shares), e.waiting] for e in entries]
                enqueue_call(session, f"distribute:{row.id}:{chunk}", "Settlement", "distribute", row.id, chunk, rows)


def _state(session: Session, row: Round, audit: Audit | None, settlement: Settlement | None) -> RoundState:
    panel = panel_of(session, audit) if audit else []
    return RoundState(
        phase=row.phase,
        labels=row.labels,
        label_budget=row.label_budget,
        deadline=row.deadline,
        audit_phase=audit.phase if audit else None,
        seed_block=audit.seed_block if audit else 0,
        commit_ends=audit.commit_ends if audit else 0,
        reveal_ends=audit.reveal_ends if audit else 0,
        members=len(panel),
        committed=sum(member.commitment is not None for member in panel),
        revealed=sum(member.revealed for member in panel),
        settlement_phase=settlement.phase if settlement else None,
        challenge_ends=settlement.challenge_ends if settlement else 0,
    )


def main() -> None:
    configure_logging()
    try:
        settings = Settings.from_environment()
        operator = load_operator(settings.operator_key_file, settings.operator_password_file)
        backend = Backend(settings, settings.deployment, Database(settings.database_url), operator)
    except (SettingsError, KeyFileError, UnknownDeployment) as error:
        sys.exit(str(error))
    run_loop("keeper", Keeper(backend).step)


if __name__ == "__main__":
    main()
