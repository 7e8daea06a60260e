"""Keccak-256 as Ethereum uses it, in C: hashing is most of what checking a submission costs. Pure."""

from sha3 import keccak_256 as hashed

__all__ = ["hashed", "keccak"]


def keccak(data: bytes) -> bytes:
    """32 bytes."""
    digest: bytes = hashed(data).digest()
    return digest
