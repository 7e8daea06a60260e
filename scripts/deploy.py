"""Deploys the protocol: one path for anvil and for a live network (docs/DEPLOY.md).

    scripts/brownie run deploy --network anvil

The contracts hold each other's addresses as immutables, so the addresses are planned from the deployer's nonces before the
first transaction, and the plan is written to the manifest first. Running again deploys only what is missing from the plan.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from brownie import accounts, network, project, web3

from labelshare.chain.rpc import Rpc, RpcError, RpcUnavailable
from scripts.deploy_key import Keystore
from scripts.deploy_plan import (
    DEVELOPMENT,
    DEVELOPMENT_CHAINS,
    LBL,
    Creation,
    DeploymentError,
    Parameters,
    Plan,
    address_setting,
    manifest_path,
    plan_of,
    predict_address,
    read_manifest,
    require_same,
    write_manifest,
)
from scripts.deploy_send import ETHER, GAS_MARGIN, GWEI, Patience, Sender

__all__ = ["DEVELOPMENT", "LBL", "Deployed", "DeploymentError", "Parameters", "deploy_development", "predict_address"]
QUICK = Patience(pause=0.05, looks=600)


class Deployed(NamedTuple):
    """The contracts of one deployment, in the order of scripts/deploy_plan.py."""

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


def code_of(name: str, arguments: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """Creation code and coded constructor arguments, from Brownie's build."""
    container = project.get_loaded_projects()[0][name]
    code = bytes.fromhex(container.bytecode)
    return code, bytes.fromhex(container.deploy.encode_input(*arguments).removeprefix("0x"))[len(code) :]


def rpc() -> Rpc:
    """The node of Brownie's network, without Brownie's cache in between."""
    url = getattr(web3.provider, "endpoint_uri", None)
    if not isinstance(url, str) or not url.startswith("http"):
        raise DeploymentError("The network's host must be an http or https URL of a node.")
    return Rpc(url)


def deploy_development(deployer: Any, treasury: Any, parameters: Parameters = DEVELOPMENT) -> Deployed:
    """A fresh deployment with a funded faucet, without a manifest (for tests)."""
    node = rpc()
    sender = Sender(node, node.chain_id(), deployer.address, None, QUICK, say=lambda _: None)
    plan = fresh_plan(sender, treasury.address, parameters)
    creations = plan.creations(code_of)
    for creation in creations:
        sender.create(creation)
    deployed = contracts_of(creations)
    fund_faucet(deployed, treasury, parameters)
    return deployed


def contracts_of(creations: list[Creation]) -> Deployed:
    containers = project.get_loaded_projects()[0]
    return Deployed(*(containers[c.name].at(c.address) for c in creations))


def fund_faucet(deployed: Deployed, treasury: Any, parameters: Parameters) -> None:
    if deployed.token.balanceOf(deployed.faucet) == 0:
        deployed.token.transfer(deployed.faucet, parameters.faucet_supply, {"from": treasury})


def fresh_plan(sender: Sender, treasury: str, parameters: Parameters) -> Plan:
    """Raises DeploymentError while transactions of the deployer wait in the pool: the nonces could not be foretold."""
    nonce, pending = sender.nonce(), sender.nonce("pending")
    if pending > nonce:
        raise DeploymentError(
            f"{sender.address} has {pending - nonce} transaction(s) waiting in the node's pool, so addresses cannot be planned. "
            f"Wait until they are mined, or replace nonces {nonce} to {pending - 1} by transactions with a higher fee; then run "
            "again."
        )
    block = sender.rpc.integer("eth_blockNumber")
    return Plan(sender.chain_id, block, sender.address, nonce, treasury, parameters.for_treasury(treasury))


@dataclass(frozen=True)
class Roles:
    """Who deploys, and for whom; None: not named. No `keystore` on development chains: there the node holds the keys."""

    deployer: str
    keystore: Keystore | None
    treasury: str | None
    governor: str | None
    guardian: str | None

    @property
    def named(self) -> dict[str, str]:
        """What the environment asks for, by setting."""
        roles = {"LABELSHARE_TREASURY": self.treasury, "LABELSHARE_GOVERNOR": self.governor, "LABELSHARE_GUARDIAN": self.guardian}
        return {"LABELSHARE_DEPLOYER": self.deployer} | {name: address for name, address in roles.items() if address}

    @staticmethod
    def read(environment: Mapping[str, str], development: bool) -> "Roles":
        governor, guardian = (address_setting(environment, f"LABELSHARE_{role}") for role in ("GOVERNOR", "GUARDIAN"))
        if development:
            return Roles(accounts[0].address, None, accounts[1].address, governor, guardian)
        named = environment.get("LABELSHARE_DEPLOYER")
        if not named:
            raise DeploymentError(
                "On a live network set LABELSHARE_DEPLOYER to a keystore file (make one: .venv/bin/python -m "
                "scripts.deploy_key FILE) or to the id of a Brownie account, and LABELSHARE_TREASURY to the address that "
                "receives the tokens and the fees."
            )
        keystore = Keystore.find(named, environment)
        return Roles(keystore.address, keystore, address_setting(environment, "LABELSHARE_TREASURY"), governor, guardian)


@dataclass(frozen=True)
class Deployment:
    """A plan with its code, and whether the manifest has it already."""

    path: Path
    plan: Plan
    creations: list[Creation]
    recorded: bool

    @staticmethod
    def load(sender: Sender, roles: Roles, path: Path) -> "Deployment":
        """The plan of the manifest, or a fresh one. Raises DeploymentError."""
        manifest = read_manifest(path)
        if manifest is not None:
            plan = plan_of(manifest, path, sender.chain_id)
            # A development chain that was started anew forgets: so does its manifest.
            if not plan.development or any(sender.has_code(a) for a in manifest["contracts"].values()):
                creations = plan.creations(code_of)
                require_same(plan, roles.named, creations, manifest, path)
                return Deployment(path, plan, creations, recorded=True)
        if roles.treasury is None:
            raise DeploymentError("Set LABELSHARE_TREASURY to the address that receives the tokens and the fees.")
        defaults = DEVELOPMENT if sender.chain_id in DEVELOPMENT_CHAINS else Parameters()
        parameters = Parameters(**{**vars(defaults), "governor": roles.governor or "", "guardian": roles.guardian or ""})
        plan = fresh_plan(sender, roles.treasury, parameters)
        return Deployment(path, plan, plan.creations(code_of), recorded=False)


def report(deployment: Deployment, sender: Sender, missing: list[Creation]) -> tuple[list[str], bool]:
    """What deploying the missing contracts costs at current fees, in lines; and whether the deployer can pay for it."""
    fees, limits, balance = sender.fees(), sender.gas(missing), sender.balance()
    lines = [f"{'contract':16} {'address':42} {'gas':>10} {'ether':>12}"]
    for creation in deployment.creations:
        gas = limits.get(creation.name, 0) * 100 // GAS_MARGIN
        cost = f"{gas:>10,} {gas * fees.expected / ETHER:>12.6f}" if creation in missing else f"{'on chain':>10}"
        lines.append(f"{creation.name:16} {creation.address} {cost}")
    most = sum(limits.values()) * fees.most
    gas = sum(limits.values()) * 100 // GAS_MARGIN
    lines.append(f"Expected: {gas:,} gas at {fees.expected / GWEI:g} gwei, {gas * fees.expected / ETHER:.6f} ether.")
    lines.append(f"At most:  {most / ETHER:.6f} ether ({GAS_MARGIN - 100}% more gas, at {fees.most / GWEI:g} gwei).")
    lines.append(f"Deployer: {sender.address} has {balance / ETHER:.6f} ether: {'enough' if balance >= most else 'not enough'}.")
    return lines, balance >= most


def require_paid(deployment: Deployment, sender: Sender, missing: list[Creation]) -> None:
    lines, suffices = report(deployment, sender, missing)
    if not suffices:
        raise DeploymentError("\n".join((*lines, f"Send ether to {sender.address} and run again. Nothing was sent.")))


def max_fee(environment: Mapping[str, str]) -> int | None:
    return _number(environment, "LABELSHARE_MAX_FEE_GWEI", lambda text: round(float(text) * GWEI))


def patience(environment: Mapping[str, str]) -> Patience:
    seconds = _number(environment, "LABELSHARE_DEPLOY_PATIENCE", lambda text: round(float(text)))
    if seconds is None:
        return Patience()
    looks = max(1, round(seconds / Patience.pause))
    return Patience(looks=looks, lag=min(Patience.lag, looks))


def _number(environment: Mapping[str, str], name: str, read: Any) -> int | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        value = int(read(text))
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise DeploymentError(f"{name} must be a number above zero.")
    return value


def run(environment: Mapping[str, str]) -> None:
    """Raises DeploymentError, RpcError, RpcUnavailable."""
    node = rpc()
    chain_id = node.chain_id()
    development = chain_id in DEVELOPMENT_CHAINS
    roles = Roles.read(environment, development)
    sender = Sender(node, chain_id, roles.deployer, None, QUICK if development else patience(environment), max_fee(environment))
    deployment = Deployment.load(sender, roles, manifest_path(chain_id, environment))
    missing = [c for c in deployment.creations if not sender.has_code(c.address)]
    if environment.get("LABELSHARE_DRY_RUN", "0") not in ("", "0"):
        print(f"Dry run for {network.show_active()} (chain {chain_id}): nothing is sent, nothing is written.")
        print("\n".join(report(deployment, sender, missing)[0]))
        return
    if missing and roles.keystore is not None:
        require_paid(deployment, sender, missing)
        key = roles.keystore.open()
        sender.sign = lambda transaction: bytes(key.sign_transaction(transaction).raw_transaction)
    if not deployment.recorded:
        write_manifest(deployment.path, deployment.plan, deployment.creations)
    for creation in deployment.creations:
        sender.create(creation)
    if development:
        fund_faucet(contracts_of(deployment.creations), accounts[1], deployment.plan.parameters)
    print(f"Labelshare on {network.show_active()} (chain {chain_id}): {deployment.path}")
    for creation in deployment.creations:
        print(f"  {creation.name:16} {creation.address}")


def main() -> None:
    """What an operator can mend is a message, not a traceback."""
    try:
        run(os.environ)
    except (DeploymentError, RpcError, RpcUnavailable) as error:
        sys.exit(f"deploy: {error}")
