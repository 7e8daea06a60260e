"""Contract wallets (ERC-1271), delegated accounts (EIP-7702), and withdrawals by signature."""

from typing import Any

import pytest
from brownie import MoodyWallet, chain, web3
from eth_abi import encode

from labelshare.rules import eip712
from scripts.deploy import Deployed
from tests.contracts.flow import BOND, LBL, Flow, Wallet, domain, entry, in_order, wallet
from tests.contracts.parts import high_s

HONEST, WRONG_MAGIC, REVERTS, BURNS_ALL_GAS, REVERTS_WITH_BOMB, TOO_LITTLE, RETURNS_BOMB, YES_TO_EVERYTHING = range(8)
HOSTILE = [WRONG_MAGIC, REVERTS, BURNS_ALL_GAS, REVERTS_WITH_BOMB, TOO_LITTLE, RETURNS_BOMB]
NOT_ADMITTED, INVALID_SIGNATURE = 8, 9
WALLET_GAS = 200_000


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    flow = Flow(protocol, treasury, requester, operator)
    flow.stake()
    flow.create()
    flow.open(4, 12)
    return flow


@pytest.fixture
def owner() -> Wallet:
    return wallet("owner of a contract wallet")


@pytest.fixture
def contract(deployer: Any, owner: Wallet) -> Any:
    return deployer.deploy(MoodyWallet, owner.address)


def as_wallet(contract: Any, owner: Wallet) -> Wallet:
    """The contract's address, signed for by its owner's key."""
    return Wallet(owner.key, contract.address.lower(), owner.account)


def withdrawal(flow: Flow, who: Wallet, to: Any, amount: int, fee: int = 0, **changes: Any) -> tuple[Any, ...]:
    ledger = flow.protocol.ledger
    fields = {
        "owner": who.address,
        "to": str(to).lower(),
        "amount": amount,
        "fee": fee,
        "nonce": ledger.withdrawalNonces(who.address),
        "deadline": chain.time() + 1_000,
    } | changes
    return (*fields.values(), who.sign(eip712.Withdrawal(**fields), domain(ledger)))


def allowance(flow: Flow, who: Wallet) -> tuple[Any, ...]:
    ledger = flow.protocol.ledger
    message = eip712.Allowance(who.address, wallet("bob").address, LBL, ledger.nonces(who.address), chain.time() + 1_000)
    return (*vars(message).values(), who.sign(message, domain(ledger)))


def session(flow: Flow, who: Wallet, key: Wallet) -> tuple[Any, ...]:
    message = eip712.Session(who.address, key.address, 0, chain.time() + 1_000, LBL)
    return tuple(vars(message).values()), who.sign(message, domain(flow.protocol.label_registry))


def become_contract(deployer: Any, who: Wallet) -> Wallet:
    """The account's address as a contract wallet, with the key that signs for it from now on."""
    key = wallet(f"key of {who.address}")
    code = web3.eth.get_code(deployer.deploy(MoodyWallet, key.address).address)
    web3.provider.make_request("anvil_setCode", [who.address, "0x" + bytes(code).hex()])
    return Wallet(key.key, who.address, None)


def balance(flow: Flow, address: Any) -> int:
    return int(flow.protocol.ledger.balanceOf(flow.protocol.ledger.accountOf(address)))


# Contract wallets


def test_a_contract_wallet_allows_registers_a_session_and_submits(flow: Flow, contract: Any, owner: Wallet) -> None:
    who, key = as_wallet(contract, owner), wallet("the wallet's browser")
    flow.fund_contributor(who)
    assert "SessionRegistered" in flow.session(who, key).events
    by_wallet = flow.submit(flow.submission(who, 4)).events["SubmissionAccepted"][0]
    assert by_wallet["signer"] == contract.address
    by_key = flow.submit(flow.submission(who, 4, signer=key)).events["SubmissionAccepted"][0]
    assert by_key["signer"].lower() == key.address
    assert balance(flow, contract) == 100 * LBL - 8 * BOND


@pytest.mark.parametrize("mood", HOSTILE)
def test_a_hostile_wallet_is_skipped_and_harms_nobody(flow: Flow, contract: Any, owner: Wallet, mood: int) -> None:
    who, other = as_wallet(contract, owner), wallet("ada")
    flow.fund_contributor(who)
    flow.fund_contributor(other)
    items = [flow.submission(who, 4), flow.submission(other, 4)]
    contract.setMood(mood, {"from": flow.operator})
    tx = flow.submit(*items)
    assert [e["reason"] for e in tx.events["SubmissionSkipped"]] == [INVALID_SIGNATURE]
    assert [e["contributor"].lower() for e in tx.events["SubmissionAccepted"]] == [other.address]
    assert tx.gas_used < 600_000


@pytest.mark.parametrize("mood", HOSTILE)
def test_a_hostile_wallets_session_and_allowance_are_skipped_alone(flow: Flow, contract: Any, owner: Wallet, mood: int) -> None:
    who, other, key = as_wallet(contract, owner), wallet("ada"), wallet("a browser")
    contract.setMood(mood, {"from": flow.operator})
    sessions = flow.protocol.label_registry.registerSessions([session(flow, w, key) for w in (who, other)], {"from": flow.operator})
    assert [e["contributor"] for e in sessions.events["SessionSkipped"]] == [contract.address]
    assert [e["contributor"].lower() for e in sessions.events["SessionRegistered"]] == [other.address]
    allowances = flow.protocol.ledger.allowBySig([allowance(flow, w) for w in (who, other)], {"from": flow.operator})
    assert [e["owner"] for e in allowances.events["AllowanceSkipped"]] == [contract.address]
    assert [e["owner"].lower() for e in allowances.events["AllowanceSigned"]] == [other.address]
    assert flow.protocol.ledger.nonces(contract) == 0


def test_a_bomb_costs_no_more_than_the_wallets_gas(flow: Flow, contract: Any, owner: Wallet) -> None:
    who = as_wallet(contract, owner)
    flow.fund_contributor(who)
    items = [flow.submission(who, 4)]
    used = []
    for mood in (WRONG_MAGIC, RETURNS_BOMB, REVERTS_WITH_BOMB, BURNS_ALL_GAS):
        contract.setMood(mood, {"from": flow.operator})
        used.append(flow.submit(*items).gas_used)
    assert max(used) <= used[0] + WALLET_GAS


def test_a_wallet_that_takes_every_signature_harms_only_itself(flow: Flow, contract: Any, owner: Wallet) -> None:
    careless, other = as_wallet(contract, owner), wallet("ada")
    for who in (careless, other):
        flow.fund_contributor(who)
    contract.setMood(YES_TO_EVERYTHING, {"from": flow.operator})
    forged = [(*flow.submission(who, 4)[:1], b"", b"") for who in (careless, other)]
    tx = flow.submit(*forged)
    assert [e["contributor"] for e in tx.events["SubmissionAccepted"]] == [contract.address]
    assert [e["reason"] for e in tx.events["SubmissionSkipped"]] == [INVALID_SIGNATURE]


@pytest.mark.parametrize("signature", [b"", b"\0" * 65, b"\xff" * 65, b"\1" * 64], ids=["empty", "zeros", "ones", "short"])
def test_nobody_contributes_without_a_signature_even_where_there_is_no_bond(flow: Flow, signature: bytes) -> None:
    """A malformed signature recovers to the zero address, which must not pass for the zero address' own signature: an entry for
    it cannot be paid, so it would hold up everyone's pay."""
    flow.create(bond=0)
    flow.open(4, 12)
    nobody, other = Wallet(b"\1" * 32, "0x" + "0" * 40, None), wallet("ada")
    forged = (flow.submission(nobody, 4)[0], signature, b"")
    tx = flow.submit(forged, flow.submission(other, 4))
    assert [e["reason"] for e in tx.events["SubmissionSkipped"]] == [INVALID_SIGNATURE]
    assert [e["contributor"].lower() for e in tx.events["SubmissionAccepted"]] == [other.address]
    assert flow.protocol.label_registry.pendingContributors(flow.dataset) == 1


def test_a_session_key_is_a_key_even_when_it_has_code(flow: Flow, contract: Any) -> None:
    """Only the contributor's own wallet is asked: a contract as session key could say yes to everybody's submissions."""
    who = wallet("ada")
    flow.fund_contributor(who)
    flow.session(who, Wallet(b"", contract.address.lower(), None))
    contract.setMood(YES_TO_EVERYTHING, {"from": flow.operator})
    skipped = flow.submit((flow.submission(who, 4)[0], b"", b"")).events["SubmissionSkipped"]
    assert [e["reason"] for e in skipped] == [INVALID_SIGNATURE]


def test_a_panel_of_contract_wallets_signs_its_ballots_and_the_evidence(flow: Flow, deployer: Any, expect_revert: Any) -> None:
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.submit(flow.submission(ada, 12))
    flow.close()
    flow.validators = [become_contract(deployer, who) for who, _ in flow.draw()]
    panel = flow.panel()
    for who, _ in panel:
        with expect_revert("InvalidSignature"):
            flow.commit(Wallet(wallet("thief").key, who.address, None))
        flow.commit(who)
    for who, _ in panel:
        flow.reveal(who)
    flow.protocol.audit_board.conclude(flow.round, {"from": flow.operator})
    votes = [entry("validator", who.address) for who, _ in panel]
    entries = in_order([entry("contributor", ada.address), *votes])
    MoodyWallet.at(panel[0][0].address).setMood(BURNS_ALL_GAS, {"from": flow.operator})
    with expect_revert("InvalidSignature"):
        flow.propose(entries)
    MoodyWallet.at(panel[0][0].address).setMood(HONEST, {"from": flow.operator})
    flow.propose(entries)
    assert flow.operator in flow.protocol.settlement.proposalOf(flow.round)


def test_an_operator_that_is_a_contract_gives_tickets(flow: Flow, deployer: Any, stranger: Any) -> None:
    """A ticket has room for 65 bytes of signature: what a wallet with one key takes."""
    ada = wallet("ada")
    flow.fund_contributor(ada)
    unticketed = flow.submission(ada, 4)
    operator = become_contract(deployer, Wallet(b"", flow.operator.address.lower(), None))
    assignment = eip712.Assignment(flow.round, ada.address, 0, 4, chain.time() + 1_000)
    tickets = [
        encode(["uint32", "uint64", "bytes"], [4, assignment.deadline, who.sign(assignment, domain(flow.protocol.label_registry))])
        for who in (ada, operator)
    ]
    refused, taken = (flow.submit((*unticketed[:2], ticket), sender=stranger) for ticket in tickets)
    assert [e["reason"] for e in refused.events["SubmissionSkipped"]] == [NOT_ADMITTED]
    assert "SubmissionAccepted" in taken.events


def test_another_keys_signature_is_not_the_wallets(flow: Flow, contract: Any, owner: Wallet) -> None:
    flow.fund_contributor(as_wallet(contract, owner))
    stranger = Wallet(wallet("bob").key, contract.address.lower(), owner.account)
    skipped = flow.submit(flow.submission(stranger, 4)).events["SubmissionSkipped"]
    assert [e["reason"] for e in skipped] == [INVALID_SIGNATURE]


def test_a_relayer_cannot_starve_a_wallet_of_gas(flow: Flow, contract: Any, owner: Wallet, expect_revert: Any) -> None:
    """With too little gas the whole call fails, and the submission can be sent again; it is never skipped for it."""
    who = as_wallet(contract, owner)
    flow.fund_contributor(who)
    item = flow.submission(who, 4)
    with expect_revert("TooLittleGas"):
        flow.protocol.label_registry.submit([item], {"from": flow.operator, "gas_limit": 220_000})
    assert "SubmissionAccepted" in flow.submit(item).events


def test_a_delegated_account_signs_with_its_key_whatever_its_code_says(flow: Flow, contract: Any) -> None:
    who = wallet("delegated")
    flow.fund_contributor(who)
    contract.setMood(REVERTS, {"from": flow.operator})
    web3.provider.make_request("anvil_setCode", [who.address, "0xef0100" + contract.address[2:]])
    assert len(web3.eth.get_code(web3.to_checksum_address(who.address))) == 23
    assert "SubmissionAccepted" in flow.submit(flow.submission(who, 4)).events


# Withdrawals by signature


def test_anyone_relays_a_withdrawal_for_its_fee(flow: Flow, stranger: Any) -> None:
    who, to = wallet("ada"), wallet("ada's cold wallet").address
    flow.credit(who.address, 10 * LBL)
    tx = flow.protocol.ledger.withdrawBySig(withdrawal(flow, who, to, 9 * LBL, LBL), {"from": stranger})
    signed = tx.events["WithdrawalSigned"]
    assert (signed["owner"].lower(), signed["relayer"], signed["nonce"], signed["fee"]) == (who.address, stranger, 0, LBL)
    assert flow.protocol.token.balanceOf(to) == 9 * LBL
    assert (balance(flow, who.address), balance(flow, stranger)) == (0, LBL)
    assert flow.conserved()


def test_a_contract_wallet_withdraws_by_signature(flow: Flow, contract: Any, owner: Wallet, stranger: Any) -> None:
    who = as_wallet(contract, owner)
    flow.credit(who.address, 10 * LBL)
    flow.protocol.ledger.withdrawBySig(withdrawal(flow, who, stranger, 10 * LBL), {"from": stranger})
    assert balance(flow, contract) == 0


def test_a_withdrawal_works_once_in_its_order_and_in_its_time(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    who, ledger = wallet("ada"), flow.protocol.ledger
    flow.credit(who.address, 10 * LBL)
    first = withdrawal(flow, who, stranger, LBL)
    with expect_revert("WrongWithdrawalNonce"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, LBL, nonce=1), {"from": stranger})
    ledger.withdrawBySig(first, {"from": stranger})
    with expect_revert("WrongWithdrawalNonce"):
        ledger.withdrawBySig(first, {"from": stranger})
    with expect_revert("WithdrawalExpired"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, LBL, deadline=chain.time() - 1), {"from": stranger})
    with expect_revert("InsufficientBalance"):
        ledger.withdrawBySig(withdrawal(flow, who, stranger, 9 * LBL, 1), {"from": stranger})
    with expect_revert("ZeroAccount"):
        ledger.withdrawBySig(withdrawal(flow, who, "0x" + "0" * 40, LBL), {"from": stranger})
    with expect_revert("WithdrawalToLedger"):
        ledger.withdrawBySig(withdrawal(flow, who, ledger, LBL), {"from": stranger})
    assert balance(flow, who.address) == 9 * LBL


@pytest.mark.parametrize("field", [1, 2, 3, 5])
def test_a_withdrawal_that_a_relayer_changed_is_refused(flow: Flow, stranger: Any, expect_revert: Any, field: int) -> None:
    who = wallet("ada")
    flow.credit(who.address, 10 * LBL)
    item = list(withdrawal(flow, who, stranger, LBL))
    item[field] = wallet("thief").address if field == 1 else item[field] + 1
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(item, {"from": stranger})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(high_s, id="high s"),
        pytest.param(lambda s: s[:64] + bytes([s[64] - 27]), id="v of 0 or 1"),
        pytest.param(lambda s: s[:64], id="64 bytes"),
        pytest.param(lambda s: b"", id="empty"),
    ],
)
def test_a_withdrawal_whose_signature_has_another_form_is_refused(
    flow: Flow, stranger: Any, expect_revert: Any, change: Any
) -> None:
    who = wallet("ada")
    flow.credit(who.address, 10 * LBL)
    item = withdrawal(flow, who, stranger, LBL)
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig((*item[:-1], change(item[-1])), {"from": stranger})
    flow.protocol.ledger.withdrawBySig(item, {"from": stranger})


def test_a_withdrawal_that_somebody_else_signed_is_refused(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    thief = Wallet(wallet("thief").key, wallet("ada").address, None)
    flow.credit(thief.address, 10 * LBL)
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(withdrawal(flow, thief, stranger, LBL), {"from": stranger})


@pytest.mark.parametrize("mood", HOSTILE)
def test_a_hostile_wallet_does_not_withdraw(
    flow: Flow, contract: Any, owner: Wallet, stranger: Any, expect_revert: Any, mood: int
) -> None:
    who = as_wallet(contract, owner)
    flow.credit(who.address, 10 * LBL)
    item = withdrawal(flow, who, stranger, LBL)
    contract.setMood(mood, {"from": stranger})
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(item, {"from": stranger})
    assert flow.protocol.ledger.withdrawalNonces(contract) == 0


def test_an_allowance_on_its_way_survives_a_withdrawal(flow: Flow, stranger: Any) -> None:
    who, ledger = wallet("ada"), flow.protocol.ledger
    flow.credit(who.address, 10 * LBL)
    waiting = allowance(flow, who)
    ledger.withdrawBySig(withdrawal(flow, who, stranger, LBL), {"from": stranger})
    assert "AllowanceSigned" in ledger.allowBySig([waiting], {"from": stranger}).events


def test_the_owner_may_relay_and_a_fee_to_oneself_stays(flow: Flow) -> None:
    who = wallet("ada")
    flow.credit(who.address, 10 * LBL)
    flow.protocol.ledger.withdrawBySig(withdrawal(flow, who, who.address, 4 * LBL, 6 * LBL), {"from": who.account})
    assert balance(flow, who.address) == 6 * LBL
    assert flow.conserved()


def test_a_withdrawal_for_another_chain_or_contract_is_refused(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    who, ledger = wallet("ada"), flow.protocol.ledger
    flow.credit(who.address, 10 * LBL)
    unsigned = withdrawal(flow, who, stranger, LBL)[:-1]
    message = eip712.Withdrawal(*unsigned)
    for elsewhere in (eip712.Domain(1, ledger.address.lower()), domain(flow.protocol.label_registry)):
        with expect_revert("InvalidWithdrawalSignature"):
            ledger.withdrawBySig((*unsigned, who.sign(message, elsewhere)), {"from": stranger})


def test_a_withdrawal_of_nobody_is_refused(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    item = ("0x" + "0" * 40, str(stranger), 0, 0, 0, 2**40, b"\0" * 65)
    with expect_revert("InvalidWithdrawalSignature"):
        flow.protocol.ledger.withdrawBySig(item, {"from": stranger})
