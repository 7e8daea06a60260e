"""Money out through the SDK: free bonds, the Ledger account, and a signed withdrawal that somebody else relays."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelshare import cli, options
from labelshare.client.chain import Chain, TransactionFailed
from labelshare.client.wallet import Wallet as ClientWallet
from labelshare.client.withdraw import WithdrawalError, balance, relay_withdrawal, release_bonds, sign_withdrawal, withdraw
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, LBL, REWARD, Flow, Wallet, entry, in_order, wallet
from tests.contracts.sdk import sdk

OUTSIDE = "0x" + "0e" * 20


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    return Flow(protocol, treasury, requester, operator)


@pytest.fixture
def chain_(flow: Flow) -> Chain:
    return sdk(flow.protocol, flow.treasury)


@pytest.fixture
def ada(flow: Flow) -> Wallet:
    who = wallet("ada")
    flow.credit(who.address, 10 * LBL)
    return who


def test_all_or_a_part_is_withdrawn_and_no_more_than_there_is(flow: Flow, chain_: Chain, ada: Wallet) -> None:
    key = ClientWallet(ada.key)
    assert withdraw(chain_, key, OUTSIDE, 3 * LBL) == 3 * LBL
    with pytest.raises(WithdrawalError, match=f"holds {7 * LBL} base units; {8 * LBL} are asked for"):
        withdraw(chain_, key, OUTSIDE, 8 * LBL)
    assert withdraw(chain_, key, OUTSIDE, None) == 7 * LBL
    assert flow.protocol.token.balanceOf(OUTSIDE) == 10 * LBL
    with pytest.raises(WithdrawalError):
        withdraw(chain_, key, OUTSIDE, None)


def test_a_signed_withdrawal_is_relayed_once_for_its_fee(flow: Flow, chain_: Chain, ada: Wallet, tmp_path: Path) -> None:
    relayer = wallet("relayer")
    file = tmp_path / "signed.json"
    file.write_text(json.dumps(sign_withdrawal(chain_, ClientWallet(ada.key), OUTSIDE, None, LBL)))
    assert relay_withdrawal(chain_, ClientWallet(relayer.key), file) == LBL
    assert flow.protocol.token.balanceOf(OUTSIDE) == 9 * LBL
    assert (balance(chain_, ada.address), balance(chain_, relayer.address)) == (0, LBL)
    with pytest.raises(TransactionFailed, match="WrongWithdrawalNonce"):
        relay_withdrawal(chain_, ClientWallet(relayer.key), file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chain_id": 1}))
    with pytest.raises(WithdrawalError, match="is for chain 1"):
        relay_withdrawal(chain_, ClientWallet(relayer.key), file)
    file.write_text("{}")
    with pytest.raises(WithdrawalError, match="is no signed withdrawal"):
        relay_withdrawal(chain_, ClientWallet(relayer.key), file)


def test_free_bonds_come_back_by_anyones_hand(flow: Flow, chain_: Chain, ada: Wallet) -> None:
    flow.stake(count=12, seats=2)
    flow.create()
    flow.fund_contributor(ada)
    flow.open(4, 4)
    flow.submit(flow.submission(ada, 4))
    votes = [entry("validator", v.address) for v, _ in flow.audit()]
    flow.settle(in_order([entry("contributor", ada.address, 4 * REWARD), *votes]))
    assert release_bonds(chain_, ClientWallet(wallet("relayer").key), flow.dataset, ada.address) == 4 * BOND
    assert release_bonds(chain_, ClientWallet(ada.key), flow.dataset, ada.address) == 0


def test_the_command_signs_and_sends_amounts_in_lbl(
    flow: Flow, chain_: Chain, ada: Wallet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "open_chain", lambda *_: chain_)
    keys = {}
    for who in (ada, wallet("relayer")):
        keys[who.address] = tmp_path / who.address
        keys[who.address].write_text(who.key.hex())
    mine = ["--rpc", "http://node.test", "--key-file", str(keys[ada.address])]
    signed = tmp_path / "signed.json"
    run = CliRunner().invoke
    assert run(cli.app, ["withdraw", *mine, "--to", OUTSIDE, "--amount", "2.5"]).exit_code == 0
    result = run(cli.app, ["withdraw", *mine, "--to", OUTSIDE, "--fee", "0.5", "--signed", str(signed)])
    assert (result.exit_code, "7 LBL" in result.output) == (0, True)
    theirs = ["--rpc", "http://node.test", "--key-file", str(keys[wallet("relayer").address])]
    result = run(cli.app, ["relay-withdrawal", str(signed), *theirs])
    assert (result.exit_code, "The fee is 0.5 LBL." in result.output) == (0, True)
    assert flow.protocol.token.balanceOf(OUTSIDE) == 95 * LBL // 10
    for wrong in ("-1", "x", "1e-19", "nan", "1e999999999"):
        assert run(cli.app, ["withdraw", *mine, "--amount", wrong]).exit_code == 2
