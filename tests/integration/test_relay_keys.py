"""The operator's key: read from a keystore, checked against chain and contracts before anything is signed, seen nowhere."""

import io
import json
import logging
import pickle
import secrets
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from sqlalchemy import text

from backend.app import create_app
from backend.relay.checks import WrongSetup, check
from backend.relay.outbox import enqueue_call
from backend.relay.signer import KeyFileError, Operator, load_operator
from backend.settings import Settings
from labelshare.chain import Deployment
from tests.integration.anvil import ROOT, Anvil, Protocol, wait_until
from tests.integration.relaying import Relay

PORTS = range(19240, 19250)
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def protocol() -> Iterator[Protocol]:
    anvil = Anvil(PORTS)
    yield Protocol(anvil)
    anvil.stop()


@pytest.fixture
def relay(protocol: Protocol, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(protocol, tmp_path)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def canary() -> tuple[bytes, str]:
    """A key, and its keystore (version 3)."""
    key = secrets.token_bytes(32)
    return key, json.dumps(Account.encrypt(key, PASSWORD, kdf="scrypt", iterations=2))


def shapes(key: bytes) -> tuple[str, ...]:
    """The key as it may be written."""
    return key.hex(), key.hex().upper(), str(int.from_bytes(key, "big")), repr(key)[2:-1], str(list(key))


def write(folder: Path, keystore: str, password: str = PASSWORD) -> tuple[Path, Path]:
    key_file, password_file = folder / "operator.json", folder / "password"
    key_file.write_text(keystore)
    password_file.write_text(password + "\n")
    return key_file, password_file


def test_a_keystore_and_its_password_give_the_operator(tmp_path: Path, canary: tuple[bytes, str]) -> None:
    operator = load_operator(*write(tmp_path, canary[1]))
    assert operator.address == Operator(canary[0]).address == "0x" + json.loads(canary[1])["address"].lower().removeprefix("0x")


def test_a_hex_key_is_read_strictly(tmp_path: Path) -> None:
    file, key = tmp_path / "key", secrets.token_bytes(32)
    file.write_text("0x" + key.hex() + "\n")
    assert load_operator(file).address == Operator(key).address
    for content in ("", "0x12", key.hex() + "zz", '{"crypto": {}}', "00" * 32):
        file.write_text(content)
        with pytest.raises(KeyFileError) as caught:
            load_operator(file)
        assert key.hex() not in "".join(traceback.format_exception(caught.value))


def test_what_is_wrong_with_a_keystore_is_said_without_what_is_in_it(tmp_path: Path, canary: tuple[bytes, str]) -> None:
    other = json.dumps({**json.loads(canary[1]), "address": "ab" * 20})
    cases = [
        (canary[1], "wrong password", "no keystore of version 3 that the password"),
        (other, PASSWORD, "another address"),
        (canary[1], None, "LABELSHARE_OPERATOR_PASSWORD_FILE"),
        (canary[1][:-9], PASSWORD, "no keystore of version 3"),
    ]
    for keystore, password, words in cases:
        key_file, password_file = write(tmp_path, keystore, password or PASSWORD)
        with pytest.raises(KeyFileError, match=words) as caught:
            load_operator(key_file, password_file if password else None)
        shown = "".join(traceback.format_exception(caught.value))
        assert PASSWORD not in shown
        assert not any(shape in shown for shape in shapes(canary[0]))


def test_an_operator_cannot_be_written_down() -> None:
    key = secrets.token_bytes(32)
    operator = Operator(key)
    assert not any(shape in repr(operator) + str(operator) for shape in shapes(key))
    with pytest.raises(TypeError):
        pickle.dumps(operator)
    assert not hasattr(operator, "__dict__")


def test_the_relayer_starts_only_with_its_own_key_chain_and_contracts(relay: Relay) -> None:
    deployed = relay.deployment
    check(relay.rpc, deployed, relay.manifest, relay.operator, None)
    check(relay.rpc, deployed, relay.manifest, relay.operator, relay.operator.address)
    wrong: list[tuple[Deployment, str | None, str]] = [
        (deployed, "0x" + "12" * 20, "LABELSHARE_OPERATOR_ADDRESS"),
        (Deployment(1, 0, deployed.contracts, deployed.treasury), None, "chain 31337"),
        (Deployment(31337, 0, deployed.contracts | {"Ledger": "0x" + "34" * 20}, deployed.treasury), None, "Ledger at 0x3434"),
    ]
    for changed, address, words in wrong:
        with pytest.raises(WrongSetup, match=words):
            check(relay.rpc, changed, relay.manifest, relay.operator, address)
    assert relay.nonce() == 0


def test_a_key_never_appears_in_logs_errors_dumps_or_metrics(relay: Relay, tmp_path: Path, canary: tuple[bytes, str]) -> None:
    """A process that sends, one that fails, the API's answers, every table, and the loudest log level in this process."""
    key, keystore = canary
    key_file, password_file = write(tmp_path, keystore)
    relay.anvil.rpc("anvil_setBalance", Operator(key).address, hex(10**20))
    environment = {
        "LABELSHARE_RPC_URL": relay.anvil.url,
        "LABELSHARE_DATABASE_URL": relay.url,
        "LABELSHARE_MANIFEST": str(relay.manifest),
        "LABELSHARE_OPERATOR_KEY_FILE": str(key_file),
        "LABELSHARE_OPERATOR_PASSWORD_FILE": str(password_file),
    }
    seen = []
    relay.drip(1)
    with relay.database.transaction() as session:
        enqueue_call(session, "close:77", "LabelRegistry", "closeRound", 77)
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-m", "backend.relay"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: relay.served(1) == 1 and any(row.error for row in relay.rows()), "the relayer to send and to refuse")
    finally:
        process.terminate()
        seen += process.communicate(timeout=20)
    environment["LABELSHARE_OPERATOR_ADDRESS"] = "0x" + "12" * 20
    failing = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
    assert failing.returncode != 0
    seen += [failing.stdout, failing.stderr]
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        app = create_app(Settings.from_environment(environment))
        relay.operator = load_operator(key_file, password_file)
        relay.drip(2)
        relay.drain()
        seen += [str(app.openapi()), repr(app.state.backend)]
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
        app.state.backend.database.engine.dispose()
    seen.append(output.getvalue())
    with relay.database.transaction() as session:
        names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        seen += [str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in names]
    assert Operator(key).address in "".join(seen), "nothing of the operator was looked at"
    for shape in (*shapes(key), PASSWORD):
        assert not any(shape in text for text in seen)
