"""`labelshare verify`: whatever is changed in a dataset file is found, and named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from labelshare.chain import events
from labelshare.client import chain as client_chain
from labelshare.client.verify import DatasetFileError, Verification, verify_file
from labelshare.rules.evidence import content_hash, evidence_hash
from labelshare.rules.merkle import labels_tree
from tests.unit.small_chain import ADA, BOB, DATASET, KEY, LICENSEE, NO_TOTALS, ROUNDS, Small, evidence_of, small

LABELS = 24


@pytest.fixture
def world() -> Small:
    return small()


def verified(world: Small, folder: Path) -> Verification:
    return verify_file(world.write(folder), world.chain)


def outcome(world: Small, folder: Path) -> Verification | None:
    """None when the file is refused as a whole."""
    try:
        return verified(world, folder)
    except DatasetFileError:
        return None


def test_an_honest_file_passes_with_every_label_counted(world: Small, tmp_path: Path) -> None:
    seen: list[int] = []
    result = verify_file(world.write(tmp_path), world.chain, seen.append)
    assert result == Verification(LABELS, 0, None)
    assert result.passed
    assert sum(seen) == LABELS


def test_events_are_read_in_ranges_of_blocks(world: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_chain, "RANGE", 4)
    assert verified(world, tmp_path).passed
    assert {last - first for first, last in world.node.asked} <= {0, 1, 2, 3}


def first_submission(file: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = file["rounds"][0]["submissions"][0]
    return result


def change_answer(file: dict[str, Any]) -> None:
    first_submission(file)["labels"][1]["answer"] ^= 1


def change_salt(file: dict[str, Any]) -> None:
    first_submission(file)["labels"][1]["salt"] = "0x" + "00" * 32


def pad_salt(file: dict[str, Any]) -> None:
    first_submission(file)["labels"][1]["salt"] += "00"


def answer_as_text(file: dict[str, Any]) -> None:
    first_submission(file)["labels"][1]["answer"] = "1"


def change_proof(file: dict[str, Any]) -> None:
    first_submission(file)["labels"][1]["proof"] = first_submission(file)["labels"][0]["proof"]


@pytest.mark.parametrize("change", [change_answer, change_salt, pad_salt, answer_as_text, change_proof])
def test_a_changed_label_is_the_one_that_fails(world: Small, tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    task = first_submission(world.file)["labels"][1]["task"]
    change(world.file)
    result = verified(world, tmp_path)
    assert (result.checked, result.failed) == (LABELS, 1)
    assert result.first_failure is not None
    assert result.first_failure.startswith(f"task {task} of {first_submission(world.file)['contributor']}:")


def test_labels_under_a_root_of_their_own_are_not_on_chain(world: Small, tmp_path: Path) -> None:
    submission = first_submission(world.file)
    rows = [(x["task"], 1 - x["answer"], bytes.fromhex(x["salt"][2:])) for x in submission["labels"]]
    tree = labels_tree(rows)
    submission["labels_root"] = "0x" + tree.root.hex()
    for i, (label, (_, answer, _)) in enumerate(zip(submission["labels"], rows, strict=True)):
        label.update(answer=answer, proof=["0x" + h.hex() for h in tree.proof(i)])
    result = verified(world, tmp_path)
    assert result.failed == len(rows)
    assert "has another root on chain" in (result.first_failure or "")


def swap_signature(file: dict[str, Any]) -> None:
    ours = next(s for s in file["rounds"][0]["submissions"] if s["contributor"] == ADA.address)
    theirs = next(s for s in file["rounds"][0]["submissions"] if s["contributor"] == BOB.address)
    ours["signature"] = theirs["signature"]


def other_deadline(file: dict[str, Any]) -> None:
    first_submission(file)["deadline"] += 1


def unknown_sequence(file: dict[str, Any]) -> None:
    first_submission(file)["sequence"] = 77


def high_s(file: dict[str, Any]) -> None:
    first_submission(file)["signature"] = "0x" + "ff" * 65


def drop_label(file: dict[str, Any]) -> None:
    first_submission(file)["labels"].pop()


def repeat_label(file: dict[str, Any]) -> None:
    labels = first_submission(file)["labels"]
    labels[-1] = copy.deepcopy(labels[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap_signature, "is signed by"),
        (other_deadline, "is signed by"),
        (unknown_sequence, "submission 77 of"),
        (high_s, "upper half"),
        (drop_label, "labels of different tasks"),
        (repeat_label, "labels of different tasks"),
    ],
)
def test_a_changed_submission_fails_with_all_its_labels(
    world: Small, tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    change(world.file)
    result = verified(world, tmp_path)
    assert result.failed >= 2
    assert says in (result.first_failure or "")


def drop_submission(file: dict[str, Any]) -> None:
    file["rounds"][0]["submissions"].pop()


def repeat_submission(file: dict[str, Any]) -> None:
    file["rounds"][0]["submissions"].append(copy.deepcopy(first_submission(file)))


def repeat_round(file: dict[str, Any]) -> None:
    file["rounds"].append(copy.deepcopy(file["rounds"][0]))


def drop_first_round(file: dict[str, Any]) -> None:
    del file["rounds"][0]


def drop_last_round(file: dict[str, Any]) -> None:
    del file["rounds"][1]


def drop_all_rounds(file: dict[str, Any]) -> None:
    file["rounds"].clear()


def change_content(file: dict[str, Any]) -> None:
    file["rounds"][1]["tasks"][2]["content"] = "another picture"


def change_content_and_hash(file: dict[str, Any]) -> None:
    change_content(file)
    file["rounds"][1]["tasks"][2]["content_hash"] = "0x" + content_hash("another picture").hex()


def swap_tasks(file: dict[str, Any]) -> None:
    tasks = file["rounds"][1]["tasks"]
    tasks[0], tasks[1] = tasks[1], tasks[0]


def change_evidence_hash(file: dict[str, Any]) -> None:
    file["rounds"][1]["evidence_hash"] = "0x" + "11" * 32


def change_reward(file: dict[str, Any]) -> None:
    file["rounds"][1]["entries"][0]["reward"] = "101"


def drop_entry(file: dict[str, Any]) -> None:
    file["rounds"][1]["entries"].pop()


def change_ballot(file: dict[str, Any]) -> None:
    file["rounds"][1]["ballots"][0]["answers"] = "0x0101"


def other_licensee(file: dict[str, Any]) -> None:
    file["licensee"] = ADA.address


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop_submission, "is on chain and not in the file"),
        (repeat_submission, "lists a submission twice"),
        (repeat_round, "lists a round twice"),
        (drop_first_round, f"round {ROUNDS[0]} of dataset {DATASET} is final on chain and not in the file"),
        (drop_last_round, f"round {ROUNDS[1]} of dataset {DATASET} is final on chain and not in the file"),
        (drop_all_rounds, f"round {ROUNDS[0]} of dataset {DATASET} is final on chain and not in the file"),
        (change_content, "the content of task 2 is not that of its content hash"),
        (change_content_and_hash, f"round {ROUNDS[1]} was opened with other tasks"),
        (swap_tasks, "does not list its 6 tasks in order"),
        (change_evidence_hash, "settled on other evidence"),
        (change_reward, "entries are not those published"),
        (drop_entry, "entries are not those published"),
        (change_ballot, "ballots are not those revealed"),
        (other_licensee, "no license"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_does_not_pass(
    world: Small, tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    change(world.file)
    result = verified(world, tmp_path)
    assert not result.passed
    assert says in (result.first_failure or "")


def without(world: Small, kind: type[events.Event], number: int) -> None:
    topic = f"0x{number:064x}"
    world.node.logs = [log for log in world.node.logs if log.topics[:2] != (kind.TOPIC, topic)]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (events.SettlementSettlementFinalized, "has no final settlement"),
        (events.LabelRegistryRoundOpened, f"is not of dataset {DATASET}"),
    ],
)
def test_every_label_of_a_round_that_the_chain_does_not_have_fails(
    world: Small, tmp_path: Path, kind: type[events.Event], says: str
) -> None:
    without(world, kind, ROUNDS[1])
    result = verified(world, tmp_path)
    assert (result.checked, result.failed) == (LABELS, LABELS // 2)
    assert says in (result.first_failure or "")


def test_a_round_of_another_dataset_fails(world: Small, tmp_path: Path) -> None:
    world.file["dataset"] = DATASET + 1
    world.node.emit(events.DatasetMarketLicenseSold(DATASET + 1, LICENSEE, LICENSEE, 10, 1, 2**40, ROUNDS[-1]))
    result = verified(world, tmp_path)
    assert result.failed == LABELS
    assert f"round {ROUNDS[0]} is not of dataset {DATASET + 1} on chain" == result.first_failure


def test_a_contributor_without_a_settlement_entry_fails(world: Small, tmp_path: Path) -> None:
    without(world, events.SettlementChunkPublished, ROUNDS[0])
    entry = events.Entry(0, ADA.address, 100, 0, 7, 0)
    for chunk, entries in enumerate(((entry,), ())):
        world.node.emit(events.SettlementChunkPublished(ROUNDS[0], chunk, "0x" + "00" * 32, entries))
    result = verified(world, tmp_path)
    assert result.failed == 6
    assert f"of {BOB.address} in round {ROUNDS[0]}: the round's settlement has no entry" in (result.first_failure or "")


def test_a_round_that_became_final_after_the_sale_may_be_missing(world: Small, tmp_path: Path) -> None:
    del world.file["rounds"][1]
    sale = world.node.logs.pop()
    settled = (events.SettlementSettlementFinalized.TOPIC, f"0x{ROUNDS[1]:064x}")
    final = next(i for i, log in enumerate(world.node.logs) if log.topics[:2] == settled)
    moved = world.node.logs[final]
    world.node.logs[final] = replace(sale, block_number=moved.block_number)
    world.node.logs.append(replace(moved, block_number=sale.block_number))
    assert verified(world, tmp_path) == Verification(LABELS // 2, 0, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("schema", "labelshare-dataset-2"), ("chain_id", 1), ("label_registry", "0x" + "00" * 20), ("settlement", "0x" + "00" * 20)],
)
def test_a_file_of_another_kind_chain_or_contract_is_refused(world: Small, tmp_path: Path, name: str, value: Any) -> None:
    world.file[name] = value
    with pytest.raises(DatasetFileError, match=r"is of chain|has schema"):
        verified(world, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"schema": "labelshare-dataset-1"}', "[" * 100_000, "\udcff"])
def test_what_is_no_dataset_file_is_refused(world: Small, tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DatasetFileError, match="is not a dataset file"):
        verify_file(path, world.chain)


@pytest.mark.parametrize("value", [None, 1, "x", [1], [{}], [{"round": 5}]])
@pytest.mark.parametrize("name", ["rounds", "licensee", "dataset"])
def test_a_malformed_file_never_passes_and_never_crashes(world: Small, tmp_path: Path, name: str, value: Any) -> None:
    world.file[name] = value
    result = outcome(world, tmp_path)
    assert result is None or not result.passed


def test_every_member_of_the_file_matters_or_is_the_operators_word(world: Small, tmp_path: Path) -> None:
    """Whatever single value is replaced, the file fails; but for the rule's outcome, which is not computed again here."""
    unchecked = {"rule", "consensus", "confidence"}
    original = json.dumps(world.file)

    def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        found = [leaf for key, value in items for leaf in leaves(value, (*path, key))]
        return found or [path]

    for path in leaves(json.loads(original)):
        if unchecked.intersection(path):
            continue
        world.file = json.loads(original)
        parent = world.file
        for key in path[:-1]:
            parent = parent[key]
        old = parent[path[-1]]
        parent[path[-1]] = old + 1 if isinstance(old, int) else old[:-1] + ("0" if old[-1] != "0" else "1") if old else [1]
        result = outcome(world, tmp_path)
        assert result is None or not result.passed, path


def close_what_waits(world: Small) -> dict[str, Any]:
    """A closing round settled after the others and before the sale; as the file lists it."""
    number, node = ROUNDS[-1] + 1, world.node
    sale = node.logs.pop()
    empty = {"round": number, "tasks_root": "0x" + 64 * "0", "tasks": [], "submissions": [], "ballots": []}
    body_hash = "0x" + evidence_hash(evidence_of(empty)).hex()
    node.emit(events.LabelRegistryRoundOpened(number, DATASET, empty["tasks_root"], 0, 0, 0, 0, True, 0))
    node.emit(events.SettlementSettlementProposed(number, DATASET, ADA.address, body_hash, 1, 1, NO_TOTALS))
    node.emit(events.SettlementChunkPublished(number, 0, "0x" + "00" * 32, (events.Entry(0, ADA.address, 3, 0, 1, 0),)))
    node.emit(events.SettlementSettlementFinalized(number, DATASET, 3, 0, 0))
    node.logs.append(sale)
    node.emit(events.DatasetMarketLicenseSold(DATASET, LICENSEE, LICENSEE, 10, 1, 2**40, number))
    entry = {"role": "contributor", "account": ADA.address, "reward": "3", "slash": "0", "shares": "1", "waiting": 0}
    return empty | {"evidence_hash": body_hash, "entries": [entry]}


def test_a_closing_round_has_no_tasks_and_is_checked_like_the_others(world: Small, tmp_path: Path) -> None:
    world.file["rounds"].append(close_what_waits(world))
    assert verified(world, tmp_path) == Verification(LABELS, 0, None)
    world.file["rounds"][-1]["entries"][0]["reward"] = "4"
    assert "entries are not those" in (verified(world, tmp_path).first_failure or "")
    world.file["rounds"][-1]["tasks_root"] = "0x" + 64 * "1"
    assert "opened with other tasks" in (verified(world, tmp_path).first_failure or "")


@pytest.mark.parametrize("signature", ["0x" + "12" * 65, "0x" + "ab" * 200, "0x"])
def test_what_a_contract_wallet_signed_is_verified_by_the_chains_word(world: Small, tmp_path: Path, signature: str) -> None:
    """Else one label handed in by a contract would make every file of the dataset look forged."""
    for submission in (s for r in world.file["rounds"] for s in r["submissions"] if s["contributor"] == BOB.address):
        submission["signature"] = signature
    assert not verified(world, tmp_path).passed
    world.node.contracts.add(BOB.address)
    assert verified(world, tmp_path).passed


def test_a_session_key_never_stands_behind_a_contracts_back(world: Small, tmp_path: Path) -> None:
    world.node.contracts.update((ADA.address, KEY.address))
    ours = next(s for s in world.file["rounds"][0]["submissions"] if s["signer"] == KEY.address)
    ours["signature"] = "0x" + "12" * 65
    assert not verified(world, tmp_path).passed


def test_a_renewed_license_covers_what_became_final_since(tmp_path: Path) -> None:
    world = small(first_sale=ROUNDS[0])
    assert verified(world, tmp_path).passed
    world.file["rounds"].pop()
    assert f"round {ROUNDS[-1]} of dataset {DATASET} is final" in (verified(world, tmp_path).first_failure or "")
