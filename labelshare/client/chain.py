"""The chain as the SDK needs it: reads, transactions of a wallet, and the events that prove things."""

import time
from collections.abc import Iterator
from typing import Any, TypeVar

from eth_abi.abi import decode as abi_decode

from labelshare.chain import Deployment, abi
from labelshare.chain.calls import call_data, error_name
from labelshare.chain.decode import Log, decode
from labelshare.chain.events import Event, LabelRegistryOpenResolved, LabelRegistrySubmissionAccepted
from labelshare.chain.naming import canonical_type
from labelshare.chain.rpc import Rpc, RpcError
from labelshare.client.wallet import Wallet

E = TypeVar("E", bound=Event)
RANGE = 5_000  # blocks a request
TIP = 10**9  # wei
OPEN_PATH = 2  # the admission of a submission that anybody may relay


class TransactionFailed(RuntimeError):
    """A transaction would fail, or failed; the message names the contract's error."""


class Chain:
    """One deployment behind one node."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self.rpc = rpc
        self.deployment = deployment

    def address(self, contract: str) -> str:
        return self.deployment.address(contract)

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        """The result of a view function; a tuple when it returns several values."""
        data = call_data(contract, function, arguments)
        raw = self.rpc.call("eth_call", {"to": self.address(contract), "data": "0x" + data.hex()}, "latest")
        outputs = next(i["outputs"] for i in abi(contract) if i["type"] == "function" and i["name"] == function)
        values = abi_decode([canonical_type(o) for o in outputs], bytes.fromhex(raw[2:]))
        return values[0] if len(values) == 1 else values

    def has_code(self, account: str) -> bool:
        """Whether the account is a contract, or a key's that delegates to one."""
        return self.rpc.call("eth_getCode", account, "latest") not in ("0x", None)

    def send(self, wallet: Wallet, contract: str, function: str, *arguments: Any, seconds: float = 120.0) -> dict[str, Any]:
        """Sends a transaction of the wallet and waits for its receipt. Raises TransactionFailed."""
        to, data = self.address(contract), call_data(contract, function, arguments)
        what = f"{contract}.{function}"
        try:
            call = {"from": wallet.address, "to": to, "data": "0x" + data.hex()}
            gas = self.rpc.integer("eth_estimateGas", call) * 13 // 10
            base_fee = int(self.rpc.block().get("baseFeePerGas", "0x0"), 16)
            raw = wallet.sign_transaction(
                {
                    "type": 2,
                    "chainId": self.deployment.chain_id,
                    "nonce": self.rpc.integer("eth_getTransactionCount", wallet.address, "pending"),
                    "to": bytes.fromhex(to[2:]),
                    "value": 0,
                    "data": data,
                    "gas": gas,
                    "maxFeePerGas": 2 * base_fee + TIP,
                    "maxPriorityFeePerGas": TIP,
                }
            )
            tx_hash = self.rpc.call("eth_sendRawTransaction", raw)
        except RpcError as error:
            reason = error_name(bytes.fromhex(error.data[2:])) if error.data and len(error.data) >= 10 else str(error)
            raise TransactionFailed(f"{what} would fail: {reason}") from error
        receipt = self._receipt(tx_hash, seconds)
        if receipt is None or int(receipt["status"], 16) != 1:
            raise TransactionFailed(f"{what} {'was not mined in time' if receipt is None else 'reverted'}: transaction {tx_hash}")
        return receipt

    def events(self, kind: type[E], *topics: str | None, since: int = 0) -> Iterator[tuple[Log, E]]:
        """Every event of a kind since the deployment, or block `since`, oldest first; `topics` are the indexed arguments to match,
        None for any."""
        first, last = max(self.deployment.block, since), self.rpc.integer("eth_blockNumber")
        for start in range(first, last + 1, RANGE):
            query = {
                "address": self.address(kind.CONTRACT),
                "topics": [kind.TOPIC, *topics],
                "fromBlock": hex(start),
                "toBlock": hex(min(start + RANGE - 1, last)),
            }
            for raw in self.rpc.call("eth_getLogs", query):
                log = to_log(raw)
                event = decode(kind.CONTRACT, log)
                if isinstance(event, kind):
                    yield log, event

    def submissions(self, round_id: int) -> list[LabelRegistrySubmissionAccepted]:
        """The submissions of a round that the LabelRegistry accepted, in the order in which it did."""
        return [event for _, event in self.events(LabelRegistrySubmissionAccepted, topic(round_id))]

    def counted_submissions(self, round_id: int) -> list[LabelRegistrySubmissionAccepted]:
        """The submissions of a round that count: without the open ones that no majority of the panel attested."""
        resolved = self.events(LabelRegistryOpenResolved, topic(round_id))
        counted = {event.contributor for _, event in resolved if event.counted}
        return [s for s in self.submissions(round_id) if s.admission != OPEN_PATH or s.contributor in counted]

    def _receipt(self, tx_hash: str, seconds: float) -> dict[str, Any] | None:
        end, pause = time.monotonic() + seconds, 0.02
        while time.monotonic() < end:
            receipt: dict[str, Any] | None = self.rpc.call("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(pause)
            pause = min(1.0, pause * 2)
        return None


def topic(value: int) -> str:
    """An indexed integer as a log's topic."""
    return f"0x{value:064x}"


def to_log(raw: dict[str, Any]) -> Log:
    """A log as JSON-RPC gives it."""
    return Log(
        address=raw["address"].lower(),
        topics=tuple(t.lower() for t in raw["topics"]),
        data=raw["data"].lower(),
        block_number=int(raw["blockNumber"], 16),
        block_hash=raw["blockHash"].lower(),
        transaction_hash=raw["transactionHash"].lower(),
        log_index=int(raw["logIndex"], 16),
    )
