"""The watcher keeps looking, whatever a dataset's terms or an operator's answers are."""

from collections.abc import Mapping
from typing import Any

import pytest

from labelshare.client import watch
from labelshare.client.api import ApiError, TimedOut
from labelshare.client.chain import Chain
from labelshare.client.check import NothingProposed
from labelshare.client.wallet import Wallet
from labelshare.client.watch import Challenger, Notice, Watcher
from labelshare.rules.history import OtherRule
from tests.unit.logs import DEPLOYMENT
from tests.unit.small_chain import small

STRANGE, GOOD = 1, 2  # rounds


class TwoRounds(Chain):
    """Both are proposed."""

    def __init__(self) -> None:
        super().__init__(small().node, DEPLOYMENT)  # type: ignore[arg-type]

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return {
            "roundCount": lambda: 2,
            "roundOf": lambda: (arguments[0], 9, 99, 12, 2, 2**40, "0x", 5, 2, False, 30, 0, 0, bytes(32), bytes(32)),
            "proposalOf": lambda: (2, 0, 0, 0, 0, 0),
        }[function]()


def looked(monkeypatch: pytest.MonkeyPatch, trouble: Exception, at: str) -> list[Notice]:
    """What two looks say when the first round gives trouble: in its evidence, or in its check."""

    def evidence(rounds: list[int]) -> Mapping[int, bytes]:
        if at == "evidence" and rounds == [STRANGE]:
            raise trouble
        return {}

    def check(_: Chain, round_id: int, __: Mapping[int, bytes]) -> Any:
        if at == "check" and round_id == STRANGE:
            raise trouble
        raise watch.EvidenceMissing("The second round was looked at.")

    monkeypatch.setattr(watch, "rounds_with_evidence", lambda _, number: [number])
    monkeypatch.setattr(watch, "check", check)
    watcher = Watcher(TwoRounds(), evidence, Challenger(Wallet(b"\x01" * 32)))
    return [*watcher.look(), *watcher.look()]


@pytest.mark.parametrize(
    ("trouble", "at", "said"),
    [
        (OtherRule("another rule"), "check", (False, "is not watched: another rule")),
        (NothingProposed("gone"), "check", None),
        (TimedOut("no answer"), "evidence", (True, "cannot be checked now: no answer")),
        (ApiError(500, "internal", "failed"), "evidence", (True, "cannot be checked now: failed")),
    ],
)
def test_one_round_that_cannot_be_checked_keeps_no_watcher_from_the_others(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception, at: str, said: tuple[bool, str] | None
) -> None:
    """Else a dataset that names a rule of its own, or an operator that answers 500, blinds every watcher of the deployment."""
    notices = looked(monkeypatch, trouble, at)
    assert [(n.alarm, n.text) for n in notices if n.round == STRANGE] == ([] if said is None else [said])
    assert [n.text for n in notices if n.round == GOOD] == ["cannot be checked: The second round was looked at."]
