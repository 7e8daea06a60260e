"""Keeping the protocol moving without the operator: whoever has gas does what is due, by what the chain alone says."""

from collections.abc import Iterator
from typing import Any

from labelshare.chain.events import AuditBoardBallotRevealed, LabelRegistrySubmissionAccepted, SettlementChunkPublished
from labelshare.client.chain import Chain, TransactionFailed, topic
from labelshare.client.wallet import Wallet
from labelshare.keeper import RoundState, due_step

ROUND_PHASES = ("none", "open", "closed", "void", "settled")
AUDIT_PHASES = (None, "seeding", "committing", "revealing", "audited", "failed")
SETTLEMENT_PHASES = (None, "proposed", "published", "final", "distributed", "exiting")
EXITS = 100  # accounts of a role that one exit call may pay
NO_COMMITMENT = bytes(32)
EXIT_DELAY = 14  # its place among the terms


class Keeper:
    """Closes, draws, concludes, finalizes and distributes every round that waits for it, with a wallet that has gas."""

    def __init__(self, chain: Chain, wallet: Wallet) -> None:
        self.chain = chain
        self.wallet = wallet
        self._over: set[int] = set()

    def keep(self) -> Iterator[str]:
        """Does once what is due in every round; says each step, and which of them somebody else did first."""
        for round_id in range(1, int(self.chain.read("LabelRegistry", "roundCount")) + 1):
            if round_id not in self._over:
                yield from self._keep_round(round_id)

    def _keep_round(self, round_id: int) -> Iterator[str]:
        state = state_of(self.chain, round_id)
        if state.phase in ("void", "settled"):
            self._over.add(round_id)
            return
        head = self.chain.rpc.block()
        step = due_step(state, int(head["timestamp"], 16), int(head["number"], 16))
        if step is not None:
            contract, function = step.value
            yield self._send(round_id, contract, function, round_id)
        elif state.settlement_phase == "exiting":
            contributors, validators = self._pending(round_id)
            yield self._send(round_id, "Settlement", "exit", round_id, contributors[:EXITS], validators[:EXITS])
        elif state.settlement_phase == "final":
            for _, event in self.chain.events(SettlementChunkPublished, topic(round_id)):
                if not self.chain.read("Settlement", "isDistributed", round_id, event.chunk):
                    entries = [[e.role, e.account, e.reward, e.slash, e.shares, e.waiting] for e in event.entries]
                    yield self._send(round_id, "Settlement", "distribute", round_id, event.chunk, entries)

    def _pending(self, round_id: int) -> tuple[list[str], list[str]]:
        """The contributors and validators of the round's dataset whose work nothing has decided."""
        dataset = self.chain.read("LabelRegistry", "roundOf", round_id)[0]
        contributors: dict[str, None] = {}
        validators: dict[str, None] = {}
        for number in range(1, round_id + 1):
            if self.chain.read("LabelRegistry", "roundOf", number)[0] != dataset:
                continue
            labeled = self.chain.events(LabelRegistrySubmissionAccepted, topic(number))
            contributors |= dict.fromkeys(event.contributor for _, event in labeled)
            audited = self.chain.events(AuditBoardBallotRevealed, topic(number))
            validators |= dict.fromkeys(event.validator for _, event in audited)
        return (
            [who for who in contributors if self.chain.read("LabelRegistry", "contributorOf", dataset, who)[2]],
            [who for who in validators if self.chain.read("AuditBoard", "pendingVotesOf", dataset, who)],
        )

    def _send(self, round_id: int, contract: str, function: str, *arguments: Any) -> str:
        try:
            self.chain.send(self.wallet, contract, function, *arguments)
        except TransactionFailed as error:
            return f"round {round_id}: {error}"
        return f"round {round_id}: {contract}.{function} done"


def state_of(chain: Chain, round_id: int) -> RoundState:
    """A round as the chain has it now."""
    _, _, label_budget, labels, _, deadline, _, _, phase, *_ = chain.read("LabelRegistry", "roundOf", round_id)
    audit_phase, _, _, seed_block, _, _, commit_ends, reveal_ends, concluded_at, _ = chain.read("AuditBoard", "auditOf", round_id)
    settlement_phase, *_, publish_ends, challenge_ends, _, _ = chain.read("Settlement", "proposalOf", round_id)
    panel = chain.read("AuditBoard", "panelOf", round_id)
    return RoundState(
        phase=ROUND_PHASES[phase],
        labels=labels,
        label_budget=label_budget,
        deadline=deadline,
        audit_phase=AUDIT_PHASES[audit_phase],
        seed_block=seed_block,
        commit_ends=commit_ends,
        reveal_ends=reveal_ends,
        members=len(panel),
        committed=sum(bytes(commitment) != NO_COMMITMENT for *_, commitment in panel),
        revealed=sum(revealed for _, _, revealed, _ in panel),
        settlement_phase=SETTLEMENT_PHASES[settlement_phase],
        challenge_ends=challenge_ends,
        publish_ends=publish_ends,
        exit_due=_exit_due(chain, round_id, concluded_at),
    )


def _exit_due(chain: Chain, round_id: int, concluded_at: int) -> int:
    """When a round without a settlement may exit: at once (1) if its audit failed or its proposals are used up."""
    if concluded_at == 0 or chain.read("Settlement", "proposalsOf", round_id) >= chain.read("Settlement", "MAX_PROPOSALS"):
        return 1
    terms = chain.read("DatasetRegistry", "termsOf", chain.read("LabelRegistry", "roundOf", round_id)[0])
    return int(concluded_at + terms[EXIT_DELAY])
