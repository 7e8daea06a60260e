"""A real anvil with the contracts on it, deployed from Brownie's build folder through web3."""

import json
import platform
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rlp
from eth_utils import keccak, to_checksum_address
from web3 import HTTPProvider, Web3

ROOT = Path(__file__).resolve().parents[2]
LBL = 10**18
NAMES = (
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
    "Faucet",
)


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Polls until `holds`; fails with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.02)


def binary() -> Path:
    """The native anvil: npm's wrapper hides exit codes and signals."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = ROOT / ".tools" / "node_modules" / "@foundry-rs" / f"anvil-{platform.system().lower()}-{machine}" / "bin"
    assert (folder / "anvil").exists(), "anvil is not installed. Run: make setup"
    return folder / "anvil"


def free_port(ports: range) -> int:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError(f"no free port in {ports}")


class Anvil:
    """One anvil process of our own. `options`: more of its command line."""

    def __init__(self, ports: range, *options: str) -> None:
        self.port = free_port(ports)
        command = [str(binary()), "--quiet", "--port", str(self.port), "--accounts", "12", "--base-fee", "0", *options]
        self.process = subprocess.Popen(command)
        self.url = f"http://127.0.0.1:{self.port}"
        self.web3 = Web3(HTTPProvider(self.url))
        self.web3.eth.global_ccip_read_enabled = False
        wait_until(self.answers, f"anvil on port {self.port}")

    def answers(self) -> bool:
        assert self.process.poll() is None, "anvil ended at once"
        return self.web3.is_connected()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def rpc(self, method: str, *parameters: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        assert "error" not in answer, answer["error"]
        return answer["result"]


class Protocol:
    """The deployed protocol. `send` makes a transaction from an unlocked account and requires its success."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil, self.web3 = anvil, anvil.web3
        self.accounts: list[str] = list(self.web3.eth.accounts)
        self.deployer, self.treasury = self.accounts[0], self.accounts[1]
        self.block = self.web3.eth.block_number
        nonce = self.web3.eth.get_transaction_count(self.deployer)
        self.addresses = {name: predict(self.deployer, nonce + i) for i, name in enumerate(NAMES)}
        protocol = (*(self.addresses[name] for name in NAMES[:-1] if name != "Control"), self.treasury)
        arguments: dict[str, tuple[Any, ...]] = dict.fromkeys(NAMES, (protocol,))
        arguments |= {
            "LabelToken": (self.treasury,),
            "Control": (self.treasury, self.treasury, 60, self.addresses["Parameters"]),
            "Parameters": (self.addresses["Control"], 250, 1, 0),
            "Credentials": (),
            "Staking": (protocol, 100 * LBL, 600),
            "Faucet": (self.addresses["LabelToken"], self.addresses["Ledger"], 1_000 * LBL),
        }
        self.contracts = {name: self.deploy(name, arguments[name]) for name in NAMES}
        self.send("LabelToken", "transfer", self.addresses["Faucet"], 10_000_000 * LBL, sender=self.treasury)

    def deploy(self, name: str, arguments: tuple[Any, ...]) -> Any:
        build = json.loads((ROOT / "build" / "contracts" / f"{name}.json").read_text())
        factory = self.web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
        receipt = self.web3.eth.wait_for_transaction_receipt(factory.constructor(*arguments).transact({"from": self.deployer}))
        assert receipt["contractAddress"] == self.addresses[name]
        return self.web3.eth.contract(address=self.addresses[name], abi=build["abi"])

    def send(self, contract: str, function: str, *arguments: Any, sender: str) -> Any:
        call = self.contracts[contract].functions[function](*arguments)
        receipt = self.web3.eth.wait_for_transaction_receipt(call.transact({"from": sender}), poll_latency=0.01)
        assert receipt["status"] == 1
        return receipt

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        return self.contracts[contract].functions[function](*arguments).call()

    def manifest(self) -> dict[str, Any]:
        return {
            "schema": "labelshare-deployment-1",
            "chain_id": self.web3.eth.chain_id,
            "block": self.block,
            "deployer": self.deployer.lower(),
            "treasury": self.treasury.lower(),
            "parameters": {},
            "contracts": {name: address.lower() for name, address in self.addresses.items()},
        }


def predict(deployer: str, nonce: int) -> str:
    return str(to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:]))
