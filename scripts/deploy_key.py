"""The deployer's key: an encrypted keystore, opened without a prompt when a file holds its password.

    .venv/bin/python -m scripts.deploy_key ~/labelshare-deployer.json

makes one, and prints its address. Neither key nor password is ever printed, logged or taken as an argument.
"""

import json
import os
import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils import to_checksum_address

from labelshare.client.wallet import write_secret
from scripts.deploy_plan import DeploymentError

PASSWORD_FILE = "LABELSHARE_DEPLOYER_PASSWORD_FILE"


class Keystore:
    """An encrypted key. Its address is known without the password."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.path = path
        self._environment = environment
        try:
            self._content: dict[str, Any] = json.loads(path.read_text())
            self.address = str(to_checksum_address(self._content["address"]))
        except OSError as error:
            raise DeploymentError(
                f"The keystore {path} cannot be read: {error.strerror}. Name another in LABELSHARE_DEPLOYER."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise DeploymentError(
                f"{path} is not a keystore with an address. Make one: .venv/bin/python -m scripts.deploy_key FILE"
            ) from None

    @staticmethod
    def find(named: str, environment: Mapping[str, str]) -> "Keystore":
        """By file, or by the id of a Brownie account (scripts/brownie accounts list)."""
        account = Path.home() / ".brownie" / "accounts" / f"{named}.json"
        return Keystore(account if account.exists() else Path(named), environment)

    def open(self) -> Any:
        """The account that signs. Raises DeploymentError for a wrong password."""
        password = read_password(self._environment, f"Password of {self.path}: ")
        try:
            account = Account.from_key(Account.decrypt(self._content, password))
        except (ValueError, TypeError, KeyError):
            source = f"in the file that {PASSWORD_FILE} names" if self._environment.get(PASSWORD_FILE) else "given"
            raise DeploymentError(f"The password {source} does not open the keystore {self.path}.") from None
        if account.address != self.address:
            raise DeploymentError(f"The key in {self.path} is not that of the address written in it. Restore the file.")
        return account


def read_password(environment: Mapping[str, str], prompt: str) -> str:
    """The first line of the file named by the environment, else what is typed. Raises DeploymentError."""
    named = environment.get(PASSWORD_FILE)
    if not named:
        if not sys.stdin.isatty():
            raise DeploymentError(f"No terminal to ask for the keystore's password: set {PASSWORD_FILE} to a file that holds it.")
        return getpass(prompt)
    try:
        lines = Path(named).read_text().splitlines()
    except (OSError, ValueError) as error:
        raise DeploymentError(f"The file that {PASSWORD_FILE} names cannot be read: {type(error).__name__}.") from None
    if not lines or not lines[0]:
        raise DeploymentError(f"The file that {PASSWORD_FILE} names is empty. Put the password on its first line.")
    return lines[0]


def create(path: Path, password: str, iterations: int | None = None) -> str:
    """A new keystore, readable by its owner only; its address. `iterations`: fewer than usual only where speed matters more."""
    account = Account.create()
    write_secret(path, json.dumps(Account.encrypt(account.key, password, iterations=iterations)) + "\n", replace=False)
    return str(account.address)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m scripts.deploy_key FILE")
    try:
        password = read_password(os.environ, "Password of the new keystore: ")
        if not os.environ.get(PASSWORD_FILE) and getpass("Again: ") != password:
            sys.exit("deploy_key: the two passwords differ.")
        print(create(Path(sys.argv[1]).expanduser(), password))
    except FileExistsError:
        sys.exit(f"deploy_key: {sys.argv[1]} exists already; it is not overwritten.")
    except (DeploymentError, OSError) as error:
        sys.exit(f"deploy_key: {error}")


if __name__ == "__main__":
    main()
