"""What events make of the mirror, and how it comes back from there. On a SQLite file, with synthetic logs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from indexer.database import open_database
from indexer.models import EVENT_TABLES, Dataset, RawEvent, SkippedSubmission
from indexer.queries import ledger_sum, state_dump
from indexer.rows import InconsistentMirror
from indexer.store import Overtaken, Store, StoreError
from labelshare.chain import Deployment
from labelshare.chain import events as e
from labelshare.chain.decode import MalformedLog
from labelshare.chain.naming import user_account
from tests.unit.lives import ALICE, BOB, HUGE, KEY, LIFE, REQUESTER, STUCK
from tests.unit.logs import DEPLOYMENT, block_hash, block_range, word


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mirror.db"


@pytest.fixture
def store(url: str) -> Store:
    return Store(open_database(url), DEPLOYMENT)


def dump(url: str) -> dict[str, list[dict[str, object]]]:
    with SqlSession(open_database(url)) as session:
        return state_dump(session)


def only(url: str, table: str) -> dict[str, object]:
    rows = dump(url)[table]
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    "broken", [{"data": "0xzz"}, {"data": "0x0"}, {"data": "0x 0"}, {"transaction_hash": "0xé0"}, {"topics": ["0x0"]}]
)
def test_a_log_that_is_no_hex_is_refused_and_nothing_is_written(store: Store, broken: dict[str, Any]) -> None:
    logs = block_range(1, LIFE)
    with pytest.raises(MalformedLog):
        store.append(replace(logs, logs=[*logs.logs[:-1], structs.replace(logs.logs[-1], **broken)]), None)
    assert store.checkpoint() is None
    store.append(logs, None)


def test_the_life_of_a_dataset_ends_in_the_state_the_contracts_hold(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE), None)
    state = dump(url)
    assert {row["account"]: row["balance"] for row in state["account"]} == {word(1): 70, word(2): 60, word(3): 20}
    assert only(url, "allowance") == {"owner": ALICE, "spender": BOB, "amount": 30, "nonce": 1}
    dataset = only(url, "dataset")
    assert (dataset["price"], dataset["reserved"], dataset["supply"], dataset["acc"]) == (9, 0, 55, 2**70)
    terms = dataset["terms"]
    assert isinstance(terms, dict)
    assert (terms["reward"], terms["label_cap"], terms["metadata_uri"]) == (str(10**18), 1_000, "ipfs://x")
    round_ = only(url, "round")
    assert (round_["phase"], round_["labels"], round_["opened_block"], round_["closed_block"]) == ("settled", 15, 2, 4)
    session = only(url, "session")
    assert (session["max_bond"], session["bond_left"], session["revoked"]) == (40, 25, True)
    contributor = only(url, "contributor")
    columns = ("sequence", "labels", "pending", "covered")
    assert [contributor[c] for c in columns] == [2, 15, 0, 15 - 6]
    audit = only(url, "audit")
    assert (audit["phase"], audit["misses"], audit["seed_block"], audit["seed"]) == ("audited", 1, 300, word(6))
    member = only(url, "panel_member")
    assert (member["weight"], member["commitment"], member["revealed"], member["answers"]) == (2, word(7), True, "0x0001")
    settlement = only(url, "settlement")
    assert (settlement["phase"], settlement["published"], settlement["distributed"]) == ("distributed", 1, 1)
    assert [(row["account"], row["distributed"]) for row in state["entry"]] == [(ALICE, True), (REQUESTER, True)]
    assert {row["holder"]: (row["balance"], row["revenue"]) for row in state["share_balance"]} == {ALICE: (30, 4), BOB: (20, 0)}
    assert only(url, "license")["expiry"] == 500
    assert only(url, "sale")["price"] == 9
    assert [(row["index"], row["owner"], row["left_at"], row["drained"]) for row in state["seat"]] == [
        (0, None, 13, True),
        (1, BOB, 0, False),
    ]


def test_labels_are_decided_with_the_last_chunk_as_on_chain_and_not_before(store: Store, url: str) -> None:
    """Who keeps their bonds has nothing written by the contract until the round is settled; who does not is decided at once."""
    distribution = next(i for i, events in enumerate(LIFE) if any(isinstance(event, e.SettlementChunkPaid) for event in events))
    store.append(block_range(1, LIFE[:distribution]), None)
    pending = only(url, "contributor")["pending"]
    assert pending == 15
    store.append(block_range(distribution + 1, [[e.LabelRegistryContributorsSettled(1, (ALICE,), 1)]]), store.checkpoint())
    assert (only(url, "contributor")["pending"], only(url, "contributor")["decided"]) == (15, True)
    store.append(block_range(distribution + 2, [[e.LabelRegistryRoundSettled(1, 1)]]), store.checkpoint())
    assert (only(url, "contributor")["pending"], only(url, "contributor")["decided"]) == (0, False)
    store.rewind(distribution)
    store.append(block_range(distribution + 1, [[e.LabelRegistryContributorsSettled(1, (ALICE,), 0)]], fork=1), store.checkpoint())
    assert (only(url, "contributor")["pending"], only(url, "contributor")["covered"]) == (0, 0)


def test_a_withdrawal_by_signature_moves_its_amount_and_its_fee_once(store: Store, url: str) -> None:
    """`WithdrawalSigned` says who relayed and which nonce was used; the balances follow from what comes with it."""
    owner, relayer = user_account(ALICE), user_account(KEY)
    withdrawal = [
        e.LedgerWithdrawalSigned(ALICE, KEY, 0, 3),
        e.LedgerMoved(owner, relayer, 3),
        e.LedgerWithdrawn(owner, BOB, 90),
    ]
    store.append(block_range(1, [[e.LedgerDeposited(owner, ALICE, 100)], withdrawal]), None)
    assert {row["account"]: row["balance"] for row in dump(url)["account"]} == {owner: 7, relayer: 3}
    used = EVENT_TABLES[e.LedgerWithdrawalSigned]
    with SqlSession(open_database(url)) as session:
        assert [tuple(row) for row in session.execute(select(used.c.owner, used.c.relayer, used.c.nonce, used.c.fee))] == [
            (ALICE, KEY, 0, 3)
        ]


@pytest.mark.parametrize("ancestor", range(1, len(LIFE)))
def test_a_rewind_gives_the_state_that_the_ancestor_had(tmp_path: Path, store: Store, url: str, ancestor: int) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    Store(open_database(other), DEPLOYMENT).append(block_range(1, LIFE[:ancestor]), None)
    store.append(block_range(1, LIFE), None)
    store.rewind(ancestor)
    assert dump(url) == dump(other)
    assert store.checkpoint() == (ancestor, block_hash(ancestor))
    with SqlSession(open_database(url)) as session:
        assert (session.scalar(select(func.max(RawEvent.position))) or 0) >> 20 == ancestor
        for table in EVENT_TABLES.values():
            assert (session.scalar(select(func.max(table.c.block_number))) or 0) <= ancestor


def test_another_history_can_follow_a_rewind(store: Store, url: str, tmp_path: Path) -> None:
    store.append(block_range(1, LIFE), None)
    store.rewind(5)
    store.append(block_range(6, [[], *LIFE[5:]], fork=1), (5, block_hash(5)))
    other = f"sqlite:///{tmp_path}/other.db"
    Store(open_database(other), DEPLOYMENT).append(block_range(1, [*LIFE[:5], [], *LIFE[5:]]), None)
    assert [row["phase"] for row in dump(url)["round"]] == ["settled"]
    assert dump(url)["account"] == dump(other)["account"]
    assert dump(url)["entry"] == dump(other)["entry"]


def test_a_rewind_to_nothing_empties_the_mirror(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE), None)
    store.rewind(None)
    assert store.checkpoint() is None
    assert not any(dump(url).values())
    store.append(block_range(1, LIFE, fork=1), None)
    assert len(dump(url)["dataset"]) == 1


def test_a_rebuild_gives_the_same_state(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE), None)
    before = dump(url)
    store.rebuild()
    assert dump(url) == before


def test_the_same_events_in_one_range_or_many_give_the_same_state(store: Store, url: str, tmp_path: Path) -> None:
    store.append(block_range(1, LIFE), None)
    other = f"sqlite:///{tmp_path}/other.db"
    single = Store(open_database(other), DEPLOYMENT)
    for number, events in enumerate(LIFE, 1):
        single.append(block_range(number, [events]), single.checkpoint())
    assert dump(url) == dump(other)


def test_a_round_that_exits_keeps_what_each_account_took_and_nothing_of_what_expired(store: Store, url: str) -> None:
    store.append(block_range(1, STUCK[:9]), None)
    assert (only(url, "settlement")["phase"], dump(url)["entry"]) == ("expired", [])
    store.append(block_range(10, STUCK[9:10]), store.checkpoint())
    assert (only(url, "settlement")["attempt"], only(url, "entry")["chunk"]) == (2, 0)
    store.append(block_range(11, STUCK[10:]), store.checkpoint())
    settlement = only(url, "settlement")
    assert (settlement["phase"], settlement["paid"], settlement["released"], settlement["bond"]) == ("exited", 32, 28, 0)
    entries = [(row["chunk"], row["role"], row["account"], row["reward"], row["shares"]) for row in dump(url)["entry"]]
    assert entries == [(0, 0, ALICE, 30, 450), (1, 1, BOB, 2, 0)]
    assert only(url, "round")["phase"] == "settled"


@pytest.mark.parametrize("target", range(7, len(STUCK)))
def test_an_exit_that_a_reorganization_takes_back_never_was(store: Store, url: str, tmp_path: Path, target: int) -> None:
    store.append(block_range(1, STUCK), None)
    store.rewind(target)
    other = f"sqlite:///{tmp_path}/other.db"
    Store(open_database(other), DEPLOYMENT).append(block_range(1, STUCK[:target]), None)
    assert dump(url) == dump(other)


def test_a_rewind_beyond_the_journal_derives_the_state_anew(store: Store, url: str, tmp_path: Path) -> None:
    store.append(block_range(1, [*LIFE, *([[]] * 600)]), None)
    store.rewind(7)
    other = f"sqlite:///{tmp_path}/other.db"
    Store(open_database(other), DEPLOYMENT).append(block_range(1, LIFE[:7]), None)
    assert dump(url) == dump(other)


def test_a_range_that_does_not_follow_the_mirror_is_not_taken(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE[:2]), None)
    before = dump(url)
    with pytest.raises(Overtaken):
        store.append(block_range(1, LIFE[:2]), None)
    assert dump(url) == before


def test_a_range_that_fails_leaves_no_trace(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE[:2]), None)
    before = dump(url)
    unknown = e.LabelRegistryRoundClosed(77, 1, 0)
    with pytest.raises(InconsistentMirror, match="python -m indexer rebuild"):
        store.append(block_range(3, [[e.LedgerDeposited(word(1), ALICE, 5), unknown]]), store.checkpoint())
    assert dump(url) == before
    assert store.checkpoint() == (2, block_hash(2))


def test_numbers_that_no_database_holds_do_not_stop_the_mirror(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE[:3]), None)
    with SqlSession(open_database(url)) as session:
        assert session.scalars(select(SkippedSubmission.round)).one() == 2**63 - 1
        kept = session.execute(select(EVENT_TABLES[e.LabelRegistrySubmissionSkipped])).mappings().one()
        assert kept["round"] == HUGE


def test_the_ledger_sum_counts_every_account(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE), None)
    with SqlSession(open_database(url)) as session:
        assert ledger_sum(session) == 150


def test_a_database_of_another_chain_is_refused(store: Store, url: str) -> None:
    store.append(block_range(1, LIFE), None)
    other = Deployment(5, 1, DEPLOYMENT.contracts, DEPLOYMENT.treasury)
    with pytest.raises(StoreError, match="Set LABELSHARE_DATABASE_URL"):
        Store(open_database(url), other)


@pytest.mark.parametrize("value", [-1, 2**256])
def test_uint_columns_refuse_what_is_no_uint256(store: Store, url: str, value: int) -> None:
    store.append(block_range(1, LIFE[:2]), None)
    with SqlSession(open_database(url)) as session:
        row = session.scalars(select(Dataset)).one()
        row.reserved = value
        with pytest.raises(Exception, match="is not a uint256"):
            session.flush()
