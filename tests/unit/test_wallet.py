"""Wallets: keys come from files that only their owner reads, and never show."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from labelshare.client import wallet as wallet_module
from labelshare.client.wallet import Wallet, WalletError, write_secret

KEY = bytes(range(1, 33))


def test_a_hex_key_file_with_or_without_prefix_is_the_same_wallet(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for text in (KEY.hex(), "0x" + KEY.hex() + "\n"):
        path.write_text(text)
        assert Wallet.load(path).address == Wallet(KEY).address


def test_a_keystore_opens_with_its_password_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "right", kdf="pbkdf2", iterations=2)))
    monkeypatch.setattr(wallet_module, "getpass", lambda _: "right")
    assert Wallet.load(path).address == Wallet(KEY).address
    monkeypatch.setattr(wallet_module, "getpass", lambda _: "wrong")
    with pytest.raises(WalletError, match="nor a keystore that this password opens"):
        Wallet.load(path)


@pytest.mark.parametrize("text", ["", "0x", KEY.hex()[:-2], KEY.hex() + "00", "secret words " + KEY.hex(), "{}", '{"crypto": 1}'])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(wallet_module, "getpass", lambda _: "any")
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(WalletError) as refusal:
        Wallet.load(path)
    assert KEY.hex()[:-2] not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match=r"absent cannot be read: No such file"):
        Wallet.load(tmp_path / "absent")


def test_a_new_key_is_only_its_owners_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "key.session"
    created = Wallet.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Wallet.load(path).address == created.address
    with pytest.raises(WalletError, match="is not overwritten"):
        Wallet.create(path)
    assert Wallet.load(path).address == created.address


def test_a_secret_that_replaces_a_file_that_all_could_read_is_only_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "ballot"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_wallet_shows_its_address_only() -> None:
    wallet = Wallet(KEY)
    assert repr(wallet) == str(wallet) == f"Wallet({wallet.address})"
