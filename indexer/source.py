"""The chain, over JSON-RPC: headers and logs of block ranges, checked to belong together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from indexer.reorg import HISTORY, Header, linked
from labelshare.chain import Deployment
from labelshare.chain.decode import Log

BATCH = 100


class SourceError(Exception):
    """The node did not give a usable answer; asking again later may help."""


class WrongChain(Exception):
    """The node follows another chain than the deployment's, or its contracts are not there; the message says what to do."""


class ChainMoved(SourceError):
    """The chain was reorganized while a range was read."""


@dataclass(frozen=True)
class BlockRange:
    """All logs of the blocks first to last, in order, and headers: of every block when near the head, else of those with logs and
    of the first and the last."""

    headers: tuple[Header, ...]
    logs: tuple[Log, ...]

    @property
    def first(self) -> Header:
        return self.headers[0]

    @property
    def last(self) -> Header:
        return self.headers[-1]


class Source:
    """One node. Every method raises SourceError when the node fails."""

    def __init__(self, url: str, addresses: Iterable[str], timeout: float = 20) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout)
        self._addresses = sorted(addresses)
        self._ids = count(1)

    def close(self) -> None:
        self._http.close()

    def check(self, deployment: Deployment) -> None:
        """Raises WrongChain when the node does not have this deployment."""
        chain_id = int(self._call("eth_chainId"), 16)
        if chain_id != deployment.chain_id:
            raise WrongChain(
                f"The node is on chain {chain_id}, the manifest is of chain {deployment.chain_id}. "
                "Set LABELSHARE_RPC_URL to a node of that chain, or LABELSHARE_MANIFEST to another deployment."
            )
        names = list(deployment.contracts)
        codes = self._batch([("eth_getCode", [deployment.contracts[name], "latest"]) for name in names])
        missing = [name for name, code in zip(names, codes, strict=True) if code in ("0x", None)]
        if missing:
            raise WrongChain(
                f"No code on chain {chain_id} at the manifest's {', '.join(missing)}. Deploy (scripts/brownie run deploy), or set "
                "LABELSHARE_MANIFEST to the manifest of what is deployed there."
            )

    def head(self) -> int:
        return int(self._call("eth_blockNumber"), 16)

    def header(self, number: int) -> Header | None:
        """None when the node has no block of this number."""
        block = self._call("eth_getBlockByNumber", hex(number), False)
        return None if block is None else _header(block)

    def block_hash(self, number: int) -> str | None:
        header = self.header(number)
        return header.hash if header else None

    def read(self, first: int, last: int, head: int) -> BlockRange:
        """Blocks first to last of one chain. Raises ChainMoved when it changed meanwhile."""
        tip = self._headers([last])[0]
        logs = self._logs({"blockHash": tip.hash} if first == last else {"fromBlock": hex(first), "toBlock": hex(last)})
        near = last > head - HISTORY
        numbers = set(range(first, last + 1)) if near else {first, last, *(log.block_number for log in logs)}
        headers = self._headers(sorted(numbers))
        hashes = {header.number: header.hash for header in headers}
        stray = any(hashes.get(log.block_number) != log.block_hash for log in logs)
        if stray or headers[-1].hash != tip.hash or not linked(headers):
            raise ChainMoved(f"the chain changed while blocks {first} to {last} were read")
        return BlockRange(tuple(headers), tuple(logs))

    def _headers(self, numbers: Sequence[int]) -> list[Header]:
        blocks = self._batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        if None in blocks:
            raise ChainMoved(f"block {numbers[blocks.index(None)]} is not there any more")
        return [_header(block) for block in blocks]

    def _logs(self, where: dict[str, str]) -> list[Log]:
        logs = [_log(log) for log in self._call("eth_getLogs", {**where, "address": self._addresses})]
        return sorted(logs, key=lambda log: (log.block_number, log.log_index))

    def _call(self, method: str, *parameters: Any) -> Any:
        return self._batch([(method, list(parameters))])[0]

    def _batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        return [result for i in range(0, len(calls), BATCH) for result in self._post(calls[i : i + BATCH])]

    def _post(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        requests = [{"jsonrpc": "2.0", "id": next(self._ids), "method": m, "params": p} for m, p in calls]
        try:
            response = self._http.post("", json=requests)
            response.raise_for_status()
            answers = {answer["id"]: answer for answer in response.json()}
            return [_result(answers[request["id"]], str(request["method"])) for request in requests]
        except httpx.HTTPError as error:
            raise SourceError(f"the node does not answer: {type(error).__name__}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"the node answered {calls[0][0]} with something that is no JSON-RPC batch") from error


def _result(answer: dict[str, Any], method: str) -> Any:
    if "error" in answer:
        raise SourceError(f"the node refused {method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]


def _header(block: dict[str, Any]) -> Header:
    return Header(int(block["number"], 16), block["hash"].lower(), block["parentHash"].lower(), int(block["timestamp"], 16))


def _log(log: dict[str, Any]) -> Log:
    return Log(
        address=log["address"].lower(),
        topics=tuple(topic.lower() for topic in log["topics"]),
        data=log["data"].lower(),
        block_number=int(log["blockNumber"], 16),
        block_hash=log["blockHash"].lower(),
        transaction_hash=log["transactionHash"].lower(),
        log_index=int(log["logIndex"], 16),
    )
