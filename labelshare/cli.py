"""labelshare: the command line for contributors, validators, buyers and whoever checks them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from labelshare import options
from labelshare.chain import UnknownDeployment
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.cli_buy import buy, verify
from labelshare.cli_dataset import dataset
from labelshare.cli_disputes import challenge, juror, settle, watch
from labelshare.cli_lab import lab
from labelshare.cli_open import contribute_open
from labelshare.cli_stake import stake
from labelshare.cli_validate import AnswerError, validate
from labelshare.cli_withdraw import relay_withdrawal, withdraw
from labelshare.client.api import Api, ApiError, TimedOut
from labelshare.client.audit import EvidenceMismatch, SampleMismatch, Validator
from labelshare.client.chain import TransactionFailed
from labelshare.client.check import NothingProposed
from labelshare.client.contribute import Contributor, Incomplete
from labelshare.client.dispute import NotAJuror
from labelshare.client.open_path import OpenPathError
from labelshare.client.propose import ProposalError
from labelshare.client.recompute import EvidenceMissing
from labelshare.client.staking import StakeError
from labelshare.client.verify import DatasetFileError
from labelshare.client.wallet import Wallet, WalletError
from labelshare.client.withdraw import WithdrawalError
from labelshare.consensus_file import run_consensus_file
from labelshare.crowd import CrowdFileError
from labelshare.doctor import examine
from labelshare.options import LBL, ApiOption, KeyOption, ManifestOption, RpcOption
from labelshare.rules.history import OtherRule
from labelshare.terminal import Bar, ask_class, console, plain, say

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
AHEAD = 100  # labels that a new session key may bond at least, so that it lasts
LOT = 10  # tasks leased at a time when a person answers here

app.command()(buy)
app.command()(verify)
app.command()(challenge)
app.command()(juror)
app.command()(watch)
app.add_typer(settle, name="settle")
app.add_typer(stake, name="stake")
app.add_typer(dataset, name="dataset")
app.command()(validate)
app.command()(contribute_open)
app.command()(withdraw)
app.command()(relay_withdrawal)
app.command()(lab)


@app.command()
def contribute(
    round_id: Annotated[int, typer.Option("--round", help="number of an open round")],
    api_url: ApiOption,
    key_file: KeyOption,
    answers: Annotated[Path | None, typer.Option(help="CSV of task,answer: task indices and class numbers")] = None,
    count: Annotated[int, typer.Option(help="without --answers: how many tasks to label here")] = 10,
    session_file: Annotated[Path | None, typer.Option(help="session key file, made when missing")] = None,
    faucet: Annotated[bool, typer.Option(help="development chains: ask for LBL for the bonds first")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Label tasks of a round: register a session key, lease, sign, submit. No gas.

    Run again after it was broken off, it goes on where it ended.
    """
    api, wallet = options.open_api(api_url, manifest), Wallet.load(key_file)
    dataset = api.get(f"/rounds/{round_id}")["dataset"]
    given = options.read_answers(answers) if answers else None
    bond = int(api.get(f"/datasets/{dataset}")["terms"]["bond"])
    person = Contributor(api, wallet)
    before = {label["task"] for label in person.labels(round_id)}
    needed = bond * person.uncovered(dataset, len(given.keys() - before) if given else count)
    if faucet:
        api.post("/faucet", {"address": wallet.address})
    session_path = session_file or key_file.with_suffix(".session")
    person = _with_session(api, wallet, session_path, dataset, needed, max(needed, AHEAD * bond))
    if not faucet and int(person.account()["balance"]) < needed:
        raise WalletError(
            f"The bonds are {needed / LBL:g} LBL and the Ledger account of {wallet.address} has less: deposit LBL into the Ledger "
            "(on a development chain: --faucet)."
        )
    with console.status("Waiting for the session key, and the bond, on chain …"):
        person.wait_until_ready(needed)
    if given is None:
        submissions = _label_here(person, round_id, count)
    else:
        with Bar("labels submitted", len(given)) as advance:
            submissions = _work(person, round_id, given, advance)
    with console.status("Waiting for the chain …"):
        person.wait_until_accepted(submissions)
    console.print(f"Accepted on chain: {len(submissions)} submission(s). Receipts are signed by the operator.")


@app.command()
def audit(
    round_id: Annotated[int, typer.Option("--round", help="number of a round whose panel you are on")],
    api_url: ApiOption,
    rpc_url: RpcOption,
    key_file: KeyOption,
    answers: Annotated[Path | None, typer.Option(help="CSV of task,answer for the sample; else asked here")] = None,
    open_files: Annotated[
        list[Path] | None, typer.Option("--open", help="labels file of an open submission shown to you; as often as needed")
    ] = None,
    late: Annotated[
        bool, typer.Option("--late", help="show the operator no ballot before the panel reveals; run again then, or be slashed")
    ] = False,
    manifest: ManifestOption = None,
) -> None:
    """Audit a round blind: label the sample, commit, reveal, check the evidence against the chain, sign it, keep it.

    The ballot is kept beside the key file until it is revealed; run again after it was broken off, it goes on where it ended.
    """
    validator = Validator(options.open_api(api_url), Wallet.load(key_file), options.open_chain(rpc_url, manifest))
    evidence = key_file.with_suffix(f".round-{round_id}.evidence.json")
    if validator.is_audited(round_id):
        validator.sign_evidence(round_id, file=evidence)
        console.print(f"Round {round_id} is audited: evidence checked, signed, and kept in {evidence}.")
        return
    given = options.read_answers(answers) if answers else None
    classes = validator.sample(round_id)["classes"]

    def answer(task: dict[str, Any]) -> int:
        found = ask_class(task, classes) if given is None else given.get(task["index"])
        if found is None and given is None:
            raise typer.Abort
        if found is None:
            raise CrowdFileError(f"{answers} has no answer for sampled task {task['index']}.")
        if found >= classes:
            raise CrowdFileError(f"{answers}: task {task['index']} has class {found}; classes run from 0 to {classes - 1}.")
        return found

    ballot = key_file.with_suffix(f".round-{round_id}.ballot")
    done = validator.audit(
        round_id, answer, ballot_file=ballot, open_files=open_files or (), evidence_file=evidence, early=not late
    )
    if not done:
        console.print(f"Round {round_id}: ballot committed, and kept in {ballot}. Run again when the panel reveals.")
        return
    console.print(f"Round {round_id} audited: ballot committed and handed in for reveal, evidence checked and signed.")
    console.print(f"Keep {evidence} until 30 days after the round's end: a jury would ask the panel for it.")


@app.command()
def consensus(
    labels: Annotated[Path, typer.Argument(help="CSV or CSV.gz of task,worker,label")],
    output: Annotated[Path, typer.Option("--output", "-o", help="task,label,confidence; workers go beside it")],
    audits: Annotated[Path | None, typer.Option(help="CSV of audited answers: task,label")] = None,
    truth: Annotated[Path | None, typer.Option(help="CSV of known answers: task,label")] = None,
    show: Annotated[int, typer.Option(help="workers to print, those with most labels first; -1: all")] = 20,
) -> None:
    """Run the scoring rule kappa-3 on a file of labels."""
    report = run_consensus_file(labels, audits, truth, output)
    for line in report.lines():
        console.print(line, highlight=False)
    ranked = sorted(report.workers, key=lambda w: (-w.labels, w.worker))
    table = Table()
    for column in ("worker", "labels", "audited", "κ", "pay rate", "flags"):
        table.add_column(column, justify="left" if column in ("worker", "flags") else "right")
    for row in ranked if show < 0 else ranked[:show]:
        table.add_row(row.worker, str(row.labels), str(row.audited), f"{row.kappa:+.3f}", f"{row.pay_rate:.3f}", row.flags)
    console.print(table)
    console.print(f"Wrote {output} and {output.with_name(output.name.split('.')[0] + '.workers.csv')}")


@app.command()
def keep(
    rpc_url: RpcOption,
    key_file: KeyOption,
    manifest: ManifestOption = None,
    once: Annotated[bool, typer.Option("--once", help="do what is due now and end")] = False,
    pause: Annotated[float, typer.Option(help="seconds between looks at the chain", min=0.1)] = 5.0,
) -> None:
    """Do for every round what anyone may do: close, draw the panel, conclude, finalize, distribute. Costs gas."""
    from labelshare.client.keep import Keeper

    keeper = Keeper(options.open_chain(rpc_url, manifest), Wallet.load(key_file))
    while True:
        try:
            for line in keeper.keep():
                console.print(line, highlight=False, markup=False)
        except (RpcError, RpcUnavailable) as error:
            if once:
                raise
            say(f"Looking again in {pause:g} s: {error}")
        if once:
            return
        time.sleep(pause)


@app.command()
def doctor(
    api_url: Annotated[str | None, typer.Option("--api", envvar="LABELSHARE_API_URL")] = None,
    network: Annotated[
        str | None,
        typer.Option("--network", "--rpc", envvar="LABELSHARE_RPC_URL", help="a node's URL, or a chain id with LABELSHARE_RPC_URL"),
    ] = None,
    manifest: ManifestOption = None,
) -> None:
    """Say what is missing on this machine, and how to get it; and whether the contracts on chain are those of the build here."""
    well = True
    rpc_url, chain_id = options.named_network(network)
    for finding in examine(Path.cwd(), api_url, rpc_url, manifest, chain_id):
        well = well and finding.well
        console.print(f"{'✓' if finding.well else '✗'} {finding.what}: {finding.seen}", highlight=False)
        if not finding.well:
            console.print(f"    {finding.remedy}", highlight=False)
    if not well:
        raise typer.Exit(1)
    console.print("All is well.")


def main() -> None:
    """Runs the command line; what users can mend is a message, not a traceback."""
    try:
        app()
    except (
        AnswerError,
        ApiError,
        CrowdFileError,
        DatasetFileError,
        EvidenceMismatch,
        EvidenceMissing,
        NotAJuror,
        NothingProposed,
        OtherRule,
        OpenPathError,
        ProposalError,
        RpcError,
        RpcUnavailable,
        SampleMismatch,
        StakeError,
        TimedOut,
        TransactionFailed,
        UnknownDeployment,
        WalletError,
        WithdrawalError,
    ) as error:
        Console(stderr=True).print(plain(f"labelshare: {error}"), highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)


def _with_session(api: Api, wallet: Wallet, path: Path, dataset: int, bond: int, max_bond: int) -> Contributor:
    """The contributor with a session key that can bond `bond` more: the one in the file, or a new one for `max_bond`."""
    person = Contributor(api, wallet, Wallet.load(path) if path.exists() else Wallet.create(path))
    if person.can_bond(dataset, bond):
        return person
    if person.session() is not None:
        path.unlink()
        person = Contributor(api, wallet, Wallet.create(path))
    person.onboard(max_bond, dataset)
    return person


def _work(person: Contributor, round_id: int, given: dict[int, int], advance: Callable[[int], None]) -> list[dict[str, Any]]:
    """Hands in all answers; when some tasks are not to be had, waits for the others on chain before it says so."""
    try:
        return person.work(round_id, given, progress=advance)
    except Incomplete as error:
        person.wait_until_accepted(error.submissions)
        raise


def _label_here(person: Contributor, round_id: int, count: int) -> list[dict[str, Any]]:
    """Asks for answers, a lot of tasks at a time so that no lease ends meanwhile. `q` hands in what is answered, and ends."""
    submissions: list[dict[str, Any]] = []
    left = count
    while left:
        lease = person.lease(round_id, count=min(LOT, left))
        answers: dict[int, int] = {}
        for task in lease["tasks"]:
            found = ask_class(task, lease["classes"])
            if found is None:
                break
            answers[task["index"]] = found
        if answers:
            submissions.append(person.submit(round_id, lease, answers))
        if len(answers) < len(lease["tasks"]):
            return submissions
        left -= len(answers)
    return submissions


if __name__ == "__main__":
    main()
