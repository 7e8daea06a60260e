"""Verdicts that jurors hand in: who may, when, and when the keeper opens them. The tests play the indexer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.models import Outbox
from indexer.models import Block, Dispute, Juror
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712, jury
from tests.integration.api import CONTRACTS, World
from tests.integration.test_keeper import VALIDATORS, asked, audit_row, close, dispute_row, settlement_row

SALT, ROOT = b"\x07" * 32, b"\x09" * 32
FIRST, SECOND = VALIDATORS[:2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Round 1 is challenged, and a jury of two sits."""
    made = World(tmp_path)
    made.mirror(*(Block(number=n, hash=f"0x{n:064x}", timestamp=made.now - 9 + n) for n in range(1, 10)))
    close(made, audit_row(made), settlement_row("challenged"), dispute_row(made, "committing"))
    made.change(Dispute, (1, 1), commit_ends=made.now + 100)
    seat = {"round": 1, "attempt": 1, "weight": 1, "commitment": None, "revealed": False, "root": None, "salt": None, "slashed": 0}
    made.mirror(*(Juror(juror=who.address, **seat) for who in (FIRST, SECOND)))
    yield made
    made.close()


def sealed(juror: Wallet) -> str:
    return "0x" + jury.verdict_commitment(1, 1, juror.address, ROOT, SALT).hex()


def commit(world: World, juror: Wallet, signer: Wallet) -> tuple[int, str | None]:
    message = eip712.Verdict(1, 1, juror.address, bytes.fromhex(sealed(juror)[2:]))
    signature = signer.sign(message, eip712.Domain(31337, CONTRACTS["Jury"]))
    body = {"juror": juror.address, "commitment": sealed(juror), "signature": signature}
    answer = world.client.post("/v1/rounds/1/verdicts", json=body)
    return answer.status_code, answer.json().get("code")


def hand_in(world: World, juror: Wallet, root: bytes = ROOT) -> tuple[int, str | None]:
    body = {"juror": juror.address, "root": "0x" + root.hex(), "salt": "0x" + SALT.hex()}
    answer = world.client.post("/v1/rounds/1/verdict-reveals", json=body)
    return answer.status_code, answer.json().get("code")


def test_a_sealed_verdict_is_taken_from_the_sitting_jury_while_it_commits(world: World) -> None:
    assert commit(world, world.ada, world.ada) == (403, "not_on_jury")
    assert commit(world, FIRST, SECOND) == (401, "wrong_signer")
    assert commit(world, FIRST, FIRST) == (202, None)
    with world.backend.database.transaction() as session:
        (row,) = session.scalars(select(Outbox)).all()
    call = json.loads(row.payload)
    assert (call["function"], call["arguments"][:3]) == ("commit", [1, FIRST.address, sealed(FIRST)])
    world.change(Juror, (1, 1, FIRST.address), commitment=sealed(FIRST))
    assert commit(world, FIRST, FIRST) == (409, "already_committed")
    world.change(Dispute, (1, 1), commit_ends=world.now - 1)
    assert commit(world, SECOND, SECOND) == (409, "not_committing")
    world.change(Dispute, (1, 1), phase="upheld")
    assert commit(world, SECOND, SECOND) == (404, "no_jury")


def test_a_verdict_that_is_kept_is_opened_once_the_jury_opens_and_not_before(world: World) -> None:
    assert hand_in(world, FIRST) == (409, "not_committed")
    world.change(Juror, (1, 1, FIRST.address), commitment=sealed(FIRST))
    assert hand_in(world, FIRST, root=SALT) == (422, "wrong_reveal")
    assert hand_in(world, world.ada) == (403, "not_on_jury")
    assert hand_in(world, FIRST) == hand_in(world, FIRST) == (202, None)
    assert asked(world) == []
    world.change(Dispute, (1, 1), commit_ends=world.now - 1)
    assert asked(world) == [("Jury.reveal", 1, FIRST.address, "0x" + ROOT.hex(), "0x" + SALT.hex())]
    world.change(Dispute, (1, 1), phase="revealing")
    assert asked(world) == []


def test_a_jurors_duty_says_whether_the_verdict_is_kept(world: World) -> None:
    def duty() -> tuple[str, bool]:
        answer = world.client.get("/v1/me/validator", headers=world.access(FIRST, "me", 0))
        (one,) = [one for one in answer.json()["duties"] if one["kind"] == "jury"]
        return one["step"], one["held"]

    assert duty() == ("commit", False)
    world.change(Juror, (1, 1, FIRST.address), commitment=sealed(FIRST))
    assert duty() == ("reveal", False)
    hand_in(world, FIRST)
    assert duty() == ("wait", True)


def test_a_dispute_shows_what_each_juror_opened(world: World) -> None:
    world.change(Juror, (1, 1, FIRST.address), commitment=sealed(FIRST), revealed=True, root="0x" + ROOT.hex(), slashed=5)
    (dispute,) = world.client.get("/v1/rounds/1/disputes").json()["items"]
    shown = {one["juror"]: (one["committed"], one["root"], one["slashed"]) for one in dispute["verdicts"]}
    assert shown == {FIRST.address: (True, "0x" + ROOT.hex(), "5"), SECOND.address: (False, None, "0")}
