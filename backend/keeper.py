"""The keeper: moves every round of this operator on, one step at a time, by what the mirror says. python -m backend.keeper

Each step is queued once under its own key and waited for in the mirror; nothing is assumed to have happened.
"""

import logging
import sys
from dataclasses import astuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.db import Database
from backend.juries.service import reveals_due
from backend.leases import progress
from backend.models import HeldBallot
from backend.process import configure_logging, run_loop
from backend.relay.outbox import enqueue_call, is_queued
from backend.relay.signer import KeyFileError, load_operator
from backend.round_state import MAX_PROPOSALS, round_state, settled_at
from backend.settings import Settings, SettingsError
from backend.settlements.majority import Refusal, panel_majority, refusing_wallets
from backend.settlements.service import (
    chunks_of,
    evidence_of,
    panel_of,
    proposal_bond,
    settlement_of,
)
from backend.submissions.service import drop_skipped
from indexer.models import (
    Account,
    Allowance,
    Audit,
    Checkpoint,
    Contributor,
    Dataset,
    Entry,
    Round,
    Settlement,
    ValidatorVotes,
)
from labelshare.chain import UnknownDeployment
from labelshare.chain.naming import user_account
from labelshare.keeper import Step, due_step, may_finish
from labelshare.rules.entries import MAX_ENTRIES, settlement_root, totals_of
from labelshare.rules.history import RULE, RULE_ID

MAX_UINT = (1 << 256) - 1

log = logging.getLogger("labelshare.keeper")


class Keeper:
    """Steps of all live rounds of our operator's datasets."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._refusing: frozenset[Refusal] = frozenset()

    def step(self) -> bool:
        """Looks once at every live round. False: there is nothing to do at once again."""
        try:
            progress.look(self.backend)
            self._refusing = refusing_wallets(self.backend)
            self._keep()
        except IntegrityError:
            log.info("another keeper asked for the same step at the same time")
        return False

    def _keep(self) -> None:
        with self.backend.database.transaction() as session:
            checkpoint = session.scalar(select(Checkpoint))
            if checkpoint is None:
                return
            drop_skipped(session)
            live = (
                select(Round)
                .join(Dataset, Dataset.id == Round.dataset)
                .where(Dataset.operator == self.backend.operator.address, Round.phase.in_(("open", "closed")))
            )
            for row in session.scalars(live.order_by(Round.id)).all():
                self._advance(session, row, checkpoint)
            self._finish_datasets(session)

    def _finish_datasets(self, session: Session) -> None:
        """Asks for the closing round of each dataset whose work has waited too long, and sends back the bonds that are kept for
        contributors of a finished one who took no part in its last round."""
        ours = select(Dataset).where(Dataset.operator == self.backend.operator.address, Dataset.settled_block != 0)
        for dataset in session.scalars(ours.where(Dataset.waiting_labels + Dataset.waiting_votes > 0)).all():
            current = session.scalar(select(Round.phase).where(Round.dataset == dataset.id).order_by(Round.id.desc()).limit(1))
            waiting = dataset.waiting_labels + dataset.waiting_votes
            if current in ("settled", "void") and may_finish(waiting, settled_at(session, dataset), self.backend.now(session)):
                enqueue_call(session, f"finish:{dataset.id}:{dataset.settled_block}", "LabelRegistry", "finishDataset", dataset.id)
        finished = ours.join(Round, (Round.dataset == Dataset.id) & Round.last & (Round.phase == "settled"))
        for dataset in session.scalars(finished).all():
            held = select(Contributor.contributor).where(Contributor.dataset == dataset.id, Contributor.covered > 0)
            some = session.scalars(held.order_by(Contributor.contributor).limit(MAX_ENTRIES)).all()
            if some:
                enqueue_call(session, f"release:{dataset.id}:{some[0]}", "Settlement", "releaseBonds", dataset.id, list(some))

    def _advance(self, session: Session, row: Round, checkpoint: Checkpoint) -> None:
        audit, settlement = session.get(Audit, row.id), session.get(Settlement, row.id)
        state, now = round_state(session, row, audit, settlement), self.backend.now(session)
        step = due_step(state, now, checkpoint.block_number)
        audited = audit is not None and audit.phase == "audited"
        if audited and not self._knows_rule(session, row):
            log.error("round %d is of a dataset with another scoring rule than %s; nothing is proposed", row.id, RULE)
            audited = False
        proposing = audit is not None and audited and self._settle(session, row, audit, settlement)
        # Who has a settlement to propose does not end the round without it, however late it is.
        if step is not None and not (step is Step.START_EXIT and proposing):
            contract, function = step.value
            seed_blocks = [group.seed_block for group in (state.audit, state.jury) if group]
            turn = ":".join(map(str, (audit.attempt if audit else 0, *seed_blocks, settlement.attempt if settlement else 0)))
            enqueue_call(session, f"{contract}.{function}:{row.id}:{turn}:{state.challenge_ends}", contract, function, row.id)
        if audit is not None and (audit.phase == "revealing" or (audit.phase == "committing" and now > audit.commit_ends)):
            self._reveal(session, audit)
        if settlement is not None and settlement.phase == "challenged":
            for verdict in reveals_due(session, row.id, now):
                key = f"open:{row.id}:{verdict.attempt}:{verdict.juror}"
                enqueue_call(session, key, "Jury", "reveal", row.id, verdict.juror, verdict.root, verdict.salt)
        if settlement is not None and settlement.phase == "exiting":
            self._exit(session, row)

    def _knows_rule(self, session: Session, row: Round) -> bool:
        return bool(session.get_one(Dataset, row.dataset).terms["rule_id"] == RULE_ID)

    def _reveal(self, session: Session, audit: Audit) -> None:
        for member in panel_of(session, audit):
            held = session.get(HeldBallot, (audit.round, audit.attempt, member.validator))
            if held is not None and not member.revealed:
                key = f"reveal:{audit.round}:{audit.attempt}:{member.validator}"
                enqueue_call(session, key, "AuditBoard", "reveal", audit.round, member.validator, held.answers, held.salt)

    def _settle(self, session: Session, row: Round, audit: Audit, settlement: Settlement | None) -> bool:
        """Proposes, publishes, distributes; whether a proposal is on its way."""
        if settlement is None or settlement.phase in ("expired", "overturned"):
            return self._propose(session, row, audit, settlement)
        if settlement.phase == "proposed" and settlement.proposer == self.backend.operator.address:
            number = settlement.published
            key = f"publish:{row.id}:{settlement.attempt}:{number}"
            if is_queued(session, key):
                return False
            chunks = chunks_of(settlement_of(session, row).entries)
            enqueue_call(session, key, "Settlement", "publish", row.id, number, chunks[number])
        elif settlement.phase == "final":
            self._distribute(session, row, settlement)
        return False

    def _propose(self, session: Session, row: Round, audit: Audit, before: Settlement | None) -> bool:
        """Proposes the rule's result; after a verdict only when it is that verdict. Whether a proposal is on its way."""
        attempt = before.attempt if before else 0
        if before is not None and attempt - before.overturned >= MAX_PROPOSALS:
            return False
        key = f"propose:{row.id}:{attempt}"
        if is_queued(session, key):
            return True
        required = before.required_root if before else None
        signatures = panel_majority(self.backend, session, audit, self._refusing) if required is None else []
        if signatures is None or not self._can_bond(session, row):
            return False
        entries = settlement_of(session, row).entries
        root = "0x" + settlement_root(row.id, entries).hex()
        if required not in (None, root):
            log.error("round %d: the jury decided on root %s, the rule gives %s here; nothing is proposed", row.id, required, root)
            return False
        evidence = evidence_of(self.backend, session, row)
        totals = [str(total) for total in astuple(totals_of(entries))]
        arguments = (row.id, evidence.hash, len(chunks_of(entries)), totals, signatures)
        enqueue_call(session, key, "Settlement", "propose", *arguments)
        return True

    def _can_bond(self, session: Session, row: Round) -> bool:
        """Whether the operator's Ledger account covers the proposal's bond; allows the Settlement to take it, once."""
        operator = self.backend.operator.address
        settlement = self.backend.deployment.address("Settlement")
        needed = proposal_bond(session, row)
        account = session.get(Account, user_account(operator))
        if account is None or account.balance < needed:
            log.warning("round %d waits: deposit at least %d base units of LBL for %s", row.id, needed, operator)
            return False
        allowance = session.get(Allowance, (operator, settlement))
        if allowance is None or allowance.amount < needed:
            enqueue_call(session, f"allow:{settlement}", "Ledger", "allow", settlement, str(MAX_UINT))
            return False
        return True

    def _exit(self, session: Session, row: Round) -> None:
        """Pays those with pending work, as many as a call takes; the next ones once these are mirrored."""
        labeled = select(Contributor.contributor).where(Contributor.dataset == row.dataset, Contributor.pending > 0)
        voted = select(ValidatorVotes.validator).where(ValidatorVotes.dataset == row.dataset, ValidatorVotes.pending > 0)
        contributors = session.scalars(labeled.order_by(Contributor.contributor).limit(MAX_ENTRIES)).all()
        validators = session.scalars(voted.order_by(ValidatorVotes.validator).limit(MAX_ENTRIES)).all()
        first = next(iter((*contributors, *validators)), "nobody")
        enqueue_call(session, f"exit:{row.id}:{first}", "Settlement", "exit", row.id, list(contributors), list(validators))

    def _distribute(self, session: Session, row: Round, settlement: Settlement) -> None:
        for chunk in range(settlement.chunks):
            published = select(Entry).where(Entry.round == row.id, Entry.chunk == chunk)
            entries = session.scalars(published.order_by(Entry.position)).all()
            if entries and not entries[0].distributed:
                rows = [[e.role, e.account, str(e.reward), str(e.slash), str(e.shares), e.waiting] for e in entries]
                enqueue_call(session, f"distribute:{row.id}:{chunk}", "Settlement", "distribute", row.id, chunk, rows)


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
