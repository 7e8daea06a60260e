"""The Ledger, registry, shares and market on their own: the rest of the protocol is played by plain accounts and a stub."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from brownie import (
    DatasetMarket,
    DatasetRegistry,
    DatasetShares,
    Faucet,
    LabelToken,
    Ledger,
    Parameters,
    SettlementStub,
    accounts,
    chain,
    web3,
)
from brownie.exceptions import VirtualMachineError
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from scripts.deploy import LBL, predict_address

MNEMONIC = "test test test test test test test test test test test junk"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MAX = 2**256 - 1
ZERO_32 = b"\x00" * 32
FEE_BPS = 250
FLOOR = 100 * LBL

DOMAIN = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
ALLOWANCE = [
    ("owner", "address"),
    ("spender", "address"),
    ("amount", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]
WITHDRAWAL = [
    ("owner", "address"),
    ("to", "address"),
    ("amount", "uint256"),
    ("fee", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]
PERMIT = [
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]


@dataclass(frozen=True)
class Parts:
    """`settlement` and `market_caller` are accounts that act as the contracts at these addresses."""

    token: Any
    ledger: Any
    registry: Any
    shares: Any
    market: Any
    faucet: Any
    settlement_stub: Any
    settlement: Any
    market_caller: Any
    label_registry: Any


@pytest.fixture(scope="module")
def deployed_parts(deployer: Any, treasury: Any, stranger: Any) -> Parts:
    nonce = deployer.nonce
    token, ledger, registry, stub, shares, market, parameters = (predict_address(deployer.address, nonce + i) for i in range(7))
    label_registry = accounts[29]
    protocol = (token, parameters, stranger, ledger, registry, label_registry, *[stranger] * 4, stub, shares, market, treasury)
    built = (
        deployer.deploy(LabelToken, treasury),
        deployer.deploy(Ledger, protocol),
        deployer.deploy(DatasetRegistry, protocol),
        deployer.deploy(SettlementStub),
        deployer.deploy(DatasetShares, protocol),
        deployer.deploy(DatasetMarket, protocol),
    )
    deployer.deploy(Parameters, stranger, FEE_BPS, 60, 0)
    faucet = deployer.deploy(Faucet, token, ledger, 1_000 * LBL)
    built[0].transfer(faucet, 10_000 * LBL, {"from": treasury})
    return Parts(
        token=built[0],
        ledger=built[1],
        registry=built[2],
        shares=built[4],
        market=built[5],
        faucet=faucet,
        settlement_stub=built[3],
        settlement=act_as(stub),
        market_caller=act_as(market),
        label_registry=label_registry,
    )


def act_as(contract: str) -> Any:
    """An account that sends transactions as the contract at this address."""
    web3.provider.make_request("anvil_impersonateAccount", [contract])
    return accounts.at(contract, force=True)


@pytest.fixture
def parts(deployed_parts: Parts) -> Iterator[Parts]:
    """The module's parts, untouched by other tests."""
    chain.snapshot()
    yield deployed_parts
    chain.revert()


@pytest.fixture
def dataset(parts: Parts, requester: Any, operator: Any) -> int:
    """A dataset with the terms below and nothing in its escrow."""
    return create_dataset(parts, requester, operator)


def terms(requester: Any, operator: Any, /, **changes: Any) -> tuple[Any, ...]:
    """Valid terms; `changes` by the field's name in Solidity."""
    fields = {
        "requester": str(requester),
        "operator": str(operator),
        "classes": 2,
        "panelSize": 3,
        "auditRate": 26,
        "minLabels": 3,
        "maxLabels": 9,
        "reward": LBL,
        "auditFee": LBL,
        "bond": LBL // 4,
        "openBond": LBL,
        "commitWindow": 60,
        "revealWindow": 60,
        "challengeWindow": 60,
        "exitDelay": 60,
        "exitRate": 5_000,
        "labelCap": 100_000,
        "contributorCredential": ZERO_32,
        "validatorCredential": ZERO_32,
        "ruleId": keccak(text="kappa-3"),
        "licenseFloor": FLOOR,
        "licenseTerm": 3_600,
        "contributorsBps": 8_000,
        "validatorsBps": 1_000,
        "requesterBps": 1_000,
        "protocolFeeBps": FEE_BPS,
        "metadataHash": keccak(text="instructions"),
        "metadataUri": "ipfs://instructions",
    }
    unknown = changes.keys() - fields.keys()
    assert not unknown, unknown
    return tuple((fields | changes).values())


def create_dataset(parts: Parts, requester: Any, operator: Any, /, **changes: Any) -> int:
    parts.registry.create(terms(requester, operator, **changes), {"from": requester})
    return int(parts.registry.datasetCount())


def give(parts: Parts, treasury: Any, to: Any, amount: int) -> None:
    """LBL to a wallet, approved to the Ledger and to the market."""
    parts.token.transfer(to, amount, {"from": treasury})
    parts.token.approve(parts.ledger, MAX, {"from": to})
    parts.token.approve(parts.market, MAX, {"from": to})


def credit(parts: Parts, treasury: Any, account: Any, amount: int) -> None:
    """LBL of the treasury to an account of the Ledger."""
    parts.token.approve(parts.ledger, amount, {"from": treasury})
    parts.ledger.deposit(account, amount, {"from": treasury})


def account_of(user: Any) -> str:
    """The Ledger account of a user, as Brownie shows a bytes32."""
    return "0x" + str(user)[2:].lower().rjust(64, "0")


def key_of(index: int) -> str:
    """Private key of anvil's account `index`."""
    Account.enable_unaudited_hdwallet_features()
    return str(Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}").key.hex())


def sign(
    key: str,
    contract: Any,
    primary: str,
    fields: list[tuple[str, str]],
    message: dict[str, Any],
    *,
    chain_id: int | None = None,
) -> bytes:
    """65 bytes r, s, v over EIP-712 typed data in the domain of `contract`."""
    document = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in DOMAIN],
            primary: [{"name": name, "type": kind} for name, kind in fields],
        },
        "primaryType": primary,
        "domain": {
            "name": "Labelshare",
            "version": "1",
            "chainId": chain.id if chain_id is None else chain_id,
            "verifyingContract": str(contract),
        },
        "message": message,
    }
    return bytes(Account.sign_message(encode_typed_data(full_message=document), key).signature)


def permit(parts: Parts, index: int, spender: Any, value: int, deadline: int) -> tuple[int, int, bytes, bytes]:
    """(deadline, v, r, s) of anvil's account `index`, as the permit functions take them."""
    owner = str(accounts[index])
    message = {
        "owner": owner,
        "spender": str(spender),
        "value": value,
        "nonce": parts.token.nonces(owner),
        "deadline": deadline,
    }
    signature = sign(key_of(index), parts.token, "Permit", PERMIT, message)
    return deadline, signature[64], signature[:32], signature[32:64]


@contextmanager
def naming(word: str) -> Iterator[None]:
    """The revert in the block must carry `word` as a string among the values of its custom error."""
    try:
        yield
    except (VirtualMachineError, ValueError) as caught:
        if word not in str(caught) and word.encode().hex() not in str(caught):
            raise AssertionError(f"expected {word} in the revert, got: {caught}") from caught
        raise


def high_s(signature: bytes) -> bytes:
    """The other signature of the same signer over the same digest: what a strict verifier refuses."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
