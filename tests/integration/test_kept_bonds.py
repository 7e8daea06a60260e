"""Bonds that the Settlement kept from earlier rounds cover new labels: the API and the SDK ask for the rest only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.models import SignedSubmission
from indexer.models import Account, Contributor
from labelshare.chain.naming import user_account
from labelshare.client import contribute
from labelshare.client.api import Api
from tests.integration.api import BOND, World
from tests.integration.test_sdk import Bridge


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada has bonds for 6 ticketed labels held, 2 of which are pending with; 3 more labels are pending with open bonds."""
    made = World(tmp_path)
    none = dict.fromkeys(("sequence", "last_round", "open_round"), 0)
    made.mirror(
        Contributor(dataset=1, contributor=made.ada.address, labels=9, pending=5, pending_open=3, covered=6, **none),
    )
    yield made
    made.close()


def taken(world: World) -> list[int]:
    with world.backend.database.transaction() as session:
        return list(session.scalars(select(SignedSubmission.bond).order_by(SignedSubmission.sequence)))


def test_only_what_is_not_covered_is_bonded_and_what_is_on_its_way_counts(world: World) -> None:
    for tasks in ([0, 1, 2], [3, 4], [5]):
        lease = world.lease(world.ada, tasks=tasks)
        assert world.submit(world.submission(lease, world.ada)).status_code == 201
    assert taken(world) == [0, BOND, BOND]


def test_covered_labels_need_nothing_in_the_account(world: World) -> None:
    world.change(Account, user_account(world.ada.address), balance=0)
    lease = world.lease(world.ada, tasks=[0, 1, 2, 3])
    assert world.submit(world.submission(lease, world.ada)).status_code == 201
    answer = world.submit(world.submission(world.lease(world.ada, tasks=[4]), world.ada))
    assert answer.json()["code"] == "bond_unavailable"


def test_the_sdk_says_how_many_labels_need_a_bond(world: World) -> None:
    api = Api("http://api.test", 5.0, Bridge(world.client))
    assert contribute.Contributor(api, world.ada).uncovered(1, 7) == 3
    assert contribute.Contributor(api, world.ada).uncovered(1, 4) == 0
    assert contribute.Contributor(api, world.bob).uncovered(1, 7) == 7


def test_a_contributor_is_shown_with_what_is_held(world: World) -> None:
    view = world.client.get(f"/v1/datasets/1/contributors/{world.ada.address}").json()
    assert (view["labels"], view["pending"], view["pending_open"], view["covered"]) == (9, 5, 3, 6)
    assert world.client.get("/v1/datasets/1/contributors").json()["items"] == [view]
    assert world.client.get(f"/v1/datasets/1/contributors/{world.bob.address}").status_code == 404
