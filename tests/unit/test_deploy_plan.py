"""The plan and its manifest: written whole, carried on only as it was made."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deploy_handover import steps
from scripts.deploy_plan import (
    DEVELOPMENT,
    ROOT,
    Creation,
    DeploymentError,
    Parameters,
    Plan,
    manifest_path,
    plan_of,
    predict_address,
    read_manifest,
    require_same,
    write_manifest,
)

DEPLOYER, TREASURY, OTHER = "0x" + "d0" * 20, "0x" + "7e" * 20, "0x" + "0e" * 20
PLAN = Plan(11155111, 7, DEPLOYER, 3, TREASURY, Parameters().for_treasury(TREASURY))


def code_of(name: str, arguments: tuple[Any, ...]) -> tuple[bytes, bytes]:
    return name.encode(), repr(arguments).encode()


CREATIONS = PLAN.creations(code_of)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "deployments" / "11155111.json"
    write_manifest(path, PLAN, CREATIONS)
    return path


def recorded(path: Path) -> dict[str, Any]:
    manifest = read_manifest(path)
    assert manifest is not None
    return manifest


def test_a_manifest_gives_the_plan_back_and_leaves_no_other_file(path: Path) -> None:
    plan = plan_of(recorded(path), path, PLAN.chain_id)
    assert plan.addresses == PLAN.addresses
    assert {k: str(v).lower() for k, v in vars(plan.parameters).items()} == PLAN.parameters.recorded()
    require_same(plan, {"LABELSHARE_TREASURY": TREASURY}, CREATIONS, recorded(path), path)
    assert list(path.parent.iterdir()) == [path]


def test_addresses_follow_from_the_deployers_nonces_in_order() -> None:
    assert [c.address for c in CREATIONS] == [predict_address(DEPLOYER, 3 + i) for i in range(len(CREATIONS))]
    assert "Faucet" not in PLAN.addresses
    assert list(replace(PLAN, chain_id=31337).addresses)[-1] == "Faucet"


def test_a_live_governor_waits_two_days_and_roles_fall_to_the_treasury() -> None:
    assert (PLAN.parameters.control_delay, PLAN.parameters.governor, PLAN.parameters.guardian) == (172_800, TREASURY, TREASURY)
    assert DEVELOPMENT.control_delay < 172_800


@pytest.mark.parametrize("setting", ["LABELSHARE_DEPLOYER", "LABELSHARE_TREASURY", "LABELSHARE_GOVERNOR", "LABELSHARE_GUARDIAN"])
def test_another_account_does_not_carry_a_plan_on(path: Path, setting: str) -> None:
    with pytest.raises(DeploymentError, match=f"where {setting} now gives {OTHER}"):
        require_same(PLAN, {setting: OTHER}, CREATIONS, recorded(path), path)


def test_other_code_does_not_carry_a_plan_on(path: Path) -> None:
    other: list[Creation] = [replace(c, code=c.code + b"!") if c.name == "Staking" else c for c in CREATIONS]
    with pytest.raises(DeploymentError, match="Staking was compiled from other sources"):
        require_same(PLAN, {}, other, recorded(path), path)


def test_an_address_changed_in_the_manifest_is_found(path: Path) -> None:
    manifest = recorded(path)
    manifest["contracts"]["Ledger"] = OTHER
    with pytest.raises(DeploymentError, match="another address for Ledger"):
        require_same(PLAN, {}, CREATIONS, manifest, path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"schema": "labelshare-deployment-1", "chain_id": 5})])
def test_what_is_no_manifest_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(DeploymentError, match="move it away"):
        read_manifest(path)


def test_the_manifest_is_where_the_environment_says(tmp_path: Path) -> None:
    assert manifest_path(5, {"LABELSHARE_MANIFEST": str(tmp_path / "m.json")}) == tmp_path / "m.json"
    assert manifest_path(5, {}).name == "5.json"


def test_a_governor_hands_over_in_announced_steps_and_the_successor_ends_it(path: Path) -> None:
    manifest = recorded(path)
    manifest["contracts"]["Control"] = "0x" + "c0" * 20
    found = list(steps(manifest, "governor", OTHER, TREASURY))
    assert [s.sender for s in found] == [f"governor {TREASURY}"] * 2 + [f"successor {OTHER}"] * 2
    for announcement, action in (found[:2], found[2:]):
        assert action.data[2:] in announcement.data
        assert "172800 s after" in action.when


def test_every_setting_of_a_deployment_is_documented() -> None:
    code = "".join(path.read_text() for path in (ROOT / "scripts").glob("deploy*.py"))
    settings = set(re.findall(r"LABELSHARE_[A-Z_]*[A-Z]", code))
    documented = set(re.findall(r"^\| `(LABELSHARE_[A-Z_]+)` \|", (ROOT / "docs" / "DEPLOY.md").read_text(), re.MULTILINE))
    assert settings
    assert settings <= documented
