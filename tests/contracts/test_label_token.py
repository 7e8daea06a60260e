"""LabelToken: the fixed cap, and the permit that makes one-prompt deposits and purchases possible."""

from typing import Any

from brownie import LabelToken

CAP = 1_000_000_000 * 10**18


def test_the_whole_cap_is_minted_once_to_the_treasury(deployer: Any, treasury: Any) -> None:
    token = deployer.deploy(LabelToken, treasury)
    assert token.totalSupply() == CAP == token.CAP()
    assert token.balanceOf(treasury) == CAP
    assert token.balanceOf(deployer) == 0


def test_there_is_no_way_to_mint_pause_or_own_it(deployer: Any, treasury: Any) -> None:
    token = deployer.deploy(LabelToken, treasury)
    writable = {item["name"] for item in token.abi if item["type"] == "function" and item["stateMutability"] == "nonpayable"}
    assert writable == {"approve", "permit", "transfer", "transferFrom"}
