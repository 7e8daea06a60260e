"""Keeping the protocol moving without the operator: whoever has gas does what is due, by what the chain alone says."""

from collections.abc import Iterator
from typing import Any

from labelshare.chain.events import SettlementChunkPublished
from labelshare.client.chain import Chain, TransactionFailed, topic
from labelshare.client.wallet import Wallet
from labelshare.keeper import RoundState, due_step

ROUND_PHASES = ("none", "open", "closed", "void", "settled")
AUDIT_PHASES = (None, "seeding", "committing", "revealing", "audited", "failed")
SETTLEMENT_PHASES = (None, "proposed", "published", "final", "distributed")
NO_COMMITMENT = bytes(32)


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
        elif state.settlement_phase == "final":
            for _, event in self.chain.events(SettlementChunkPublished, topic(round_id)):
                if not self.chain.read("Settlement", "isDistributed", round_id, event.chunk):
                    entries = [[e.role, e.account, e.reward, e.slash, e.shares, e.waiting] for e in event.entries]
                    yield self._send(round_id, "Settlement", "distribute", round_id, event.chunk, entries)

    def _send(self, round_id: int, contract: str, function: str, *arguments: Any) -> str:
        try:
            self.chain.send(self.wallet, contract, function, *arguments)
        except TransactionFailed as error:
            return f"round {round_id}: {error}"
        return f"round {round_id}: {contract}.{function} done"


def state_of(chain: Chain, round_id: int) -> RoundState:
    """A round as the chain has it now."""
    _, _, label_budget, labels, _, deadline, _, _, phase, *_ = chain.read("LabelRegistry", "roundOf", round_id)
    audit_phase, _, _, seed_block, _, _, commit_ends, reveal_ends, _ = chain.read("AuditBoard", "auditOf", round_id)
    settlement_phase, *_, challenge_ends, _, _ = chain.read("Settlement", "proposalOf", round_id)
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
    )
