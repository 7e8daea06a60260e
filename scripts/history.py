"""What a contract said at a block, exactly, on anvil.

Under its newest block's number anvil shows the state of the block that it is mining at that moment (60 of 100 reads under load were
ahead of their block); once there is a newer block, a number means what it says.
"""

from typing import Any

from labelshare.chain.calls import call_data
from labelshare.chain.rpc import Rpc


def read_at(rpc: Rpc, address: str, contract: str, function: str, arguments: list[Any], block: int) -> int:
    """The number that a view returned at `block`; mines a block if that one is the newest. Raises RpcError, RpcUnavailable."""
    if rpc.integer("eth_blockNumber") <= block:
        rpc.call("evm_mine")
    data = "0x" + call_data(contract, function, arguments).hex()
    return rpc.integer("eth_call", {"to": address, "data": data}, hex(block))
