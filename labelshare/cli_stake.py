"""Commands for a validator's stake: `labelshare stake …`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from labelshare import options
from labelshare.client.staking import OPEN_POOL, Stake
from labelshare.client.wallet import Wallet
from labelshare.options import LBL, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import console

PoolOption = Annotated[str, typer.Option(help="id of the credential whose pool it is; else the open pool")]

stake = typer.Typer(help="A validator's seats: buy them, leave, take the stake out. All but status cost gas.", no_args_is_help=True)


@stake.command()
def status(rpc_url: RpcOption, key_file: KeyOption, pool: PoolOption = OPEN_POOL, manifest: ManifestOption = None) -> None:
    """Your seats, when those that left can be collected, and what locks them."""
    mine = _stake(rpc_url, key_file, pool, manifest)
    table = Table("seat", "drawn from block", "left in block", "collect from (unix s)", "")
    for seat in mine.seats():
        left = (str(seat.left_at), str(seat.release_at)) if seat.left_at else ("–", "–")
        table.add_row(str(seat.number), str(seat.active_from), *left, "drained" if seat.drained else "")
    console.print(table)
    backing, loose = mine.backing()
    console.print(f"Stake: {backing / LBL:g} LBL, of it change of broken seats {loose / LBL:g} LBL. Locks: {mine.locks()}.")


@stake.command()
def join(
    seats: Annotated[int, typer.Argument(min=1, max=64)],
    rpc_url: RpcOption,
    key_file: KeyOption,
    pool: PoolOption = OPEN_POOL,
    manifest: ManifestOption = None,
) -> None:
    """Buy seats out of your Ledger account. Silence and dissent are slashed; the stake leaves after the unbonding period."""
    _stake(rpc_url, key_file, pool, manifest).join(seats)
    console.print(f"{seats} seat(s) joined; they can be drawn from the next block on.")


@stake.command()
def leave(
    rpc_url: RpcOption,
    key_file: KeyOption,
    seats: Annotated[int | None, typer.Argument(help="how many; all when not given", min=1)] = None,
    pool: PoolOption = OPEN_POOL,
    manifest: ManifestOption = None,
) -> None:
    """Seats leave. They can be slashed until they are collected, one unbonding period later."""
    left = _stake(rpc_url, key_file, pool, manifest).leave(seats)
    console.print(f"{len(left)} seat(s) left: {', '.join(map(str, left))}.")


@stake.command()
def collect(rpc_url: RpcOption, key_file: KeyOption, pool: PoolOption = OPEN_POOL, manifest: ManifestOption = None) -> None:
    """Take the stake of seats that left into your Ledger account (`labelshare withdraw` sends it on)."""
    collected = _stake(rpc_url, key_file, pool, manifest).collect()
    console.print(f"{collected / LBL:g} LBL are in your Ledger account.")


@stake.command()
def resume(rpc_url: RpcOption, key_file: KeyOption, pool: PoolOption = OPEN_POOL, manifest: ManifestOption = None) -> None:
    """Let your seats be drawn again after a suspension for silence."""
    _stake(rpc_url, key_file, pool, manifest).resume()
    console.print("Your seats can be drawn again from the next block on.")


@stake.command()
def unlock(rpc_url: RpcOption, key_file: KeyOption, pool: PoolOption = OPEN_POOL, manifest: ManifestOption = None) -> None:
    """Lift the lock of votes that no settlement decided for 30 days. They stay pending, and are paid when one does."""
    datasets = _stake(rpc_url, key_file, pool, manifest).unlock()
    console.print(f"Unlocked in dataset(s) {', '.join(map(str, datasets))}.")


def _stake(rpc_url: str, key_file: Path, pool: str, manifest: Path | None) -> Stake:
    return Stake(options.open_chain(rpc_url, manifest), Wallet.load(key_file), pool)
