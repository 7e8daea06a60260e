"""Who asks: a session that was signed in, or signed Access headers (specification S2). What they may do, each service says."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from backend.accounts.sessions import COOKIE, account_of
from backend.context import Backend
from backend.errors import Forbidden, Invalid, Unauthorized
from backend.signatures import signer_of, with_wallets, wrong_signer
from indexer.models import Round
from indexer.models import Session as SessionKey
from labelshare.rules import eip712

LONGEST = 3600  # seconds ahead that a deadline may lie
SESSION_PURPOSES = ("lease", "labels", "me")
ROUND_PURPOSES = ("lease", "labels")  # their subject is a round
SAFE = ("GET", "HEAD", "OPTIONS")

cookie_scheme = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by POST /v1/auth/login.")
bearer_scheme = HTTPBearer(auto_error=False, description="The token of POST /v1/auth/login.")

Account = Annotated[str | None, Header(alias="X-Labelshare-Account")]
Deadline = Annotated[str | None, Header(alias="X-Labelshare-Deadline")]
SignatureHeader = Annotated[str | None, Header(alias="X-Labelshare-Signature")]
FORMS = (re.compile(r"0x[0-9a-f]{40}"), re.compile(r"[0-9]{1,18}"), re.compile(r"0x([0-9a-f]{2}){1,4096}"))


@dataclass(frozen=True)
class SignedAccess:
    """The three headers, not yet checked: account, deadline (unix seconds), signature."""

    account: str
    deadline: int
    signature: str


@dataclass(frozen=True)
class Asker:
    """Who says they ask, not yet checked. `cookie`: a second token that came along, and must be of the same account."""

    token: str | None
    signed: SignedAccess | None
    cookie: str | None = None

    def account_for(self, backend: Backend, session: Session, purpose: str, subject: int) -> str:
        """The account that is signed in, or signed Access for this purpose and subject. Counts against the account's rate.

        Raises Unauthorized, Invalid or TooMany.
        """
        if self.signed is not None:
            message = eip712.Access(self.signed.account, purpose, subject, self.signed.deadline)
            check(backend, session, message, self.signed.signature)
            account = self.signed.account
        elif self.token is not None:
            now = backend.now(session)
            account = account_of(session, self.token, now)
            if self.cookie is not None and account_of(session, self.cookie, now) != account:
                raise Unauthorized("two_sessions", "Cookie and bearer token are of two accounts; send one of them.")
        else:
            raise Unauthorized(
                "who_asks",
                f"Sign in (POST /v1/auth/login), or send signed Access headers for the purpose {purpose!r}, subject {subject}.",
            )
        backend.limits.charge(account)
        return account

    def me(self, backend: Backend) -> str:
        """The account that asks for what is its own (Access purpose `me`, subject 0). Raises as `account_for` does."""
        return self.verified(backend, "me", 0)

    def verified(self, backend: Backend, purpose: str, subject: int) -> str:
        """`account_for` in a transaction of its own; contract wallets are asked."""

        def read() -> str:
            with backend.database.reading() as session:
                return self.account_for(backend, session, purpose, subject)

        return with_wallets(backend.rpc, read)


def asker(
    request: Request,
    cookie: Annotated[str | None, Depends(cookie_scheme)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)],
    account: Account = None,
    deadline: Deadline = None,
    signature: SignatureHeader = None,
) -> Asker:
    """Reads who asks. Signed headers go before a token, a token in a header before one in a cookie."""
    parts = (account, deadline, signature)
    if any(part is not None for part in parts):
        if not all(part is not None and form.fullmatch(part) for part, form in zip(parts, FORMS, strict=True)):
            raise Unauthorized(
                "invalid_access",
                "X-Labelshare-Account (lowercase 0x address), -Deadline (unix seconds) and -Signature (0x hex) go together; "
                "one is missing or malformed.",
            )
        return Asker(None, SignedAccess(str(account), int(str(deadline)), str(signature)))
    if bearer is not None:
        return Asker(bearer.credentials, None, cookie)
    if cookie is not None and request.method not in SAFE:
        require_same_origin(request)
    return Asker(cookie, None)


Access = Annotated[Asker, Depends(asker)]


def require_same_origin(request: Request) -> None:
    """Raises Forbidden when a browser sends our cookie for a page that is not ours."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    allowed: tuple[str, ...] = request.app.state.backend.settings.origins
    if origin in allowed or (origin is None and site == "same-origin"):
        return
    raise Forbidden("other_origin", f"A cookie is taken from pages of {' or '.join(allowed)} only. Others send a bearer token.")


def check(backend: Backend, session: Session, access: eip712.Access, signature: str) -> None:
    """Raises Unauthorized or Invalid, saying what to sign."""
    now = backend.now(session)
    if access.deadline < now:
        raise Unauthorized("access_expired", f"The access deadline {access.deadline} is past; sign one ahead of {now}.")
    if access.deadline > now + LONGEST:
        raise Invalid("access_too_long", f"The access deadline may be at most {LONGEST} s ahead.")
    digest = access.digest(backend.domain("LabelRegistry"))
    signer = signer_of(digest, signature, access.account)
    if signer == access.account:
        return
    key = session.get(SessionKey, (access.account, signer)) if access.purpose in SESSION_PURPOSES else None
    if key is None or key.revoked or key.expiry < now or not _covers(session, key, access):
        more = " or a live session key of theirs for this dataset" if access.purpose in SESSION_PURPOSES else ""
        wanted = f"; sign Access(account, {access.purpose!r}, {access.subject}, deadline)"
        raise wrong_signer(digest, signature, access.account, signer, more + wanted)


def _covers(session: Session, key: SessionKey, access: eip712.Access) -> bool:
    """Whether a session key may ask: one of a single dataset asks only about that dataset's rounds."""
    if key.dataset == 0:
        return True
    about = session.get(Round, access.subject) if access.purpose in ROUND_PURPOSES else None
    return about is not None and about.dataset == key.dataset
