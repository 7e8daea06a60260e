"""The backend's settings: one frozen object a process, read from the environment at its edge."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labelshare.chain import Deployment, deployment

GWEI = 10**9  # wei


BUNDLE = Path(__file__).resolve().parent.parent / "web" / "dist"


class SettingsError(ValueError):
    """A setting is missing or wrong; the message says which, and what to set."""


@dataclass(frozen=True)
class Settings:
    """Where everything is. `lease_seconds`: how long a lease keeps its tasks. `max_body`, `max_upload`: bytes of a request at most.

    `fee_cap`: wei a unit of gas that the relayer never offers more than. `operator_address`: whose key it must be, None for
    whoever's. `origin`: where browsers find us, when it is not host and port. `rate_per_address`, `rate_per_account`: requests a
    minute, 0 for no limit. `task_hosts`: from where task pages may load images; the server itself fetches nothing. `bundle`: the
    built web app.
    """

    rpc_url: str
    database_url: str
    manifest: Path
    operator_key_file: Path
    operator_password_file: Path | None
    host: str = "127.0.0.1"
    port: int = 8700
    lease_seconds: int = 600
    max_body: int = 8 * 1024 * 1024
    fee_cap: int = 500 * GWEI
    operator_address: str | None = None
    max_upload: int = 64 * 1024 * 1024
    origin: str = ""
    rate_per_address: int = 12_000
    rate_per_account: int = 1_200
    task_hosts: tuple[str, ...] = ()
    bundle: Path = BUNDLE

    @property
    def origins(self) -> tuple[str, ...]:
        """Our own origins, as browsers write them; a loopback address goes by two names."""
        if self.origin:
            return (self.origin.rstrip("/"),)
        return tuple(f"http://{host}:{self.port}" for host in dict.fromkeys((self.host, "127.0.0.1", "localhost")))

    @property
    def deployment(self) -> Deployment:
        """Raises labelshare.chain.UnknownDeployment."""
        return deployment(self.manifest)

    @staticmethod
    def from_environment(env: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsError."""

        def required(name: str, meaning: str) -> str:
            if not env.get(name):
                raise SettingsError(f"{name} is not set: {meaning}")
            return env[name]

        def number(name: str, default: int) -> int:
            text = env.get(name) or str(default)
            if not text.isdecimal() or int(text) == 0:
                raise SettingsError(f"{name} is {text!r}; it must be a whole number above 0.")
            return int(text)

        password = env.get("LABELSHARE_OPERATOR_PASSWORD_FILE")
        return Settings(
            rpc_url=required("LABELSHARE_RPC_URL", "the JSON-RPC URL of a node, for example http://127.0.0.1:8545"),
            database_url=required("LABELSHARE_DATABASE_URL", "for example sqlite:///run/labelshare.db"),
            manifest=Path(required("LABELSHARE_MANIFEST", "the JSON file that scripts/deploy.py wrote")),
            operator_key_file=Path(required("LABELSHARE_OPERATOR_KEY_FILE", "a file with the operator's key or keystore")),
            operator_password_file=Path(password) if password else None,
            host=env.get("LABELSHARE_HOST", "127.0.0.1"),
            port=number("LABELSHARE_PORT", 8700),
            lease_seconds=number("LABELSHARE_LEASE_SECONDS", 600),
            fee_cap=number("LABELSHARE_FEE_CAP_GWEI", 500) * GWEI,
            operator_address=env.get("LABELSHARE_OPERATOR_ADDRESS", "").lower() or None,
            origin=env.get("LABELSHARE_ORIGIN", ""),
            rate_per_address=number("LABELSHARE_RATE_PER_ADDRESS", 12_000),
            rate_per_account=number("LABELSHARE_RATE_PER_ACCOUNT", 1_200),
            task_hosts=tuple(env.get("LABELSHARE_TASK_HOSTS", "").split()),
            bundle=Path(env.get("LABELSHARE_WEB_BUNDLE", str(BUNDLE))),
        )
