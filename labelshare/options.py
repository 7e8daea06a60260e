"""Options that several commands of the command line take, and what they open."""

import os
from pathlib import Path
from typing import Annotated

import typer

from labelshare.chain import deployment
from labelshare.chain.rpc import Rpc
from labelshare.client.api import Api
from labelshare.client.chain import Chain
from labelshare.crowd import CrowdFileError, read_rows

LBL = 10**18

ApiOption = Annotated[str, typer.Option("--api", help="URL of the operator's API", envvar="LABELSHARE_API_URL")]
RpcOption = Annotated[str, typer.Option("--rpc", help="JSON-RPC URL of a node", envvar="LABELSHARE_RPC_URL")]
KeyOption = Annotated[
    Path, typer.Option("--key-file", help="file with a hex key, or a keystore", envvar="LABELSHARE_KEY_FILE", exists=True)
]
ManifestOption = Annotated[
    Path | None, typer.Option("--manifest", help="deployment JSON; else the one that ships", envvar="LABELSHARE_MANIFEST")
]


def open_api(url: str, manifest: Path | None = None) -> Api:
    """An operator's API, for the manifest's deployment. Raises BadParameter for what is no URL of an API, UnknownDeployment."""
    try:
        return Api(url, known=deployment(manifest) if manifest else None)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--api") from None


def open_chain(rpc_url: str, manifest: Path | None) -> Chain:
    """The node's deployment: the manifest's, or the one that ships. Raises BadParameter, UnknownDeployment."""
    if not rpc_url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{rpc_url!r} does not start with http:// or https://.", param_hint="--rpc")
    rpc = Rpc(rpc_url)
    return Chain(rpc, deployment(manifest or rpc.chain_id()))


def named_network(named: str | None) -> tuple[str | None, int | None]:
    """A node's URL, and the chain id when that was named. Raises BadParameter."""
    if named is None or not named.isdecimal():
        return named, None
    url = os.environ.get("LABELSHARE_RPC_URL")
    if not url or url.isdecimal():
        raise typer.BadParameter(f"Set LABELSHARE_RPC_URL to a node of chain {named}, or give its URL.", param_hint="--network")
    return url, int(named)


def read_answers(path: Path) -> dict[int, int]:
    """Class by task index, of a CSV of task,answer. Raises CrowdFileError, naming the row."""
    answers = {}
    for number, (task, answer) in enumerate(read_rows(path, ("task", "answer")), start=2):
        if not (task.isdecimal() and answer.isdecimal()):
            raise CrowdFileError(f"{path}, line {number}: task and answer must be numbers, got {task!r} and {answer!r}.")
        answers[int(task)] = int(answer)
    return answers
