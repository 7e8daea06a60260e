"""What must be right before the relayer signs anything: the key, the chain, the contracts."""

import json
from pathlib import Path

from backend.relay.signer import Signer
from labelshare.chain import Deployment
from labelshare.chain.bytecode import DIFFERS, MISSING, compare
from labelshare.chain.rpc import Rpc

BUILD = Path(__file__).resolve().parents[2] / "build" / "contracts"


class WrongSetup(RuntimeError):
    """Something is not what the settings say; nothing was signed. The message says what to change."""


def check(rpc: Rpc, deployment: Deployment, manifest: Path, signer: Signer, address: str | None) -> None:
    """Raises WrongSetup, or RpcUnavailable and RpcError for a node to wait for. `address`: whose key it has to be, if set."""
    if address is not None and address != signer.address:
        raise WrongSetup(f"The key file holds the key of {signer.address}; LABELSHARE_OPERATOR_ADDRESS names {address}.")
    chain_id = rpc.chain_id()
    if chain_id != deployment.chain_id:
        raise WrongSetup(f"The node is of chain {chain_id}, the manifest of chain {deployment.chain_id}: check LABELSHARE_RPC_URL.")
    recorded = json.loads(manifest.read_text())
    for name, where in deployment.contracts.items():
        found = compare(rpc, name, where, recorded, BUILD)
        if found.verdict in (MISSING, DIFFERS):
            raise WrongSetup(f"{name} at {where}: {found}. {found.remedy}")
