"""The whole of Labelshare as separate processes on this machine: anvil, deployment, indexer, API, relayer, keeper.

A process that dies is started again, with the same database, for as long as the stack runs.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import httpx
from eth_utils.crypto import keccak

from labelshare.chain import Deployment, deployment
from labelshare.chain.rpc import Rpc, RpcUnavailable

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {
    "indexer": ("-m", "indexer"),
    "api": ("-m", "backend"),
    "relayer": ("-m", "backend.relay"),
    "keeper": ("-m", "backend.keeper"),
}


class StackError(RuntimeError):
    """The stack cannot start; the message says what to do."""


def demo_key(name: str) -> bytes:
    """The private key of a made-up person: the same for the same name, worth nothing outside a development chain."""
    return keccak(text=f"labelshare demo {name}")


def require_free(port: int) -> None:
    """Raises StackError when something listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError(
                f"Port {port} is taken. End what listens there, or choose others: make demo RPC_PORT=18600 PORT=18601"
            ) from None


class Stack:
    """Use as a context manager. `folder` is emptied first; logs are in it. `database_url`: another database than a new SQLite file;
    `apis`: API processes, on `api_port` and the ports after it; `node_url`: what the services take for the node, when that is not
    anvil itself; `settings`: more of the services' environment."""

    def __init__(
        self,
        folder: Path,
        rpc_port: int,
        api_port: int,
        database_url: str | None = None,
        apis: int = 1,
        node_url: str | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.services = {**SERVICES, **{f"api {number + 1}": SERVICES["api"] for number in range(1, apis)}}
        self.rpc_port = rpc_port
        self.rpc_url = f"http://127.0.0.1:{rpc_port}"
        self.api_url = f"http://127.0.0.1:{api_port}"
        self.manifest = folder / "deployment.json"
        self.api_urls = [f"http://127.0.0.1:{api_port + number}" for number in range(apis)]
        self.restarts: dict[str, int] = dict.fromkeys(self.services, 0)
        key_file = folder / "operator.key"
        self.environment = os.environ | {
            "LABELSHARE_RPC_URL": self.rpc_url,
            "LABELSHARE_DATABASE_URL": database_url or f"sqlite:///{folder / 'labelshare.db'}",
            "LABELSHARE_MANIFEST": str(self.manifest),
            "LABELSHARE_OPERATOR_KEY_FILE": str(key_file),
            "LABELSHARE_HOST": "127.0.0.1",
            "LABELSHARE_PORT": str(api_port),
            "LABELSHARE_BROWNIE_PORT": str(rpc_port),
            # Nothing reorganizes this chain by itself, and anvil calls a block final only 64 blocks later.
            "LABELSHARE_FINALITY": "0",
        }
        self._node_url = node_url or self.rpc_url
        self.environment |= settings or {}
        self._ports = (rpc_port, *range(api_port, api_port + apis))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    # Life

    def __enter__(self) -> "Stack":
        for port in self._ports:
            require_free(port)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends every process that this stack started, by pid."""
        self._stopping.set()
        with self._lock:
            processes = list(self._processes.values())
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self, name: str) -> None:
        """SIGKILL to a service; the watch starts it again."""
        with self._lock:
            self._processes[name].send_signal(signal.SIGKILL)

    def pid(self, name: str) -> int:
        """Of a service, or of anvil."""
        with self._lock:
            return self._processes[name].pid

    @property
    def deployment(self) -> Deployment:
        return deployment(self.manifest)

    # Starting

    def _start(self) -> None:
        key_file = Path(self.environment["LABELSHARE_OPERATOR_KEY_FILE"])
        key_file.touch(mode=0o600)
        key_file.write_text("0x" + demo_key("operator").hex())
        self._start_anvil()
        self._run("deploy", [str(ROOT / "scripts" / "brownie"), "run", "deploy", "--network", "anvil"])
        self._run("migrate", [sys.executable, "-m", "backend", "migrate"])
        for name in self.services:
            self._serve(name)
        threading.Thread(target=self._watch, daemon=True).start()
        self._wait_for_api()

    def _start_anvil(self) -> None:
        found = sorted((ROOT / ".tools/node_modules/@foundry-rs").glob("anvil-*/bin/anvil"))
        if not found:
            raise StackError("anvil is not installed in this folder. Run: make setup")
        options = ["--port", str(self.rpc_port), "--block-time", "1", "--mixed-mining", "--base-fee", "0", "--silent"]
        # States in memory: anvil loses contracts when it reorganizes from a state that it has put away.
        options += ["--prune-history", "20000"]
        self._spawn("anvil", [str(found[0]), *options])
        rpc, end = Rpc(self.rpc_url), time.monotonic() + 20
        while True:
            try:
                rpc.chain_id()
                rpc.close()
                return
            except RpcUnavailable as error:
                if time.monotonic() > end or self._processes["anvil"].poll() is not None:
                    raise StackError(f"anvil did not start; see {self.folder / 'anvil.log'}") from error
                time.sleep(0.1)

    def _run(self, name: str, command: list[str]) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            code = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, check=False).returncode
        if code or (name == "deploy" and not self.manifest.exists()):
            raise StackError(f"{name} failed; the end of {log}:\n" + log.read_text(errors="replace")[-1500:])

    def _serve(self, name: str) -> None:
        number = int(name.removeprefix("api ") or 1) - 1 if name.startswith("api ") else 0
        port = str(self._ports[1] + number)
        environment = {"LABELSHARE_RPC_URL": self._node_url, "LABELSHARE_PORT": port}
        self._spawn(name, [sys.executable, *self.services[name]], environment)

    def _spawn(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment | (environment or {}),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        with self._lock:
            self._processes[name] = process

    def _watch(self) -> None:
        while not self._stopping.wait(0.3):
            for name in self.services:
                if self._processes[name].poll() is not None and not self._stopping.is_set():
                    self.restarts[name] += 1
                    self._serve(name)

    def _wait_for_api(self) -> None:
        end = time.monotonic() + 150
        while True:
            try:
                if httpx.get(self.api_url + "/v1/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > end:
                raise StackError(f"The API did not start; see the logs in {self.folder}.")
            time.sleep(0.2)
