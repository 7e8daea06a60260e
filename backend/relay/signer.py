"""Who signs for the operator. The key is read here, held here, used here; it never leaves this module nor appears in a message."""

import json
from pathlib import Path
from typing import Any, Protocol

from coincurve import PrivateKey
from eth_account import Account

from labelshare.rules import eip712


class KeyFileError(ValueError):
    """The key file cannot be used; the message says what it should hold, never what it holds."""


class Signer(Protocol):
    """What the backend needs of the operator's key: anything that can sign so (a keystore here, a key service elsewhere)."""

    @property
    def address(self) -> str:
        """Lowercase 0x address."""

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r‖s‖v over 32 bytes."""

    def sign_transaction(self, transaction: dict[str, object]) -> tuple[str, str]:
        """(raw transaction, its hash), 0x hex."""


class Operator:
    """A signer whose key is in this process."""

    __slots__ = ("__key", "address")

    def __init__(self, private_key: bytes) -> None:
        self.__key = PrivateKey(private_key)
        self.address = eip712.address_of(self.__key.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r‖s‖v."""
        return eip712.sign(digest, self.__key)

    def sign_transaction(self, transaction: dict[str, object]) -> tuple[str, str]:
        """(raw transaction, its hash), 0x hex."""
        signed = Account.sign_transaction(transaction, self.__key.secret)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def __repr__(self) -> str:
        return f"Operator({self.address})"

    def __reduce__(self) -> Any:
        raise TypeError("An operator's key is not written anywhere: it cannot be pickled or copied.")


def load_operator(key_file: Path, password_file: Path | None = None) -> Operator:
    """Reads a keystore (version 3) with its password file, or, for development, a hex key. Raises KeyFileError."""
    text = _read(key_file, "operator's key")
    if not text.startswith("{"):
        return Operator(_hex_key(key_file, text))
    if password_file is None:
        raise KeyFileError(f"{key_file} is a keystore: set LABELSHARE_OPERATOR_PASSWORD_FILE to its password's file.")
    password = _read(password_file, "keystore's password")
    try:
        keystore = json.loads(text)
        operator = Operator(bytes(Account.decrypt(keystore, password)))
        named = keystore.get("address")
    except Exception:
        # The cause may quote the key or the password.
        raise KeyFileError(f"{key_file} is no keystore of version 3 that the password in {password_file} opens.") from None
    if named is not None and "0x" + str(named).lower().removeprefix("0x") != operator.address:
        raise KeyFileError(f"{key_file} says it is for another address than its key {operator.address}; do not use it.")
    return operator


def _hex_key(key_file: Path, text: str) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
        if len(key) == 32:
            eip712.address_of(key)
            return key
    except Exception:
        # The cause may quote the key.
        raise KeyFileError(f"{key_file} holds neither a 32-byte hex key nor a keystore.") from None
    raise KeyFileError(f"{key_file} holds {len(key)} bytes; a key has 32.")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise KeyFileError(f"The {what} file {path} cannot be read: {reason}.") from None
