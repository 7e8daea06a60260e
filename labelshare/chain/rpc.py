"""A small JSON-RPC client: what relaying, verifying and waiting need of a node, with errors that say what happened."""

from typing import Any

import httpx


class RpcError(RuntimeError):
    """The node refused a call. `data`: revert data in 0x hex, if any."""

    def __init__(self, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.data = data


class RpcUnavailable(ConnectionError):
    """The node cannot be reached, or answered with no JSON-RPC. Worth another try."""


class Rpc:
    """One node."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        # Not as base_url: httpx would end it with a slash, also after a key in its query.
        self._url = url
        self._client = httpx.Client(timeout=timeout)
        self._id = 0

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def call(self, method: str, *parameters: Any) -> Any:
        """The result. Raises RpcError, RpcUnavailable."""
        self._id += 1
        try:
            request = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(parameters)}
            answer = self._client.post(self._url, json=request).json()
        except (httpx.HTTPError, ValueError) as error:
            raise RpcUnavailable(f"No answer from the node to {method}: {type(error).__name__}. Is it running?") from error
        if "error" in answer:
            data = answer["error"].get("data")
            raise RpcError(str(answer["error"].get("message")), data if isinstance(data, str) else None)
        return answer["result"]

    def integer(self, method: str, *parameters: Any) -> int:
        return int(self.call(method, *parameters), 16)

    def chain_id(self) -> int:
        return self.integer("eth_chainId")

    def block(self, tag: str = "latest") -> dict[str, Any]:
        result: dict[str, Any] = self.call("eth_getBlockByNumber", tag, False)
        return result
