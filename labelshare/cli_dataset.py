"""The commands for requesters: `labelshare dataset import`, `cost`, `create`, `progress`, `export`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from labelshare import options
from labelshare.client.api import Api, ApiError
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.wallet import Wallet
from labelshare.options import LBL, ApiOption, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import Bar, console, plain, say

dataset = typer.Typer(help="Requesters: bring tasks, fund a dataset, watch it, take it home.", no_args_is_help=True)
POLL = 2.0  # seconds between looks

RewardOption = Annotated[float, typer.Option(help="LBL a label")]
FeeOption = Annotated[float, typer.Option("--audit-fee", help="LBL an audited task and seat")]
PerTaskOption = Annotated[int, typer.Option("--labels-per-task", help="labels of a task at most")]
RateOption = Annotated[int, typer.Option("--audit-rate", help="audited tasks of 256")]
PanelOption = Annotated[int, typer.Option("--panel-size", help="validators' seats a round, odd")]
DatasetArgument = Annotated[int, typer.Argument(help="number of the dataset")]


@dataset.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="one CSV or JSONL file, or images", exists=True, dir_okay=False)],
    api_url: ApiOption,
    key_file: KeyOption,
    task_type: Annotated[str | None, typer.Option(help="image-choice, text-choice, pair-choice, preference; else guessed")] = None,
) -> None:
    """Bring tasks to the operator: all of them, or none. Bad rows are listed with line and reason. Prints the upload's id."""
    api, wallet = options.open_api(api_url), Wallet.load(key_file)
    try:
        bodies = [(path.name, path.read_bytes()) for path in files]
        taken = api.upload(bodies, wallet.access(api, "upload", 0), task_type)
    except ApiError as error:
        if not error.rows:
            raise
        table = Table(title=Text(plain(str(error))), title_justify="left")
        for column in ("line", "column", "reason"):
            table.add_column(column)
        for row in error.rows:
            table.add_row(*(Text(plain(str(row[name] or ""))) for name in ("line", "column", "reason")))
        console.print(table)
        raise typer.Exit(1) from None
    say(f"{taken['tasks']} tasks of type {taken['task_type']}; columns: {taken['columns']}; ignored: {taken['ignored'] or 'none'}.")
    say(f"Upload {taken['upload_id']}: name it in `labelshare dataset create --upload`, within a week.")


@dataset.command()
def cost(
    api_url: ApiOption,
    tasks: Annotated[int, typer.Option(help="how many tasks")],
    reward: RewardOption,
    audit_fee: FeeOption = 0.5,
    labels_per_task: PerTaskOption = 5,
    audit_rate: RateOption = 26,
    panel_size: PanelOption = 3,
) -> None:
    """What a round costs: the reserve that the escrow must hold, and the least it can come to."""
    found = _cost(options.open_api(api_url), tasks, reward, audit_fee, labels_per_task, audit_rate, panel_size)
    for text, name in (("labels", "label_rewards"), ("audits", "audit_fees"), ("reserve", "reserve"), ("least", "least")):
        console.print(f"{text:8} {int(found[name]) / LBL:>14,.2f} LBL")
    console.print(f"{found['label_budget']} labels, {found['audited_tasks']} audited tasks. What is not earned comes back.")


@dataset.command()
def create(
    api_url: ApiOption,
    rpc_url: RpcOption,
    key_file: KeyOption,
    upload: Annotated[str, typer.Option(help="id of an upload of yours")],
    name: Annotated[str, typer.Option(help="name of the dataset")],
    question: Annotated[str, typer.Option(help="what contributors are asked")],
    classes: Annotated[str, typer.Option(help="names of the classes, with commas between")],
    reward: RewardOption,
    price: Annotated[float, typer.Option(help="LBL a license costs at least")],
    instructions: Annotated[Path | None, typer.Option(help="a text file", exists=True)] = None,
    audit_fee: FeeOption = 0.5,
    bond: Annotated[float, typer.Option(help="LBL that a label puts at stake")] = 0.25,
    labels_per_task: PerTaskOption = 5,
    audit_rate: RateOption = 26,
    panel_size: PanelOption = 3,
    hours: Annotated[float, typer.Option(help="how long the round is open")] = 72.0,
    last: Annotated[bool, typer.Option(help="no other round follows")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Create a dataset on chain, fund it from the wallet, and open a round of an upload's tasks. Costs gas.

    Run again after it was broken off, it goes on with the dataset that it made, and pays only what is missing.
    """
    api, wallet, chain = options.open_api(api_url), Wallet.load(key_file), options.open_chain(rpc_url, manifest)
    api.expect(chain.deployment)
    taken = api.get(f"/uploads/{upload}", wallet.access(api, "upload", 0))
    metadata = {
        "name": name,
        "task_type": taken["task_type"],
        "question": question,
        "classes": [{"name": part.strip(), "description": ""} for part in classes.split(",")],
        "instructions": instructions.read_text() if instructions else "",
    }
    kept = api.post("/metadata", metadata, wallet.access(api, "metadata", 0))
    needed = int(_cost(api, taken["tasks"], reward, audit_fee, labels_per_task, audit_rate, panel_size)["reserve"])
    requester = Requester(chain, wallet)
    terms = DatasetTerms(
        operator=api.config["operator"],
        classes=len(metadata["classes"]),
        reward=_units(reward),
        audit_fee=_units(audit_fee),
        bond=_units(bond),
        license_floor=_units(price),
        metadata_uri=kept["uri"],
        metadata_hash=kept["hash"],
        audit_rate=audit_rate,
        panel_size=panel_size,
        min_labels=min(3, labels_per_task),
        max_labels=labels_per_task,
    )
    number = requester.unopened(terms)
    if number is None:
        with console.status("Creating the dataset on chain …"):
            number = requester.create(terms)
        console.print(f"Dataset {number} is created.")
    else:
        console.print(f"Dataset {number} has these terms and no round yet: going on with it.")
    missing = requester.missing(number, needed)
    if missing:
        with console.status(f"Funding it with {missing / LBL:,.2f} LBL …"):
            requester.fund(number, missing)
    budget, deadline = taken["tasks"] * labels_per_task, int(time.time() + hours * 3600)
    with console.status("Opening the round …"):
        opened = requester.open_uploaded(api, number, upload, budget, labels_per_task, deadline, last, adaptive=True)
    console.print(f"Round {opened} is open for {budget} labels. Watch it: labelshare dataset progress {number}")


@dataset.command()
def progress(number: DatasetArgument, api_url: ApiOption, key_file: KeyOption, once: bool = False) -> None:
    """Watch the labels of open rounds come in; ends when none is open. `--once` shows where they are."""
    api, wallet = options.open_api(api_url), Wallet.load(key_file)
    while True:
        view = _progress(api, wallet, number)
        rounds = [row for row in view["rounds"] if row["phase"] == "open"]
        for row in view["rounds"]:
            alpha = "–" if row["alpha"] is None else f"{row['alpha']:.3f}"
            sure = (
                "" if row["sure_tasks"] is None else f", {row['sure_tasks']} tasks sure, {int(row['saved']) / LBL:,.2f} LBL saved"
            )
            console.print(
                f"Round {row['round']} is {row['phase']}: {row['labels']} of {row['label_budget']} labels, α {alpha}{sure}"
            )
        if once or not rounds:
            paid, audits, free = (int(view[name]) / LBL for name in ("paid", "audits", "free"))
            console.print(f"Paid {paid:,.2f} LBL, audits {audits:,.2f} LBL; free {free:,.2f} LBL.")
            return
        _bar(api, wallet, number, rounds[0])


@dataset.command("export")
def export_dataset(
    number: DatasetArgument,
    api_url: ApiOption,
    key_file: KeyOption,
    file: Annotated[Path, typer.Option("--output", "-o", help="where to")],
    format_: Annotated[
        str, typer.Option("--format", help="labelshare, jsonl, csv, parquet, label-studio, huggingface")
    ] = "labelshare",
) -> None:
    """Download a dataset that you hold a license to, as it comes."""
    api, wallet = options.open_api(api_url), Wallet.load(key_file)
    with console.status("Downloading …"):
        size = api.save(f"/datasets/{number}/download?format={format_}", file, wallet.access(api, "download", number))
    console.print(f"{size:,} bytes in {file}.")
    for known in api.get(f"/datasets/{number}/exports")["items"]:
        if known["format"] == format_:
            say(f"Load: {known['load']}" + (f"\nCheck: {known['verify']}" if known["verify"] else ""))


def _units(amount: float) -> int:
    """LBL as base units, to a millionth."""
    return round(amount * 1_000_000) * LBL // 1_000_000


def _cost(api: Api, tasks: int, reward: float, fee: float, per_task: int, rate: int, panel: int) -> dict[str, Any]:
    query = f"tasks={tasks}&reward={_units(reward)}&audit_fee={_units(fee)}&labels_per_task={per_task}&audit_rate={rate}"
    found: dict[str, Any] = api.get(f"/cost?{query}&panel_size={panel}")
    return found


def _progress(api: Api, wallet: Wallet, number: int) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/datasets/{number}/progress", wallet.access(api, "progress", number))
    return found


def _bar(api: Api, wallet: Wallet, number: int, row: dict[str, Any]) -> None:
    """A bar of a round's labels, until it is no longer open."""
    with Bar(f"round {row['round']}: labels on chain", row["label_budget"]) as advance:
        shown = 0
        while row["phase"] == "open":
            advance(row["labels"] - shown)
            shown = row["labels"]
            time.sleep(POLL)
            now = {r["round"]: r for r in _progress(api, wallet, number)["rounds"]}
            row = now.get(row["round"], {**row, "phase": "settled"})
