"""labelshare doctor --network: which node, which chain, and no key in the output."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelshare import cli
from labelshare.chain.rpc import Rpc, RpcError
from labelshare.doctor import Finding, examine

SECRET = "pr0vider-key"


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node of chain 5 with code everywhere, and the manifest of a deployment there."""
    monkeypatch.setattr(Rpc, "chain_id", lambda _: 5)
    monkeypatch.setattr(Rpc, "call", lambda *_: "0x6001")
    path = tmp_path / "manifest.json"
    path.write_text(
        json.dumps({"chain_id": 5, "block": 1, "contracts": {"Ledger": "0x" + "ab" * 20}, "treasury": "0x" + "cd" * 20})
    )
    return path


def test_a_url_shows_without_what_may_be_a_secret(manifest: Path, tmp_path: Path) -> None:
    for url in (f"https://node.test/v3/{SECRET}", f"https://user:{SECRET}@node.test:8545", f"https://node.test?key={SECRET}"):
        found = list(examine(tmp_path, None, url, manifest))
        assert SECRET not in "".join(f"{f.seen} {f.remedy}" for f in found)
        assert any("node.test" in f.seen for f in found)


def test_a_chain_id_takes_the_node_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABELSHARE_RPC_URL", raising=False)
    asked = []
    monkeypatch.setattr(cli, "examine", lambda *given: asked.append(given) or iter([Finding("chain", True, "")]))  # type: ignore[func-returns-value]
    refused = CliRunner().invoke(cli.app, ["doctor", "--network", "5"])
    assert (refused.exit_code, "LABELSHARE_RPC_URL" in refused.output) == (2, True)
    monkeypatch.setenv("LABELSHARE_RPC_URL", "http://node.test")
    assert CliRunner().invoke(cli.app, ["doctor", "--network", "5"]).exit_code == 0
    assert CliRunner().invoke(cli.app, ["doctor", "--rpc", "http://other.test"]).exit_code == 0
    assert [given[2:] for given in asked] == [("http://node.test", None, 5), ("http://other.test", None, None)]


def test_a_node_of_another_chain_than_was_named_is_found_and_not_compared(manifest: Path, tmp_path: Path) -> None:
    found = {f.what: f for f in examine(tmp_path, None, "http://node.test", manifest, 6)}
    assert not found["chain"].well
    assert "node of chain 6" in found["chain"].remedy
    assert "Ledger" not in found


def test_a_node_without_state_overrides_is_said(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise RpcError("too many arguments, want at most 2")

    monkeypatch.setattr(Rpc, "call", refuse)
    found = {f.what: f for f in examine(tmp_path, None, "http://node.test", manifest)}
    assert not found["Ledger"].well
    assert "state overrides" in found["Ledger"].remedy
