"""Where a round's evidence comes from: files at hand, or an operator's API; each by the round that it names itself."""

import json
from collections.abc import Iterable
from pathlib import Path

from labelshare.client.api import Api, ApiError
from labelshare.client.audit import EvidenceMismatch
from labelshare.client.chain import Chain
from labelshare.client.recompute import rounds_of
from labelshare.client.wallet import Wallet
from labelshare.rules.evidence import EVIDENCE_SCHEMA


def rounds_with_evidence(chain: Chain, round_id: int) -> list[int]:
    """The rounds whose evidence a settlement of `round_id` needs: of its dataset, closed with labels, up to it."""
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    return [n for n in rounds_of(chain, dataset) if n <= round_id and chain.read("LabelRegistry", "roundOf", n)[1]]


def read_files(paths: Iterable[Path]) -> dict[int, bytes]:
    """Evidence files by round; a folder stands for those in it. Raises EvidenceMismatch for a file that is none."""
    bodies = {}
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for file in files:
            body = file.read_bytes()
            number = _round_of(body)
            if number is not None:
                bodies[number] = body
            elif not path.is_dir():
                raise EvidenceMismatch(f"{file} is no evidence file ({EVIDENCE_SCHEMA}).")
    return bodies


class Operator:
    """An operator's API as a source of evidence, for a panel member, juror, requester; what it gave is kept."""

    def __init__(self, api: Api, wallet: Wallet) -> None:
        self.api = api
        self.wallet = wallet
        self._kept: dict[int, bytes] = {}

    def fetch(self, rounds: Iterable[int]) -> dict[int, bytes]:
        """The evidence of these rounds, without those that the operator does not give (yet). Raises ApiError for other refusals."""
        for number in rounds:
            if number not in self._kept:
                try:
                    access = self.wallet.access(self.api, "evidence", number)
                    self._kept[number] = self.api.get_bytes(f"/rounds/{number}/evidence", access)
                except ApiError as error:
                    if error.status not in (403, 404):
                        raise
        return dict(self._kept)


def _round_of(body: bytes) -> int | None:
    """The round that a file is the evidence of, None when it is none."""
    try:
        content = json.loads(body)
        return int(content["round"]) if content["schema"] == EVIDENCE_SCHEMA else None
    except (KeyError, TypeError, ValueError):
        return None
