"""Credentials: issuers attest for domains of their own; datasets and pools that require them keep others out."""

from typing import Any

import pytest
from brownie import accounts, chain
from eth_abi import encode
from eth_utils import keccak

from scripts.deploy import Deployed
from tests.contracts.flow import LBL, Flow, Wallet, wallet

DOMAIN = "oncology"
CREDENTIAL_MISSING = 14
FOREVER = 2**40


@pytest.fixture
def issuer() -> Any:
    return accounts[5]


@pytest.fixture
def flow(protocol: Deployed, treasury: Any, requester: Any, operator: Any) -> Flow:
    return Flow(protocol, treasury, requester, operator)


@pytest.fixture
def credential(flow: Flow, issuer: Any) -> bytes:
    return keccak(encode(["address", "string"], [issuer.address, DOMAIN]))


@pytest.fixture
def board(flow: Flow, issuer: Any, credential: bytes) -> list[Wallet]:
    """Six attested validators with two seats each in the credential's pool."""
    experts = [wallet(f"expert {i}") for i in range(6)]
    for who in experts:
        flow.protocol.credentials.attest(DOMAIN, who.address, FOREVER, {"from": issuer})
        join(flow, credential, who, 2)
    flow.validators = experts
    chain.mine(1)
    return experts


def join(flow: Flow, pool: bytes, who: Wallet, seats: int) -> None:
    amount = seats * flow.protocol.staking.seatSize()
    flow.credit(who.address, amount)
    flow.protocol.ledger.allow(flow.protocol.staking, amount, {"from": who.account})
    flow.protocol.staking.join(pool, seats, {"from": who.account})


def seats_of(flow: Flow, pool: bytes, who: Wallet) -> list[int]:
    staking = flow.protocol.staking
    return [i for i in range(staking.slotCount(pool)) if staking.seatOf(pool, i)[0].lower() == who.address]


def test_a_credential_is_its_issuers_and_nobody_elses(flow: Flow, issuer: Any, credential: bytes, stranger: Any) -> None:
    credentials, ada = flow.protocol.credentials, wallet("ada")
    assert credentials.credentialOf(issuer, DOMAIN) == "0x" + credential.hex()
    credentials.attest(DOMAIN, ada.address, FOREVER, {"from": accounts[6]})
    assert not credentials.isHeld(credential, ada.address)
    credentials.attest(DOMAIN, ada.address, FOREVER, {"from": issuer})
    assert credentials.isHeld(credential, ada.address)


def test_a_credential_ends_by_expiry_or_revocation(flow: Flow, issuer: Any, credential: bytes, expect_revert: Any) -> None:
    credentials, ada = flow.protocol.credentials, wallet("ada")
    credentials.attest(DOMAIN, ada.address, chain.time() + 50, {"from": issuer})
    assert credentials.isHeld(credential, ada.address)
    chain.sleep(60)
    chain.mine(1)
    assert not credentials.isHeld(credential, ada.address)
    with expect_revert("AlreadyExpired"):
        credentials.attest(DOMAIN, ada.address, chain.time() - 10, {"from": issuer})
    credentials.attest(DOMAIN, ada.address, FOREVER, {"from": issuer})
    credentials.revoke(DOMAIN, ada.address, {"from": issuer})
    assert not credentials.isHeld(credential, ada.address)
    with expect_revert("NotAttested"):
        credentials.revoke(DOMAIN, ada.address, {"from": issuer})


def test_a_dataset_takes_labels_of_the_attested_only(flow: Flow, issuer: Any, credential: bytes) -> None:
    flow.stake()
    flow.create(contributorCredential=credential)
    flow.open(4, 8)
    doctor, ada = wallet("doctor"), wallet("ada")
    flow.protocol.credentials.attest(DOMAIN, doctor.address, FOREVER, {"from": issuer})
    for who in (doctor, ada):
        flow.fund_contributor(who)
    tx = flow.submit(flow.submission(ada, 4), flow.submission(doctor, 4))
    assert tx.events["SubmissionAccepted"][0]["contributor"].lower() == doctor.address
    assert tx.events["SubmissionSkipped"][0]["reason"] == CREDENTIAL_MISSING
    flow.protocol.credentials.revoke(DOMAIN, doctor.address, {"from": issuer})
    assert flow.submit(flow.submission(doctor, 4)).events["SubmissionSkipped"][0]["reason"] == CREDENTIAL_MISSING
    assert flow.protocol.label_registry.contributorOf(flow.dataset, doctor.address)[2] == 4


def test_a_pool_takes_the_attested_and_audits_the_datasets_that_name_it(
    flow: Flow, credential: bytes, board: list[Wallet], expect_revert: Any
) -> None:
    with expect_revert("CredentialMissing"):
        join(flow, credential, wallet("quack"), 1)
    flow.create(validatorCredential=credential)
    flow.open(4, 4)
    ada = wallet("ada")
    flow.fund_contributor(ada)
    flow.submit(flow.submission(ada, 4))
    panel = flow.audit()
    assert {who for who, _ in panel} <= set(board)


def test_a_dataset_whose_pool_is_too_small_opens_no_round(flow: Flow, credential: bytes, expect_revert: Any) -> None:
    flow.stake()
    flow.create(validatorCredential=credential)
    with expect_revert("PoolTooSmall"):
        flow.open(4, 4)


def test_who_lost_the_credential_is_expelled_by_anyone_and_keeps_the_stake(
    flow: Flow, issuer: Any, credential: bytes, board: list[Wallet], stranger: Any, expect_revert: Any
) -> None:
    staking, ledger, who = flow.protocol.staking, flow.protocol.ledger, board[0]
    seats = seats_of(flow, credential, who)
    with expect_revert("CredentialHeld"):
        staking.expel(credential, who.address, seats, {"from": stranger})
    flow.protocol.credentials.revoke(DOMAIN, who.address, {"from": issuer})
    with expect_revert("NotSeatOwner"):
        staking.expel(credential, who.address, seats_of(flow, credential, board[1]), {"from": stranger})
    as_of, seed = chain.height, keccak(text="seed")
    before = staking.draw(credential, seed, 12, as_of, 5, 0, [])
    chain.mine(1)
    staking.expel(credential, who.address, seats, {"from": stranger})
    assert staking.draw(credential, seed, 12, as_of, 5, 0, []) == before
    assert who.address not in [str(o).lower() for o in staking.draw(credential, seed, 12, chain.height, 10, 0, [])[0]]
    assert [int(n) for n in staking.poolSize(credential)] == [10, 5]
    with expect_revert("CredentialMissing"):
        staking.join(credential, 1, {"from": who.account})
    chain.sleep(staking.unbondingPeriod() + 1)
    chain.mine(1)
    staking.collect(credential, seats, {"from": who.account})
    assert ledger.balanceOf(ledger.accountOf(who.address)) == 200 * LBL


def test_nobody_is_expelled_from_the_open_pool(flow: Flow, stranger: Any, expect_revert: Any) -> None:
    flow.stake()
    who = flow.validators[0]
    with expect_revert("CredentialHeld"):
        flow.protocol.staking.expel(b"\0" * 32, who.address, seats_of(flow, b"\0" * 32, who), {"from": stranger})
