"""EIP-712 hashing and recovery: the digests of wallets, the strictness of the contracts."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from labelshare.rules import eip712
from labelshare.rules.eip712 import HALF_ORDER, Domain, InvalidSignature, Message, address_of, recover, sign

ROOT = Path(__file__).resolve().parent.parent.parent
ORDER = 2 * HALF_ORDER + 1
DOMAIN = Domain(31337, "0x" + "c0" * 20)
A, B, WORD = "0x" + "ab" * 20, "0x" + "0" * 39 + "1", bytes(range(32))
KEY = b"\x07" * 32
DIGEST = b"\x2a" * 32
MESSAGES: tuple[Message, ...] = (
    eip712.Allowance(A, B, 2**256 - 1, 0, 2**256 - 1),
    eip712.Withdrawal(A, B, 2**256 - 1, 1, 0, 2**256 - 1),
    eip712.Session(A, B, 0, 2**64 - 1, 2**96),
    eip712.Submission(2**256 - 1, A, 2**32 - 1, 1024, WORD, 255, 0),
    eip712.Assignment(1, A, 0, 1, 2**64 - 1),
    eip712.Commit(3, 2, A, bytes(32)),
    eip712.Evidence(2**255, WORD, A),
    eip712.Attestation(5, 2, A, 2**128 - 1),
    eip712.Verdict(5, 1, A, WORD),
    eip712.Receipt(5, A, 6, WORD, 1_700_000_000),
    eip712.Access(A, "download ‐ ünïcödé", 7, 2**64 - 1),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_wallet_that_signs_the_typed_data_signs_our_digest(message: Message) -> None:
    signed = Account.sign_message(encode_typed_data(full_message=message.typed_data(DOMAIN)), KEY)
    assert signed.message_hash == message.digest(DOMAIN)
    assert recover(message.digest(DOMAIN), bytes(signed.signature)) == address_of(KEY)


def test_the_types_are_those_of_the_specification_and_of_the_contracts() -> None:
    specified = set(re.findall(r"`([A-Z]\w+\([^`]*\))` \|", (ROOT / "docs" / "SPECIFICATION.md").read_text()))
    assert {message.type_string() for message in MESSAGES} == specified
    on_chain = re.findall(r'"([A-Z]\w+\([^"]*\))"', (ROOT / "contracts" / "libraries" / "Typed.sol").read_text())
    assert len(on_chain) == 9
    assert set(on_chain) <= specified


WRONG: dict[str, tuple[Any, ...]] = {
    "uint": (-1, "1", 1.0, None, True, b"\x01", 2**256),
    "address": (A.upper(), A[2:], A[:-1], A + "0", "0x" + "zz" * 20, "0x" + "ab" * 13 + " " * 14, A + "\n", bytes(20), None, 1),
    "bytes32": (bytes(31), bytes(33), "0x" + "00" * 32, bytearray(32), None, 0),
    "string": (b"download", None, 1, "\ud800"),
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_no_member_is_coerced_padded_or_cut_and_the_error_names_it(message: Message) -> None:
    for attribute, name, kind in message.members():
        family = "uint" if kind.startswith("uint") else kind
        for value in (*WRONG[family], *((2 ** int(kind[4:]),) if family == "uint" else ())):
            with pytest.raises(ValueError, match=rf"^{type(message).__name__}\.{name}: "):
                replace(message, **{attribute: value}).digest(DOMAIN)  # type: ignore[type-var]


@pytest.mark.parametrize("value", WRONG["address"])
def test_a_domain_takes_a_lowercase_address_only(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^Domain\.verifyingContract: "):
        Domain(1, value).separator()


@pytest.mark.parametrize("value", WRONG["uint"])
def test_a_domain_takes_a_chain_id_of_256_bits_only(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^Domain\.chainId: "):
        Domain(value, A).separator()


def test_a_signature_of_another_chain_contract_or_message_is_somebody_elses() -> None:
    message = MESSAGES[2]
    signature = sign(message.digest(DOMAIN), KEY)
    assert recover(message.digest(DOMAIN), signature) == address_of(KEY)
    others = (message.digest(Domain(1, DOMAIN.contract)), message.digest(Domain(31337, A)), MESSAGES[3].digest(DOMAIN))
    for digest in others:
        assert recover(digest, signature) != address_of(KEY)


def test_signatures_have_a_low_s_and_v_27_or_28() -> None:
    for number in range(50):
        signature = sign(number.to_bytes(32, "big"), KEY)
        assert int.from_bytes(signature[32:64], "big") <= HALF_ORDER
        assert signature[64] in (27, 28)
        assert recover(number.to_bytes(32, "big"), signature) == address_of(KEY)


def test_the_other_signature_of_the_same_key_with_a_high_s_is_refused() -> None:
    good = sign(DIGEST, KEY)
    high = good[:32] + (ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    with pytest.raises(InvalidSignature, match="upper half"):
        recover(DIGEST, high)


@pytest.mark.parametrize("v", [0, 1, 26, 29, 35, 36, 255])
def test_no_v_but_27_and_28_is_taken(v: int) -> None:
    with pytest.raises(InvalidSignature, match=f"v is {v}"):
        recover(DIGEST, sign(DIGEST, KEY)[:64] + bytes([v]))


@pytest.mark.parametrize("length", [0, 64, 66, 130])
def test_no_length_but_65_bytes_is_taken(length: int) -> None:
    with pytest.raises(InvalidSignature, match="65 bytes"):
        recover(DIGEST, (sign(DIGEST, KEY) * 2)[:length])


@pytest.mark.parametrize("r", [0, ORDER, 2**256 - 1])
def test_an_r_that_is_on_no_curve_point_is_refused(r: int) -> None:
    with pytest.raises(InvalidSignature, match="No key"):
        recover(DIGEST, r.to_bytes(32, "big") + sign(DIGEST, KEY)[32:])


def test_hex_text_is_no_signature() -> None:
    with pytest.raises(InvalidSignature):
        recover(DIGEST, "0x" + sign(DIGEST, KEY).hex())  # type: ignore[arg-type]


def test_an_address_is_the_same_from_a_private_and_a_public_key() -> None:
    assert address_of(KEY) == address_of(PrivateKey(KEY).public_key)
    assert address_of(b"\x00" * 31 + b"\x01") == "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
