"""The HTTP API, put together."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse

from backend import errors
from backend.audits.endpoints import router as audits
from backend.context import Backend
from backend.datasets.endpoints import router as datasets
from backend.db import Database
from backend.leases.endpoints import router as leases
from backend.licenses.endpoints import router as licenses
from backend.operations import metrics
from backend.operations.endpoints import router as operations
from backend.relay.signer import load_operator
from backend.sessions.endpoints import router as sessions
from backend.settings import Settings
from backend.settlements.endpoints import router as settlements
from backend.strict_json import StrictJsonMiddleware
from backend.submissions.endpoints import router as submissions
from backend.types import ErrorBody

STATIC = Path(__file__).parent / "static"
DESCRIPTION = """
The backend of one Labelshare operator. It stores tasks, leases them, takes signed labels and relays them to the chain; it holds
no funds, and everything it says can be checked on chain.

**Amounts** are decimal strings of LBL base units (18 decimals), **bytes and addresses** lowercase 0x hex, **times** unix seconds.

**Signatures** are EIP-712 in the domain {name: Labelshare, version: 1, chainId, verifyingContract}; the types are in
`docs/SPECIFICATION.md`, section 1. Whoever asks for something of their own sends three headers, `X-Labelshare-Account`,
`X-Labelshare-Deadline` (at most an hour ahead) and `X-Labelshare-Signature`, over
`Access(address account,string purpose,uint256 subject,uint64 deadline)` in the LabelRegistry's domain.

**A contributor's way**: `POST /sessions` → `POST /rounds/{round}/leases` → label → `POST /rounds/{round}/submissions` →
`GET /submissions/{digest}` until `accepted`.
**A validator's way**: `GET /rounds/{round}/audit` → `POST …/commits` → `POST …/reveals` → `GET …/evidence` →
`POST …/evidence-signatures`.

Every 4xx answer is `{"error": {"code", "message"}}`; the message says what to do.
"""


def create_app(settings: Settings) -> FastAPI:
    """The app of these settings. Raises SettingsError, KeyFileError or UnknownDeployment for what is missing."""
    operator = load_operator(settings.operator_key_file, settings.operator_password_file)
    problems: dict[int | str, dict[str, Any]] = {code: {"model": ErrorBody} for code in (400, 401, 403, 404, 409, 413, 415, 422)}
    app = FastAPI(title="Labelshare", version="1", description=DESCRIPTION, responses=problems)
    app.state.backend = Backend(settings, settings.deployment, Database(settings.database_url), operator)
    errors.install(app)
    for router in (datasets, sessions, leases, submissions, audits, settlements, licenses):
        app.include_router(router, prefix="/v1")
    app.include_router(operations)
    app.add_middleware(StrictJsonMiddleware, max_body=settings.max_body)
    metrics.install(app, app.state.backend)

    @app.get("/", include_in_schema=False)
    def overview() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    return app
