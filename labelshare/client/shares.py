"""A shareholder: transfer shares, claim revenue, withdraw LBL, by transactions of the holder's wallet (anyone's for claims)."""

from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet


def balance(chain: Chain, dataset: int, holder: str) -> int:
    """Shares held."""
    return int(chain.read("DatasetShares", "balanceOf", holder, dataset))


def transfer(chain: Chain, wallet: Wallet, dataset: int, to: str, shares: int) -> None:
    """Hands shares on; revenue up to now is paid to the sender first."""
    chain.send(wallet, "DatasetShares", "safeTransferFrom", wallet.address, to, dataset, shares, "0x")


def claim(chain: Chain, wallet: Wallet, dataset: int, holder: str) -> None:
    """Pays a holder's revenue to their Ledger account; anyone may do it for anyone."""
    chain.send(wallet, "DatasetShares", "claim", dataset, holder)


def withdraw(chain: Chain, wallet: Wallet, amount: int, to: str | None = None) -> None:
    """Takes LBL base units out of the wallet's Ledger account."""
    chain.send(wallet, "Ledger", "withdraw", to or wallet.address, amount)
