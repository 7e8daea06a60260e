"""Endpoints for signing in."""

from fastapi import APIRouter, Request, Response

from backend.access import Access
from backend.accounts import schemas, service, sessions
from backend.context import Injected
from backend.errors import Unauthorized
from backend.signatures import with_wallets
from backend.types import AddressPath

router = APIRouter(tags=["accounts"])


@router.post(
    "/auth/nonce",
    summary="Begin to sign in",
    description="Write a Sign-In with Ethereum message (EIP-4361) with exactly this domain, URI, statement, version, chain id and "
    "nonce, without scheme, "
    "request id and resources; have the wallet sign it by personal_sign; send both to `POST /v1/auth/login` within five minutes.",
)
def nonce(backend: Injected, request: Request, body: schemas.Nothing) -> schemas.NonceView:
    with backend.database.transaction() as session:
        return service.new_nonce(backend, session, service.origin_of(backend, request))


@router.post("/auth/login", summary="Sign in with a signed message")
def login(backend: Injected, request: Request, response: Response, body: schemas.LoginRequest) -> schemas.LoginView:
    origin = service.origin_of(backend, request)

    def begin() -> schemas.LoginView:
        with backend.database.transaction() as session:
            return service.login(backend, session, origin, body)

    begun = with_wallets(backend.rpc, begin)
    secure = origin.startswith("https://")
    response.set_cookie(
        sessions.COOKIE, begun.token, max_age=sessions.SECONDS, path="/", secure=secure, httponly=True, samesite="strict"
    )
    return begun


@router.get("/auth/session", summary="Who is signed in", description="Access purpose `me`, subject 0, does as well.")
def session(backend: Injected, access: Access) -> schemas.MeView:
    return service.me(backend, access.me(backend))


@router.post("/auth/logout", status_code=204, summary="End the session")
def logout(backend: Injected, access: Access, body: schemas.Nothing) -> Response:
    if access.token is None:
        raise Unauthorized("signed_out", "No session was sent.")
    with backend.database.transaction() as db:
        sessions.account_of(db, access.token, backend.now(db))
        sessions.end(db, access.token)
    response = Response(status_code=204)
    response.delete_cookie(sessions.COOKIE, path="/", httponly=True, samesite="strict")
    return response


@router.get("/accounts/{address}/profile", summary="What the chain says of an account")
def profile(backend: Injected, address: AddressPath) -> schemas.ProfileView:
    with backend.database.reading() as db:
        return service.profile(backend, db, address)
