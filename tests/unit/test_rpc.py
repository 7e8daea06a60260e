"""The JSON-RPC client: whom it asks."""

import httpx
import pytest

from labelshare.chain.rpc import Rpc


@pytest.mark.parametrize("url", ["https://node.test/v3/key", "https://node.test?apikey=key", "http://node.test:8545"])
def test_a_node_is_asked_at_its_url_as_it_stands(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": "0x5"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    assert Rpc(url).chain_id() == 5
    assert asked == [url]
