"""Who signed what a request carries, as strictly as the contracts ask (specification S1)."""

from backend.errors import Invalid, Unauthorized
from labelshare.rules import eip712


def signer_of(digest: bytes, signature: str) -> str:
    """The signer of a digest, from 0x hex. Raises Unauthorized or Invalid for a malformed signature."""
    try:
        return eip712.recover(digest, bytes.fromhex(signature[2:]))
    except eip712.InvalidSignature as error:
        raise Unauthorized("invalid_signature", str(error)) from error
    except ValueError as error:
        raise Invalid("invalid_signature", "The signature is not an even number of hex digits.") from error


def require_signer(digest: bytes, signature: str, expected: str) -> None:
    """Raises Unauthorized unless `expected` signed the digest."""
    signer = signer_of(digest, signature)
    if signer != expected:
        raise Unauthorized(
            "wrong_signer", f"Signed by {signer} instead of {expected}, or for another chain, contract or message than this one."
        )
