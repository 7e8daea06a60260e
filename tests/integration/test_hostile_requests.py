"""Requests made to break the API: each gets a clear refusal, none a failure of ours, and nothing of it is kept."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from backend.models import Lease
from backend.paging import encode
from backend.product_models import Repeated
from backend.repeats import PATIENCE
from indexer.models import Session
from labelshare.rules import eip712
from tests.integration.api import CONTRACTS, World

DATABASES = ["sqlite", "postgresql"]
MOST = "9" * 78  # digits of an amount; more than 2^256


@pytest.fixture(scope="module", params=DATABASES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres")()
    made = World(tmp_path_factory.mktemp("hostile"), url)
    yield made
    made.close()


def upload(world: World, name: str, body: bytes) -> Any:
    return world.client.post("/v1/uploads", files=[("files", (name, body))], headers=world.access(world.ada, "upload", 0))


def open_round(world: World, task: Any) -> Any:
    body = {"tasks": [task], "label_budget": 1, "labels_per_task": 1, "deadline": world.now + 500, "last": False}
    return world.client.post("/v1/datasets/1/rounds", json=body, headers=world.access(world.requester, "open-round", 1))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/v1/datasets/1/contributors?cursor={encode(chr(0xD800))}", "invalid_cursor"),
        (f"/v1/datasets/1/contributors?cursor={encode(chr(0))}", "invalid_cursor"),
        (f"/v1/datasets/1/owners?cursor={encode(1, chr(0xD800), 'x')}", "invalid_cursor"),
        (f"/v1/datasets?sort=price&cursor={encode(1, chr(0), 1)}", "invalid_cursor"),
        ("/v1/datasets?q=%00", "invalid_search"),
        (f"/v1/cost?tasks=1&reward={MOST}", "invalid_request"),
        (f"/v1/cost?tasks=100000&reward={2**256 - 1}", "cost_too_large"),
    ],
)
def test_what_no_database_or_contract_takes_is_refused_in_a_query(world: World, path: str, code: str) -> None:
    answer = world.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("path", ["/%00", "/" + "a" * 300, "/assets/%00", "/assets/" + "b" * 300, "/..%2f..%2fetc/passwd"])
def test_a_path_that_no_file_can_have_is_the_apps_page_or_unknown(world: World, path: str) -> None:
    answer = world.client.get(path)
    assert answer.status_code == (404 if path.startswith("/assets") else 200)
    assert "root:" not in answer.text


def test_an_amount_above_2_to_the_256_is_refused_before_it_is_hashed(world: World) -> None:
    session = eip712.Session(world.ada.address, "0x" + "77" * 20, 0, world.now + 500, 5)
    fields = {"contributor": session.contributor, "key": session.key, "dataset": 0, "expiry": session.expiry, "max_bond": "5"}
    allowance = {"owner": world.ada.address, "spender": CONTRACTS["LabelRegistry"], "amount": MOST, "nonce": 1}
    allowance["deadline"] = world.now + 100
    body = {"session": fields, "signature": world.ada.sign(session, world.domain), "allowance": allowance}
    before = world.rows()
    answer = world.client.post("/v1/sessions", json=body | {"allowance_signature": "0x" + "11" * 65})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "2^256" in answer.json()["detail"]
    assert world.rows() == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"text":"x","\\ud800":"a"}\n{"text":"y","\\ud800":"b"}',
        b'{"text":"x","label":"\\ud800"}\n{"text":"y","label":"b"}',
        b'{"\\ud800":"x"}',
        b'{"text":"x","more":{"in":["\\u0000"]}}',
    ],
)
def test_rows_with_a_lone_surrogate_in_any_column_are_refused_by_line(world: World, body: bytes) -> None:
    before = world.rows()
    answer = upload(world, "rows.jsonl", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_rows")
    assert answer.json()["rows"][0]["line"] == 1
    assert world.rows() == before


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize("levels", [40, 300, 900])
def test_a_task_nested_so_deep_that_no_answer_could_hold_it_opens_no_round(world: World, levels: int) -> None:
    """Else the panel of its round could not be shown its sample, and would be slashed for silence."""
    before = world.rows()
    answer = open_round(world, nested(levels))
    assert (answer.status_code, answer.json()["code"]) == (422, "task_too_deep")
    assert world.rows() == before


def test_a_refusal_repeats_little_of_what_was_sent(world: World) -> None:
    answer = world.client.post("/v1/auth/login", json={"k" * 100_000: 1, "message": "x", "signature": "0x11"})
    assert answer.status_code == 422
    assert len(answer.content) < 1_000


def test_an_upload_by_nobody_is_not_read(world: World) -> None:
    answer = world.client.post("/v1/uploads", files=[("files", ("rows.csv", b"text\none\n"))])
    assert (answer.status_code, answer.json()["code"]) == (401, "who_asks")
    assert "www-authenticate" in answer.headers


# Two at once


def at_once(action: Callable[[], Any], times: int = 6) -> list[Any]:
    start = threading.Barrier(times)

    def run() -> Any:
        start.wait()
        return action()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(times)]]


@pytest.fixture(params=DATABASES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, None if request.param == "sqlite" else request.getfixturevalue("postgres")())
    yield made
    made.close()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_requests_at_once_under_one_idempotency_key_act_once(fresh: World) -> None:
    headers = {**fresh.access(fresh.ada, "lease", 1), "Idempotency-Key": "lease-number-1"}
    answers = at_once(lambda: fresh.client.post("/v1/rounds/1/leases", json={"count": 2}, headers=headers))
    good = [answer for answer in answers if answer.status_code == 200]
    busy = [answer.json()["code"] for answer in answers if answer.status_code != 200]
    assert good
    assert set(busy) <= {"still_at_work"}
    assert len({answer.json()["lease_id"] for answer in good}) == 1
    assert fresh.rows()[Lease.__tablename__] == 1
    again = fresh.client.post("/v1/rounds/1/leases", json={"count": 2}, headers=headers)
    assert again.json() == good[0].json()


def test_a_key_whose_request_failed_or_died_may_be_used_again(lone: World) -> None:
    headers = {**lone.access(lone.ada, "lease", 1), "Idempotency-Key": "lease-number-2"}
    path = "/v1/rounds/1/leases"
    wish = {"tasks": [5]}
    assert lone.client.post(path, json={"tasks": [99]}, headers=headers).json()["code"] == "nothing_free"
    assert lone.rows()[Repeated.__tablename__] == 0
    assert lone.client.post(path, json=wish, headers=headers).status_code == 200
    died = (lone.ada.address, "lease-number-2")
    lone.change(Repeated, died, body="")
    assert lone.client.post(path, json=wish, headers=headers).json()["code"] == "still_at_work"
    lone.change(Repeated, died, body="", created_at=lone.now - PATIENCE - 1)
    assert lone.client.post(path, json=wish, headers=headers).status_code == 200


def test_one_submission_sent_several_times_at_once_gets_one_receipt(fresh: World) -> None:
    body = fresh.submission(fresh.lease(fresh.ada), fresh.ada)
    answers = at_once(lambda: fresh.submit(body))
    assert {answer.status_code for answer in answers} == {201}
    assert len({json.dumps(answer.json()["receipt"]) for answer in answers}) == 1
    assert fresh.rows()["app_outbox"] == fresh.rows()["app_submission"] == 1


# Who may ask


def test_a_session_key_of_one_dataset_asks_nothing_of_another(lone: World) -> None:
    key, ada = lone.key, lone.ada.address
    lone.mirror(lone.dataset_row(2), lone.round_row(2, 2, "0x" + "22" * 32))
    lone.change(Session, (ada, key.address), dataset=2)
    for path, purpose, subject in (("/v1/rounds/1/labels", "labels", 1), ("/v1/me/submissions", "me", 0)):
        refused = lone.client.get(path, headers=lone.access(key, purpose, subject, ada))
        assert (refused.status_code, refused.json()["code"]) == (401, "wrong_signer")
    lease = lone.client.post("/v1/rounds/1/leases", json={"count": 1}, headers=lone.access(key, "lease", 1, ada))
    assert lease.status_code == 401
    assert lone.client.get("/v1/rounds/2/labels", headers=lone.access(key, "labels", 2, ada)).status_code == 200


# Over a real connection


def test_an_upload_is_no_longer_than_it_says_however_it_is_sent(tmp_path: Path) -> None:
    """Content-Length beside chunks: the server reads the chunks, so that the length bounds nothing."""
    world = World(tmp_path, max_upload=1_000)
    server = uvicorn.Server(uvicorn.Config(world.app, host="127.0.0.1", port=0, log_level="warning"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        headers = world.access(world.ada, "upload", 0) | {"Content-Type": "multipart/form-data; boundary=XX"}
        headers |= {"Content-Length": "10", "Transfer-Encoding": "chunked", "Connection": "close"}
        head = "POST /v1/uploads HTTP/1.1\r\nHost: x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        part = b'--XX\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\ntext\n'
        body = part + b"".join(b"row %d\n" % i for i in range(1_000)) + b"\r\n--XX--\r\n"
        with socket.create_connection(listening.getsockname(), timeout=30) as connection:
            connection.sendall(head.encode() + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
            answer = connection.makefile("rb").read()
        assert answer.split(b"\r\n")[0] == b"HTTP/1.1 411 Length Required"
        assert world.rows()["app_upload"] == 0
    finally:
        server.should_exit = True
        thread.join(10)
        world.close()
