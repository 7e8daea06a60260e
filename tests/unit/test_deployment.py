import json
from pathlib import Path

import pytest

from indexer.settings import Settings, SettingsError
from labelshare.chain import UnknownDeployment, deployment
from scripts import export_bindings

MANIFEST = {
    "schema": "labelshare-deployment-1",
    "chain_id": 31337,
    "block": 4,
    "contracts": {"Ledger": "0x" + "AB" * 20},
    "treasury": "0x" + "CD" * 20,
    "parameters": {},
}


def test_a_manifest_gives_addresses_in_lower_case(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    deployed = deployment(path)
    assert (deployed.chain_id, deployed.block, deployed.address("Ledger")) == (31337, 4, "0x" + "ab" * 20)


def test_a_contract_that_a_deployment_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    with pytest.raises(UnknownDeployment, match="has no Faucet"):
        deployment(path).address("Faucet")


def test_a_missing_manifest_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownDeployment, match="Deploy with"):
        deployment(tmp_path / "none.json")


def test_missing_settings_are_named_with_their_meaning() -> None:
    with pytest.raises(SettingsError, match=r"LABELSHARE_DATABASE_URL.*LABELSHARE_MANIFEST"):
        Settings.from_environment({"LABELSHARE_RPC_URL": "http://127.0.0.1:8545"})


def test_stale_bindings_are_found_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "events.py"
    target.write_text("old")
    monkeypatch.setattr(export_bindings, "ROOT", tmp_path)
    monkeypatch.setattr(export_bindings, "bindings", lambda: {target: "new"})
    monkeypatch.setattr("sys.argv", ["export_bindings", "--check"])
    with pytest.raises(SystemExit, match=r"events\.py.*make bindings"):
        export_bindings.main()
    assert target.read_text() == "old"
    monkeypatch.setattr("sys.argv", ["export_bindings"])
    export_bindings.main()
    assert target.read_text() == "new"
    assert "written" in capsys.readouterr().out
