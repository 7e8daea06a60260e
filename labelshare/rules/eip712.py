"""EIP-712 messages of the protocol: what is signed, strictly typed, and strict recovery (specification S1, S2).

Every value is checked against its Solidity type before hashing: nothing is coerced, padded or truncated.
"""

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar

from coincurve import PrivateKey, PublicKey

from labelshare.rules.keccak import keccak

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class InvalidSignature(ValueError):
    """A signature is malformed: not 65 bytes, high s, or v other than 27 and 28."""


@dataclass(frozen=True)
class Domain:
    """Name `Labelshare`, version `1`, this chain, this contract (lowercase 0x address)."""

    chain_id: int
    contract: str

    @cache  # noqa: B019 - a process has a handful of domains
    def separator(self) -> bytes:
        """Raises ValueError, naming the member, when chain id or contract is not of its type."""
        head = keccak(DOMAIN_TYPE.encode()) + keccak(b"Labelshare") + keccak(b"1")
        try:
            head += word("uint256", self.chain_id)
        except ValueError as error:
            raise ValueError(f"Domain.chainId: {error}") from None
        try:
            return keccak(head + word("address", self.contract))
        except ValueError as error:
            raise ValueError(f"Domain.verifyingContract: {error}") from None


def word(kind: str, value: Any) -> bytes:
    """The 32-byte ABI encoding of a uint, an address or a bytes32. Raises ValueError for anything of another type or range."""
    if kind.startswith("uint"):
        bits = int(kind[4:])
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
            raise ValueError(f"expected a {kind}, got {value!r}")
        return value.to_bytes(32, "big")
    if kind == "address":
        return bytes(12) + address_bytes(value)
    if kind == "bytes32":
        if type(value) is not bytes or len(value) != 32:
            raise ValueError(f"expected 32 bytes, got {value!r}")
        return value
    raise ValueError(f"{kind} does not fit one word")


def encode(kind: str, value: Any) -> bytes:
    """The 32-byte EIP-712 encoding of a value: one word, or the hash of a string. Raises ValueError, as `word` does."""
    if kind != "string":
        return word(kind, value)
    if type(value) is not str:
        raise ValueError(f"expected a string, got {value!r}")
    return keccak(value.encode("utf-8"))


def address_bytes(address: Any) -> bytes:
    """20 bytes of a lowercase 0x address. Raises ValueError."""
    if type(address) is not str or not ADDRESS.fullmatch(address):
        raise ValueError(f"expected a lowercase 0x address, got {address!r}")
    return bytes.fromhex(address[2:])


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def _type_hash(type_string: str) -> bytes:
    return keccak(type_string.encode())


class Message:
    """A struct to sign: a frozen dataclass whose fields, in camel case, are the EIP-712 members in order."""

    TYPES: ClassVar[tuple[str, ...]]

    @classmethod
    @cache
    def members(cls) -> list[tuple[str, str, str]]:
        """(attribute, EIP-712 name, type) of each member, in order."""
        return [(f.name, _camel(f.name), kind) for f, kind in zip(fields(cls), cls.TYPES, strict=True)]  # type: ignore[arg-type]

    @classmethod
    def type_string(cls) -> str:
        return f"{cls.__name__}({','.join(f'{kind} {name}' for _, name, kind in cls.members())})"

    def struct_hash(self) -> bytes:
        """Raises ValueError, naming the member, when a value is not of its type."""
        encoded = [_type_hash(self.type_string())]
        for attribute, name, kind in self.members():
            try:
                encoded.append(encode(kind, getattr(self, attribute)))
            except ValueError as error:
                raise ValueError(f"{type(self).__name__}.{name}: {error}") from None
        return keccak(b"".join(encoded))

    def digest(self, domain: Domain) -> bytes:
        """The 32 bytes that are signed for this domain."""
        return keccak(b"\x19\x01" + domain.separator() + self.struct_hash())

    def typed_data(self, domain: Domain) -> dict[str, Any]:
        """The JSON that a wallet's eth_signTypedData_v4 takes; integers as decimal strings, bytes as 0x hex."""
        self.struct_hash()

        def shown(value: Any, kind: str) -> Any:
            if kind == "bytes32":
                return "0x" + value.hex()
            return str(value) if kind.startswith("uint") else value

        names = ("string name", "string version", "uint256 chainId", "address verifyingContract")
        return {
            "types": {
                "EIP712Domain": [dict(zip(("type", "name"), member.split(), strict=True)) for member in names],
                type(self).__name__: [{"name": name, "type": kind} for _, name, kind in self.members()],
            },
            "primaryType": type(self).__name__,
            "domain": {"name": "Labelshare", "version": "1", "chainId": domain.chain_id, "verifyingContract": domain.contract},
            "message": {name: shown(getattr(self, attribute), kind) for attribute, name, kind in self.members()},
        }


@dataclass(frozen=True)
class Allowance(Message):
    """Lets `spender` move up to `amount` from the owner's Ledger account (verified by the Ledger)."""

    TYPES = ("address", "address", "uint256", "uint256", "uint256")
    owner: str
    spender: str
    amount: int
    nonce: int
    deadline: int


@dataclass(frozen=True)
class Withdrawal(Message):
    """Sends `amount` base units of LBL to a wallet; `fee` of them more to the Ledger account of the relayer (Ledger)."""

    TYPES = ("address", "address", "uint256", "uint256", "uint256", "uint256")
    owner: str
    to: str
    amount: int
    fee: int
    nonce: int
    deadline: int


@dataclass(frozen=True)
class Session(Message):
    """Authorizes `key` to sign submissions; dataset 0 means every dataset (LabelRegistry)."""

    TYPES = ("address", "address", "uint256", "uint64", "uint256")
    contributor: str
    key: str
    dataset: int
    expiry: int
    max_bond: int


@dataclass(frozen=True)
class Submission(Message):
    """Up to 1,024 labels of one contributor in one round (LabelRegistry)."""

    TYPES = ("uint256", "address", "uint32", "uint32", "bytes32", "uint8", "uint64")
    round: int
    contributor: str
    sequence: int
    count: int
    labels_root: bytes
    admission: int
    deadline: int


@dataclass(frozen=True)
class Assignment(Message):
    """The operator's ticket for one submission of at most `count` labels (LabelRegistry)."""

    TYPES = ("uint256", "address", "uint32", "uint32", "uint64")
    round: int
    contributor: str
    sequence: int
    count: int
    deadline: int


@dataclass(frozen=True)
class Commit(Message):
    """A validator's sealed ballot (AuditBoard)."""

    TYPES = ("uint256", "uint8", "address", "bytes32")
    round: int
    attempt: int
    validator: str
    commitment: bytes


@dataclass(frozen=True)
class Attestation(Message):
    """Which of the round's open submissions were shown to a panel member: bit i for the i-th accepted (AuditBoard)."""

    TYPES = ("uint256", "uint8", "address", "uint256")
    round: int
    attempt: int
    validator: str
    shown: int


@dataclass(frozen=True)
class Verdict(Message):
    """A juror's sealed verdict on a challenged settlement (Jury)."""

    TYPES = ("uint256", "uint8", "address", "bytes32")
    round: int
    attempt: int
    juror: str
    commitment: bytes


@dataclass(frozen=True)
class Evidence(Message):
    """A panel member holds the round's evidence and lets `proposer` propose by it (Settlement)."""

    TYPES = ("uint256", "bytes32", "address")
    round: int
    evidence_hash: bytes
    proposer: str


@dataclass(frozen=True)
class Receipt(Message):
    """The operator has a submission (off chain; LabelRegistry's domain)."""

    TYPES = ("uint256", "address", "uint32", "bytes32", "uint64")
    round: int
    contributor: str
    sequence: int
    submission_digest: bytes
    received_at: int


@dataclass(frozen=True)
class Access(Message):
    """Asks the operator's API for something only `account` may have (off chain; LabelRegistry's domain)."""

    TYPES = ("address", "string", "uint256", "uint64")
    account: str
    purpose: str
    subject: int
    deadline: int


def sign(digest: bytes, private_key: bytes | PrivateKey) -> bytes:
    """65 bytes r‖s‖v over a 32-byte digest; s is low, v is 27 or 28. A PrivateKey that is kept saves half of the time."""
    key = PrivateKey(private_key) if isinstance(private_key, bytes) else private_key
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def recover(digest: bytes, signature: bytes) -> str:
    """The signer's lowercase address. Raises InvalidSignature for what the contracts refuse too (S1)."""
    if type(signature) is not bytes or len(signature) != 65:
        raise InvalidSignature("A signature has 65 bytes: r, s, v.")
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        raise InvalidSignature("The signature's s is in the upper half of the curve's order; only the lower half is accepted.")
    if signature[64] not in (27, 28):
        raise InvalidSignature(f"The signature's v is {signature[64]}; it must be 27 or 28.")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    except Exception as error:
        raise InvalidSignature("No key could have made this signature.") from error
    return address_of(key)


def address_of(key: PublicKey | bytes) -> str:
    """The lowercase address of a public key, or of a 32-byte private key."""
    public = PrivateKey(key).public_key if isinstance(key, bytes) else key
    return "0x" + keccak(public.format(compressed=False)[1:])[12:].hex()
