"""What `labelshare doctor` looks at: tools, API, chain, contracts; and how to get what is missing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labelshare.chain import UnknownDeployment, deployment, manifest_path
from labelshare.chain.bytecode import DIFFERS, MISSING, compare
from labelshare.chain.rpc import Rpc, RpcError, RpcUnavailable
from labelshare.client.api import Api, ApiError, TimedOut

MIN_PYTHON = (3, 11)
MIN_NODE = 20


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` says what to do when it is not well."""

    what: str
    well: bool
    seen: str
    remedy: str = ""


def examine(
    folder: Path, api_url: str | None, rpc_url: str | None, manifest: Path | None, chain_id: int | None = None
) -> Iterator[Finding]:
    """Every finding, as it is made. The tools matter in a checkout only; API and chain when they are named.

    `chain_id`: the chain that the node must be on, when it was named.
    """
    version = ".".join(str(n) for n in sys.version_info[:3])
    yield Finding("Python", sys.version_info >= MIN_PYTHON, version, "Install Python 3.11 or newer.")
    if (folder / "brownie-config.yaml").exists():
        yield from _checkout(folder)
    if api_url:
        yield _api(api_url)
    if rpc_url:
        yield from _chain(rpc_url, manifest, chain_id, folder / "build" / "contracts")


def _checkout(folder: Path) -> Iterator[Finding]:
    for tool in ("git", "make", "npm"):
        path = shutil.which(tool)
        yield Finding(tool, path is not None, path or "not found", f"Install {tool} (on Debian: apt-get install {tool}).")
    node = shutil.which("node")
    seen = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip() if node else "not found"
    major = int(seen[1:].split(".")[0]) if seen.startswith("v") else 0
    yield Finding("Node.js", major >= MIN_NODE, seen, f"Install Node.js {MIN_NODE} or newer.")
    for what, pattern in {
        "anvil": ".tools/node_modules/@foundry-rs/anvil-*/bin/anvil",
        "Solidity compiler": ".tools/solcx/solc-v*",
        "OpenZeppelin": "node_modules/@openzeppelin/contracts/package.json",
        "compiled contracts": "build/contracts/Settlement.json",
    }.items():
        found = sorted(folder.glob(pattern))
        yield Finding(what, bool(found), str(found[0].relative_to(folder)) if found else "not found", "Run: make setup")


def _api(url: str) -> Finding:
    try:
        config = Api(url, patience=3).config
    except (ApiError, TimedOut) as error:
        return Finding("API", False, str(error), "Start it (python -m backend), or give the right --api.")
    return Finding("API", True, f"{url}: chain {config['chain_id']}, operator {config['operator']}")


def _chain(url: str, manifest: Path | None, wanted: int | None, build: Path) -> Iterator[Finding]:
    rpc = Rpc(url, timeout=30)
    try:
        chain_id = rpc.chain_id()
    except (RpcUnavailable, RpcError) as error:
        yield Finding("chain", False, str(error), "Start a node, or give the right --network.")
        return
    expected = wanted is None or wanted == chain_id
    yield Finding("chain", expected, f"id {chain_id} at {_shown(url)}", f"Name a node of chain {wanted} in LABELSHARE_RPC_URL.")
    path = manifest or manifest_path(chain_id)
    try:
        deployed = deployment(path)
    except UnknownDeployment as error:
        yield Finding("deployment", False, str(error), "Deploy first, or name the manifest with --manifest.")
        return
    same = deployed.chain_id == chain_id
    yield Finding("deployment", same, f"manifest of chain {deployed.chain_id}", "Use the manifest of this chain.")
    recorded = json.loads(path.read_text())
    for name, address in deployed.contracts.items() if same and expected else ():
        yield _contract(rpc, name, address, recorded, build)


def _contract(rpc: Rpc, name: str, address: str, manifest: dict[str, Any], build: Path) -> Finding:
    """Whether the code at the address is what the local build gives with the manifest's constructor arguments."""
    try:
        found = compare(rpc, name, address, manifest, build)
    except (RpcUnavailable, RpcError) as error:
        remedy = "Use a node that takes state overrides in eth_call (most do); then ask again."
        return Finding(name, False, f"{address}: not compared, the node says: {error}", remedy)
    return Finding(name, found.verdict not in (MISSING, DIFFERS), f"{address}: {found}", found.remedy)


def _shown(url: str) -> str:
    """Without what may be a secret: providers put keys into paths, queries and user names."""
    parts = urlsplit(url)
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{rest}"
