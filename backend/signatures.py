"""Who signed what a request carries, as the contracts ask (specification S1, S5): a key first, then the account's own contract.

A contract wallet is asked outside of any SQL transaction: the action runs, meets a signature that no key explains, is rolled back;
the wallet is asked by ERC-1271; and the action runs again, knowing the answer.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from eth_abi.abi import encode

from backend.errors import Unauthorized
from labelshare.chain.rpc import Rpc, RpcError, RpcUnavailable
from labelshare.rules import eip712

T = TypeVar("T")
MAGIC = "0x1626ba7e"
WALLET_GAS = 200_000
CALL_GAS = 100_000  # the call itself and its calldata, which the contracts do not count

MOST_WALLETS = 4  # questions of one request

Question = tuple[bytes, str, str]
_taken: ContextVar[frozenset[Question]] = ContextVar("taken", default=frozenset())


class WrongSigner(Unauthorized):
    """No key explains the signature. `question`: digest, signature and the account that may be a contract."""

    def __init__(self, code: str, message: str, question: Question) -> None:
        super().__init__(code, message)
        self.question = question


def signer_of(digest: bytes, signature: str, account: str) -> str:
    """The signer of a digest: `account` when its contract took the signature, else whose key it is.

    Raises WrongSigner for a signature that is not 65 bytes of a key.
    """
    if (digest, signature, account) in _taken.get():
        return account
    try:
        return eip712.recover(digest, bytes.fromhex(signature[2:]))
    except ValueError as error:  # InvalidSignature is one
        raise WrongSigner("invalid_signature", f"The signature is malformed: {error}.", (digest, signature, account)) from error


def require_signer(digest: bytes, signature: str, expected: str) -> None:
    """Raises WrongSigner unless `expected` signed the digest."""
    signer = signer_of(digest, signature, expected)
    if signer != expected:
        raise wrong_signer(digest, signature, expected, signer)


def wrong_signer(digest: bytes, signature: str, expected: str, signer: str, or_else: str = "") -> WrongSigner:
    """What to raise when `signer` is not who should have signed."""
    return WrongSigner(
        "wrong_signer",
        f"Signed by {signer} instead of {expected}{or_else}, or for another chain, contract or message than this one.",
        (digest, signature, expected),
    )


def with_wallets(rpc: Rpc, action: Callable[[], T]) -> T:
    """The action's result, contract wallets being asked where no key explains a signature: one after the other where a request
    carries several. Raises what the action raises."""
    known = _taken.get()
    for _ in range(MOST_WALLETS):
        token = _taken.set(known)
        try:
            return action()
        except WrongSigner as error:
            if error.question in known or not wallet_takes(rpc, *error.question):
                raise
            known |= {error.question}
        finally:
            _taken.reset(token)
    return action()


def wallet_takes(rpc: Rpc, digest: bytes, signature: str, account: str) -> bool:
    """Whether there is a contract at the account that takes the signature, within the gas that ours would give it."""
    try:
        blob = bytes.fromhex(signature[2:])
        if rpc.call("eth_getCode", account, "latest") in ("0x", None):
            return False
        data = MAGIC + encode(("bytes32", "bytes"), (digest, blob)).hex()
        answer = str(rpc.call("eth_call", {"to": account, "data": data, "gas": hex(WALLET_GAS + CALL_GAS)}, "latest"))
    except (RpcError, RpcUnavailable, ValueError):
        return False
    return len(answer) >= 66 and answer[:10] == MAGIC and not answer[10:66].strip("0")
