"""Sign-in messages: only what was asked for, to the letter, for this site, chain and moment."""

import pytest

from backend.accounts.siwe import STATEMENT, NotSignIn, digest, parse
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
NOW = 1_700_000_000.0


def message(**changes: str) -> str:
    fields = {
        "domain": "label.example",
        "address": ADDRESS,
        "statement": STATEMENT,
        "uri": "https://label.example",
        "version": "1",
        "chain": "31337",
        "nonce": "abcdef0123456789",
        "issued": "2023-11-14T22:13:20.000Z",
        "more": "",
    } | changes
    return (
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{statement}\n\nURI: {uri}\nVersion: {version}\n"
        "Chain ID: {chain}\nNonce: {nonce}\nIssued At: {issued}{more}"
    ).format(**fields)


def check(text: str) -> None:
    parse(text).check("label.example", "https://label.example", 31337, NOW, 300)


def test_a_message_as_viem_writes_it_is_read() -> None:
    check(message())
    check(message(more="\nExpiration Time: 2023-11-14T22:15:00Z\nNot Before: 2023-11-14T22:13:00Z"))
    assert parse(message()).address == ADDRESS.lower()


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "evil.example"},
        {"domain": "label.example.evil.example"},
        {"domain": "https://label.example"},
        {"domain": "label.example@evil.example"},
        {"domain": "lаbel.example"},  # a Cyrillic letter
        {"domain": "LABEL.example"},
        {"address": ADDRESS.lower()},
        {"address": ADDRESS[:-1]},
        {"address": ADDRESS + "0"},
        {"statement": "Sign in."},
        {"statement": STATEMENT + "\n"},
        {"statement": STATEMENT + " "},
        {"uri": "https://evil.example"},
        {"uri": "https://label.example/"},
        {"uri": "https://label.example\nVersion: 1\nURI: https://label.example"},
        {"version": "2"},
        {"chain": "1"},
        {"chain": "031337"},
        {"chain": "31337.0"},
        {"chain": "٣١٣٣٧"},
        {"nonce": "short"},
        {"nonce": "abcdef01 23456789"},
        {"nonce": "a" * 65},
        {"issued": "2023-11-14T21:00:00Z"},
        {"issued": "2023-11-14T23:00:00Z"},
        {"issued": "2023-13-14T22:13:20Z"},
        {"issued": "2023-11-14 22:13:20"},
        {"issued": "2023-11-14T22:13:20+00:00"},
        {"more": "\n"},
        {"more": "\nExpiration Time: 2023-11-14T22:13:19Z"},
        {"more": "\nNot Before: 2023-11-14T23:13:19Z"},
        {"more": "\nRequest ID: 1"},
        {"more": "\nResources:\n- https://evil.example"},
        {"more": "\r\nExpiration Time: 2023-11-14T22:15:00Z"},
        {"more": "\x00"},
        {"more": " " * 3_000},
    ],
)
def test_every_other_message_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(NotSignIn):
        check(message(**changes))


def test_the_digest_is_what_personal_sign_signs() -> None:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    wallet = Wallet(b"\x21" * 32)
    signature = bytes(Account.sign_message(encode_defunct(text=message()), b"\x21" * 32).signature)
    assert eip712.recover(digest(message()), signature) == wallet.address
