"""What every part of the relayer needs, and how it hands bytes to the node."""

import logging
from dataclasses import dataclass, field

from backend.models import SignedVersion
from backend.relay.calls import Call
from backend.relay.fees import Fees
from backend.relay.node_errors import Answer, understand
from backend.relay.signer import Signer
from backend.relay.skips import skips_of
from backend.relay.steps import Steps
from backend.relay.store import Mined, Signed, Store
from labelshare.chain import Deployment
from labelshare.chain.rpc import Rpc, RpcError

FINALITY = 64  # blocks, where a node does not say what is finalized

log = logging.getLogger("labelshare.relay")


@dataclass
class Desk:
    """One key on one chain. `fee_cap`: wei a unit of gas at most. `trouble`: the node's answers of this step that say what to wait
    for; `underpriced`: nonces whose newest version it found too cheap."""

    rpc: Rpc
    deployment: Deployment
    signer: Signer
    store: Store
    fee_cap: int
    steps: Steps
    trouble: Answer | None = None
    underpriced: set[int] = field(default_factory=set)

    def sign(self, nonce: int, call: Call, gas: int, fees: Fees, block: int) -> Signed:
        raw, tx_hash = self.signer.sign_transaction(
            {
                "type": 2,
                "chainId": self.deployment.chain_id,
                "nonce": nonce,
                "to": bytes.fromhex(call.target[2:]),
                "value": 0,
                "data": call.data,
                "gas": gas,
                "maxFeePerGas": fees.most,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        return Signed(raw, tx_hash, fees, block)

    def broadcast(self, nonce: int, version: SignedVersion | Signed) -> None:
        """Hands stored bytes to the node. Its refusals are noted, not believed. Raises RpcUnavailable."""
        try:
            self.rpc.call("eth_sendRawTransaction", version.raw)
        except RpcError as error:
            answer = understand(str(error))
            log.info("nonce %d, %s: the node says %s (%s)", nonce, version.hash, error, answer.name)
            if answer is Answer.UNDERPRICED:
                self.underpriced.add(nonce)
            elif answer in (Answer.NO_FUNDS, Answer.BUSY, Answer.REFUSED, Answer.UNKNOWN):
                self.trouble = answer

    def receipt(self, tx_hash: str) -> Mined | None:
        """The receipt of one version. Raises RpcUnavailable, RpcError."""
        found = self.rpc.call("eth_getTransactionReceipt", tx_hash)
        if found is None or found.get("blockNumber") is None:
            return None
        succeeded = int(found["status"], 16) == 1
        skips = skips_of(self.deployment, found["logs"])
        return Mined(tx_hash, int(found["blockNumber"], 16), found["blockHash"], succeeded, skips)

    def nonce_at(self, block: str) -> int | None:
        """The sender's next nonce as of a block; None when the node does not have that state any more."""
        try:
            return self.rpc.integer("eth_getTransactionCount", self.signer.address, block)
        except RpcError:
            return None

    def finalized(self, head: int) -> int:
        """The number of the last block that no reorganization can drop."""
        try:
            block = self.rpc.block("finalized")
            return int(block["number"], 16) if block else 0
        except RpcError:
            return max(0, head - FINALITY)

    def canonical_hash(self, number: int) -> str | None:
        block = self.rpc.block(hex(number))
        return str(block["hash"]) if block else None
