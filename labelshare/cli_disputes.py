"""Commands around settlements: `labelshare settle …`, `watch`, `challenge` and `juror`."""

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from labelshare import options
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.client.api import ApiError, TimedOut
from labelshare.client.chain import Chain
from labelshare.client.check import check as check_settlement
from labelshare.client.dispute import Juror
from labelshare.client.dispute import challenge as send_challenge
from labelshare.client.evidence import Operator, read_files, rounds_with_evidence
from labelshare.client.propose import propose as send_proposal
from labelshare.client.propose import sign_evidence
from labelshare.client.recompute import EvidenceMissing
from labelshare.client.wallet import Wallet
from labelshare.client.watch import Challenger, Watcher
from labelshare.options import LBL, KeyOption, ManifestOption, RpcOption
from labelshare.terminal import console, plain, say

RoundArgument = Annotated[int, typer.Argument(help="number of the round", metavar="ROUND")]
EvidenceOption = Annotated[
    list[Path] | None, typer.Option("--evidence", help="evidence file, or a folder of them; as often as needed", exists=True)
]
EvidenceApiOption = Annotated[
    str | None, typer.Option("--api", help="fetch what evidence is missing from this operator", envvar="LABELSHARE_API_URL")
]
SecretOption = Annotated[
    Path | None, typer.Option("--key-file", help="file with a hex key, or a keystore", envvar="LABELSHARE_KEY_FILE", exists=True)
]

settle = typer.Typer(help="Settlements: compute them again; propose them without the operator.", no_args_is_help=True)


@settle.command()
def check(
    round_id: RoundArgument,
    rpc_url: RpcOption,
    evidence: EvidenceOption = None,
    api_url: EvidenceApiOption = None,
    key_file: SecretOption = None,
    manifest: ManifestOption = None,
) -> None:
    """Compute a settlement again from the evidence and the chain, and name the first entry that differs. Exits with 1 if any does.

    With --api a key is needed: an operator gives evidence to the round's panel, its jury and the requester.
    """
    chain = options.open_chain(rpc_url, manifest)
    found = check_settlement(chain, round_id, gather(chain, round_id, evidence, api_url, _wallet(key_file)))
    proposal = found.proposal
    console.print(f"Round {round_id}: {proposal.phase}, by {proposal.proposer}.", highlight=False)
    console.print(f"Root by the rule:  0x{found.root.hex()}", highlight=False)
    console.print(f"Root as published: {'0x' + proposal.root.hex() if proposal.root else 'not complete yet'}", highlight=False)
    if found.evidence_differs:
        console.print("The evidence that it names is not the file of what the chain accepted.")
    for problem in found.problems:
        console.print(f"Wrong: {problem}.", highlight=False, markup=False)
    if not found.right:
        raise typer.Exit(1)
    console.print(f"Right: {len(proposal.entries)} entries are those of the rule.")


@settle.command()
def sign(
    round_id: RoundArgument,
    rpc_url: RpcOption,
    key_file: KeyOption,
    proposer: Annotated[str, typer.Option(help="address that is to propose; nobody else can use the signature")],
    evidence: EvidenceOption = None,
    api_url: EvidenceApiOption = None,
    manifest: ManifestOption = None,
) -> None:
    """As a member of the panel, sign that you hold the evidence, so that `proposer` may propose: when the operator does not."""
    chain, wallet = options.open_chain(rpc_url, manifest), Wallet.load(key_file)
    body = gather(chain, round_id, evidence, api_url, wallet).get(round_id)
    if body is None:
        raise EvidenceMissing(f"The evidence of round {round_id} is missing.")
    file = key_file.with_suffix(f".round-{round_id}.signature.json")
    file.write_text(json.dumps(sign_evidence(chain, wallet, round_id, body, proposer), indent=2) + "\n")
    console.print(f"Signed: hand {file} to {proposer}.")


@settle.command()
def propose(
    round_id: RoundArgument,
    rpc_url: RpcOption,
    key_file: KeyOption,
    signature: Annotated[
        list[Path] | None, typer.Option("--signature", help="signature file of a panel member; of more than half", exists=True)
    ] = None,
    evidence: EvidenceOption = None,
    api_url: EvidenceApiOption = None,
    manifest: ManifestOption = None,
) -> None:
    """Propose and publish the settlement that the rule gives, without the operator. Costs gas and, until it is final, a bond.

    `labelshare keep` does the rest. A closing round, and one whose jury decided, need no signatures.
    """
    chain, wallet = options.open_chain(rpc_url, manifest), Wallet.load(key_file)
    bodies = gather(chain, round_id, evidence, api_url, wallet)
    count = send_proposal(chain, wallet, round_id, bodies, signature or ())
    console.print(f"Round {round_id}: a settlement of {count} entries is published; its challenge window is open.")


def watch(
    rpc_url: RpcOption,
    evidence: EvidenceOption = None,
    api_url: EvidenceApiOption = None,
    key_file: SecretOption = None,
    dataset: Annotated[int | None, typer.Option(help="watch this dataset only")] = None,
    challenge_wrong: Annotated[bool, typer.Option("--challenge", help="challenge what is wrong with a bond of your own")] = False,
    challenge_withheld: Annotated[
        bool, typer.Option("--challenge-withheld", help="challenge, too, what cannot be checked for lack of evidence")
    ] = False,
    alarm: Annotated[str | None, typer.Option(help="program to run at an alarm, with the text as its argument")] = None,
    once: Annotated[bool, typer.Option("--once", help="look once; exit with 1 after an alarm")] = False,
    pause: Annotated[float, typer.Option(help="seconds between looks at the chain", min=0.1)] = 5.0,
    manifest: ManifestOption = None,
) -> None:
    """Compute every proposed settlement again, say what is wrong with it, and (--challenge) challenge it. Challenging costs gas.

    A challenge stakes a bond from the Ledger account of the key; it is lost when the jury finds the settlement right.
    """
    wallet = _wallet(key_file)
    if (challenge_wrong or challenge_withheld) and wallet is None:
        raise typer.BadParameter("A challenge is signed: give --key-file.", param_hint="--challenge")
    chain = options.open_chain(rpc_url, manifest)
    operator = _operator(chain, api_url, wallet)

    def bodies(rounds: list[int]) -> Mapping[int, bytes]:
        at_hand = read_files(evidence or ())
        return at_hand | (operator.fetch(set(rounds) - at_hand.keys()) if operator else {})

    challenger = Challenger(wallet, challenge_withheld) if wallet and (challenge_wrong or challenge_withheld) else None
    watcher = Watcher(chain, bodies, challenger, dataset)
    while True:
        alarmed = False
        try:
            for notice in watcher.look():
                say(str(notice))
                alarmed = alarmed or notice.alarm
                if notice.alarm and alarm:
                    subprocess.run([alarm, plain(str(notice))], check=False)
        except (ApiError, RpcError, RpcUnavailable, TimedOut) as error:
            if once:
                raise
            say(f"Looking again in {pause:g} s: {error}")
        if once:
            raise typer.Exit(int(alarmed))
        time.sleep(pause)


def challenge(round_id: RoundArgument, rpc_url: RpcOption, key_file: KeyOption, manifest: ManifestOption = None) -> None:
    """Challenge a published settlement: a bond out of your Ledger account, and a fresh jury decides. Costs gas."""
    bond = send_challenge(options.open_chain(rpc_url, manifest), Wallet.load(key_file), round_id)
    console.print(f"Round {round_id} is challenged with a bond of {bond / LBL:g} LBL.")


def juror(
    round_id: RoundArgument,
    rpc_url: RpcOption,
    key_file: KeyOption,
    evidence: EvidenceOption = None,
    api_url: EvidenceApiOption = None,
    withheld: Annotated[bool, typer.Option("--withheld", help="instead: nobody gave you the evidence")] = False,
    manifest: ManifestOption = None,
) -> None:
    """Judge a challenged settlement: compute its root from the evidence, commit to it; run again, reveal it. Costs gas.

    The evidence is that of every round of the dataset up to this one that closed with labels; each is checked against the chain.
    """
    chain, wallet = options.open_chain(rpc_url, manifest), Wallet.load(key_file)
    bodies = None if withheld else gather(chain, round_id, evidence, api_url, wallet)
    done = Juror(chain, wallet).judge(round_id, bodies, key_file.with_suffix(f".round-{round_id}.verdict"))
    console.print(done, highlight=False, markup=False)


def gather(
    chain: Chain, round_id: int, files: list[Path] | None, api_url: str | None, wallet: Wallet | None
) -> Mapping[int, bytes]:
    """The evidence that a settlement of the round needs: from files, else of the operator. Raises BadParameter without either."""
    operator = _operator(chain, api_url, wallet)
    needed = rounds_with_evidence(chain, round_id)
    if needed and not files and operator is None:
        raise typer.BadParameter("Give --evidence files or folders, or --api and --key-file.", param_hint="--evidence")
    at_hand = read_files(files or ())
    return at_hand | (operator.fetch(set(needed) - at_hand.keys()) if operator else {})


def _operator(chain: Chain, api_url: str | None, wallet: Wallet | None) -> Operator | None:
    if not (api_url and wallet):
        return None
    api = options.open_api(api_url)
    api.expect(chain.deployment)
    return Operator(api, wallet)


def _wallet(key_file: Path | None) -> Wallet | None:
    return Wallet.load(key_file) if key_file else None
