"""Settlements without the operator: the panel signs for whoever proposes, and only the rule's result comes out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelshare import cli, options
from labelshare.client.audit import EvidenceMismatch
from labelshare.client.chain import TransactionFailed
from labelshare.client.check import check
from labelshare.client.propose import ProposalError, propose, sign_evidence
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.rules.entries import settlement_root
from tests.contracts.audited import NONE, PUBLISHED, World, as_rows, audited, world
from tests.contracts.flow import LBL, Wallet, wallet

__all__ = ["audited", "world"]  # fixtures


@pytest.fixture
def proposer(world: World) -> Wallet:
    who = wallet("proposer")
    world.flow.credit(who.address, 1_000 * LBL)
    return who


def signed(world: World, proposer: Wallet, folder: Path, members: int | None = None) -> list[Path]:
    files = []
    for who, _ in world.flow.panel()[:members]:
        file = folder / f"{who.address}.json"
        body = sign_evidence(world.client, ClientWallet(who.key), world.flow.round, world.body, proposer.address)
        file.write_text(json.dumps(body))
        files.append(file)
    return files


def test_a_stranger_with_the_panels_signatures_proposes_what_the_rule_gives(world: World, proposer: Wallet, tmp_path: Path) -> None:
    key, number = ClientWallet(proposer.key), world.flow.round
    assert propose(world.client, key, number, world.bodies, signed(world, proposer, tmp_path)) == len(world.due)
    found = check(world.client, number, world.bodies)
    assert (found.right, found.evidence_differs, found.proposal.proposer) == (True, False, proposer.address)
    with pytest.raises(ProposalError, match="which is published"):
        propose(world.client, key, number, world.bodies, ())
    world.flow.finalize()
    world.flow.distribute(as_rows(world.due))


def test_what_was_broken_off_is_published_by_doing_it_again(world: World, proposer: Wallet, tmp_path: Path) -> None:
    key, number = ClientWallet(proposer.key), world.flow.round
    files = signed(world, proposer, tmp_path)
    send = world.client.send

    def broken_off(who: ClientWallet, contract: str, function: str, *arguments: object) -> dict[str, object]:
        if function == "publish":
            raise TransactionFailed("the node went away")
        return send(who, contract, function, *arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.client, "send", broken_off)
        with pytest.raises(TransactionFailed):
            propose(world.client, key, number, world.bodies, files)
    assert world.phase() != PUBLISHED
    propose(world.client, key, number, world.bodies, ())
    assert world.phase() == PUBLISHED


def test_signatures_for_someone_else_or_of_a_minority_do_not_do(world: World, proposer: Wallet, tmp_path: Path) -> None:
    key, number = ClientWallet(proposer.key), world.flow.round
    files = signed(world, wallet("another"), tmp_path)
    with pytest.raises(ProposalError, match="is signed for round"):
        propose(world.client, key, number, world.bodies, files)
    with pytest.raises(TransactionFailed, match="NoPanelMajority"):
        propose(world.client, key, number, world.bodies, ())
    files[0].write_text("[]")
    with pytest.raises(ProposalError, match="is no signature over evidence"):
        propose(world.client, key, number, world.bodies, files)
    assert world.phase() == NONE


def test_evidence_that_is_not_the_chains_is_not_signed(world: World, proposer: Wallet) -> None:
    (who, _), *_ = world.flow.panel()
    other = world.body.replace(b":1,", b":2,", 1)
    with pytest.raises(EvidenceMismatch):
        sign_evidence(world.client, ClientWallet(who.key), world.flow.round, other, proposer.address)


def test_after_a_verdict_only_its_root_is_proposed_and_without_signatures(world: World, proposer: Wallet, tmp_path: Path) -> None:
    key, number, due = ClientWallet(proposer.key), world.flow.round, world.due
    wrong = as_rows([replace(due[0], reward=due[0].reward // 2), *due[1:]])
    world.flow.propose(wrong)
    world.flow.publish(wrong)
    world.watch()
    world.judge(world.bodies, tmp_path)
    assert bytes(world.flow.protocol.settlement.requiredRootOf(number)) == settlement_root(number, due)
    assert propose(world.client, key, number, world.bodies, ()) == len(due)
    assert world.phase() == PUBLISHED


def test_the_commands_sign_and_propose(world: World, proposer: Wallet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "open_chain", lambda *_: world.client)
    (tmp_path / "evidence.json").write_bytes(world.body)
    common = [str(world.flow.round), "--rpc", "http://node.test", "--evidence", str(tmp_path)]
    signatures = []
    for who, _ in world.flow.panel():
        key = tmp_path / f"{who.address}.key"
        key.write_text(who.key.hex())
        result = CliRunner().invoke(cli.app, ["settle", "sign", *common, "--key-file", str(key), "--proposer", proposer.address])
        assert result.exit_code == 0, result.output
        signatures += ["--signature", str(key.with_suffix(f".round-{world.flow.round}.signature.json"))]
    key = tmp_path / "proposer.key"
    key.write_text(proposer.key.hex())
    result = CliRunner().invoke(cli.app, ["settle", "propose", *common, "--key-file", str(key), *signatures])
    assert (result.exit_code, f"{len(world.due)} entries" in result.output) == (0, True), result.output
    assert CliRunner().invoke(cli.app, ["settle", "check", *common]).exit_code == 0
