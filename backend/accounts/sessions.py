"""Sessions of signed-in accounts: a random token in the browser, its hash here."""

import hashlib
import secrets

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.errors import Unauthorized
from backend.product_models import Login

COOKIE = "labelshare_session"
SECONDS = 12 * 3600


def begin(session: Session, account: str, now: int) -> tuple[str, int]:
    """A new session's token, and when it ends (unix seconds)."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(Login).where(Login.expires_at < now))
    session.add(Login(token_hash=_hash(token), account=account, expires_at=now + SECONDS))
    return token, now + SECONDS


def account_of(session: Session, token: str, now: int) -> str:
    """Whose session it is. Raises Unauthorized."""
    found = session.get(Login, _hash(token))
    if found is None or found.expires_at <= now:
        raise Unauthorized("signed_out", "The session ended or never was; sign in again.")
    return found.account


def end(session: Session, token: str) -> None:
    """Ends the session; one that is not there has ended before."""
    session.execute(delete(Login).where(Login.token_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
