"""The command for validators without a browser: `labelshare validate`."""

import json
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from labelshare import options
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.client.api import Api, ApiError, TimedOut
from labelshare.client.audit import EvidenceMismatch, SampleMismatch, Validator
from labelshare.client.wallet import Wallet
from labelshare.options import ApiOption, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import ask_class, console, say

POLL = 5.0  # seconds between looks at what is to be done
PATIENCE = 300.0  # seconds that the program may take for a task


class AnswerError(RuntimeError):
    """The program that answers tasks failed; the message says how."""


# What an operator, a node, a task or the program can cause; the last three are answers that are none of a Labelshare API's.
TROUBLE = (
    *(AnswerError, ApiError, EvidenceMismatch, RpcError, RpcUnavailable, SampleMismatch, TimedOut),
    *(KeyError, TypeError, ValueError),
)


def validate(
    api_url: ApiOption,
    rpc_url: RpcOption,
    key_file: KeyOption,
    program: Annotated[
        Path | None,
        typer.Option("--with", help="a program that reads a task as JSON and prints its class; else asked here", exists=True),
    ] = None,
    once: Annotated[bool, typer.Option(help="do what waits now, then end")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Do a validator's duties as they come: audit what one was drawn for, reveal, check and sign the evidence. Until Ctrl-C.

    Ballots are kept beside the key file, and shown to nobody, until no other can be committed: whoever commits and is away when the
    panel reveals is slashed. Broken off and started again, it goes on where it ended.
    """
    api, wallet = options.open_api(api_url), Wallet.load(key_file)
    validator = Validator(api, wallet, options.open_chain(rpc_url, manifest))
    sealed: set[int] = set()
    while True:
        well = True
        for round_id, kind in _duties(api, wallet, once):
            if kind == "jury":
                console.print(f"You sit on the jury of round {round_id}: labelshare juror {round_id}")
                continue
            try:
                _audit(validator, round_id, key_file, program, sealed)
            except TROUBLE as error:
                # The other panels wait, too, and silence there is slashed whatever happened here.
                well = False
                say(f"Round {round_id}: {type(error).__name__}: {error}")
        if once:
            raise typer.Exit(0 if well else 1)
        time.sleep(POLL)


def _duties(api: Api, wallet: Wallet, once: bool) -> list[tuple[int, str]]:
    """(round, kind) of what waits for the wallet now; nothing while the operator is not to be asked, unless it is asked `once`."""
    try:
        duties = api.get("/me/validator", wallet.access(api, "me", 0))["duties"]
        return [(int(duty["round"]), str(duty["kind"])) for duty in duties if duty["step"] != "wait"]
    except TROUBLE as error:
        if once:
            raise
        say(f"Asking again in {POLL:g} s: {type(error).__name__}: {error}")
        return []


def _audit(validator: Validator, round_id: int, key_file: Path, program: Path | None, sealed: set[int]) -> None:
    """What can be done of a duty now. `sealed`: rounds whose ballot is committed and is not shown to anybody yet."""
    if round_id in sealed and not validator.reveals(round_id):
        return
    evidence = key_file.with_suffix(f".round-{round_id}.evidence.json")
    if validator.is_audited(round_id):
        validator.sign_evidence(round_id, file=evidence)
        console.print(f"Round {round_id}: evidence checked and signed.")
        return
    classes = validator.sample(round_id)["classes"]

    def answer(task: dict[str, Any]) -> int:
        if program is not None:
            return answer_with(program, task, classes)
        found = ask_class(task, classes)
        if found is None:
            raise typer.Abort
        return found

    ballot = key_file.with_suffix(f".round-{round_id}.ballot")
    if validator.audit(round_id, answer, ballot_file=ballot, evidence_file=evidence, early=False):
        console.print(f"Round {round_id} audited; keep {evidence} until 30 days after the round's end.")
        return
    sealed.add(round_id)
    console.print(f"Round {round_id}: the ballot is committed, and is opened once nobody can copy it. Keep this running.")


def answer_with(program: Path, task: dict[str, Any], classes: int) -> int:
    """The class that a program prints for a task {index, content_hash, content} on its standard input. Raises AnswerError."""
    try:
        done = subprocess.run(
            [str(program.resolve())], input=json.dumps(task), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnswerError(f"{program} could not answer task {task['index']}: {type(error).__name__}.") from error
    text = done.stdout.strip()
    if done.returncode or not text.isdecimal() or int(text) >= classes:
        raise AnswerError(
            f"{program} gave no class from 0 to {classes - 1} for task {task['index']}: it ended with {done.returncode}."
        )
    return int(text)
