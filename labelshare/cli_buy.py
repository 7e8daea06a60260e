"""The commands for buyers: `labelshare buy`, `labelshare verify`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from labelshare import options
from labelshare.client.buy import Buyer
from labelshare.client.chain import Chain
from labelshare.client.verify import verify_file
from labelshare.client.wallet import Wallet
from labelshare.options import LBL, ApiOption, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import Bar, console, say


def buy(
    dataset: Annotated[int, typer.Argument(help="number of the dataset")],
    api_url: ApiOption,
    rpc_url: RpcOption,
    key_file: KeyOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="where the dataset file goes")],
    max_price: Annotated[float | None, typer.Option(help="LBL at most; else the price shown now")] = None,
    renew: Annotated[bool, typer.Option("--renew", help="buy again though a license is live: it covers the newer rounds")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Buy a license with one signature and one transaction, download the dataset, verify it.

    Run again after it was broken off, it pays nothing twice: with a live license it only downloads.
    """
    if not output.parent.is_dir() or output.is_dir() or not os.access(output.parent, os.W_OK):
        raise typer.BadParameter(f"{output} cannot be written; nothing was paid.", param_hint="--output")
    wallet, chain = Wallet.load(key_file), options.open_chain(rpc_url, manifest)
    api, buyer = options.open_api(api_url), Buyer(chain, wallet)
    api.expect(chain.deployment)
    if buyer.is_licensed(dataset) and not renew:
        console.print(f"{wallet.address} holds a live license already: nothing is paid. (--renew buys another.)")
    else:
        paid = buyer.buy(dataset, max_price=None if max_price is None else round(max_price * LBL))
        console.print(f"Licensed to {wallet.address} for {paid / LBL:g} LBL.")
    buyer.download(api, dataset, output)
    check(output, chain)


def verify(
    file: Annotated[Path, typer.Argument(help="a downloaded dataset file", exists=True)],
    rpc_url: RpcOption,
    manifest: ManifestOption = None,
) -> None:
    """Check every label of a dataset file against the chain: proof, signature, settlement entry, dataset."""
    check(file, options.open_chain(rpc_url, manifest))


def check(path: Path, chain: Chain) -> None:
    """Verifies a file and says what was found; ends with 1 when anything is wrong."""
    with Bar("labels verified", None) as advance:
        result = verify_file(path, chain, advance)
    console.print(f"{result.checked - result.failed:,} of {result.checked:,} labels verified against the chain.")
    if not result.passed:
        say(f"First failure: {result.first_failure}")
        raise typer.Exit(1)
