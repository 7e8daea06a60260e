"""A buyer: one prompt for a license, then the download."""

import time
from pathlib import Path

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet

PERMIT = keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
PERMIT_SECONDS = 600
FINAL_SECONDS = 1_800.0  # Ethereum finalizes within 13 to 20 minutes
MIRROR_SECONDS = 120.0


class Buyer:
    """A buyer with a wallet that has gas and LBL."""

    def __init__(self, chain: Chain, wallet: Wallet) -> None:
        self.chain = chain
        self.wallet = wallet

    def price(self, dataset: int) -> int:
        """The license price now, base units."""
        return int(self.chain.read("DatasetMarket", "priceOf", dataset))

    def is_licensed(self, dataset: int) -> bool:
        """Whether this wallet holds a live license."""
        return bool(self.chain.read("DatasetMarket", "isLicensed", dataset, self.wallet.address))

    def buy(self, dataset: int, licensee: str | None = None, max_price: int | None = None) -> int:
        """Buys a license for `licensee` (this wallet unless given) with a permit in the same transaction; the price paid."""
        price = self.price(dataset)
        most = price if max_price is None else max_price
        deadline = int(time.time()) + PERMIT_SECONDS
        signature = self._permit(most, deadline)
        v, r, s = signature[64], "0x" + signature[:32].hex(), "0x" + signature[32:64].hex()
        arguments = (dataset, licensee or self.wallet.address, most, deadline, v, r, s)
        self.chain.send(self.wallet, "DatasetMarket", "buyWithPermit", *arguments)
        return price

    def download(self, api: Api, dataset: int, path: Path, seconds: float = FINAL_SECONDS) -> None:
        """Writes the dataset file as it comes, whole or not at all, once the block of the sale is mirrored and final. `seconds`:
        how long to wait for that; a chain may take a quarter of an hour. Raises ApiError or TimedOut."""
        api.expect(self.chain.deployment)
        began = time.monotonic()

        def fetched() -> bool | None:
            try:
                api.save(f"/datasets/{dataset}/download", path, self.wallet.access(api, "download", dataset))
            except ApiError as error:
                unseen = error.code == "no_license" and time.monotonic() - began < MIRROR_SECONDS
                if not unseen and error.code != "license_not_final":
                    raise
                return None
            return True

        wait_for("the license to be mirrored and final", fetched, seconds)

    def _permit(self, value: int, deadline: int) -> bytes:
        """An EIP-2612 permit of the token for the DatasetMarket; the token's own domain tells its digest."""
        separator = bytes(self.chain.read("LabelToken", "DOMAIN_SEPARATOR"))
        nonce = self.chain.read("LabelToken", "nonces", self.wallet.address)
        spender = self.chain.address("DatasetMarket")
        types = ("bytes32", "address", "address", "uint256", "uint256", "uint256")
        struct = keccak(encode(types, (PERMIT, self.wallet.address, spender, value, nonce, deadline)))
        return self.wallet.sign_digest(keccak(b"\x19\x01" + separator + struct))
