"""What is deployed, where, and the manifest that says so. No network here."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import rlp
from eth_utils import is_address, is_checksum_address, keccak, to_checksum_address

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = "labelshare-deployment-1"
DEVELOPMENT_CHAINS = (31337, 1337)
LBL = 10**18


class DeploymentError(Exception):
    """The deployment cannot go on; the message says what to do, and holds no secret."""


@dataclass(frozen=True)
class Parameters:
    """Amounts in LBL base units, times in seconds, fee in basis points. `governor`, `guardian`: addresses; empty: the treasury."""

    min_window: int = 3600
    seat_size: int = 1_000 * LBL
    unbonding_period: int = 21 * 24 * 3600
    fee_bps: int = 250
    min_seat_fee: int = LBL
    faucet_amount: int = 1_000 * LBL
    faucet_supply: int = 10_000_000 * LBL
    control_delay: int = 2 * 24 * 3600
    governor: str = ""
    guardian: str = ""

    def for_treasury(self, treasury: str) -> "Parameters":
        """With the treasury in the roles that name nobody."""
        return replace(self, governor=self.governor or treasury, guardian=self.guardian or treasury)

    def recorded(self) -> dict[str, str]:
        return {key: str(value).lower() for key, value in asdict(self).items()}

    @staticmethod
    def read(recorded: Mapping[str, str]) -> "Parameters":
        """From a manifest. A parameter that is not recorded has its default."""
        types = {field.name: field.type for field in fields(Parameters)}
        return Parameters(**{k: to_checksum_address(v) if types[k] is str else int(v) for k, v in recorded.items()})


DEVELOPMENT = Parameters(min_window=1, seat_size=100 * LBL, unbonding_period=600, min_seat_fee=LBL // 10, control_delay=60)


@dataclass(frozen=True)
class Inputs:
    """What constructors are given: the planned addresses by contract name, the treasury, the parameters."""

    addresses: Mapping[str, str]
    treasury: str
    parameters: Parameters

    @property
    def protocol(self) -> tuple[str, ...]:
        """Solidity's struct `Protocol`: the contracts in the order of deployment, then the treasury."""
        return (*(self.addresses[name] for name in CONTRACTS if name not in OUTSIDE_PROTOCOL), self.treasury)


# In the order of deployment: name, and the constructor's arguments.
CONTRACTS: dict[str, Callable[[Inputs], tuple[Any, ...]]] = {
    "LabelToken": lambda to: (to.treasury,),
    "Control": lambda to: (
        to.parameters.governor,
        to.parameters.guardian,
        to.parameters.control_delay,
        to.addresses["Parameters"],
    ),
    "Parameters": lambda to: (to.addresses["Control"], to.parameters.fee_bps, to.parameters.min_window, to.parameters.min_seat_fee),
    "Credentials": lambda to: (),
    "Ledger": lambda to: (to.protocol,),
    "DatasetRegistry": lambda to: (to.protocol,),
    "LabelRegistry": lambda to: (to.protocol,),
    "Staking": lambda to: (to.protocol, to.parameters.seat_size, to.parameters.unbonding_period),
    "AuditBoard": lambda to: (to.protocol,),
    "Jury": lambda to: (to.protocol,),
    "Limits": lambda to: (to.protocol,),
    "Settlement": lambda to: (to.protocol,),
    "DatasetShares": lambda to: (to.protocol,),
    "DatasetMarket": lambda to: (to.protocol,),
    "Faucet": lambda to: (to.addresses["LabelToken"], to.addresses["Ledger"], to.parameters.faucet_amount),
}
DEVELOPMENT_ONLY = ("Faucet",)
OUTSIDE_PROTOCOL = ("Control", "Faucet")


def contract_names(development: bool) -> tuple[str, ...]:
    return tuple(name for name in CONTRACTS if development or name not in DEVELOPMENT_ONLY)


def predict_address(deployer: str, nonce: int) -> str:
    """The address of the contract that `deployer` creates with `nonce` (Ethereum yellow paper, section 7)."""
    return str(to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:]))


@dataclass(frozen=True)
class Creation:
    """One planned contract. `code`: creation code with the constructor's arguments, of which `arguments` is the end."""

    name: str
    address: str
    nonce: int
    code: bytes
    arguments: bytes

    @property
    def recorded(self) -> dict[str, str]:
        return {"arguments": "0x" + self.arguments.hex(), "hash": "0x" + keccak(self.code).hex()}


@dataclass(frozen=True)
class Plan:
    """A deployment: who deploys it from which nonce on, for whom, with what. `block`: no event is older."""

    chain_id: int
    block: int
    deployer: str
    nonce: int
    treasury: str
    parameters: Parameters

    @property
    def development(self) -> bool:
        return self.chain_id in DEVELOPMENT_CHAINS

    @property
    def addresses(self) -> dict[str, str]:
        names = contract_names(self.development)
        return {name: predict_address(self.deployer, self.nonce + i) for i, name in enumerate(names)}

    def creations(self, code_of: Callable[[str, tuple[Any, ...]], tuple[bytes, bytes]]) -> list[Creation]:
        """In the order of deployment. `code_of` gives the creation code and the coded arguments by contract name and arguments."""
        addresses = self.addresses
        inputs = Inputs(addresses, self.treasury, self.parameters)
        planned = []
        for i, (name, address) in enumerate(addresses.items()):
            code, arguments = code_of(name, CONTRACTS[name](inputs))
            planned.append(Creation(name, address, self.nonce + i, code + arguments, arguments))
        return planned


def manifest_path(chain_id: int, environment: Mapping[str, str]) -> Path:
    override = environment.get("LABELSHARE_MANIFEST")
    return Path(override) if override else ROOT / "labelshare" / "chain" / "deployments" / f"{chain_id}.json"


def write_manifest(path: Path, plan: Plan, creations: list[Creation]) -> None:
    """All or nothing, and on the disk when this returns: the plan must outlive the process and the machine."""
    manifest = {
        "schema": SCHEMA,
        "chain_id": plan.chain_id,
        "block": plan.block,
        "deployer": plan.deployer.lower(),
        "nonce": plan.nonce,
        "treasury": plan.treasury.lower(),
        "parameters": plan.parameters.recorded(),
        "contracts": {c.name: c.address.lower() for c in creations},
        "creations": {c.name: c.recorded for c in creations},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of an earlier run, or None. Raises DeploymentError."""
    if not path.exists():
        return None
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        if manifest["schema"] != SCHEMA or not {"nonce", "creations", "deployer"} <= manifest.keys():
            raise KeyError(SCHEMA)
    except (ValueError, KeyError, TypeError):
        raise DeploymentError(
            f"{path} is not a manifest of this version. If its deployment still matters, use the version that made it; else "
            "move it away."
        ) from None
    return manifest


def plan_of(manifest: dict[str, Any], path: Path, chain_id: int) -> Plan:
    """Raises DeploymentError for another chain's manifest."""
    if int(manifest["chain_id"]) != chain_id:
        raise DeploymentError(
            f"{path} is the manifest of chain {manifest['chain_id']}, but this network is chain {chain_id}. Check --network, or "
            "name this chain's manifest in LABELSHARE_MANIFEST."
        )
    return Plan(
        chain_id,
        int(manifest["block"]),
        to_checksum_address(manifest["deployer"]),
        int(manifest["nonce"]),
        to_checksum_address(manifest["treasury"]),
        Parameters.read(manifest["parameters"]),
    )


def require_same(plan: Plan, wanted: Mapping[str, str], creations: list[Creation], manifest: dict[str, Any], path: Path) -> None:
    """A plan is carried on only by the same account, for the same roles, with the same code. Raises DeploymentError."""
    planned = {
        "LABELSHARE_DEPLOYER": plan.deployer,
        "LABELSHARE_TREASURY": plan.treasury,
        "LABELSHARE_GOVERNOR": plan.parameters.governor,
        "LABELSHARE_GUARDIAN": plan.parameters.guardian,
    }
    for name, address in wanted.items():
        if address.lower() != planned[name].lower():
            raise DeploymentError(
                f"{path} plans {planned[name]} where {name} now gives {address}. Set {name} as it was to carry this deployment "
                "on, or move the manifest away to begin another."
            )
    for creation in creations:
        if manifest["contracts"].get(creation.name) != creation.address.lower():
            raise DeploymentError(
                f"{path} has another address for {creation.name} than its plan gives: restore the file as it was written."
            )
        if manifest["creations"].get(creation.name) != creation.recorded:
            raise DeploymentError(
                f"{creation.name} was compiled from other sources or settings when {path} was written. Check out the commit of "
                "then and run make setup to carry this deployment on, or move the manifest away to begin another."
            )


def address_setting(environment: Mapping[str, str], name: str) -> str | None:
    """An address from the environment. Raises DeploymentError, naming the setting."""
    value = environment.get(name)
    if not value:
        return None
    mixed = value[2:] not in (value[2:].lower(), value[2:].upper())
    if not is_address(value) or not value.startswith("0x") or int(value, 16) == 0 or (mixed and not is_checksum_address(value)):
        raise DeploymentError(
            f"{name} is not an address: 0x and 40 hex digits, not zero, with the right checksum if of mixed case."
        )
    return str(to_checksum_address(value))
