"""The contracts as Python sees them: ABIs, typed events, and where a deployment's contracts are."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

CONTRACTS = (
    "AuditBoard",
    "Control",
    "Credentials",
    "DatasetMarket",
    "DatasetRegistry",
    "DatasetShares",
    "Faucet",
    "Jury",
    "LabelRegistry",
    "LabelToken",
    "Ledger",
    "Limits",
    "Parameters",
    "Settlement",
    "Staking",
)


class UnknownDeployment(LookupError):
    """No manifest for this chain; the message says how to get one."""


@dataclass(frozen=True)
class Deployment:
    """One deployment. `contracts`: lowercase address by contract name. `block`: no event is older."""

    chain_id: int
    block: int
    contracts: dict[str, str]
    treasury: str

    def address(self, name: str) -> str:
        """Raises UnknownDeployment when this deployment lacks the contract (a live chain has no Faucet)."""
        if name not in self.contracts:
            raise UnknownDeployment(f"The deployment on chain {self.chain_id} has no {name}.")
        return self.contracts[name]


@cache
def abi(name: str) -> list[dict[str, Any]]:
    """The ABI of a contract by name, for example `Ledger`."""
    parsed: list[dict[str, Any]] = json.loads((files(__package__) / "abi" / f"{name}.json").read_text())
    return parsed


def manifest_path(chain_id: int) -> Path:
    """Where the manifest that ships for a chain is, or would be."""
    return Path(str(files(__package__) / "deployments" / f"{chain_id}.json"))


def deployment(chain: int | Path) -> Deployment:
    """A deployment by chain id, or from a manifest file. Raises UnknownDeployment."""
    path = chain if isinstance(chain, Path) else manifest_path(chain)
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError:
        raise UnknownDeployment(
            f"No deployment manifest at {path}. Deploy with scripts/brownie run deploy, or name a manifest in LABELSHARE_MANIFEST."
        ) from None
    contracts = {name: address.lower() for name, address in manifest["contracts"].items()}
    return Deployment(int(manifest["chain_id"]), int(manifest["block"]), contracts, manifest["treasury"].lower())
