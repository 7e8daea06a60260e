"""Samples, panels and sealed ballots."""

from collections import Counter

import pytest
from eth_abi import encode
from eth_utils import keccak

from labelshare.rules.draw import DrawFailed, audit_seed, commitment, draw_panel, sample, sample_size

SEED = keccak(text="seed")


def seed_of(number: int) -> bytes:
    return keccak(number.to_bytes(32, "big"))


@pytest.mark.parametrize(
    ("tasks", "rate", "size"), [(108, 26, 11), (800, 26, 82), (256, 1, 1), (1, 1, 1), (257, 1, 2), (10, 256, 10)]
)
def test_a_sample_is_the_audit_rate_of_all_tasks_rounded_up(tasks: int, rate: int, size: int) -> None:
    assert sample_size(tasks, rate) == size


def test_a_sample_holds_different_tasks_in_order_and_a_larger_one_holds_the_smaller() -> None:
    for size in (0, 1, 50, 99, 100):
        drawn = sample(SEED, 100, size)
        assert list(drawn) == sorted(set(drawn))
        assert len(drawn) == size
        assert set(drawn) <= set(range(100))
        assert set(sample(SEED, 100, max(0, size - 1))) <= set(drawn)


def test_more_tasks_than_there_are_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="Cannot sample 11 of 10"):
        sample(SEED, 10, 11)


def test_every_task_is_sampled_equally_often() -> None:
    drawn = Counter(task for number in range(2_000) for task in sample(seed_of(number), 20, 5))
    assert len(drawn) == 20
    assert 400 < min(drawn.values()) <= max(drawn.values()) < 600


def test_every_seat_is_drawn_equally_often_and_the_weight_is_the_seats() -> None:
    weights: Counter[str] = Counter()
    for number in range(2_000):
        panel = draw_panel(seed_of(number), 12, lambda seat: "ada" if seat < 6 else f"other {seat}", 3)
        assert panel == sorted(panel)
        assert sum(weight for _, weight in panel) == 3
        weights.update(dict(panel))
    assert 2_850 < weights["ada"] < 3_150


def test_a_seat_that_may_not_be_drawn_never_is() -> None:
    for number in range(200):
        panel = draw_panel(seed_of(number), 30, lambda seat: None if seat % 2 else str(seat), 9)
        assert all(int(owner) % 2 == 0 and weight == 1 for owner, weight in panel)


@pytest.mark.parametrize("slots", [0, 2, 4_000_000])
def test_too_few_eligible_seats_end_the_draw_after_a_bounded_number_of_tries(slots: int) -> None:
    asked = []

    def eligible(seat: int) -> str | None:
        asked.append(seat)
        return "ada" if seat < 2 else None

    with pytest.raises(DrawFailed, match=r"of 3 seats"):
        draw_panel(SEED, slots, eligible, 3)
    assert len(asked) <= min(1024, 64 + 16 * slots)


def test_a_seed_is_of_its_block_round_and_attempt() -> None:
    seeds = {audit_seed(block, number, attempt) for block in (SEED, seed_of(1)) for number in (1, 2) for attempt in (0, 1)}
    assert len(seeds) == 8
    assert audit_seed(SEED, 7, 2) == keccak(encode(("bytes32", "uint256", "uint8"), (SEED, 7, 2)))


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 82])
def test_a_commitment_is_the_hash_of_the_abi_encoding(length: int) -> None:
    values = (7, 1, "0x" + "ab" * 20, bytes(range(length)), SEED)
    assert commitment(*values) == keccak(encode(("uint256", "uint8", "address", "bytes", "bytes32"), values))


@pytest.mark.parametrize(
    "values",
    [
        (-1, 1, "0x" + "ab" * 20, b"", SEED),
        (1, 256, "0x" + "ab" * 20, b"", SEED),
        (1, 1, "0x" + "AB" * 20, b"", SEED),
        (1, 1, "0x" + "ab" * 20, "", SEED),
        (1, 1, "0x" + "ab" * 20, b"", SEED[:31]),
    ],
)
def test_a_commitment_pads_and_coerces_nothing(values: tuple[int, int, str, bytes, bytes]) -> None:
    with pytest.raises(ValueError):
        commitment(*values)


def test_a_commitment_binds_round_attempt_validator_answers_and_salt() -> None:
    base = (1, 0, "0x" + "ab" * 20, b"\x01\x02", SEED)
    changed = ((2, 0, *base[2:]), (1, 1, *base[2:]), (1, 0, "0x" + "cd" * 20, *base[3:]), (*base[:3], b"\x01\x02\x00", SEED))
    hashes = {commitment(*values) for values in (base, *changed, (*base[:4], seed_of(1)))}  # type: ignore[arg-type]
    assert len(hashes) == 6
