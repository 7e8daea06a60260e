"""Signing in, and what the chain says of an account."""

import secrets

from fastapi import Request
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from backend.accounts import schemas, sessions, siwe
from backend.context import Backend
from backend.errors import Invalid, Unauthorized
from backend.me.duties import waiting_for
from backend.me.money import claimable, datasets_with_shares
from backend.product_models import SignInNonce
from backend.sessions.service import view_account
from backend.signatures import require_signer
from indexer.models import Contributor, Dataset, Entry, Juror, License, PanelMember, Seat, ShareBalance

NONCE_SECONDS = 300


def origin_of(backend: Backend, request: Request) -> str:
    """Our origin that the request is for: by its Origin, else by its Host, else the first. Never one that is not ours."""
    origins = backend.settings.origins
    by_host = {origin.split("://", 1)[1]: origin for origin in origins}
    origin = request.headers.get("origin")
    return origin if origin in origins else by_host.get(request.headers.get("host", ""), origins[0])


def new_nonce(backend: Backend, session: Session, origin: str) -> schemas.NonceView:
    """A fresh nonce, and what the message around it must say."""
    now = backend.now(session)
    session.execute(delete(SignInNonce).where(SignInNonce.expires_at < now))
    nonce = SignInNonce(nonce=secrets.token_hex(16), expires_at=now + NONCE_SECONDS)
    session.add(nonce)
    return schemas.NonceView(
        nonce=nonce.nonce,
        expires_at=nonce.expires_at,
        domain=origin.split("://", 1)[1],
        uri=origin,
        chain_id=backend.deployment.chain_id,
        statement=siwe.STATEMENT,
    )


def login(backend: Backend, session: Session, origin: str, request: schemas.LoginRequest) -> schemas.LoginView:
    """Begins a session for whoever signed the message. Raises Invalid or Unauthorized; the nonce is used up by a good one only."""
    now = backend.now(session)
    try:
        message = siwe.parse(request.message)
        message.check(origin.split("://", 1)[1], origin, backend.deployment.chain_id, now, NONCE_SECONDS)
    except siwe.NotSignIn as error:
        raise Invalid("invalid_sign_in", f"The sign-in message is refused: {error}.") from error
    require_signer(siwe.digest(request.message), request.signature, message.address)
    used = delete(SignInNonce).where(SignInNonce.nonce == message.nonce, SignInNonce.expires_at >= now).returning(SignInNonce.nonce)
    if session.scalar(used) is None:
        raise Unauthorized("nonce_used", "The nonce was used, is older than five minutes or not from here; ask for another.")
    backend.limits.charge(message.address)
    token, expires_at = sessions.begin(session, message.address, now)
    return schemas.LoginView(
        account=message.address, token=token, expires_at=expires_at, roles=profile(backend, session, message.address).roles
    )


def profile(backend: Backend, session: Session, account: str) -> schemas.ProfileView:
    """What the chain says of an account, as mirrored."""

    def count(kind: type, *conditions: object) -> int:
        return session.scalar(select(func.count()).select_from(kind).where(*conditions)) or 0  # type: ignore[arg-type]

    worked = session.scalars(select(Contributor.labels).where(Contributor.contributor == account)).all()
    entries = session.execute(select(Entry.reward, Entry.slash).where(Entry.account == account, Entry.distributed)).all()
    held = session.execute(select(ShareBalance.balance, ShareBalance.revenue).where(ShareBalance.holder == account)).all()
    requested = count(Dataset, Dataset.requester == account)
    licenses = count(License, License.licensee == account)
    seats = count(Seat, Seat.owner == account, Seat.left_at == 0)
    roles = {
        "contributor": bool(worked),
        "validator": seats > 0 or count(PanelMember, PanelMember.validator == account) > 0,
        "juror": count(Juror, Juror.juror == account) > 0,
        "requester": requested > 0,
        "buyer": licenses > 0,
        "shareholder": any(row.balance for row in held),
        "operator": account == backend.operator.address,
    }
    return schemas.ProfileView(
        account=account,
        roles=[name for name, holds in roles.items() if holds],
        labels=sum(worked),
        datasets_labeled=len(worked),
        datasets_requested=requested,
        licenses=licenses,
        seats=seats,
        reward=str(sum(row.reward for row in entries)),
        slash=str(sum(row.slash for row in entries)),
        revenue=str(sum(row.revenue for row in held)),
    )


def me(backend: Backend, account: str) -> schemas.MeView:
    """One's own profile, with money and what waits."""
    with backend.database.reading() as session:
        own = profile(backend, session, account)
        ledger = view_account(backend, session, account)
        duties, datasets = waiting_for(session, account), datasets_with_shares(session, account)
    due = claimable(backend, account, datasets)
    return schemas.MeView(
        **own.model_dump(),
        balance=ledger.balance,
        allowance=ledger.allowance,
        nonce=ledger.nonce,
        claimable=None if due is None else str(sum(due.values())),
        duties=duties,
    )
