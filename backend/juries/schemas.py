"""Bodies of the jury endpoints."""

from backend.types import Address, Bytes32, Signature, Strict


class VerdictRequest(Strict):
    """The EIP-712 Verdict of a juror of the sitting jury."""

    juror: Address
    commitment: Bytes32
    signature: Signature


class VerdictReveal(Strict):
    """The verdict behind the commitment. It is kept until the jury reveals."""

    juror: Address
    root: Bytes32
    salt: Bytes32
