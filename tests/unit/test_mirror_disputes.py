"""What disputes, the open path, credentials, governance and closing rounds make of the mirror. With synthetic logs."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session as SqlSession

from indexer.database import open_database
from indexer.queries import state_dump
from indexer.store import Store
from labelshare.chain.events import Event
from tests.unit.lives import ALICE, BOB, CLOSED, DISPUTED, GOVERNED, HUNG, KEY, OPEN, POOL, REQUESTER, ROOTS
from tests.unit.logs import DEPLOYMENT, block_range, word

State = dict[str, list[dict[str, object]]]


def mirrored(folder: Path, history: list[list[Event]], name: str = "mirror") -> State:
    """The state after a history, in a database of this name."""
    url = f"sqlite:///{folder}/{name}.db"
    Store(open_database(url), DEPLOYMENT).append(block_range(1, history), None)
    with SqlSession(open_database(url)) as session:
        return state_dump(session)


def test_a_dispute_is_followed_to_its_verdict_and_the_next_one_kept_beside_it(tmp_path: Path) -> None:
    state = mirrored(tmp_path, DISPUTED)
    first, second = state["dispute"]
    assert (first["phase"], first["root"], first["challenger"], first["bond"]) == ("overturned", ROOTS[1], KEY, 30)
    assert (first["attempt"], first["commit_ends"], first["reveal_ends"]) == (2, 80, 90)
    assert (first["to_winner"], first["to_jurors"], first["to_treasury"]) == (3, 6, 3)
    assert (second["phase"], second["root"], second["attempt"], second["to_jurors"]) == ("upheld", ROOTS[1], 3, 30)
    columns = ("weight", "revealed", "root", "slashed")
    jurors = {(row["attempt"], row["juror"]): tuple(row[c] for c in columns) for row in state["juror"]}
    assert jurors == {
        (1, ALICE): (3, True, ROOTS[1], 0),
        (1, KEY): (4, False, None, 9),
        (2, ALICE): (6, True, ROOTS[0], 5),
        (2, KEY): (7, True, ROOTS[1], 0),
        (3, KEY): (7, False, None, 0),
    }


def test_a_jury_that_missed_its_seed_is_drawn_as_of_a_later_block(tmp_path: Path) -> None:
    (dispute,) = mirrored(tmp_path, DISPUTED[:11])["dispute"]
    assert (dispute["phase"], dispute["misses"], dispute["seed_block"], dispute["as_of"]) == ("seeding", 1, 300, 296)
    (drawn,) = mirrored(tmp_path, DISPUTED[:12], "drawn")["dispute"]
    assert (drawn["phase"], drawn["commit_ends"], drawn["reveal_ends"]) == ("committing", 50, 60)


def test_an_overturned_settlement_leaves_no_entry_and_says_which_root_is_required(tmp_path: Path) -> None:
    state = mirrored(tmp_path, DISPUTED[:16])
    (settlement,) = state["settlement"]
    assert (settlement["phase"], settlement["required_root"], settlement["reopened_block"]) == ("overturned", ROOTS[1], 16)
    assert (settlement["attempt"], settlement["overturned"], state["entry"]) == (1, 1, [])
    (final,) = mirrored(tmp_path, DISPUTED, "final")["settlement"]
    assert (final["phase"], final["challenge_ends"], final["proposed_block"]) == ("final", 299, 17)
    assert final["required_root"] == ROOTS[1]


def test_a_challenged_settlement_stands_still_and_a_hung_one_is_over(tmp_path: Path) -> None:
    assert mirrored(tmp_path, DISPUTED[:10])["settlement"][0]["phase"] == "challenged"
    state = mirrored(tmp_path, HUNG, "hung")
    assert (state["settlement"][0]["phase"], state["dispute"][0]["phase"], state["dispute"][0]["root"]) == ("hung", "hung", None)
    assert state["entry"] == []


def test_what_waits_is_kept_with_the_dataset_until_it_is_decided(tmp_path: Path) -> None:
    (dataset,) = mirrored(tmp_path, CLOSED[:9])["dataset"]
    assert (dataset["waiting_labels"], dataset["waiting_votes"], dataset["settled_block"]) == (15, 4, 8)
    after = mirrored(tmp_path, CLOSED, "after")
    assert (after["dataset"][0]["waiting_labels"], after["dataset"][0]["waiting_votes"]) == (0, 0)
    audit, closing = after["audit"][-1], after["round"][-1]
    assert (audit["round"], audit["phase"], audit["concluded_block"], audit["seed"]) == (2, "audited", 9, None)
    assert (closing["phase"], closing["task_count"], closing["last"]) == ("closed", 0, True)


def test_open_labels_are_pending_only_by_the_panels_word_and_void_ones_never_were(tmp_path: Path) -> None:
    columns = ("labels", "pending", "pending_open", "sequence")
    before = {row["contributor"]: [row[c] for c in columns] for row in mirrored(tmp_path, OPEN[:6])["contributor"]}
    assert before == {ALICE: [10, 10, 0, 1], BOB: [0, 0, 0, 1], KEY: [0, 0, 0, 1]}
    state = mirrored(tmp_path, OPEN[:7], "resolved")
    after = {row["contributor"]: [row[c] for c in columns] for row in state["contributor"]}
    assert after == {ALICE: [10, 10, 0, 1], BOB: [4, 4, 4, 1], KEY: [0, 0, 0, 1]}
    assert {row["contributor"]: row["covered"] for row in state["contributor"]} == {ALICE: 10, BOB: 0, KEY: 0}
    (round_,) = state["round"]
    assert (round_["labels"], round_["open_labels"], round_["open_submissions"]) == (14, 9, 2)
    opened = {row["contributor"]: (row["position"], row["count"], row["counted"]) for row in state["open_submission"]}
    assert opened == {BOB: (0, 4, True), KEY: (1, 5, False)}
    shown = {row["validator"]: row["shown"] for row in state["panel_member"]}
    assert shown[REQUESTER] == 2**128 - 3
    assert list(shown.values()).count(None) == 1


def test_nothing_is_pending_once_a_settlement_decided_it(tmp_path: Path) -> None:
    votes = [(row["validator"], row["pending"]) for row in mirrored(tmp_path, OPEN[:7])["validator_votes"]]
    assert votes == [(REQUESTER, 4)]
    state = mirrored(tmp_path, OPEN, "settled")
    assert {(row["pending"], row["pending_open"], row["covered"]) for row in state["contributor"]} == {(0, 0, 0)}
    assert [row["pending"] for row in state["validator_votes"]] == [0]


def test_credentials_pauses_and_the_fee_are_those_of_the_last_word(tmp_path: Path) -> None:
    paused = {row["name"]: row["value"] for row in mirrored(tmp_path, GOVERNED[:4])["parameter"]}
    assert paused == {"fee_bps": 300, "min_window": 3600, "submissions_paused": 1}
    state = mirrored(tmp_path, GOVERNED, "later")
    assert {row["name"]: row["value"] for row in state["parameter"]}["submissions_paused"] == 0
    held = {row["account"]: (row["credential"], row["domain"], row["expiry"]) for row in state["credential"]}
    assert held == {ALICE: (POOL, "medicine", 0), BOB: (POOL, "medicine", 99)}
    seats = [(row["pool"], row["index"], row["left_at"], row["release_at"]) for row in state["seat"]]
    assert seats == [(word(77), 0, 0, 0), (word(77), 1, 5, 700)]


HISTORIES = {"disputed": DISPUTED, "hung": HUNG, "open": OPEN, "governed": GOVERNED, "closed": CLOSED}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_rewind_gives_the_state_that_each_block_had_and_a_rebuild_the_last_one(tmp_path: Path, name: str) -> None:
    history = HISTORIES[name]
    engine = open_database(f"sqlite:///{tmp_path}/mirror.db")
    store = Store(engine, DEPLOYMENT)

    def dump() -> State:
        with SqlSession(engine) as session:
            return state_dump(session)

    states = []
    for number, events in enumerate(history, 1):
        store.append(block_range(number, [events]), store.checkpoint())
        states.append(dump())
    store.rebuild()
    assert dump() == states[-1]
    for number in range(len(history) - 1, 0, -1):
        store.rewind(number)
        assert dump() == states[number - 1], number
    store.append(block_range(2, history[1:]), store.checkpoint())
    assert dump() == states[-1]
    store.rewind(1)
    assert dump() == states[0]
