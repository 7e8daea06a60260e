"""The audit of a replay: a sample, a panel of validators of a given accuracy, and some that vote with the attackers."""

import numpy as np

from labelshare.lab.replay import UNKNOWN, Replay
from labelshare.rules.fixed import Bools, Ints
from labelshare.rules.panel import Panel
from labelshare.rules.sums import Labels

VALIDATORS = 12
SEATS = 3  # of each validator: two seats of a panel may be one validator's
PANEL = 3
ACCURACY = 0.9


def draw_sample(tasks: int, audit_rate: int, rng: np.random.Generator) -> Bools:
    """bool[tasks]: the audited ones, `audit_rate` of 256."""
    sample = np.zeros(tasks, np.bool_)
    sample[rng.permutation(tasks)[: -(-tasks * audit_rate // 256)]] = True
    return sample


def audit(replay: Replay, sample: Bools, rng: np.random.Generator, corrupt: float = 0.0) -> Ints:
    """int64[tasks]: the verdicts of a panel drawn from 12 validators, the first `corrupt` share of whom vote the script."""
    seated, weight = np.unique(rng.permutation(VALIDATORS * SEATS)[:PANEL] // SEATS, return_counts=True)
    classes, tasks = replay.labels.classes, replay.labels.tasks
    shape = (len(seated), tasks)
    wrong = (replay.stand_in + rng.integers(1, classes, shape)) % classes
    ballots = np.where(rng.random(shape) < ACCURACY, replay.stand_in, wrong)
    bribed = (seated < round(corrupt * VALIDATORS))[:, None] & (replay.script != UNKNOWN)
    ballots = np.where(bribed, replay.script, ballots)
    task = np.flatnonzero(sample)
    seat = np.repeat(np.arange(len(seated)), len(task))
    votes = Labels(np.tile(task, len(seated)), seat, ballots[:, task].reshape(-1), tasks, len(seated), classes)
    return Panel([f"v{v}" for v in seated], votes, weight[None, :].astype(np.int64), np.zeros(tasks, np.int64)).verdicts()
