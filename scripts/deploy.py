"""Deploys the protocol: one path for anvil and for a live network.

    scripts/brownie run deploy --network anvil

The contracts hold each other's addresses as immutables, so the addresses are planned from the deployer's nonces before the
first transaction, and the plan is written to the manifest first. Running again deploys only what is missing from the plan.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import rlp
from brownie import accounts, chain, network, project, web3
from eth_utils import keccak, to_checksum_address

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT_CHAINS = (31337, 1337)
ORDER = (
    "LabelToken",
    "Control",
    "Parameters",
    "Credentials",
    "Ledger",
    "DatasetRegistry",
    "LabelRegistry",
    "Staking",
    "AuditBoard",
    "Jury",
    "Limits",
    "Settlement",
    "DatasetShares",
    "DatasetMarket",
)
LBL = 10**18


class DeploymentError(Exception):
    """The deployment cannot go on; the message says what to do."""


class Deployed(NamedTuple):
    """The contracts of one deployment. `faucet` is None but on development chains."""

    token: Any
    control: Any
    parameters: Any
    credentials: Any
    ledger: Any
    dataset_registry: Any
    label_registry: Any
    staking: Any
    audit_board: Any
    jury: Any
    limits: Any
    settlement: Any
    dataset_shares: Any
    dataset_market: Any
    faucet: Any


@dataclass(frozen=True)
class Parameters:
    """Amounts in LBL base units, times in seconds, fee in basis points."""

    min_window: int = 3600
    seat_size: int = 1_000 * LBL
    unbonding_period: int = 21 * 24 * 3600
    fee_bps: int = 250
    control_delay: int = 2 * 24 * 3600
    faucet_amount: int = 1_000 * LBL
    faucet_supply: int = 10_000_000 * LBL


DEVELOPMENT = Parameters(min_window=1, seat_size=100 * LBL, unbonding_period=600, control_delay=60)


def predict_address(deployer: str, nonce: int) -> str:
    """The address of the contract that `deployer` creates with `nonce` (Ethereum yellow paper, section 7)."""
    return str(to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:]))


def plan(deployer: str, nonce: int, names: tuple[str, ...]) -> dict[str, str]:
    return {name: predict_address(deployer, nonce + i) for i, name in enumerate(names)}


def constructor_arguments(addresses: dict[str, str], treasury: str, parameters: Parameters) -> dict[str, tuple[Any, ...]]:
    """The constructor's arguments of each contract, by name."""
    protocol = (*(addresses[name] for name in ORDER if name != "Control"), treasury)
    return {
        "LabelToken": (treasury,),
        "Control": (treasury, treasury, parameters.control_delay, addresses["Parameters"]),
        "Parameters": (addresses["Control"], parameters.fee_bps, parameters.min_window),
        "Credentials": (),
        "Ledger": (protocol,),
        "DatasetRegistry": (protocol,),
        "LabelRegistry": (protocol,),
        "Staking": (protocol, parameters.seat_size, parameters.unbonding_period),
        "AuditBoard": (protocol,),
        "Jury": (protocol,),
        "Limits": (protocol,),
        "Settlement": (protocol,),
        "DatasetShares": (protocol,),
        "DatasetMarket": (protocol,),
        "Faucet": (addresses["LabelToken"], addresses["Ledger"], parameters.faucet_amount),
    }


def has_code(address: str) -> bool:
    return len(web3.eth.get_code(address)) > 0


def deploy_missing(deployer: Any, addresses: dict[str, str], treasury: str, parameters: Parameters) -> Deployed:
    """Deploys the planned contracts that are not on chain yet, in the plan's order.

    Raises DeploymentError when the deployer's nonce was used for something else, so that the plan cannot come true.
    """
    containers = project.get_loaded_projects()[0]
    arguments = constructor_arguments(addresses, treasury, parameters)
    contracts = []
    for name, address in addresses.items():
        container = containers[name]
        if has_code(address):
            contracts.append(container.at(address))
            continue
        if predict_address(deployer.address, deployer.nonce) != address:
            raise DeploymentError(
                f"{name} was planned at {address}, but the deployer's nonce {deployer.nonce} gives another address: the account "
                "was used in between. Move the manifest of this chain away and deploy anew with an account used for nothing else."
            )
        contracts.append(deployer.deploy(container, *arguments[name]))
    return Deployed(*contracts, *([None] if "Faucet" not in addresses else []))


def deploy_development(deployer: Any, treasury: Any, parameters: Parameters = DEVELOPMENT) -> Deployed:
    """A fresh deployment with a funded faucet, without a manifest (for tests)."""
    addresses = plan(deployer.address, deployer.nonce, (*ORDER, "Faucet"))
    deployed = deploy_missing(deployer, addresses, treasury.address, parameters)
    fund_faucet(deployed, treasury, parameters)
    return deployed


def fund_faucet(deployed: Deployed, treasury: Any, parameters: Parameters) -> None:
    if deployed.token.balanceOf(deployed.faucet) == 0:
        deployed.token.transfer(deployed.faucet, parameters.faucet_supply, {"from": treasury})


def manifest_path(chain_id: int) -> Path:
    override = os.environ.get("LABELSHARE_MANIFEST")
    return Path(override) if override else ROOT / "labelshare" / "chain" / "deployments" / f"{chain_id}.json"


def load_or_plan(path: Path, deployer: Any, treasury: str, parameters: Parameters) -> dict[str, Any]:
    """The manifest of an earlier run of this deployment, or a new plan, written before the first transaction."""
    development = chain.id in DEVELOPMENT_CHAINS
    if path.exists():
        manifest: dict[str, Any] = json.loads(path.read_text())
        if not development or any(has_code(a) for a in manifest["contracts"].values()):
            return manifest
    names = (*ORDER, "Faucet") if development else ORDER
    manifest = {
        "schema": "labelshare-deployment-1",
        "chain_id": chain.id,
        "block": chain.height,
        "deployer": deployer.address.lower(),
        "treasury": treasury.lower(),
        "parameters": {key: str(value) for key, value in asdict(parameters).items()},
        "contracts": {k: v.lower() for k, v in plan(deployer.address, deployer.nonce, names).items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def roles() -> tuple[Any, Any, str]:
    """Deployer, the treasury's account when it is unlocked here, and the treasury's address."""
    if chain.id in DEVELOPMENT_CHAINS:
        return accounts[0], accounts[1], accounts[1].address
    account_id, treasury = os.environ.get("LABELSHARE_DEPLOYER"), os.environ.get("LABELSHARE_TREASURY")
    if not account_id or not treasury:
        raise DeploymentError(
            "On a live network set LABELSHARE_DEPLOYER to the id of a keystore account (brownie accounts new ID) and "
            "LABELSHARE_TREASURY to the address that receives the tokens and the fees."
        )
    return accounts.load(account_id), None, to_checksum_address(treasury)


def main() -> None:
    deployer, treasury_account, treasury = roles()
    parameters = DEVELOPMENT if chain.id in DEVELOPMENT_CHAINS else Parameters()
    path = manifest_path(chain.id)
    manifest = load_or_plan(path, deployer, treasury, parameters)
    parameters = Parameters(**{key: int(value) for key, value in manifest["parameters"].items()})
    addresses = {name: to_checksum_address(address) for name, address in manifest["contracts"].items()}
    deployed = deploy_missing(deployer, addresses, to_checksum_address(manifest["treasury"]), parameters)
    if deployed.faucet is not None:
        fund_faucet(deployed, treasury_account, parameters)
    print(f"Labelshare on {network.show_active()} (chain {chain.id}): {path}")
    for name, address in addresses.items():
        print(f"  {name:16} {address}")
