"""Money out: bonds that are free again, and the Ledger account; with gas of one's own, or by a signature that anyone relays."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712

SCHEMA = "labelshare-withdrawal-1"
SECONDS = 7 * 24 * 3600


class WithdrawalError(ValueError):
    """There is nothing to withdraw, or a file is no signed withdrawal of this chain; the message says why."""


def balance(chain: Chain, address: str) -> int:
    """What a wallet's Ledger account holds, base units."""
    return int(chain.read("Ledger", "balanceOf", chain.read("Ledger", "accountOf", address)))


def release_bonds(chain: Chain, sender: Wallet, dataset: int, contributor: str) -> int:
    """Sends bonds of a dataset that cover no pending label back to their contributor's Ledger account, by anyone (a transaction of
    `sender`); how many base units came."""
    before = balance(chain, contributor)
    chain.send(sender, "Settlement", "releaseBonds", dataset, [contributor])
    return balance(chain, contributor) - before


def withdraw(chain: Chain, wallet: Wallet, to: str, amount: int | None) -> int:
    """Sends LBL from the wallet's Ledger account to `to`: `amount` base units, all when None (a transaction); how many.

    Raises WithdrawalError.
    """
    amount = _amount(chain, wallet, amount, 0)
    chain.send(wallet, "Ledger", "withdraw", to, amount)
    return amount


def sign_withdrawal(chain: Chain, wallet: Wallet, to: str, amount: int | None, fee: int) -> dict[str, Any]:
    """A withdrawal that anyone may relay within a week, for `fee` base units of the account. Raises WithdrawalError."""
    amount = _amount(chain, wallet, amount, fee)
    nonce = int(chain.read("Ledger", "withdrawalNonces", wallet.address))
    message = eip712.Withdrawal(wallet.address, to.lower(), amount, fee, nonce, int(time.time()) + SECONDS)
    signature = wallet.sign(message, eip712.Domain(chain.deployment.chain_id, chain.address("Ledger")))
    fields = {name: str(value) if isinstance(value, int) else value for name, value in asdict(message).items()}
    place = {"chain_id": chain.deployment.chain_id, "ledger": chain.address("Ledger")}
    return {"schema": SCHEMA, **place, **fields, "signature": signature}


def relay_withdrawal(chain: Chain, relayer: Wallet, file: Path) -> int:
    """Sends a signed withdrawal (a transaction of the relayer); the fee that it earns, base units. Raises WithdrawalError."""
    try:
        body = json.loads(file.read_text())
        fields = [body[name] for name in ("owner", "to", "amount", "fee", "nonce", "deadline", "signature")]
        place = body["schema"], body["chain_id"], body["ledger"]
        fee = int(body["fee"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WithdrawalError(f"{file} is no signed withdrawal: {type(error).__name__}: {error}.") from error
    if place != (SCHEMA, chain.deployment.chain_id, chain.address("Ledger")):
        raise WithdrawalError(f"{file} is for chain {place[1]}, Ledger {place[2]}; this node and manifest are of others.")
    chain.send(relayer, "Ledger", "withdrawBySig", fields)
    return fee


def _amount(chain: Chain, wallet: Wallet, amount: int | None, fee: int) -> int:
    held = balance(chain, wallet.address)
    wanted = held - fee if amount is None else amount
    if wanted <= 0 or wanted + fee > held:
        asked = f"{max(wanted, 0)} are asked for" + (f", and {fee} as the relayer's fee" if fee else "")
        raise WithdrawalError(f"The Ledger account of {wallet.address} holds {held} base units; {asked}.")
    return wanted
