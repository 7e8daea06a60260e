"""Validators: the verdicts of their panels, and the κ of each against the others and the consensus (specification K3, K11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelshare.rules.consensus import NO_VERDICT, Consensus, by_class, normalise
from labelshare.rules.fixed import ONE, Ints
from labelshare.rules.history import RoundEvidence
from labelshare.rules.kappa import Agreement
from labelshare.rules.sums import Block, Labels, Split, add_at


@dataclass(frozen=True, eq=False)
class Panel:
    """All ballots of a dataset's history.

    Attributes:
        names: of the validators, sorted.
        votes: their valid answers as labels, validators for contributors.
        seats: int64[rounds, validators], the weight of each validator's ballot.
        round_of: int64[tasks], indices into seats.
    """

    names: list[str]
    votes: Labels
    seats: Ints
    round_of: Ints

    @staticmethod
    def of(history: Sequence[RoundEvidence], classes: int, split: Split) -> "Panel":
        """Raises ValueError when a ballot does not fit its sample, or a validator has two in a round."""
        names = sorted({ballot.validator for evidence in history for ballot in evidence.ballots})
        index = {name: i for i, name in enumerate(names)}
        seats = np.zeros((len(history), len(names)), np.int64)
        task, validator, answer = [[np.zeros(0, np.int64)] for _ in range(3)]
        offset = 0
        for number, evidence in enumerate(history):
            sample = np.array(evidence.sample, dtype=np.int64) + offset
            if len({ballot.validator for ballot in evidence.ballots}) < len(evidence.ballots):
                raise ValueError(f"Round {evidence.round_id} has two ballots of one validator.")
            for ballot in evidence.ballots:
                if len(ballot.answers) != len(sample):
                    raise ValueError(f"The ballot of {ballot.validator} has {len(ballot.answers)} answers for {len(sample)} tasks.")
                given = np.array(ballot.answers, dtype=np.int64)
                valid = (given >= 0) & (given < classes)
                seats[number, index[ballot.validator]] = ballot.weight
                task.append(sample[valid])
                answer.append(given[valid])
                validator.append(np.full(int(valid.sum()), index[ballot.validator]))
            offset += evidence.task_count
        round_of = np.repeat(np.arange(len(history)), [evidence.task_count for evidence in history])
        columns = np.concatenate(task), np.concatenate(validator), np.concatenate(answer)
        votes = Labels(*columns, offset, len(names), classes, split)
        return Panel(names, votes, seats, round_of)

    def verdicts(self) -> Ints:
        """int64[tasks]: the plurality by seats, NO_VERDICT on a tie or without a vote."""
        verdicts = np.full(self.votes.tasks, NO_VERDICT, np.int64)

        def work(block: Block) -> None:
            votes = self._votes(block, self._weights(block))
            best = votes.max(axis=0)
            decided = (best > 0) & ((votes == best).sum(axis=0) == 1)
            verdicts[block.tasks] = np.where(decided, votes.argmax(axis=0), NO_VERDICT)

        self.votes.sum(work)
        return verdicts

    def agreement(self, consensus: Consensus, labels: Labels) -> Agreement:
        """With the other ballots plus half a vote of what the contributors say of a task, the verdict left out."""
        labeled = np.zeros(labels.tasks, np.bool_)
        labeled[labels.task] = True

        def work(block: Block, reference: Ints, own: Ints, said: Ints) -> None:
            believed = by_class(normalise(consensus.log_odds[:, block.tasks]))
            crowd = np.where(labeled[block.tasks], believed, ONE // labels.classes)
            weights = self._weights(block)
            rest = self._votes(block, weights).take(block.task, axis=1)
            given = np.arange(len(weights))
            rest[block.answer, given] -= weights
            truth = (2 * ONE * rest + crowd.take(block.task, axis=1)) // (2 * rest.sum(axis=0) + 1)
            for table, row in zip(reference, truth, strict=True):
                add_at(table, block.contributor, row)
            add_at(own, block.contributor, truth[block.answer, given])
            add_at(said, block.said, 1)

        people, classes = len(self.names), labels.classes
        reference, own, said = self.votes.sum(work, (classes, people), (people,), (people * classes,))
        return Agreement(reference, own, said.reshape(people, classes))

    def votes_given(self) -> Ints:
        """int64[validators]: valid answers × seats."""

        def work(block: Block, given: Ints) -> None:
            add_at(given, block.contributor, self._weights(block))

        (given,) = self.votes.sum(work, (len(self.names),))
        return given

    def _weights(self, block: Block) -> Ints:
        return self.seats[self.round_of[block.tasks].take(block.task), block.contributor]

    def _votes(self, block: Block, weights: Ints) -> Ints:
        votes = np.zeros((self.votes.classes, block.size), np.int64)
        add_at(votes.reshape(-1), block.answer * block.size + block.task, weights)
        return votes
