"""Attackers as data: a name, what it does, and how it turns a crowd's labels into a crowd with attackers.

Attackers take a random share of the label seats, so that each task keeps its number of labels, spread over identities of about
60 labels (the number at which 6 are audited, and work no longer waits).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from labelshare.lab.replay import UNKNOWN, Replay
from labelshare.rules.fixed import Bools, Ints
from labelshare.rules.sums import Labels

LABELS_PER_IDENTITY = 60
GUESSABLE = 0.9  # of the tasks picked from outside, this many have the class that was guessed
REAL_WORK = 0.3

Answers = Callable[["Seats", np.random.Generator], Ints]


@dataclass(frozen=True, eq=False)
class Seats:
    """The label seats that attackers took.

    Attributes:
        crowd: as given. sample: bool[tasks], the audited tasks, which only a leak tells.
        seat: int64[m], positions in the crowd's labels. identity: int64[m], from 0. task: int64[m].
    """

    crowd: Replay
    sample: Bools
    seat: Ints
    identity: Ints

    @property
    def task(self) -> Ints:
        return self.crowd.labels.task[self.seat]

    @property
    def displaced(self) -> Ints:
        """int64[m]: the labels that honest people gave in these seats."""
        return self.crowd.labels.answer[self.seat]


@dataclass(frozen=True)
class Attack:
    """An attack. `share` of label seats; `answers` of the identities; `corrupt` share of the validators votes with them."""

    name: str
    what: str
    share: float
    answers: Answers
    per_identity: int = LABELS_PER_IDENTITY
    corrupt: float = 0.0
    picks: bool = False
    two_rounds: bool = False
    real_work: float = 0.0


def inject(crowd: Replay, attack: Attack, rng: np.random.Generator, sample: Bools) -> Replay:
    """The crowd with the attack in a share of its seats."""
    if not attack.share:
        return crowd
    seats = _take_seats(crowd, attack, rng, sample)
    answer, contributor = crowd.labels.answer.copy(), crowd.labels.contributor.copy()
    given = attack.answers(seats, rng)
    faked_here = np.ones(len(seats.seat), np.bool_)
    later = np.zeros(len(answer), np.bool_)
    if attack.real_work:
        faked_here = rng.random(len(seats.seat)) >= attack.real_work
    if attack.two_rounds:
        later = rng.permutation(crowd.labels.tasks)[crowd.labels.task] % 2 == 1
        faked_here = later[seats.seat]
    answer[seats.seat] = np.where(faked_here, given, seats.displaced)
    contributor[seats.seat] = crowd.labels.contributors + seats.identity
    faked = np.zeros(len(answer), np.bool_)
    faked[seats.seat] = faked_here
    people = crowd.labels.contributors + int(seats.identity.max(initial=-1)) + 1
    labels = Labels(crowd.labels.task, contributor, answer, crowd.labels.tasks, people, crowd.labels.classes)
    script = np.full(labels.tasks, UNKNOWN, np.int64)
    script[seats.task] = given
    attacker = np.arange(labels.contributors) >= crowd.labels.contributors
    return replace(crowd, labels=labels, attacker=attacker, faked=faked, script=script, later=later)


def _take_seats(crowd: Replay, attack: Attack, rng: np.random.Generator, sample: Bools) -> Seats:
    labels = crowd.labels
    wanted = round(attack.share * len(labels.task))
    pool = _guessable_seats(crowd, rng) if attack.picks else np.arange(len(labels.task))
    seat = rng.permutation(pool)[:wanted]
    order = rng.permutation(labels.tasks)[labels.task[seat]]
    seat = seat[np.argsort(order, kind="stable")]
    busiest = int(np.bincount(labels.task[seat]).max(initial=1))
    identities = max(busiest, -(-len(seat) // attack.per_identity))
    laps = -(-len(seat) // identities)
    identity = np.concatenate([rng.permutation(identities) for _ in range(laps)])[: len(seat)]
    # A task in two laps may have met one identity twice: the honest person keeps the second seat.
    once = np.sort(np.unique(labels.task[seat] * identities + identity, return_index=True)[1])
    return Seats(crowd, sample, seat[once], identity[once])


def _guessable_seats(crowd: Replay, rng: np.random.Generator) -> Ints:
    """Seats on tasks that seem, from outside, to have the commonest class: GUESSABLE of them do."""
    common = _common(crowd)
    right = crowd.stand_in == common
    others = np.flatnonzero(~right)
    wrong_ones = round(right.sum() * (1 - GUESSABLE) / GUESSABLE)
    chosen = right.copy()
    chosen[rng.permutation(others)[:wrong_ones]] = True
    return np.flatnonzero(chosen[crowd.labels.task])


def _common(crowd: Replay) -> int:
    return int(np.bincount(crowd.stand_in, minlength=crowd.labels.classes).argmax())


# What identities answer


def anything(seats: Seats, rng: np.random.Generator) -> Ints:
    return rng.integers(0, seats.crowd.labels.classes, len(seats.seat))


def the_commonest_class(seats: Seats, rng: np.random.Generator) -> Ints:
    return np.full(len(seats.seat), _common(seats.crowd))


def by_class_share(seats: Seats, rng: np.random.Generator) -> Ints:
    return rng.permutation(seats.crowd.stand_in)[rng.integers(0, seats.crowd.labels.tasks, len(seats.seat))]


def always_wrong(seats: Seats, rng: np.random.Generator) -> Ints:
    classes = seats.crowd.labels.classes
    return (seats.crowd.stand_in[seats.task] + rng.integers(1, classes, len(seats.seat))) % classes


def cliques(number: int) -> Answers:
    """Each clique has one random answer to a task; identities belong to cliques in turn."""

    def answers(seats: Seats, rng: np.random.Generator) -> Ints:
        said = rng.integers(0, seats.crowd.labels.classes, (number, seats.crowd.labels.tasks))
        return said[seats.identity % number, seats.task]

    return answers


def one_good_mind(seats: Seats, rng: np.random.Generator) -> Ints:
    """One answer to a task: as right as people at the 90th percentile, and wrong as people are, by the crowd's confusions."""
    labels, stand_in = seats.crowd.labels, seats.crowd.stand_in
    right = rng.random(labels.tasks) < good_accuracy(seats.crowd)
    wrong = np.zeros((labels.classes, labels.classes))
    np.add.at(wrong, (stand_in[labels.task], labels.answer), 1.0)
    np.fill_diagonal(wrong, 0)
    wrong += 1e-9 * (1 - np.eye(labels.classes))
    bounds = (wrong / wrong.sum(axis=1, keepdims=True)).cumsum(axis=1)
    drawn = (rng.random(labels.tasks)[:, None] > bounds[stand_in]).sum(axis=1).clip(max=labels.classes - 1)
    return np.where(right, stand_in, drawn)[seats.task]


def good_accuracy(crowd: Replay) -> float:
    """The 90th percentile of people's accuracy, weighted by their labels."""
    hits = np.bincount(crowd.labels.contributor, crowd.labels.answer == crowd.stand_in[crowd.labels.task])
    count = np.bincount(crowd.labels.contributor)
    each = np.repeat(hits / np.maximum(count, 1), count)
    return float(np.quantile(each, 0.9))


def knowing_the_sample(seats: Seats, rng: np.random.Generator) -> Ints:
    """The right answer to audited tasks, a clique's to the rest."""
    return np.where(seats.sample[seats.task], seats.crowd.stand_in[seats.task], cliques(1)(seats, rng))


CLIQUE = "copy one random answer to a task"
ATTACKS = (
    Attack("none", "the crowd as it is", 0.0, anything),
    Attack("random", "answer at random", 0.2, anything),
    Attack("constant", "always answer the commonest class", 0.2, the_commonest_class),
    Attack("prior", "answer at random, by the classes' shares", 0.2, by_class_share),
    Attack("all-wrong", "are always wrong", 0.2, always_wrong),
    Attack("picking", "pick tasks whose class is guessed rightly from outside in 9 of 10", 0.2, the_commonest_class, picks=True),
    Attack("clique-10", CLIQUE, 0.1, cliques(1)),
    Attack("clique-20", CLIQUE, 0.2, cliques(1)),
    Attack("clique-33", CLIQUE, 0.33, cliques(1)),
    Attack("clique-49", CLIQUE, 0.49, cliques(1)),
    Attack("two-cliques", "are two cliques", 0.33, cliques(2)),
    Attack("three-cliques", "are three cliques", 0.33, cliques(3)),
    Attack("good-mind", "copy one mind as good as the best tenth of the crowd", 0.2, one_good_mind),
    Attack(
        "turncoat", "work in a first round, are a clique in the second (gain of the second)", 0.33, cliques(1), 120, two_rounds=True
    ),
    Attack("camouflage", "are a clique in 70% of their labels and work in the rest", 0.33, cliques(1), real_work=REAL_WORK),
    Attack("leaked-sample", "are a clique that knows the audited tasks beforehand", 0.3, knowing_the_sample),
    Attack("few-labels", "are a clique with 10 labels an identity", 0.33, cliques(1), 10),
    Attack("corrupt-10", "are a clique, 10% of the stake votes with it", 0.33, cliques(1), corrupt=0.10),
    Attack("corrupt-20", "are a clique, 20% of the stake votes with it", 0.33, cliques(1), corrupt=0.20),
    Attack("corrupt-33", "are a clique, 33% of the stake votes with it", 0.33, cliques(1), corrupt=0.33),
    Attack("corrupt-45", "are a clique, 45% of the stake votes with it", 0.33, cliques(1), corrupt=0.45),
)
