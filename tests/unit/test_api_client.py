"""The SDK's HTTP client: what it tries again, what it gives up on, and what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from labelshare import chain as chain_module
from labelshare.client import api as api_module
from labelshare.client.api import Api, ApiError, TimedOut, WrongDeployment, wait_for
from labelshare.client.contribute import Contributor
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import ADA, KEY

Handler = Callable[[httpx.Request], httpx.Response]


def api(handler: Handler, patience: float = 5.0) -> Api:
    return Api("http://api.test/", patience, httpx.MockTransport(handler))


class Flaky:
    """Fails in each of these ways, then answers."""

    def __init__(self, *failures: int | type[httpx.TransportError]) -> None:
        self.failures = list(failures)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if not self.failures:
            return httpx.Response(200, json={"ok": 1})
        failure = self.failures.pop(0)
        if isinstance(failure, int):
            return httpx.Response(failure)
        raise failure("trouble", request=request)


def test_network_trouble_and_server_errors_are_tried_again_with_the_same_body() -> None:
    flaky = Flaky(httpx.ConnectError, 500, httpx.ReadTimeout, 503)
    assert api(flaky).post("/rounds/1/submissions", {"a": 1}, {"X-Labelshare-Account": "0x1"}) == {"ok": 1}
    assert len(flaky.seen) == 5
    assert len({(r.method, str(r.url), r.content, r.headers["X-Labelshare-Account"]) for r in flaky.seen}) == 1
    assert str(flaky.seen[0].url) == "http://api.test/v1/rounds/1/submissions"


def test_a_refusal_is_raised_at_once_with_its_code_and_message() -> None:
    seen = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(409, json={"code": "round_not_open", "detail": "Round 1 takes no labels any more."})

    with pytest.raises(ApiError, match=r"^Round 1 takes no labels any more\.$") as refusal:
        api(refuse).get("/rounds/1")
    assert (refusal.value.status, refusal.value.code, len(seen)) == (409, "round_not_open", 1)


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"code": 1}', '{"detail": {}}'])
def test_a_refusal_that_no_labelshare_api_would_give_is_named_by_its_status(body: str) -> None:
    with pytest.raises(ApiError, match="HTTP 404 from /v1/config") as refusal:
        api(lambda _: httpx.Response(404, text=body)).get("/config")
    assert refusal.value.code == "unknown"


def test_an_answer_that_is_no_json_says_to_look_at_the_url() -> None:
    with pytest.raises(ApiError, match="Is it the URL of a Labelshare API"):
        api(lambda _: httpx.Response(200, text="<html>")).get("/config")


def test_an_api_that_stays_away_is_given_up_on_in_time() -> None:
    with pytest.raises(TimedOut, match=r"http://api\.test did not answer GET /config for 0 s \(HTTP 503\)\. Is it running\?"):
        api(lambda _: httpx.Response(503), patience=0.0).get("/config")


@pytest.mark.parametrize("url", ["localhost:8000", "", "ftp://x", "api.test"])
def test_a_url_without_http_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="starts with http"):
        Api(url)


def test_the_configuration_is_fetched_once() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"chain_id": 7, "contracts": {"Ledger": "0x" + "11" * 20}})

    client = api(answer)
    assert client.domain("Ledger") == client.domain("Ledger")
    assert (client.domain("Ledger").chain_id, len(asked)) == (7, 1)


def test_waiting_ends_with_the_first_thing_found() -> None:
    found = iter([None, None, 0])
    assert wait_for("a number", lambda: next(found)) == 0


def test_waiting_for_what_never_comes_names_it() -> None:
    with pytest.raises(TimedOut, match="Waited 0 s for a miracle"):
        wait_for("a miracle", lambda: None, seconds=0.0)


def configured(**changes: object) -> Handler:
    """An operator of our deployment but for these changes, that takes whatever it is sent."""
    config = {"chain_id": DEPLOYMENT.chain_id, "contracts": DEPLOYMENT.contracts, "operator": "0x" + "0e" * 20} | changes

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=config if request.url.path.endswith("/config") else {"nonce": 0})

    return answer


THIEF = "0x" + "66" * 20


@pytest.mark.parametrize(
    "lie",
    [
        {"chain_id": 1},
        {"contracts": DEPLOYMENT.contracts | {"LabelRegistry": THIEF}},
        {"contracts": DEPLOYMENT.contracts | {"Ledger": THIEF}},
        {"contracts": {}},
        {"contracts": None},
        {"chain_id": "31337"},
    ],
)
def test_an_operator_who_names_other_contracts_gets_no_signature(lie: dict[str, object]) -> None:
    """Else it would name itself as the LabelRegistry, and be signed an allowance over its contributors' Ledger accounts."""
    sent: list[httpx.Request] = []

    def watched(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return configured(**lie)(request)

    operator = Api("http://api.test", 1.0, httpx.MockTransport(watched), known=DEPLOYMENT)
    with pytest.raises(WrongDeployment, match=r"Nothing was signed|names no chain"):
        Contributor(operator, ADA, KEY).onboard(10**18)
    assert {request.method for request in sent} == {"GET"}
    late = Api("http://api.test", 1.0, httpx.MockTransport(configured(**lie)))
    late.expect(DEPLOYMENT)
    with pytest.raises(WrongDeployment):
        late.domain("Ledger")


def test_an_operator_of_the_known_deployment_is_signed_for() -> None:
    operator = Api("http://api.test", 1.0, httpx.MockTransport(configured()), known=DEPLOYMENT)
    Contributor(operator, ADA, KEY).onboard(10**18)
    assert operator.domain("Ledger").contract == DEPLOYMENT.address("Ledger")


def test_without_a_known_deployment_the_manifest_that_ships_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = tmp_path / "31337.json"
    shipped.write_text(json.dumps({"chain_id": 31337, "block": 0, "treasury": THIEF, "contracts": DEPLOYMENT.contracts}))
    monkeypatch.setattr(chain_module, "manifest_path", lambda _: shipped)
    monkeypatch.setattr(api_module, "manifest_path", lambda _: shipped)
    assert Api("http://api.test", 1.0, httpx.MockTransport(configured())).config["chain_id"] == 31337
    with pytest.raises(WrongDeployment):
        _ = Api("http://api.test", 1.0, httpx.MockTransport(configured(contracts={"Ledger": THIEF}))).config
