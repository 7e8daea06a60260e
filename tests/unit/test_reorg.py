import pytest

from indexer.reorg import common_ancestor, linked
from tests.unit.logs import header

STORED = [(number, f"old{number}") for number in (3, 4, 9, 10, 11, 12)]


@pytest.mark.parametrize("kept", range(len(STORED) + 1))
def test_the_ancestor_is_the_highest_stored_block_still_in_the_chain(kept: int) -> None:
    chain = dict(STORED[:kept]) | {number: f"new{number}" for number, _ in STORED[kept:]}
    assert common_ancestor(STORED, chain.get) == (STORED[kept - 1][0] if kept else None)


def test_a_shorter_chain_ends_at_its_own_head() -> None:
    assert common_ancestor(STORED, dict(STORED[:3]).get) == 9


def test_only_a_few_blocks_are_asked_about() -> None:
    stored = [(number, f"{number}") for number in range(10_000)]
    asked = []

    def chain_hash(number: int) -> str:
        asked.append(number)
        return f"{number}" if number < 4_321 else "other"

    assert common_ancestor(stored, chain_hash) == 4_320
    assert len(asked) <= 14


def test_neighbouring_headers_must_name_each_other() -> None:
    assert linked([header(1), header(2), header(7), header(8)])
    assert not linked([header(1), header(2, fork=1)])
    assert linked([header(1), header(2, fork=1, parent_fork=0)])
    assert linked([header(1), header(7, fork=1)])
