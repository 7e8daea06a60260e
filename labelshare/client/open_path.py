"""The open path: labels without the operator's leave. The contributor relays them, and shows them to the panel in a file.

The panel's majority attests what it was shown; the rest is void, and its bond comes back.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labelshare.chain.decode import decode
from labelshare.chain.events import LabelRegistrySubmissionAccepted, LabelRegistrySubmissionSkipped
from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.chain import OPEN_PATH, Chain, to_log
from labelshare.client.wallet import Wallet, write_secret
from labelshare.rules import eip712
from labelshare.rules.evidence import salt
from labelshare.rules.merkle import labels_tree

SCHEMA = "labelshare-open-1"
SUBMISSION_SECONDS = 3600
SKIP_OPEN_LIMIT = 15
MOST_TASK, MOST_ANSWER = 1 << 32, 1 << 8  # above what an operator's evidence holds of a label


class OpenPathError(ValueError):
    """An open submission, or the file of one, is not what the chain takes or took; the message says why."""


def contribute_open(chain: Chain, wallet: Wallet, round_id: int, answers: Mapping[int, int], file: Path) -> None:
    """Writes the labels file, then submits its labels with the open bond (two transactions of the wallet).

    Raises OpenPathError when the chain passes the submission over, TransactionFailed.
    """
    _, most, least = chain.read("LabelRegistry", "openLimitsOf", round_id)
    if not least <= len(answers) <= most:
        raise OpenPathError(f"Round {round_id} takes {least} to {most} open labels of an address, not {len(answers)}.")
    dataset, *_ = on_chain = chain.read("LabelRegistry", "roundOf", round_id)
    sequence = chain.read("LabelRegistry", "contributorOf", dataset, wallet.address)[0]
    body = _signed(chain, wallet, round_id, sequence, answers)
    write_secret(file, json.dumps(body))
    chain.send(wallet, "Ledger", "allow", chain.address("LabelRegistry"), len(answers) * on_chain[10])
    fields = [round_id, *body["submission"].values()]
    receipt = chain.send(wallet, "LabelRegistry", "submit", [[fields, body["signature"], b""]])
    for raw in receipt["logs"]:
        if raw["address"].lower() != chain.address("LabelRegistry"):
            continue
        event = decode("LabelRegistry", to_log(raw))
        if isinstance(event, LabelRegistrySubmissionAccepted):
            return
        if isinstance(event, LabelRegistrySubmissionSkipped):
            limit = " (one submission an address, a fifth of the budget in all)" if event.reason == SKIP_OPEN_LIMIT else ""
            raise OpenPathError(f"The chain passed the submission over: reason {event.reason}{limit}.")
    raise OpenPathError("The chain said nothing about the submission.")


def show_to_operator(api: Api, round_id: int, file: Path, seconds: float = 120.0) -> None:
    """Hands the labels file to the operator, once the submission is mirrored there. Raises ApiError, TimedOut."""
    body = json.loads(file.read_text())

    def taken() -> bool | None:
        try:
            api.post(f"/rounds/{round_id}/open-labels", body)
        except ApiError as error:
            if error.code != "unknown_submission":
                raise
            return None
        return True

    wait_for("the open submission to be mirrored", taken, seconds)


def shown_bits(chain: Chain, round_id: int, files: Iterable[Path]) -> int:
    """Bit i: the labels of the i-th open submission of the round are in one of the files. Raises OpenPathError."""
    opened = [event for event in chain.submissions(round_id) if event.admission == OPEN_PATH]
    places = {(event.contributor, event.sequence, event.count, event.labels_root): i for i, event in enumerate(opened)}
    bits = 0
    for path in files:
        key = _key(path, round_id)
        if key not in places:
            raise OpenPathError(f"{path}: the chain accepted no open submission with these labels in round {round_id}.")
        bits |= 1 << places[key]
    return bits


def _signed(chain: Chain, wallet: Wallet, round_id: int, sequence: int, answers: Mapping[int, int]) -> dict[str, Any]:
    """The labels file, which the operator's API takes too."""
    registry = chain.address("LabelRegistry")
    secret = wallet.salt_secret(chain.deployment.chain_id, registry)
    rows = [(task, answer, salt(secret, round_id, sequence, task)) for task, answer in sorted(answers.items())]
    deadline = int(time.time()) + SUBMISSION_SECONDS
    root = labels_tree(rows).root
    message = eip712.Submission(round_id, wallet.address, sequence, len(rows), root, OPEN_PATH, deadline)
    submission = asdict(message) | {"labels_root": "0x" + root.hex()}
    del submission["round"]
    return {
        "schema": SCHEMA,
        "round": round_id,
        "submission": submission,
        "signature": wallet.sign(message, eip712.Domain(chain.deployment.chain_id, registry)),
        "labels": [{"task": t, "answer": a, "salt": "0x" + s.hex()} for t, a, s in rows],
    }


def _key(path: Path, round_id: int) -> tuple[str, int, int, str]:
    """Who submitted how many labels under which root, by what the file holds."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["schema"] != SCHEMA or body["round"] != round_id:
            raise OpenPathError(f"{path} is no labels file of round {round_id}.")
        rows = [(label["task"], label["answer"], bytes.fromhex(label["salt"][2:])) for label in body["labels"]]
        if any(task >= MOST_TASK or answer >= MOST_ANSWER for task, answer, _ in rows):
            raise OpenPathError(f"{path} holds numbers that are no task or class of any round; no evidence could hold them.")
        who, sequence = body["submission"]["contributor"], body["submission"]["sequence"]
        return who, sequence, len({task for task, _, _ in rows}), "0x" + labels_tree(rows).root.hex()
    except OpenPathError:
        raise
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise OpenPathError(f"{path} is no labels file: {type(error).__name__}: {error}.") from error
