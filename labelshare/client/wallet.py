"""A wallet in this process: signs the protocol's messages. Keys come from files and never show in messages."""

import json
import os
import time
from getpass import getpass
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_defunct

from labelshare.client.api import Api
from labelshare.rules import eip712
from labelshare.rules.evidence import salt_message, salt_secret

ACCESS_SECONDS = 600


class WalletError(ValueError):
    """A key file cannot be used; the message never holds what it holds."""


class Wallet:
    """A private key and what it signs."""

    def __init__(self, private_key: bytes) -> None:
        self._key = private_key
        self.address = eip712.address_of(private_key)

    @staticmethod
    def load(path: Path) -> "Wallet":
        """From a file with a hex key, or a keystore (asks for its password). Raises WalletError."""
        try:
            text = path.read_text().strip()
            if text.startswith("{"):
                return Wallet(bytes(Account.decrypt(json.loads(text), getpass(f"Password of {path}: "))))
            key = bytes.fromhex(text.removeprefix("0x"))
        except OSError as error:
            raise WalletError(f"{path} cannot be read: {error.strerror}.") from None
        except Exception:
            # The cause may quote the key.
            raise WalletError(f"{path} holds neither a hex key nor a keystore that this password opens.") from None
        if len(key) != 32:
            raise WalletError(f"{path} must hold 32 bytes of hex, not {len(key)}.")
        return Wallet(key)

    @staticmethod
    def create(path: Path) -> "Wallet":
        """A new key, written to a file that only its owner may read. Raises WalletError when the file exists."""
        key = os.urandom(32)
        try:
            write_secret(path, "0x" + key.hex() + "\n", replace=False)
        except FileExistsError:
            raise WalletError(f"{path} exists already; it is not overwritten.") from None
        return Wallet(key)

    def sign(self, message: eip712.Message, domain: eip712.Domain) -> str:
        """The signature in 0x hex."""
        return "0x" + eip712.sign(message.digest(domain), self._key).hex()

    def sign_digest(self, digest: bytes) -> bytes:
        return eip712.sign(digest, self._key)

    def sign_transaction(self, transaction: dict[str, object]) -> str:
        """The raw transaction in 0x hex."""
        return "0x" + bytes(Account.sign_transaction(transaction, self._key).raw_transaction).hex()

    def salt_secret(self, chain_id: int, label_registry: str) -> bytes:
        """The secret that this wallet's salts come from; the same signature recovers it at any time (T4)."""
        signed = Account.sign_message(encode_defunct(text=salt_message(chain_id, label_registry)), self._key)
        return salt_secret(bytes(signed.signature))

    def access(self, api: Api, purpose: str, subject: int, account: str | None = None) -> dict[str, str]:
        """Headers that ask for something of `account` (this wallet's own unless given, when this is a session key of it)."""
        owner = account or self.address
        deadline = int(time.time()) + ACCESS_SECONDS
        message = eip712.Access(owner, purpose, subject, deadline)
        return {
            "X-Labelshare-Account": owner,
            "X-Labelshare-Deadline": str(deadline),
            "X-Labelshare-Signature": self.sign(message, api.domain("LabelRegistry")),
        }

    def __repr__(self) -> str:
        return f"Wallet({self.address})"


def write_secret(path: Path, text: str, replace: bool = True) -> None:
    """Writes a file that only its owner may read. Raises FileExistsError unless it may be replaced."""
    if replace:
        path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
