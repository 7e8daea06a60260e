"""Brings planned contracts on chain, one transaction a nonce.

A contract's address follows from its nonce alone, so sending again with the same nonce can never deploy twice: whatever was sent
before, at most one transaction of a nonce is mined. That is what resuming and raising fees rest on.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labelshare.chain.bytecode import runtime_code
from labelshare.chain.rpc import Rpc, RpcError, RpcUnavailable
from scripts.deploy_plan import Creation, DeploymentError

GWEI = 10**9
ETHER = 10**18
RAISE = 125  # percent: pools replace a transaction for a tenth or an eighth more
GAS_MARGIN = 115  # percent of the estimate


@dataclass(frozen=True)
class Fees:
    """In wei a gas. `tip` is None on a chain without EIP-1559: then `most` is the gas price."""

    base: int
    most: int
    tip: int | None

    @property
    def expected(self) -> int:
        return self.most if self.tip is None else min(self.most, self.base + self.tip)

    def raised(self) -> "Fees":
        return Fees(self.base, self.most * RAISE // 100 + 1, None if self.tip is None else self.tip * RAISE // 100 + 1)

    def at_least(self, other: "Fees") -> "Fees":
        tip = None if self.tip is None or other.tip is None else max(self.tip, other.tip)
        return Fees(self.base, max(self.most, other.most), tip)

    def fields(self) -> dict[str, int]:
        return {"gasPrice": self.most} if self.tip is None else {"maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


@dataclass(frozen=True)
class Patience:
    """Looks, `pause` seconds apart: at a transaction before its fees are raised; at the chain before missing code is believed."""

    pause: float = 0.5
    looks: int = 180
    raises: int = 6
    lag: int = 20


class Sender:
    """Sends from one account. `sign` gives the raw transaction; None: the node holds the key."""

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        address: str,
        sign: Callable[[dict[str, Any]], bytes] | None,
        patience: Patience,
        max_fee: int | None = None,
        say: Callable[[str], None] = print,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rpc, self.chain_id, self.address, self.sign = rpc, chain_id, address, sign
        self.patience, self.max_fee, self.say, self._pause = patience, max_fee, say, pause

    # What the chain says

    def has_code(self, address: str) -> bool:
        return len(str(self.rpc.call("eth_getCode", address, "latest"))) > 2

    def nonce(self, block: str = "latest") -> int:
        return self.rpc.integer("eth_getTransactionCount", self.address, block)

    def balance(self) -> int:
        return self.rpc.integer("eth_getBalance", self.address, "latest")

    def fees(self) -> Fees:
        """Room for the base fee to double, within LABELSHARE_MAX_FEE_GWEI. Raises DeploymentError when nothing fits in that."""
        base = self.rpc.block().get("baseFeePerGas")
        if base is None:
            price = self.rpc.integer("eth_gasPrice")
            return self._capped(Fees(0, price, None))
        tip = self.rpc.integer("eth_maxPriorityFeePerGas")
        return self._capped(Fees(int(base, 16), 2 * int(base, 16) + tip, tip))

    def _capped(self, fees: Fees) -> Fees:
        if self.max_fee is None or fees.most <= self.max_fee:
            return fees
        if fees.base > self.max_fee or fees.tip is None:
            raise DeploymentError(
                f"Gas costs {max(fees.base, fees.expected) / GWEI:g} gwei now, more than LABELSHARE_MAX_FEE_GWEI allows. Wait, "
                "or raise it."
            )
        return Fees(fees.base, self.max_fee, min(fees.tip, self.max_fee))

    def gas(self, creations: list[Creation]) -> dict[str, int]:
        """What each creation may use at most, margin included, by name. Raises DeploymentError when one would fail."""
        limits: dict[str, int] = {}
        overrides: dict[str, Any] = {}
        for creation in creations:
            call = {"from": self.address, "data": "0x" + creation.code.hex()}
            try:
                # A constructor may call a contract planned before it, which is not there yet.
                limits[creation.name] = self.rpc.integer("eth_estimateGas", call) * GAS_MARGIN // 100
            except RpcError:
                limits[creation.name] = self._gas_after(call, creations[: len(limits)], overrides, creation)
        return limits

    def _gas_after(self, call: dict[str, Any], earlier: list[Creation], overrides: dict[str, Any], planned: Creation) -> int:
        try:
            for before in earlier[len(overrides) :]:
                code = runtime_code(self.rpc, before.address, before.code, overrides)
                overrides[before.address] = {"code": "0x" + code.hex()}
            state = {**overrides, self.address: {"nonce": hex(planned.nonce)}}
            return self.rpc.integer("eth_estimateGas", call, "latest", state) * GAS_MARGIN // 100
        except RpcError as error:
            raise DeploymentError(
                f"The node says that creating {planned.name} would fail: {error}. Nothing was sent for it."
            ) from None

    # What is done to it

    def create(self, creation: Creation) -> None:
        """Returns when the contract is on chain. Raises DeploymentError."""
        if self.has_code(creation.address):
            return
        limit = 0
        fees: Fees | None = None
        hashes: list[str] = []
        for attempt in range(self.patience.raises + 1):
            in_pool = attempt == 0 and self.nonce("pending") > creation.nonce
            if in_pool and self.nonce() <= creation.nonce:
                self.say(f"{creation.name}: a transaction with nonce {creation.nonce} is in the pool already; waiting for it.")
            if self.nonce() <= creation.nonce and not in_pool:
                limit = limit or self.gas([creation])[creation.name]
                fees = self.fees() if fees is None else self._capped(self.fees().at_least(fees.raised()))
                fees = self._send(creation, limit, fees, hashes)
            if self._left_the_pool(creation):
                self._require_code(creation, hashes)
                return
        raise DeploymentError(
            f"The transaction for {creation.name} (nonce {creation.nonce} of {self.address}) is not mined after its fee was raised "
            f"{self.patience.raises} times{' within LABELSHARE_MAX_FEE_GWEI' if self.max_fee else ''}. Run the same command "
            "again to go on waiting; with a higher LABELSHARE_MAX_FEE_GWEI if one is set. Nothing is deployed twice."
        )

    def _send(self, creation: Creation, limit: int, fees: Fees, hashes: list[str]) -> Fees:
        """Sends, for more when the pool holds a transaction of this nonce at a higher fee; the fees that went out."""
        while True:
            transaction = {
                "chainId": self.chain_id,
                "from": self.address,
                "nonce": creation.nonce,
                "gas": limit,
                "data": "0x" + creation.code.hex(),
                "value": 0,
                **fees.fields(),
            }
            try:
                hashes.append(self._hand_over(transaction))
                self.say(f"{creation.name}: sent {hashes[-1]} (nonce {creation.nonce}, at most {fees.most / GWEI:g} gwei a gas)")
            except RpcUnavailable:
                self.say(f"{creation.name}: the node did not answer; looking whether it took the transaction.")
            except RpcError as error:
                message = str(error).lower()
                if "underpriced" in message:
                    higher = self._capped(fees.raised())
                    if higher != fees:
                        fees = higher
                        continue
                elif "insufficient funds" in message:
                    raise DeploymentError(
                        f"{self.address} has too little left for {creation.name}. Send ether there and run again."
                    ) from None
                elif not any(
                    known in message for known in ("nonce too low", "already known", "already imported", "known transaction")
                ):
                    raise DeploymentError(f"The node refused the transaction for {creation.name}: {error}") from None
            return fees

    def _hand_over(self, transaction: dict[str, Any]) -> str:
        if self.sign is not None:
            unsigned = {key: value for key, value in transaction.items() if key != "from"}
            return str(self.rpc.call("eth_sendRawTransaction", "0x" + self.sign(unsigned).hex()))
        return str(self.rpc.call("eth_sendTransaction", {k: hex(v) if isinstance(v, int) else v for k, v in transaction.items()}))

    def _left_the_pool(self, creation: Creation) -> bool:
        for _ in range(self.patience.looks):
            try:
                if self.nonce() > creation.nonce:
                    return True
            except RpcUnavailable:
                self.say("The node does not answer; waiting.")
            self._pause(self.patience.pause)
        return False

    def _require_code(self, creation: Creation, hashes: list[str]) -> None:
        for _ in range(self.patience.lag):
            if self.has_code(creation.address):
                return
            self._pause(self.patience.pause)
        for sent in hashes:
            receipt = self.rpc.call("eth_getTransactionReceipt", sent)
            if receipt is not None and int(receipt["status"], 16) == 0:
                raise DeploymentError(
                    f"Creating {creation.name} failed on chain ({sent}), so its planned address can hold no contract any more. "
                    "Move the manifest of this chain away and deploy anew."
                )
        raise DeploymentError(
            f"{creation.name} was planned at {creation.address}, for nonce {creation.nonce} of {self.address}, but that nonce "
            "was used for something else. Move the manifest of this chain away and deploy anew, with an account used for "
            "nothing else."
        )
