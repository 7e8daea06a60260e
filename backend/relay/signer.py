"""The operator's key: read here, held here, used here. It never leaves this object and never appears in a message."""

import json
from pathlib import Path

from eth_account import Account

from labelshare.rules import eip712


class KeyFileError(ValueError):
    """The key file cannot be used; the message says what it should hold, never what it holds."""


class Operator:
    """Signs for the operator."""

    def __init__(self, private_key: bytes) -> None:
        self._key = private_key
        self.address = eip712.address_of(private_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r‖s‖v."""
        return eip712.sign(digest, self._key)

    def sign_transaction(self, transaction: dict[str, object]) -> tuple[str, str]:
        """(raw transaction, its hash), 0x hex."""
        signed = Account.sign_transaction(transaction, self._key)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def __repr__(self) -> str:
        return f"Operator({self.address})"


def load_operator(key_file: Path, password_file: Path | None = None) -> Operator:
    """Reads a hex key, or a keystore with its password file. Raises KeyFileError."""
    try:
        text = key_file.read_text().strip()
    except OSError as error:
        raise KeyFileError(f"The operator's key file {key_file} cannot be read: {error.strerror}.") from None
    try:
        if text.startswith("{"):
            if password_file is None:
                raise KeyFileError(f"{key_file} is a keystore: set LABELSHARE_OPERATOR_PASSWORD_FILE to its password's file.")
            return Operator(bytes(Account.decrypt(json.loads(text), password_file.read_text().strip())))
        key = bytes.fromhex(text.removeprefix("0x"))
        if len(key) != 32:
            raise ValueError
        return Operator(key)
    except KeyFileError:
        raise
    except Exception:
        # The cause may quote the key.
        raise KeyFileError(f"{key_file} holds neither a 32-byte hex key nor a keystore that its password opens.") from None
