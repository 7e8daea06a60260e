"""What the gas bench needs of a chain: one that gives the same figures every time, and a meter for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from brownie import chain, web3
from coincurve import PrivateKey
from eth_utils import keccak
from eth_utils.address import to_checksum_address
from web3.exceptions import TransactionNotFound

from tests.contracts.flow import Wallet


def freeze_time() -> None:
    """A block is a second after the one before, and Brownie's clock is the chain's: signatures, seeds and draws repeat exactly."""
    request("anvil_setBlockTimestampInterval", 1)
    request("anvil_autoImpersonateAccount", True)
    _await_receipts()
    chain.time = lambda: int(web3.eth.get_block("latest")["timestamp"])
    chain.sleep = lambda seconds: request("evm_setNextBlockTimestamp", chain.time() + seconds)


def _await_receipts() -> None:
    """Brownie takes a transaction for dropped when anvil shows its receipt a moment late (tests/contracts/conftest.py)."""
    known = web3.eth.get_transaction_receipt

    def lookup(tx_hash: Any) -> Any:
        for _ in range(500):
            try:
                return known(tx_hash)
            except TransactionNotFound:
                web3.eth.get_block_number()
        return known(tx_hash)

    web3.eth.get_transaction_receipt = lookup


def request(method: str, *arguments: Any) -> Any:
    answer = web3.provider.make_request(method, list(arguments))
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]


@dataclass
class Measured:
    """Gas of a step, how many transactions it took, and the largest of them."""

    gas: int = 0
    transactions: int = 0
    largest: int = 0


@contextmanager
def metered() -> Iterator[Measured]:
    """The gas of all blocks mined inside. Anvil mines each transaction into a block of its own."""
    measured = Measured()
    first = web3.eth.block_number + 1
    yield measured
    for number in range(first, web3.eth.block_number + 1):
        block = web3.eth.get_block(number)
        measured.gas += block["gasUsed"]
        measured.largest = max(measured.largest, block["gasUsed"])
        measured.transactions += len(block["transactions"])


def stranger(name: str) -> Wallet:
    """A key pair without ether: it signs, others relay. The same for the same name."""
    key = keccak(text=f"labelshare gas {name}")
    public = PrivateKey(key).public_key.format(compressed=False)[1:]
    return Wallet(key, to_checksum_address(keccak(public)[12:]).lower(), None)


def send_as(sender: str, call: Any, *arguments: Any, must_succeed: bool = True) -> int:
    """A transaction from any address at all, without its key and without ether; its gas."""
    tx = _transaction(sender, call, arguments)
    receipt = web3.eth.get_transaction_receipt(request("eth_sendTransaction", tx))
    if must_succeed and receipt["status"] != 1:
        raise RuntimeError(f"{call._name} reverted: {request('eth_call', tx, hex(receipt['blockNumber'] - 1))}")
    return int(receipt["gasUsed"])


def send_all(sends: list[tuple[Any, ...]]) -> None:
    """Many transactions, (sender, call, arguments …) each, a hundred to a block: for the thousands of accounts of a large state."""
    for first in range(0, len(sends), 100):
        part = [_transaction(sender, call, arguments, 290_000) for sender, call, *arguments in sends[first : first + 100]]
        request("evm_setAutomine", False)
        hashes = _request_all("eth_sendTransaction", part)
        request("evm_mine")
        request("evm_setAutomine", True)
        failed = [r["transactionHash"] for r in _request_all("eth_getTransactionReceipt", hashes) if r["status"] != "0x1"]
        if failed:
            raise RuntimeError(f"reverted: {failed}")


def _transaction(sender: str, call: Any, arguments: Any, gas: int = 29_000_000) -> dict[str, Any]:
    data = call.encode_input(*arguments)
    return {"from": to_checksum_address(str(sender)), "to": call._address, "data": data, "gas": hex(gas), "gasPrice": "0x0"}


def _request_all(method: str, arguments: list[Any]) -> list[Any]:
    calls = [{"jsonrpc": "2.0", "id": i, "method": method, "params": [argument]} for i, argument in enumerate(arguments)]
    answers = sorted(httpx.post(web3.provider.endpoint_uri, json=calls, timeout=60).json(), key=lambda answer: answer["id"])
    return [answer["result"] for answer in answers]
