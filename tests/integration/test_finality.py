"""What was paid unlocks something only when no reorganization can take the payment back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.__main__ import migrate
from backend.app import create_app
from backend.settings import Settings as BackendSettings
from indexer.database import open_database
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source
from indexer.store import Store
from labelshare.chain import deployment
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from scripts.bench.indexer_load import Load
from tests.integration.anvil import LBL, Anvil, Protocol
from tests.integration.api import OPERATOR_KEY, Client

PORTS = range(19_200, 19_210)
FINALITY = 3
LICENSEE = Wallet(b"\x21" * 32)


class Market:
    """A dataset with shares on a real chain, its mirror, and the API that gives the dataset to licensees."""

    def __init__(self, folder: Path, url: str) -> None:
        self.anvil = Anvil(PORTS)
        self.protocol = Protocol(self.anvil)
        self._sell()
        manifest = folder / "deployment.json"
        manifest.write_text(json.dumps(self.protocol.manifest()))
        (folder / "operator.key").write_text(OPERATOR_KEY.hex())
        migrate(url)
        deployed, node = deployment(manifest), self.anvil.url
        self.engine, self.source = open_database(url), Source(node, deployed.contracts.values(), finality=FINALITY)
        settings = Settings(node, url, manifest, finality=FINALITY)
        self.runner = Runner(self.source, Store(self.engine, deployed), deployed, settings)
        self.app = create_app(BackendSettings(node, url, manifest, folder / "operator.key", None))
        self.client = Client(self.app)

    def close(self) -> None:
        self.source.close()
        self.engine.dispose()
        self.app.state.backend.database.engine.dispose()
        self.anvil.stop()

    def _sell(self) -> None:
        load, p = Load(self.protocol), self.protocol
        p.send("DatasetRegistry", "create", load.terms(), sender=load.operator)
        settlement = p.addresses["Settlement"]
        self.anvil.rpc("anvil_impersonateAccount", settlement)
        self.anvil.rpc("anvil_setBalance", settlement, hex(10**20))
        p.send("DatasetShares", "finalizeRound", 1, 1, 100, sender=settlement)
        p.send("DatasetShares", "mint", 1, 1, [(p.accounts[5], 100)], sender=settlement)
        p.send("LabelToken", "transfer", load.buyer, 1_000 * LBL, sender=p.treasury)
        p.send("LabelToken", "approve", p.addresses["DatasetMarket"], 2**255, sender=load.buyer)
        self.buyer = load.buyer

    def buy(self) -> int:
        """The block of the sale."""
        licensee = self.protocol.web3.to_checksum_address(LICENSEE.address)
        return int(self.protocol.send("DatasetMarket", "buy", 1, licensee, 2**90, sender=self.buyer)["blockNumber"])

    def mirror(self) -> None:
        while self.runner.step():
            pass

    def download(self) -> Any:
        message = eip712.Access(LICENSEE.address, "download", 1, int(time.time()) + 600)
        domain = eip712.Domain(self.protocol.web3.eth.chain_id, self.protocol.addresses["LabelRegistry"].lower())
        headers = {
            "X-Labelshare-Account": LICENSEE.address,
            "X-Labelshare-Deadline": str(message.deadline),
            "X-Labelshare-Signature": LICENSEE.sign(message, domain),
        }
        return self.client.get("/v1/datasets/1/download", headers=headers)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    market = Market(tmp_path, f"sqlite:///{tmp_path}/app.db")
    yield market
    market.close()


def test_a_sale_that_a_reorganization_takes_back_never_unlocked_a_download(market: Market) -> None:
    block = market.buy()
    for blocks in range(FINALITY):
        market.mirror()
        refused = market.download()
        assert (refused.status_code, refused.json()["code"]) == (409, "license_not_final")
        assert (refused.json()["block"], refused.json()["finalized_block"]) == (block, block + blocks - FINALITY)
        if blocks < FINALITY - 1:
            market.anvil.rpc("anvil_mine", "0x1")
    market.anvil.rpc("anvil_reorg", FINALITY, [])
    market.mirror()
    assert (market.download().status_code, market.download().json()["code"]) == (403, "no_license")
    assert market.buy() > block
    market.anvil.rpc("anvil_mine", hex(FINALITY))
    market.mirror()
    assert market.download().status_code == 200
