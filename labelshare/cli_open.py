"""The command for the open path: `labelshare contribute-open`."""

from pathlib import Path
from typing import Annotated

import typer

from labelshare import options
from labelshare.client.open_path import contribute_open as submit_open
from labelshare.client.open_path import show_to_operator
from labelshare.client.wallet import Wallet
from labelshare.options import KeyOption, ManifestOption, RpcOption
from labelshare.terminal import console


def contribute_open(
    round_id: Annotated[int, typer.Option("--round", help="number of an open round")],
    rpc_url: RpcOption,
    key_file: KeyOption,
    answers: Annotated[Path, typer.Option(help="CSV of task,answer: task indices and class numbers", exists=True)],
    api_url: Annotated[
        str | None, typer.Option("--api", help="show the labels to the operator too", envvar="LABELSHARE_API_URL")
    ] = None,
    manifest: ManifestOption = None,
) -> None:
    """Submit labels without the operator, at the open bond. Costs gas, and LBL in your Ledger account.

    Writes a labels file: show it to the panel once the round closed (labelshare audit --open FILE). What no majority of the panel
    attests is void, and its bond comes back.
    """
    file = key_file.with_suffix(f".round-{round_id}.labels.json")
    given = options.read_answers(answers)
    submit_open(options.open_chain(rpc_url, manifest), Wallet.load(key_file), round_id, given, file)
    if api_url:
        show_to_operator(options.open_api(api_url), round_id, file)
    console.print(f"Accepted on chain: {len(given)} open label(s). Hand {file} to the panel when the round has closed.")
