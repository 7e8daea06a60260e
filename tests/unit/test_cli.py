"""The command line: help everywhere, exit codes, messages that say what to do, no key ever shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelshare import cli, doctor, options
from labelshare.chain.rpc import Rpc
from labelshare.client import keep
from labelshare.doctor import Finding, examine
from labelshare.terminal import shown
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import Small, small

KEY = "0x" + "5a" * 32
COMMANDS = (
    *("contribute", "contribute-open", "audit", "challenge", "juror", "watch", "withdraw", "relay-withdrawal"),
    *("buy", "verify", "consensus", "keep", "doctor"),
)
runner = CliRunner()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Small:
    made = small()
    monkeypatch.setattr(options, "open_chain", lambda *_: made.chain)
    return made


def main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs the installed command; its exit code."""
    monkeypatch.setattr("sys.argv", ["labelshare", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = runner.invoke(cli.app, [command, "--help"])
    assert result.exit_code == 0
    assert f"{command} [OPTIONS]" in result.output


def test_without_a_command_the_help_is_shown_with_all_of_them() -> None:
    result = runner.invoke(cli.app, [])
    assert all(command in result.output for command in COMMANDS)


def test_an_honest_file_verifies(world: Small, tmp_path: Path) -> None:
    result = runner.invoke(cli.app, ["verify", str(world.write(tmp_path)), "--rpc", "http://node.test"])
    assert result.exit_code == 0
    assert "24 of 24 labels verified against the chain." in result.output


def test_a_changed_file_fails_with_the_label_named(world: Small, tmp_path: Path) -> None:
    world.file["rounds"][0]["submissions"][0]["labels"][0]["answer"] ^= 1
    result = runner.invoke(cli.app, ["verify", str(world.write(tmp_path)), "--rpc", "http://node.test"])
    assert result.exit_code == 1
    assert "23 of 24 labels" in result.output
    assert "First failure: task 0 of 0x" in result.output


def test_a_strangers_text_in_a_failure_is_no_markup(world: Small, tmp_path: Path) -> None:
    world.file["licensee"] = "0x" + "[/bold]".rjust(40, "0")
    result = runner.invoke(cli.app, ["verify", str(world.write(tmp_path)), "--rpc", "http://node.test"])
    assert result.exit_code == 1
    assert "[/bold]" in result.output


def test_what_a_user_can_mend_is_a_message_not_a_traceback(
    world: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.file["chain_id"] = 1
    assert main(monkeypatch, "verify", str(world.write(tmp_path)), "--rpc", "http://node.test") == 1
    said = capsys.readouterr()
    assert said.err.startswith("labelshare: ")
    assert "is of chain 1" in said.err
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize("command", ["contribute", "audit", "buy", "keep"])
def test_a_bad_key_file_is_named_and_never_shown(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "k"
    path.write_text(KEY + "0")
    needed = {
        "contribute": ["--round", "1", "--api", "http://api.test"],
        "audit": ["--round", "1", "--api", "http://api.test", "--rpc", "http://node.test"],
        "buy": ["1", "--api", "http://api.test", "--rpc", "http://node.test", "-o", str(tmp_path / "o")],
        "keep": ["--rpc", "http://node.test"],
    }[command]
    monkeypatch.setattr(options, "open_chain", lambda *_: None)
    assert main(monkeypatch, command, *needed, "--key-file", str(path)) == 1
    said = capsys.readouterr()
    assert "holds neither a hex key nor a keystore" in said.err
    assert KEY[2:] not in said.err + said.out


@pytest.mark.parametrize("command", ["contribute", "audit", "buy", "keep"])
def test_a_key_is_no_argument(command: str) -> None:
    result = runner.invoke(cli.app, [command, "--help"])
    assert "--key-file" in result.output
    assert "--key " not in result.output


def test_a_url_without_http_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    for arguments in (
        ["contribute", "--round", "1", "--api", "localhost:1", "--key-file", str(path)],
        ["keep", "--rpc", "localhost:1", "--key-file", str(path)],
    ):
        result = runner.invoke(cli.app, arguments)
        assert result.exit_code == 2
        assert "http://" in result.output


def test_consensus_runs_on_a_file_and_writes_beside_it(tmp_path: Path) -> None:
    labels, truth, out = tmp_path / "labels.csv", tmp_path / "truth.csv", tmp_path / "out.csv"
    rows = [(t, w, t % 2 if w < 4 else 1 - t % 2) for t in range(30) for w in range(5)]
    labels.write_text("task,worker,label\n" + "".join(f"t{t},w{w},{x}\n" for t, w, x in rows))
    truth.write_text("task,label\n" + "".join(f"t{t},{t % 2}\n" for t in range(30)))
    result = runner.invoke(cli.app, ["consensus", str(labels), "--truth", str(truth), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert len(out.read_text().splitlines()) == 31
    assert (tmp_path / "out.workers.csv").exists()


def test_consensus_of_a_missing_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, "consensus", str(tmp_path / "none.csv"), "-o", str(tmp_path / "out.csv")) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_keep_does_once_what_is_due_and_says_so(world: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        def __init__(self, *_: Any) -> None: ...

        def keep(self) -> Iterator[str]:
            yield "round 5: LabelRegistry.closeRound done"

    (tmp_path / "key").write_text(KEY)
    monkeypatch.setattr(keep, "Keeper", Done)
    result = runner.invoke(cli.app, ["keep", "--rpc", "http://node.test", "--key-file", str(tmp_path / "key"), "--once"])
    assert (result.exit_code, result.output) == (0, "round 5: LabelRegistry.closeRound done\n")


def test_a_tasks_content_cannot_steer_the_terminal() -> None:
    content = {"text": "\x1b[2J\x9b2J\u202e [bold]漢字[/nothing]"}
    text = shown(content)
    assert not {"\x1b", "\x9b", "\u202e"}.intersection(text)
    assert "漢字" in text
    assert json.loads(text) == content


# doctor


def findings(folder: Path, **options: Any) -> dict[str, Finding]:
    return {f.what: f for f in examine(folder, options.get("api"), options.get("rpc"), options.get("manifest"))}


def test_outside_a_checkout_only_python_matters(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert list(found) == ["Python"]
    assert found["Python"].well


def test_in_a_checkout_without_tools_each_is_named_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brownie-config.yaml").touch()
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    found = findings(tmp_path)
    for tool in ("git", "make", "npm"):
        assert (found[tool].well, found[tool].seen) == (False, "not found")
        assert f"apt-get install {tool}" in found[tool].remedy
    assert "Node.js 20" in found["Node.js"].remedy
    for what in ("anvil", "Solidity compiler", "OpenZeppelin", "compiled contracts"):
        assert (found[what].well, found[what].remedy) == (False, "Run: make setup")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A node of chain 31337 with code everywhere but at the Faucet's address; the manifest's path."""
    monkeypatch.setattr(Rpc, "chain_id", lambda _: DEPLOYMENT.chain_id)
    faucet = DEPLOYMENT.address("Faucet")
    monkeypatch.setattr(Rpc, "call", lambda _, __, address, ___: "0x" if address == faucet else "0x6001")
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"chain_id": 31337, "block": 1, "contracts": DEPLOYMENT.contracts, "treasury": DEPLOYMENT.treasury}))
    return path


def test_a_contract_without_code_is_found(node: Path, tmp_path: Path) -> None:
    found = findings(tmp_path, rpc="http://node.test", manifest=node)
    assert [name for name, finding in found.items() if not finding.well] == ["Faucet"]
    assert "deploy again" in found["Faucet"].remedy


def test_a_manifest_of_another_chain_is_found(node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rpc, "chain_id", lambda _: 5)
    found = findings(tmp_path, rpc="http://node.test", manifest=node)
    assert not found["deployment"].well
    assert "LabelRegistry" not in found


def test_a_missing_manifest_is_found(node: Path, tmp_path: Path) -> None:
    found = findings(tmp_path, rpc="http://node.test", manifest=tmp_path / "none.json")
    assert "none.json" in found["deployment"].seen


def test_doctor_ends_with_1_when_something_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "examine", lambda *_: iter([Finding("anvil", False, "not found", "Run: make setup")]))
    result = runner.invoke(cli.app, ["doctor"])
    assert result.exit_code == 1
    assert "✗ anvil: not found" in result.output
    assert "Run: make setup" in result.output
    monkeypatch.setattr(cli, "examine", lambda *_: iter([Finding("git", True, "/bin/git")]))
    assert runner.invoke(cli.app, ["doctor"]).exit_code == 0
