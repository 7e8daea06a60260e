"""/health, /ready and /metrics on a real database, the compose file, and the settings that operators give."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alembic import command
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete

from backend.__main__ import alembic_config
from backend.models import Outbox, RelayLease
from backend.relay.outbox import enqueue_item
from backend.settings import GWEI, Settings, SettingsError
from indexer.models import Checkpoint
from tests.integration.anvil import ROOT
from tests.integration.api import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def figures(world: World) -> dict[str, float]:
    """Each sample by name and labels."""
    answer = world.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value for sample in samples}


def test_it_is_alive_and_ready(world: World) -> None:
    assert world.client.get("/health").json() == {"status": "ok"}
    answer = world.client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "relayer_waits_for": ""})


def test_it_is_not_ready_without_mirror_or_migration_and_says_what_to_do(world: World) -> None:
    with world.backend.database.transaction() as session:
        session.execute(delete(Checkpoint))
    answer = world.client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "mirror_empty")
    command.downgrade(alembic_config(world.backend.settings.database_url), "0002")
    answer = world.client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_migrated")
    assert "python -m backend migrate" in answer.json()["detail"]
    assert world.client.get("/health").status_code == 200


def test_a_database_that_does_not_answer_is_503_and_not_500(world: World, tmp_path: Path) -> None:
    world.backend.database.engine.dispose()
    for file in tmp_path.glob("app.db*"):
        file.unlink()
    (tmp_path / "app.db").mkdir()
    for path in ("/ready", "/v1/datasets"):
        answer = world.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert figures(world)["labelshare_database_up"] == 0
    assert world.client.get("/health").status_code == 200


def test_metrics_count_requests_by_route_and_say_what_the_relayer_waits_for(world: World) -> None:
    assert world.client.get(f"/v1/accounts/{world.ada.address}").status_code == 200
    world.client.get("/v1/rounds/77")
    with world.backend.database.transaction() as session:
        enqueue_item(session, "drip", "drip:1", world.ada.address)
        enqueue_item(session, "drip", "drip:2", world.bob.address)
        session.query(Outbox).filter_by(key="drip:2").update({"error": "NotOpen"})
        session.add(RelayLease(chain_id=1, sender="0x1", fence=3, beat=9, held=True, state="the node is busy"))
    seen = figures(world)
    assert seen["labelshare_relay_queued"] == 1
    assert seen["labelshare_relay_refused"] == 1
    assert (seen["labelshare_relay_fence"], seen["labelshare_relay_beat"]) == (3, 9)
    assert seen["labelshare_relay_waits|the node is busy"] == 1
    assert seen["labelshare_mirror_block"] == 9
    assert seen["labelshare_requests_total|GET|/v1/rounds/{round_id}|404"] == 1
    assert not any(world.ada.address in name for name in seen), "an address became a label: metrics grow without end"
    assert world.client.get("/ready").json()["relayer_waits_for"] == "the node is busy"


def test_every_metric_is_in_the_operations_guide(world: World) -> None:
    guide = (ROOT / "docs" / "OPERATIONS.md").read_text()
    world.client.get("/health")
    names = {re.sub(r"_(total|bucket|count|sum|created)$", "", name.split("|")[0]) for name in figures(world)}
    assert {name for name in names if f"`{name}" not in guide} == set()


REQUIRED = {
    "LABELSHARE_RPC_URL": "http://127.0.0.1:1",
    "LABELSHARE_DATABASE_URL": "sqlite://",
    "LABELSHARE_MANIFEST": "m",
    "LABELSHARE_OPERATOR_KEY_FILE": "k",
}


def test_the_fee_cap_is_in_gwei_and_a_wrong_number_is_named() -> None:
    assert Settings.from_environment({**REQUIRED, "LABELSHARE_FEE_CAP_GWEI": "70"}).fee_cap == 70 * GWEI
    for wrong in ("0", "-1", "1.5", "many"):
        with pytest.raises(SettingsError, match="LABELSHARE_FEE_CAP_GWEI"):
            Settings.from_environment({**REQUIRED, "LABELSHARE_FEE_CAP_GWEI": wrong})


# The compose file: no engine runs here, so it is only read


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_the_compose_file_runs_each_process_that_the_architecture_names(compose: dict[str, Any]) -> None:
    commands = {name: " ".join(service["command"]) for name, service in compose["services"].items() if "command" in service}
    table = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`(python -m (?:indexer|backend[.\w]*))`", table))
    assert {" ".join(c.split()[:3]) for c in commands.values()} == named
    assert commands["migrate"] == "python -m backend migrate"


def test_the_compose_file_refers_only_to_what_it_defines_and_holds_no_secret(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service) <= {
            "image", "build", "command", "environment", "depends_on", "secrets", "volumes", "ports", "restart", "healthcheck",
            "deploy", "stop_grace_period", "read_only", "tmpfs", "configs",
        }, name  # fmt: skip
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= set(compose["volumes"])
        known = documented_settings() | {"POSTGRES_PASSWORD_FILE", "POSTGRES_USER", "POSTGRES_DB"}
        assert set(service.get("environment", {})) <= known
        if "build" in service:
            assert service["restart"] in ("unless-stopped", "no")
    assert all("file" in secret for secret in compose["secrets"].values())


def documented_settings() -> set[str]:
    return set(re.findall(r"`(LABELSHARE_\w+)`", (ROOT / "docs" / "OPERATIONS.md").read_text()))


def test_every_setting_that_the_code_reads_is_in_the_operations_guide() -> None:
    read = set()
    for folder in ("backend", "indexer"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'"(LABELSHARE_\w+)"', path.read_text()))
    assert read - documented_settings() == set()


def test_the_image_runs_as_nobody_special_and_from_the_lock_file() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)
    assert any("--require-hashes -r requirements" in line for line in lines)
