"""Who asks: signed Access headers (specification S2), so that nobody needs a password or a login."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Invalid, Unauthorized
from indexer.models import Session as SessionKey
from labelshare.rules import eip712

LONGEST = 3600  # seconds ahead that a deadline may lie
SESSION_PURPOSES = ("lease", "labels")


Account = Annotated[str, Header(alias="X-Labelshare-Account", pattern=r"^0x[0-9a-f]{40}$")]
Deadline = Annotated[int, Header(alias="X-Labelshare-Deadline", ge=0, lt=1 << 63)]
SignatureHeader = Annotated[str, Header(alias="X-Labelshare-Signature", pattern=r"^0x[0-9a-f]{130}$")]


@dataclass(frozen=True)
class AccessHeaders:
    """The headers of a request, not yet checked: account, deadline (unix seconds) and the 65-byte signature."""

    account: str
    deadline: int
    signature: bytes

    def account_for(self, backend: Backend, session: Session, purpose: str, subject: int) -> str:
        """The account, when it signed Access for this purpose and subject. Raises Unauthorized or Invalid."""
        check(backend, session, eip712.Access(self.account, purpose, subject, self.deadline), self.signature)
        return self.account


def access_headers(account: Account, deadline: Deadline, signature: SignatureHeader) -> AccessHeaders:
    return AccessHeaders(account, deadline, bytes.fromhex(signature[2:]))


Access = Annotated[AccessHeaders, Depends(access_headers)]


def check(backend: Backend, session: Session, access: eip712.Access, signature: bytes) -> None:
    """Raises Unauthorized or Invalid, saying what to sign."""
    now = backend.now(session)
    if access.deadline < now:
        raise Unauthorized("access_expired", f"The access deadline {access.deadline} is past; sign one ahead of {now}.")
    if access.deadline > now + LONGEST:
        raise Invalid("access_too_long", f"The access deadline may be at most {LONGEST} s ahead.")
    try:
        signer = eip712.recover(access.digest(backend.domain("LabelRegistry")), signature)
    except eip712.InvalidSignature as error:
        raise Unauthorized("invalid_signature", str(error)) from error
    if signer == access.account:
        return
    key = session.get(SessionKey, (access.account, signer)) if access.purpose in SESSION_PURPOSES else None
    if key is None or key.revoked or key.expiry < now:
        raise Unauthorized(
            "wrong_signer",
            f"The Access is not signed by {access.account}"
            + (" or a live session key of theirs" if access.purpose in SESSION_PURPOSES else "")
            + f". Sign Access(account, {access.purpose!r}, {access.subject}, deadline) for this chain and LabelRegistry.",
        )
