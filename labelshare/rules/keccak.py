"""Keccak-256 as Ethereum uses it, in C: hashing is most of what checking a submission costs. Pure."""

from sha3 import keccak_256


def keccak(data: bytes) -> bytes:
    """32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest
