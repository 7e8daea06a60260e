"""The requester's and the validator's command line, against an API that is played."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from labelshare import cli, options
from labelshare.chain import events
from labelshare.cli import app
from labelshare.cli_validate import AnswerError, answer_with
from labelshare.client.api import Api, ApiError
from labelshare.client.chain import Chain
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.wallet import Wallet
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import Node

CONFIG = {"chain_id": 31337, "contracts": {"LabelRegistry": "0x" + "01" * 20}, "operator": "0x" + "02" * 20}
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    (tmp_path / "key").write_text("0x" + "11" * 32)

    def run(handler: Handler, *words: str) -> Result:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=CONFIG) if request.url.path == "/v1/config" else handler(request)

        monkeypatch.setattr(options, "open_api", lambda url, *_: Api("http://api.test", 1.0, httpx.MockTransport(answer)))
        more = [] if words[1] == "cost" else ["--key-file", str(tmp_path / "key")]
        return CliRunner().invoke(app, [*words, "--api", "http://api.test", *more])

    return run


def test_import_sends_the_files_and_tells_the_uploads_id(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\none\n")
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        taken = {"tasks": 1, "task_type": "text-choice", "columns": {"text": "text"}, "ignored": [], "upload_id": "ab" * 16}
        return httpx.Response(201, json=taken)

    result = run(take, "dataset", "import", str(tmp_path / "rows.csv"))
    assert result.exit_code == 0, result.output
    assert "ab" * 16 in result.output
    assert seen[0].headers["content-type"].startswith("multipart/form-data")
    assert b'filename="rows.csv"' in seen[0].read()
    assert "X-Labelshare-Signature" in seen[0].headers


def test_import_lists_bad_rows_with_line_and_reason(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\n\n")
    body = {"code": "bad_rows", "detail": "Nothing was taken.", "rows": [{"line": 7, "column": "text", "reason": "is empty"}]}
    result = run(lambda request: httpx.Response(422, json=body), "dataset", "import", str(tmp_path / "rows.csv"))
    assert result.exit_code == 1
    assert all(part in result.output for part in ("7", "text", "is empty", "Nothing was taken."))


def test_cost_is_asked_in_base_units_and_told_in_lbl(run: Callable[..., Result]) -> None:
    def cost(request: httpx.Request) -> httpx.Response:
        assert request.url.params["reward"] == str(15 * 10**17)
        money = {"label_rewards": str(10**18), "audit_fees": "0", "reserve": str(3 * 10**18), "least": "0"}
        return httpx.Response(200, json={"label_budget": 10, "audited_tasks": 2, **money})

    result = run(cost, "dataset", "cost", "--tasks", "2", "--reward", "1.5")
    assert result.exit_code == 0, result.output
    assert "3.00 LBL" in result.output


def test_export_writes_the_file_whole_or_not_at_all(run: Callable[..., Result], tmp_path: Path) -> None:
    def give(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/exports"):
            return httpx.Response(200, json={"items": [{"format": "csv", "load": "pandas.read_csv", "verify": None}]})
        return httpx.Response(200, content=b"a,b\n")

    file = tmp_path / "out.csv"
    result = run(give, "dataset", "export", "3", "--format", "csv", "-o", str(file))
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == b"a,b\n"
    assert "pandas.read_csv" in result.output
    refused = httpx.Response(403, json={"code": "no_license", "detail": "Buy one."})
    assert run(lambda request: refused, "dataset", "export", "3", "-o", str(tmp_path / "none")).exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "out.csv"]


def test_a_program_answers_tasks_or_is_told_apart_from_one_that_cannot(tmp_path: Path) -> None:
    def program(text: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable}\n{text}\n")
        path.chmod(0o700)
        return path

    task = {"index": 4, "content_hash": "0x", "content": {"text": "x"}}
    good = program("import json, sys\nprint(json.load(sys.stdin)['index'] % 3)")
    assert answer_with(good, task, 3) == json.loads("1")
    for bad in ("print(3)", "print('one')", "import sys; sys.exit(2)", "print(-1)"):
        with pytest.raises(AnswerError, match="task 4"):
            answer_with(program(bad), task, 3)


ESCAPES = "\x1b]0;owned\x07\x1b[2J[red]\u202e"


def test_what_an_operator_says_cannot_steer_the_terminal(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\none\n")
    row = {"line": 1, "column": ESCAPES, "reason": ESCAPES}
    refused = {"code": "bad_rows", "detail": ESCAPES, "rows": [row]}
    taken = {"tasks": 1, "task_type": ESCAPES, "columns": {"text": ESCAPES}, "ignored": [ESCAPES], "upload_id": ESCAPES}
    for status, body in ((422, refused), (201, taken)):
        answer = httpx.Response(status, json=body)
        result = run(lambda _, answer=answer: answer, "dataset", "import", str(tmp_path / "rows.csv"))
        assert not any(c in result.output for c in "\x1b\x07\u202e")
        assert "u001b" in result.output


def test_an_operators_refusal_is_shown_without_its_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ApiError(409, "refused", ESCAPES)

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\\u001b]0;owned" in said


# labelshare dataset create, broken off


TERMS = DatasetTerms("0x" + "0E" * 20, 2, 10, 5, 0, 100, "https://Operator.example/Metadata", "0x" + "AB" * 32)
REQUESTER = Wallet(b"\x21" * 32)


class Registry(Chain):
    """The datasets that were created; those in `rounds` had a round."""

    def __init__(self) -> None:
        self.node, self.rounds, self.held = Node(), {9}, 0
        self.node.emit(events.SettlementSettlementFinalized(1, 1, 0, 0, 0))
        super().__init__(self.node, DEPLOYMENT)  # type: ignore[arg-type]

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return {
            "feeBps": lambda: 250,
            "currentRound": lambda: int(arguments[0] in self.rounds),
            "escrowAccountOf": lambda: b"\x01" * 32,
            "balanceOf": lambda: self.held,
        }[function]()

    def create(self, number: int, terms: DatasetTerms, requester: str = REQUESTER.address, fee: int = 250) -> None:
        struct = [x.lower() if isinstance(x, str) and x.startswith("0x") else x for x in terms.struct(requester, fee)]
        self.node.emit(events.DatasetRegistryDatasetCreated(number, requester, "0x" + "0e" * 20, events.Terms(*struct)))


def test_a_dataset_whose_round_never_opened_is_gone_on_with_and_no_other_is() -> None:
    chain = Registry()
    requester = Requester(chain, REQUESTER)
    assert requester.unopened(TERMS) is None
    chain.create(1, TERMS, requester="0x" + "77" * 20)
    chain.create(2, replace(TERMS, reward=11))
    chain.create(3, TERMS, fee=300)
    chain.create(9, TERMS)
    assert requester.unopened(TERMS) is None
    chain.create(4, TERMS)
    chain.create(5, replace(TERMS, metadata_hash="0x" + "cd" * 32))
    assert requester.unopened(TERMS) == 4


def test_only_what_the_escrow_lacks_is_paid_in() -> None:
    chain = Registry()
    for chain.held, lacks in ((0, 70), (30, 40), (70, 0), (99, 0)):
        assert Requester(chain, REQUESTER).missing(4, 70) == lacks
