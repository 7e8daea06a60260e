"""Commands for money out: `labelshare withdraw` and `labelshare relay-withdrawal`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from labelshare import options
from labelshare.client import withdraw as client
from labelshare.client.wallet import Wallet
from labelshare.options import LBL, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import console

MOST = 10**9 * LBL  # all LBL there is


def withdraw(
    rpc_url: RpcOption,
    key_file: KeyOption,
    to: Annotated[str, typer.Option(help="wallet that gets the LBL; else your own")] = "",
    amount: Annotated[str, typer.Option(help="LBL, or `all`")] = "all",
    release: Annotated[
        list[int] | None, typer.Option("--release", help="dataset whose free bonds to get back first; as often as needed")
    ] = None,
    signed: Annotated[Path | None, typer.Option(help="no transaction: write a signed withdrawal here, for anyone to relay")] = None,
    fee: Annotated[str, typer.Option(help="with --signed: LBL for whoever relays it")] = "0",
    manifest: ManifestOption = None,
) -> None:
    """Take LBL out of your Ledger account. Costs gas, or, with --signed, a fee in LBL for whoever relays it (relay-withdrawal)."""
    chain, wallet = options.open_chain(rpc_url, manifest), Wallet.load(key_file)
    if signed and release:
        raise typer.BadParameter("Releasing bonds is a transaction; anyone can send it for you.", param_hint="--release")
    for dataset in release or ():
        back = client.release_bonds(chain, wallet, dataset, wallet.address)
        console.print(f"Dataset {dataset}: bonds of {back / LBL:g} LBL are back in your Ledger account.")
    wanted = None if amount == "all" else _units(amount, "--amount")
    if signed:
        body = client.sign_withdrawal(chain, wallet, to or wallet.address, wanted, _units(fee, "--fee"))
        signed.write_text(json.dumps(body, indent=2) + "\n")
        console.print(f"Signed: {int(body['amount']) / LBL:g} LBL to {body['to']}. Send it: labelshare relay-withdrawal {signed}")
        return
    sent = client.withdraw(chain, wallet, to or wallet.address, wanted)
    console.print(f"{sent / LBL:g} LBL sent to {to or wallet.address}.")


def relay_withdrawal(
    file: Annotated[Path, typer.Argument(help="a signed withdrawal", exists=True)],
    rpc_url: RpcOption,
    key_file: KeyOption,
    manifest: ManifestOption = None,
) -> None:
    """Send somebody's signed withdrawal and earn its fee. Costs gas."""
    earned = client.relay_withdrawal(options.open_chain(rpc_url, manifest), Wallet.load(key_file), file)
    console.print(f"Sent. The fee is {earned / LBL:g} LBL.")


def _units(amount: str, option: str) -> int:
    try:
        units = Decimal(amount) * LBL
        good = 0 <= units <= MOST and units == int(units)
    except ArithmeticError:
        good = False
    if not good:
        raise typer.BadParameter(f"{amount!r} is no amount of LBL (at most 18 decimals).", param_hint=option)
    return int(units)
