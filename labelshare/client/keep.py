"""Keeping the protocol moving without the operator: whoever has gas does what is due, by what the chain alone says."""

from collections.abc import Iterator
from typing import Any

from labelshare.chain.events import (
    AuditBoardBallotRevealed,
    LabelRegistrySubmissionAccepted,
    SettlementChunkPublished,
    StakingSeatJoined,
)
from labelshare.client.chain import Chain, TransactionFailed, topic
from labelshare.client.round_state import ROUND_PHASES, state_of
from labelshare.client.staking import MAX_SEATS, OPEN_POOL
from labelshare.client.wallet import Wallet
from labelshare.keeper import due_step, may_finish
from labelshare.rules.entries import MAX_ENTRIES


class Keeper:
    """Closes, draws, concludes, finalizes and distributes every round that waits for it, asks for closing rounds, sends bonds back
    that a finished dataset still holds, and expels whose credential lapsed, with a wallet that has gas."""

    def __init__(self, chain: Chain, wallet: Wallet) -> None:
        self.chain = chain
        self.wallet = wallet
        self._over: set[int] = set()
        self._finished: set[int] = set()
        self._seats: dict[tuple[str, int], str] = {}
        self._joined_to = 0

    def keep(self) -> Iterator[str]:
        """Does once what is due in every round; says each step, and which of them somebody else did first."""
        for round_id in range(1, int(self.chain.read("LabelRegistry", "roundCount")) + 1):
            if round_id not in self._over:
                yield from self._keep_round(round_id)
        for dataset in range(1, int(self.chain.read("DatasetRegistry", "datasetCount")) + 1):
            if dataset not in self._finished:
                yield from self._finish(dataset)
        yield from self._expel()

    # Rounds

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
            yield self._send(round_id, "Settlement", "exit", round_id, contributors[:MAX_ENTRIES], validators[:MAX_ENTRIES])
        elif state.settlement_phase == "final":
            for _, event in self.chain.events(SettlementChunkPublished, topic(round_id)):
                if not self.chain.read("Settlement", "isDistributed", round_id, event.chunk):
                    entries = [[e.role, e.account, e.reward, e.slash, e.shares, e.waiting] for e in event.entries]
                    yield self._send(round_id, "Settlement", "distribute", round_id, event.chunk, entries)

    def _pending(self, round_id: int) -> tuple[list[str], list[str]]:
        """The contributors and validators of the round's dataset whose work nothing has decided."""
        dataset = self.chain.read("LabelRegistry", "roundOf", round_id)[0]
        validators: dict[str, None] = {}
        for number in self._rounds(dataset, round_id):
            audited = self.chain.events(AuditBoardBallotRevealed, topic(number))
            validators |= dict.fromkeys(event.validator for _, event in audited)
        labelers = self._labelers(dataset, round_id)
        return (
            [who for who in labelers if self.chain.read("LabelRegistry", "contributorOf", dataset, who)[2]],
            [who for who in validators if self.chain.read("AuditBoard", "pendingVotesOf", dataset, who)],
        )

    def _labelers(self, dataset: int, last_round: int) -> list[str]:
        """Whoever submitted to a round of the dataset, in the order of their first."""
        found: dict[str, None] = {}
        for number in self._rounds(dataset, last_round):
            labeled = self.chain.events(LabelRegistrySubmissionAccepted, topic(number))
            found |= dict.fromkeys(event.contributor for _, event in labeled)
        return list(found)

    def _rounds(self, dataset: int, last_round: int) -> list[int]:
        return [n for n in range(1, last_round + 1) if self.chain.read("LabelRegistry", "roundOf", n)[0] == dataset]

    # Datasets and pools

    def _finish(self, dataset: int) -> Iterator[str]:
        """The closing round, when work has waited too long; a dataset whose last round is settled is not looked at again."""
        current = self.chain.read("LabelRegistry", "currentRound", dataset)
        if current == 0 or current not in self._over:
            return
        waiting = sum(self.chain.read("Settlement", "waitingOf", dataset))
        *_, phase, last, _, _, _, _, _ = self.chain.read("LabelRegistry", "roundOf", current)
        if last and ROUND_PHASES[phase] == "settled":
            yield from self._release(dataset, current)
            self._finished.add(dataset)
        elif waiting:
            now = int(self.chain.rpc.block()["timestamp"], 16)
            if may_finish(waiting, self.chain.read("LabelRegistry", "settledAtOf", dataset), now):
                yield self._call(f"dataset {dataset}", "LabelRegistry", "finishDataset", dataset)

    def _release(self, dataset: int, last_round: int) -> Iterator[str]:
        """Bonds kept for those who took no part in the last round: there are no labels left for them to cover."""
        people = self._labelers(dataset, last_round)
        held = [who for who in people if self.chain.read("LabelRegistry", "contributorOf", dataset, who)[4]]
        for start in range(0, len(held), MAX_ENTRIES):
            some = held[start : start + MAX_ENTRIES]
            yield self._call(f"dataset {dataset}", "Settlement", "releaseBonds", dataset, some)

    def _expel(self) -> Iterator[str]:
        """Takes the seats of validators out of pools whose credential they no longer hold."""
        for log, event in self.chain.events(StakingSeatJoined, since=self._joined_to):
            self._joined_to = log.block_number
            if event.pool != OPEN_POOL:
                self._seats[event.pool, event.seat] = event.owner
        for pool, owner in sorted({(pool, owner) for (pool, _), owner in self._seats.items()}):
            if self.chain.read("Credentials", "isHeld", pool, owner):
                continue
            mine = [seat for (where, seat), who in self._seats.items() if (where, who) == (pool, owner)]
            seats = [seat for seat in mine if self._is_in(pool, seat, owner)][:MAX_SEATS]
            if seats:
                yield self._call(f"pool {pool}", "Staking", "expel", pool, owner, seats)

    def _is_in(self, pool: str, seat: int, owner: str) -> bool:
        holder, _, left_at, drained = self.chain.read("Staking", "seatOf", pool, seat)
        return bool(holder.lower() == owner and left_at == 0 and not drained)

    # Sending

    def _send(self, round_id: int, contract: str, function: str, *arguments: Any) -> str:
        return self._call(f"round {round_id}", contract, function, *arguments)

    def _call(self, what: str, contract: str, function: str, *arguments: Any) -> str:
        try:
            self.chain.send(self.wallet, contract, function, *arguments)
        except TransactionFailed as error:
            return f"{what}: {error}"
        return f"{what}: {contract}.{function} done"
