"""Where a round's evidence comes from: files at hand, or an operator's API; each by the round that it names itself."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from labelshare.client.api import Api, ApiError
from labelshare.client.audit import EvidenceMismatch
from labelshare.client.chain import Chain
from labelshare.client.recompute import rounds_of
from labelshare.client.wallet import Wallet


def rounds_with_evidence(chain: Chain, round_id: int) -> list[int]:
    """The rounds whose evidence a settlement of `round_id` needs: of its dataset, closed with labels, up to it."""
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    return [n for n in rounds_of(chain, dataset) if n <= round_id and chain.read("LabelRegistry", "roundOf", n)[1]]


def read_files(paths: Iterable[Path]) -> dict[int, bytes]:
    """Evidence files by round; a folder stands for the .json files in it. Raises EvidenceMismatch for what is no evidence."""
    bodies = {}
    for path in (file for given in paths for file in _files(given)):
        body = path.read_bytes()
        try:
            bodies[int(json.loads(body)["round"])] = body
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceMismatch(f"{path} is no evidence file: {type(error).__name__}: {error}.") from error
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


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path.glob("*.json"))
    else:
        yield path
