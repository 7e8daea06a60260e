"""Role-named fixtures for contract tests: a fresh deployment a module, rolled back after each test."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from brownie import accounts, chain, web3
from brownie.exceptions import VirtualMachineError
from eth_utils import keccak
from web3.exceptions import TransactionNotFound

from scripts.deploy import Deployed, deploy_development

LOOKUP_SECONDS = 5


@contextmanager
def reverts_with(error: str) -> Iterator[None]:
    """The block must revert with the custom error named `error` (Brownie shows it as `typed error: 0x<selector>...` or by name)."""
    try:
        yield
    except (VirtualMachineError, ValueError) as caught:
        text = str(caught) + str(getattr(caught, "revert_msg", ""))
        if error not in text and not any(s in text for s in selectors_of(error)):
            raise AssertionError(f"expected a revert with {error}, got: {text}") from caught
        return
    raise AssertionError(f"expected a revert with {error}, but the call succeeded")


def selectors_of(error: str) -> list[str]:
    """4-byte selectors of every custom error of this name in the compiled project."""
    from brownie import project

    selectors = []
    for container in project.get_loaded_projects()[0]:
        for item in container.abi:
            if item["type"] == "error" and item["name"] == error:
                selectors.append("0x" + keccak(text=signature_of(item))[:4].hex())
    return selectors


def signature_of(item: dict[str, Any]) -> str:
    return f"{item['name']}({','.join(type_of(i) for i in item['inputs'])})"


def type_of(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    return f"({','.join(type_of(c) for c in argument['components'])}){argument['type'][5:]}"


@pytest.fixture(scope="session", autouse=True)
def patient_lookups() -> Iterator[None]:
    """Brownie takes a transaction for dropped when the sender's nonce has moved on and the node does not know it, or has no receipt
    for it. Anvil raises the nonce a moment before it shows either: on a busy machine Brownie asks in between. So lookups wait."""
    known = {name: getattr(web3.eth, name) for name in ("get_transaction", "get_transaction_receipt")}
    for name, lookup in known.items():
        setattr(web3.eth, name, patient(lookup))
    yield
    for name, lookup in known.items():
        setattr(web3.eth, name, lookup)


def patient(lookup: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wait(tx_hash: Any) -> Any:
        deadline = time.monotonic() + LOOKUP_SECONDS
        while True:
            try:
                return lookup(tx_hash)
            except TransactionNotFound:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def expect_revert() -> Callable[[str], AbstractContextManager[None]]:
    return reverts_with


@pytest.fixture(scope="module")
def deployer() -> Any:
    return accounts[0]


@pytest.fixture(scope="module")
def treasury() -> Any:
    return accounts[1]


@pytest.fixture(scope="module")
def requester() -> Any:
    return accounts[2]


@pytest.fixture(scope="module")
def operator() -> Any:
    return accounts[3]


@pytest.fixture(scope="module")
def buyer() -> Any:
    return accounts[4]


@pytest.fixture(scope="module")
def stranger() -> Any:
    return accounts[5]


@pytest.fixture(scope="module")
def validators() -> list[Any]:
    return [accounts[i] for i in range(6, 18)]


@pytest.fixture(scope="module")
def contributors() -> list[Any]:
    return [accounts[i] for i in range(18, 30)]


@pytest.fixture(scope="module")
def deployment(deployer: Any, treasury: Any) -> Deployed:
    return deploy_development(deployer, treasury)


@pytest.fixture
def protocol(deployment: Deployed) -> Iterator[Deployed]:
    """The module's deployment, untouched by other tests."""
    chain.snapshot()
    yield deployment
    chain.revert()
