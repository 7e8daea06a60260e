"""What can go wrong, and the only place that knows its HTTP status.

    DomainError
    ├── Invalid        422  the request cannot be right
    ├── Unauthorized   401  a signature is missing or not by whom it should be
    ├── Forbidden      403  known, but not allowed
    ├── NotFound       404
    ├── Conflict       409  right by itself, but not now
    └── NotReady       503  this process cannot serve now; others, or later
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError

log = logging.getLogger("labelshare.api")


class DomainError(Exception):
    """`code` is for programs, the message says what to do."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Invalid(DomainError):
    status = 422


class Unauthorized(DomainError):
    status = 401


class Forbidden(DomainError):
    status = 403


class NotFound(DomainError):
    status = 404


class Conflict(DomainError):
    status = 409


class NotReady(DomainError):
    status = 503


def error_body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


async def _domain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    return JSONResponse(error_body(error.code, str(error)), status_code=error.status)


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # The value itself is left out: it may be huge, secret, or no valid JSON at all.
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse(error_body("invalid_request", f"{where}: {first['msg']}"), status_code=422)


async def _database(_: Request, error: Exception) -> JSONResponse:
    log.warning("the database does not answer: %s", type(error).__name__)
    message = "The database does not answer; nothing was changed. Send the same request again."
    return JSONResponse(error_body("database_unavailable", message), status_code=503)


def install(app: FastAPI) -> None:
    for kind in (OperationalError, InterfaceError):
        app.add_exception_handler(kind, _database)
    app.add_exception_handler(DomainError, _domain)
    app.add_exception_handler(RequestValidationError, _validation)
