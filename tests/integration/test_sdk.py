"""The contributor's SDK and command line against the API itself; the tests play the indexer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from backend.models import SignedSubmission
from indexer.models import Account, Allowance, Session, Submission
from labelshare import cli, options
from labelshare.chain.naming import user_account
from labelshare.client.api import Api, ApiError
from labelshare.client.contribute import Contributor, Incomplete
from labelshare.client.wallet import Wallet
from tests.integration.api import BOND, CONTRACTS, TASKS, Client, World


class Bridge(httpx.BaseTransport):
    """Requests to the app in this process. `lose`: how many answers are lost on their way back."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.lose = 0
        self.requests: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        answer = self.client.request(request.method, request.url.path, content=request.read(), headers=dict(request.headers))
        if self.lose:
            self.lose -= 1
            raise httpx.ReadError("lost", request=request)
        return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bridge(world: World) -> Bridge:
    return Bridge(world.client)


@pytest.fixture
def api(bridge: Bridge) -> Api:
    return Api("http://api.test", 5.0, bridge)


@pytest.fixture
def ada(world: World, api: Api) -> Contributor:
    return Contributor(api, world.ada, world.key)


ANSWERS = {task: task % 3 for task in range(TASKS)}


def test_work_is_leased_signed_and_handed_in_in_batches(ada: Contributor) -> None:
    counted: list[int] = []
    done = ada.work(1, ANSWERS, batch=4, progress=counted.append)
    assert counted == [4, 2]
    assert [answer["status"] for answer in done] == ["queued", "queued"]
    assert {(x["sequence"], x["task"], x["answer"]) for x in ada.labels(1)} == {(t // 4, t, t % 3) for t in ANSWERS}


def test_work_done_again_hands_in_only_what_is_missing(ada: Contributor, world: World) -> None:
    ada.work(1, {0: 0, 3: 1})
    counted: list[int] = []
    ada.work(1, ANSWERS, progress=counted.append)
    assert sum(counted) == TASKS
    assert sorted(label["task"] for label in ada.labels(1)) == list(range(TASKS))
    rows = world.rows()
    assert ada.work(1, ANSWERS) == []
    assert world.rows() == rows


def test_the_same_submission_again_gets_the_same_receipt_and_no_second_row(ada: Contributor, world: World, bridge: Bridge) -> None:
    lease = ada.lease(1, [0, 1])
    bridge.lose = 1
    answer = ada.submit(1, lease, {0: 0, 1: 1})
    assert bridge.requests.count("POST /v1/rounds/1/submissions") == 2
    assert world.rows()["app_submission"] == 1
    assert answer["receipt"]["signature"].startswith("0x")


def test_tasks_that_are_not_to_be_had_are_named_and_the_rest_is_handed_in(ada: Contributor, world: World, api: Api) -> None:
    world.lease(world.bob, [2])
    other = Wallet(b"\x15" * 32)
    world.lease(other, [2])
    with pytest.raises(Incomplete, match=r"No free slot for 1 of the tasks \(2\)") as incomplete:
        ada.work(1, ANSWERS)
    assert incomplete.value.tasks == [2]
    assert len(incomplete.value.submissions) == 1
    assert sorted(label["task"] for label in ada.labels(1)) == [0, 1, 3, 4, 5]


def test_a_receipt_that_the_operator_did_not_sign_is_refused(ada: Contributor, api: Api) -> None:
    lease = ada.lease(1, [0])
    api.config["operator"] = "0x" + "00" * 20
    with pytest.raises(ApiError, match="not signed by the operator"):
        ada.submit(1, lease, {0: 0})


def test_a_submission_is_accepted_once_the_chain_has_it(ada: Contributor, world: World) -> None:
    (done,) = ada.work(1, {0: 1})
    with world.backend.database.transaction() as session:
        labels_root = session.get_one(SignedSubmission, done["digest"]).labels_root
    world.mirror(
        Submission(
            round=1,
            contributor=world.ada.address,
            sequence=0,
            count=1,
            labels_root=labels_root,
            signer=world.key.address,
            admission=1,
            bond=BOND,
            block_number=9,
            tx_hash="0x" + "77" * 32,
        )
    )
    ada.wait_until_accepted([done], seconds=1.0)


def test_whether_a_session_covers_a_bond_is_known_before_work_begins(ada: Contributor, world: World, api: Api) -> None:
    key = (world.ada.address, world.key.address)
    world.change(Session, key, expiry=world.now + 100_000)
    assert ada.can_bond(1, BOND)
    assert not ada.can_bond(1, 11 * BOND)
    assert not Contributor(api, world.ada, Wallet(b"\x21" * 32)).can_bond(1, BOND)
    assert Contributor(api, world.bob).can_bond(1, BOND)
    for field, value in (("dataset", 2), ("revoked", True), ("expiry", world.now + 10), ("bond_left", BOND - 1)):
        with world.backend.database.transaction() as session:
            before = getattr(session.get_one(Session, key), field)
        world.change(Session, key, **{field: value})
        assert not ada.can_bond(1, BOND), field
        world.change(Session, key, **{field: before})
    assert ada.can_bond(1, BOND)
    world.change(Allowance, (world.ada.address, CONTRACTS["LabelRegistry"]), amount=BOND - 1)
    assert not ada.can_bond(1, BOND)


def test_onboarding_queues_session_and_allowance_and_is_safe_to_repeat(world: World, api: Api) -> None:
    new = Contributor(api, Wallet(b"\x31" * 32), Wallet(b"\x32" * 32))
    new.onboard(5 * BOND, 1)
    assert world.rows()["app_outbox"] == 2
    Contributor(api, world.ada, world.key).onboard(5 * BOND, 1)
    assert world.rows()["app_outbox"] == 2


# The command line


@pytest.fixture
def run(world: World, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `labelshare contribute` as ada, whose session key file is there, with the chain's acceptance taken for granted."""
    (tmp_path / "ada.key").write_text("0x" + (bytes([11]) * 32).hex())
    (tmp_path / "ada.session").write_text("0x" + (bytes([13]) * 32).hex())
    world.change(Session, (world.ada.address, world.key.address), expiry=world.now + 100_000)
    monkeypatch.setattr(options, "Api", lambda _, **__: api)
    monkeypatch.setattr(Contributor, "wait_until_accepted", lambda *_, **__: None)

    def contribute(*arguments: str, typed: str = "") -> Any:
        fixed = ["contribute", "--round", "1", "--api", "http://api.test", "--key-file", str(tmp_path / "ada.key")]
        result = CliRunner().invoke(cli.app, [*fixed, *arguments], input=typed)
        assert (bytes([11]) * 32).hex() not in result.output
        assert (bytes([13]) * 32).hex() not in result.output
        return result

    return contribute


def test_answers_in_a_file_are_handed_in_and_again_without_harm(run: Any, ada: Contributor, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("task,answer\n" + "".join(f"{task},{answer}\n" for task, answer in ANSWERS.items()))
    first = run("--answers", str(path))
    assert first.exit_code == 0, first.output
    assert "Accepted on chain: 1 submission(s)" in first.output
    assert len(ada.labels(1)) == TASKS
    second = run("--answers", str(path))
    assert second.exit_code == 0, second.output
    assert len(ada.labels(1)) == TASKS


def test_a_person_answers_task_by_task_and_is_asked_again_after_a_slip(run: Any, ada: Contributor) -> None:
    result = run("--count", "3", typed="7\nx\n2\n0\n1\n")
    assert result.exit_code == 0, result.output
    assert result.output.count("Classes run from 0 to 2.") == 2
    assert [label["answer"] for label in ada.labels(1)] == [2, 0, 1]


def test_a_person_who_stops_hands_in_what_is_answered(run: Any, ada: Contributor) -> None:
    result = run("--count", "5", typed="2\n1\nq\n")
    assert result.exit_code == 0, result.output
    assert [label["answer"] for label in ada.labels(1)] == [2, 1]


def test_a_session_key_without_enough_left_is_replaced_by_a_new_one(
    run: Any, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change(Session, (world.ada.address, world.key.address), bond_left=0)
    before = (tmp_path / "ada.session").read_text()

    def mirrored(person: Contributor, *_: Any) -> None:
        row = world.session_row(person.key)
        row.expiry = world.now + 100_000
        world.mirror(row)

    monkeypatch.setattr(Contributor, "wait_until_ready", mirrored)
    result = run("--count", "1", typed="1\n")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "ada.session").read_text() != before
    assert (tmp_path / "ada.session").stat().st_mode & 0o777 == 0o600


def test_who_has_no_bond_is_told_to_deposit(run: Any, world: World) -> None:
    world.change(Account, user_account(world.ada.address), balance=BOND - 1)
    result = run("--count", "1")
    assert result.exit_code == 1
    assert "deposit LBL" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "says"), [("task,answer\nx,1\n", "line 2"), ("task,label\n1,1\n", "lacks answer"), ("task,answer\n", "no rows")]
)
def test_a_bad_answers_file_is_named_with_its_line(run: Any, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(text)
    result = run("--answers", str(path))
    assert result.exit_code == 1
    assert says in str(result.exception)
