"""Commands for disputes: `labelshare challenge` and `labelshare juror`."""

from pathlib import Path
from typing import Annotated

import typer

from labelshare import options
from labelshare.client.dispute import Juror
from labelshare.client.dispute import challenge as send_challenge
from labelshare.client.recompute import rounds_of
from labelshare.client.wallet import Wallet
from labelshare.options import LBL, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import console

RoundArgument = Annotated[int, typer.Argument(help="number of the round", metavar="ROUND")]


def challenge(round_id: RoundArgument, rpc_url: RpcOption, key_file: KeyOption, manifest: ManifestOption = None) -> None:
    """Challenge a published settlement: a bond out of your Ledger account, and a fresh jury decides. Costs gas."""
    bond = send_challenge(options.open_chain(rpc_url, manifest), Wallet.load(key_file), round_id)
    console.print(f"Round {round_id} is challenged with a bond of {bond / LBL:g} LBL.")


def juror(
    round_id: RoundArgument,
    rpc_url: RpcOption,
    key_file: KeyOption,
    evidence: Annotated[
        list[Path] | None, typer.Option("--evidence", help="evidence file of a round, by order of round; one for each", exists=True)
    ] = None,
    api_url: Annotated[str | None, typer.Option("--api", help="instead: fetch it there", envvar="LABELSHARE_API_URL")] = None,
    withheld: Annotated[bool, typer.Option("--withheld", help="instead: nobody gave you the evidence")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Judge a challenged settlement: compute its root from the evidence, commit to it; run again, reveal it. Costs gas.

    The evidence is that of every round of the dataset up to this one that closed with labels; each is checked against the chain.
    """
    chain, wallet = options.open_chain(rpc_url, manifest), Wallet.load(key_file)
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    rounds = [n for n in rounds_of(chain, dataset) if n <= round_id and chain.read("LabelRegistry", "roundOf", n)[1]]
    bodies: dict[int, bytes] | None = None
    if evidence:
        bodies = dict(zip(rounds, (path.read_bytes() for path in evidence), strict=False))
    elif api_url and not withheld:
        api = options.open_api(api_url)
        bodies = {n: api.get_bytes(f"/rounds/{n}/evidence", wallet.access(api, "evidence", n)) for n in rounds}
    elif not withheld:
        raise typer.BadParameter("Give --evidence files, or --api to fetch them, or --withheld.", param_hint="--evidence")
    done = Juror(chain, wallet).judge(round_id, bodies, key_file.with_suffix(f".round-{round_id}.verdict"))
    console.print(done, highlight=False, markup=False)
