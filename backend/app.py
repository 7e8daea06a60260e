"""The HTTP API, put together."""

from fastapi import FastAPI

from backend import errors, openapi, web
from backend.accounts.endpoints import router as accounts
from backend.audits.endpoints import router as audits
from backend.context import Backend
from backend.datasets.endpoints import router as datasets
from backend.db import Database
from backend.explorer.endpoints import router as explorer
from backend.explorer.stream import Stream
from backend.juries.endpoints import router as juries
from backend.leases.endpoints import router as leases
from backend.licenses.endpoints import router as licenses
from backend.limits import AddressLimitMiddleware
from backend.me.endpoints import router as me
from backend.operations import metrics
from backend.operations.endpoints import router as operations
from backend.relay.signer import load_operator
from backend.rounds.endpoints import router as rounds
from backend.sessions.endpoints import router as sessions
from backend.settings import Settings
from backend.settlements.endpoints import router as settlements
from backend.strict_json import StrictJsonMiddleware
from backend.submissions import endpoints as work
from backend.tasks.endpoints import router as tasks
from backend.uploads.endpoints import router as uploads

# Tried in this order: what is asked most comes first.
WORK = (work.router, leases, rounds, tasks, datasets)
ROUTERS = (*WORK, accounts, sessions, uploads, audits, juries, settlements, licenses, me, explorer)
UPLOADS = ("/v1/uploads",)
DESCRIPTION = """
The backend of one Labelshare operator. It stores tasks, leases them, takes signed labels and relays them to the chain; it holds
no funds, and everything it says can be checked on chain.

Amounts are decimal strings of LBL base units (18 decimals), bytes and addresses lowercase 0x hex, times unix seconds. Lists are
pages: `items`, and `next`, the cursor of the page after. Errors are application/problem+json with a `code` for programs and a
`detail` that says what to do.

Signatures are EIP-712 in the domain {name: Labelshare, version: 1, chainId, verifyingContract}; the types are in
docs/SPECIFICATION.md, section 1. Whoever asks for something of their own signs in (POST /v1/auth/nonce, then /v1/auth/login),
or sends three headers, X-Labelshare-Account, X-Labelshare-Deadline (at most an hour ahead) and X-Labelshare-Signature, over
Access(address account,string purpose,uint256 subject,uint64 deadline) in the LabelRegistry's domain. A session key may sign the
purposes lease, labels and me for its contributor.

A contributor's way: POST /sessions, POST /rounds/{round}/leases, label, POST /rounds/{round}/submissions, GET
/submissions/{digest}/receipt until it is paid. A validator's way: GET /rounds/{round}/audit, POST …/commits, POST …/reveals,
GET …/evidence, POST …/evidence-signatures. A requester's way: POST /uploads, POST /metadata, create and fund the dataset on
chain, POST /datasets/{dataset}/rounds. A buyer's way: buy on chain, GET /datasets/{dataset}/download.
"""


def create_app(settings: Settings) -> FastAPI:
    """The app of these settings. Raises SettingsError, KeyFileError or UnknownDeployment for what is missing."""
    operator = load_operator(settings.operator_key_file, settings.operator_password_file)
    backend = Backend(settings, settings.deployment, Database(settings.database_url), operator)
    app = FastAPI(title="Labelshare", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.backend = backend
    app.state.stream = Stream(backend)
    errors.install(app)
    openapi.install(app)
    work.install(app, backend)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    app.include_router(operations)
    web.install(app, settings.bundle)
    app.add_middleware(StrictJsonMiddleware, max_body=settings.max_body, max_upload=settings.max_upload, uploads=UPLOADS)
    app.add_middleware(AddressLimitMiddleware, limits=backend.limits)
    app.add_middleware(web.HeadersMiddleware, backend=backend)
    metrics.install(app, backend)
    return app
