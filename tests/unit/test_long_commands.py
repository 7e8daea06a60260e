"""Commands that run long or pay: trouble with one thing stops no other, and nothing is paid twice or for nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from labelshare import cli_validate, options
from labelshare.chain.rpc import RpcError
from labelshare.cli import app
from labelshare.client import keep
from labelshare.client.api import Api, TimedOut
from labelshare.client.audit import SampleMismatch, Validator
from labelshare.client.buy import Buyer
from labelshare.client.chain import Chain
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import LICENSEE, Small, small

CONFIG = {"chain_id": DEPLOYMENT.chain_id, "contracts": DEPLOYMENT.contracts, "operator": "0x" + "02" * 20}
runner = CliRunner()


class Market(Chain):
    """The small chain with a market; `paid`: what was bought."""

    def __init__(self, world: Small, licensed: bool) -> None:
        super().__init__(world.node, DEPLOYMENT)  # type: ignore[arg-type]
        self.licensed = licensed

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        assert (contract, function) == ("DatasetMarket", "isLicensed")
        return self.licensed


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("0x" + "11" * 32)
    return path


def operator(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]) -> None:
    def all_of_it(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=CONFIG) if request.url.path == "/v1/config" else answer(request)

    monkeypatch.setattr(options, "open_api", lambda *_: Api("http://api.test", 0.0, httpx.MockTransport(all_of_it)))


def bought(monkeypatch: pytest.MonkeyPatch, key: Path, licensed: bool, output: Path, *more: str) -> tuple[int, int]:
    """The exit code of `labelshare buy`, and how often it paid."""
    world, paid = small(), []
    world.file["licensee"] = LICENSEE
    operator(monkeypatch, lambda _: httpx.Response(200, content=json.dumps(world.file)))
    monkeypatch.setattr(options, "open_chain", lambda *_: Market(world, licensed))
    monkeypatch.setattr(Buyer, "buy", lambda *_, **__: paid.append(1) or 10**18)
    words = ["buy", "4", "--api", "http://api.test", "--rpc", "http://node.test", "--key-file", str(key), "-o", str(output), *more]
    return runner.invoke(app, words).exit_code, len(paid)


def test_a_purchase_that_was_broken_off_is_not_paid_again(monkeypatch: pytest.MonkeyPatch, key: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    assert bought(monkeypatch, key, False, file) == (0, 1)
    assert bought(monkeypatch, key, True, file) == (0, 0)
    assert bought(monkeypatch, key, True, file, "--renew") == (0, 1)
    assert json.loads(file.read_text())["dataset"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "out.json"]


def test_nothing_is_paid_for_a_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, key: Path, tmp_path: Path) -> None:
    assert bought(monkeypatch, key, False, tmp_path / "none" / "out.json") == (2, 0)
    assert bought(monkeypatch, key, False, tmp_path) == (2, 0)


DUTIES = [
    {"round": 1, "kind": "audit", "step": "commit"},
    {"round": 2, "kind": "audit", "step": "wait"},
    {"round": 3, "kind": "jury", "step": "commit"},
    {"round": 4, "kind": "audit", "step": "commit"},
]


@pytest.mark.parametrize("trouble", [SampleMismatch("another sample"), TimedOut("waited"), KeyError("classes"), RpcError("no")])
def test_trouble_with_one_round_keeps_no_validator_from_the_next(
    monkeypatch: pytest.MonkeyPatch, key: Path, trouble: Exception
) -> None:
    """Silence on the other panels would be slashed: one round that cannot be audited must not cost them."""
    done: list[int] = []

    def audit(_: Validator, round_id: int, *__: object) -> None:
        if round_id == 1:
            raise trouble
        done.append(round_id)

    operator(monkeypatch, lambda _: httpx.Response(200, json={"duties": DUTIES}))
    monkeypatch.setattr(options, "open_chain", lambda *_: small().chain)
    monkeypatch.setattr(cli_validate, "_audit", audit)
    words = ["validate", "--api", "http://api.test", "--rpc", "http://node.test", "--key-file", str(key)]
    once = runner.invoke(app, [*words, "--once"])
    assert (once.exit_code, done) == (1, [4])
    assert "Round 1: " in once.output
    assert "jury of round 3: labelshare juror 3" in once.output


class Enough(Exception):
    """Ends a loop that has no end."""


def test_an_operator_or_node_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise Enough

    answers = iter([httpx.Response(500), httpx.Response(200, json={"duties": [{"round": "../1"}]})])
    operator(monkeypatch, lambda _: next(answers, httpx.Response(200, json={"duties": []})))
    monkeypatch.setattr(options, "open_chain", lambda *_: small().chain)
    monkeypatch.setattr("time.sleep", pause)
    words = ["--rpc", "http://node.test", "--key-file", str(key)]
    assert isinstance(runner.invoke(app, ["validate", "--api", "http://api.test", *words]).exception, Enough)
    pauses.clear()

    def failing(_: keep.Keeper) -> None:
        raise RpcError("the node is busy")

    monkeypatch.setattr(keep.Keeper, "keep", failing)
    ended = runner.invoke(app, ["keep", *words])
    assert isinstance(ended.exception, Enough)
    assert ended.output.count("Looking again") == 3
