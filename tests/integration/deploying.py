"""A deployment to a live network as an operator runs it: scripts/brownie, keystore, password file; and a node that can kill it."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import rlp
from eth_account import Account
from eth_utils import to_checksum_address
from web3 import HTTPProvider, Web3

from scripts.deploy_key import create
from scripts.deploy_plan import contract_names, predict_address
from tests.integration.anvil import ROOT, Anvil, binary, free_port, wait_until

CHAIN_ID = 11155111
NETWORK = "labelshare-deploy-test"
TREASURY = "0x" + "7e" * 20
PASSWORD = "a horse, a battery: ünlocked"
NAMES = contract_names(development=False)
BEFORE, SENT, MINED = PLACES = ("before it is sent", "once it is sent", "once it is mined")


class LiveAnvil(Anvil):
    """Like a public testnet: a block a second, whoever asks, and no account of its own."""

    def __init__(self, ports: range) -> None:
        self.port = free_port(ports)
        command = [
            str(binary()),
            "--quiet",
            "--port",
            str(self.port),
            "--accounts",
            "0",
            "--chain-id",
            str(CHAIN_ID),
            "--block-time",
            "1",
        ]
        self.process = subprocess.Popen(command)
        self.url = f"http://127.0.0.1:{self.port}"
        self.web3 = Web3(HTTPProvider(self.url))
        self.web3.eth.global_ccip_read_enabled = False
        wait_until(self.answers, f"anvil on port {self.port}")


class Node:
    """A proxy before anvil. `on_send(nonce, forward)` decides what becomes of a raw transaction: it forwards it, or does not."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.sent: list[int] = []
        self.on_send: Callable[[int, Callable[[], None]], None] = lambda _, forward: forward()
        self._upstream = httpx.Client(base_url=anvil.url, timeout=30)
        node, upstream = self, self._upstream

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers: list[bytes] = []

                def forward() -> None:
                    answers.append(upstream.post("", content=body, headers={"Content-Type": "application/json"}).content)

                request = json.loads(body)
                if request["method"] == "eth_sendRawTransaction":
                    nonce = nonce_of(request["params"][0])
                    node.sent.append(nonce)
                    node.on_send(nonce, forward)
                else:
                    forward()
                for answer in answers:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that was killed does not take its answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._upstream.close()


def nonce_of(raw: str) -> int:
    data = bytes.fromhex(raw[2:])
    # EIP-2718: a typed transaction is its type's byte, then a list that begins with chain id and nonce.
    return int.from_bytes(rlp.decode(data[1:])[1], "big") if data[0] < 0x80 else int.from_bytes(rlp.decode(data)[0], "big")


class Operator:
    """One deployer account, with a keystore, a password file and a manifest in a folder of its own."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.node, self.anvil, self.web3 = node, node.anvil, node.anvil.web3
        self.manifest, self.password_file, keystore = folder / "manifest.json", folder / "password", folder / "deployer.json"
        self.password_file.write_text(PASSWORD + "\n")
        self.address = create(keystore, PASSWORD, iterations=1024)
        self.key = bytes(Account.decrypt(json.loads(keystore.read_text()), PASSWORD))
        self.outputs: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.environment = os.environ | {
            "LABELSHARE_RPC_URL": node.url,
            "LABELSHARE_DEPLOYER": str(keystore),
            "LABELSHARE_DEPLOYER_PASSWORD_FILE": str(self.password_file),
            "LABELSHARE_TREASURY": TREASURY,
            "LABELSHARE_MANIFEST": str(self.manifest),
        }
        self.fund(10**18)

    def fund(self, wei: int) -> None:
        self.anvil.rpc("anvil_setBalance", self.address, hex(wei))

    def deploy(self, **environment: str) -> tuple[int, str]:
        """Exit code (negative: killed by that signal) and all output."""
        command = [str(ROOT / "scripts" / "brownie"), "run", "deploy", "--network", NETWORK]
        self.process = subprocess.Popen(
            command,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output, _ = self.process.communicate(timeout=120)
        self.outputs.append(output)
        return self.process.returncode, output

    def doctor(self) -> tuple[int, str]:
        command = [str(ROOT / ".venv/bin/labelshare"), "doctor", "--network", self.anvil.url]
        run = subprocess.run(
            command, env=self.environment | {"COLUMNS": "200"}, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return run.returncode, run.stdout + run.stderr

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def kill_at_each_nonce(self, place_of: Callable[[int], str]) -> None:
        """The first time that a nonce is sent, the process dies there."""
        seen: set[int] = set()

        def on_send(nonce: int, forward: Callable[[], None]) -> None:
            if nonce in seen:
                forward()
                return
            seen.add(nonce)
            if place_of(nonce) != BEFORE:
                forward()
            if place_of(nonce) == MINED:
                wait_until(lambda: self.nonce() > nonce, f"nonce {nonce} is mined")
            self.kill()

        self.node.on_send = on_send

    def nonce(self) -> int:
        return self.web3.eth.get_transaction_count(self.address)  # type: ignore[arg-type]

    def planned(self) -> dict[str, str]:
        """By contract name, for an account that had sent nothing."""
        return {name: predict_address(self.address, i).lower() for i, name in enumerate(NAMES)}

    def transfer(self, nonce: int, gas_price: int = 10**10) -> None:
        """A transaction that has nothing to do with the deployment."""
        transaction = {
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": to_checksum_address(TREASURY),
            "value": 1,
            "gas": 21_000,
            "gasPrice": gas_price,
        }
        self.web3.eth.send_raw_transaction(Account.sign_transaction(transaction, self.key).raw_transaction)

    def require_no_secret(self) -> None:
        """Neither key nor password is in what any run printed."""
        printed = "".join(self.outputs)
        assert printed
        assert not [secret for secret in (PASSWORD, self.key.hex()) if secret in printed]


def deploy_through_kills(operator: Operator, place_of: Callable[[int], str]) -> None:
    """Kills the deployment at every transaction, runs it again each time, and requires one deployment, as it was planned."""
    operator.kill_at_each_nonce(place_of)
    plans = set()
    for _ in NAMES:
        code, output = operator.deploy()
        assert code == -signal.SIGKILL, output
        plans.add(operator.manifest.read_bytes())
    code, output = operator.deploy()
    assert code == 0, output
    plans.add(operator.manifest.read_bytes())
    assert len(plans) == 1, "the plan changed from run to run"
    assert json.loads(plans.pop())["contracts"] == operator.planned()
    # Each nonce gave a planned contract, so none was deployed twice.
    assert operator.nonce() == len(NAMES)
    assert set(operator.node.sent) == set(range(len(NAMES)))
    code, output = operator.doctor()
    assert code == 0, output
    for name, address in operator.planned().items():
        assert f"{name}: {address}: same" in output
    operator.require_no_secret()


@contextmanager
def brownie_network() -> Iterator[None]:
    """The network as docs/DEPLOY.md adds it: the node's URL stays in the environment."""

    def networks(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([ROOT / "scripts/brownie", "networks", *arguments], capture_output=True, text=True, check=False)

    networks("delete", NETWORK)
    added = networks("add", "Labelshare", NETWORK, "host=$LABELSHARE_RPC_URL", f"chainid={CHAIN_ID}")
    assert added.returncode == 0, added.stdout + added.stderr
    yield
    networks("delete", NETWORK)
