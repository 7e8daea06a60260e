"""What can go wrong, and the only place that knows its HTTP status.

    DomainError
    ├── Invalid        422  the request cannot be right
    ├── Unauthorized   401  a signature or session is missing, or not by whom it should be
    ├── Forbidden      403  known, but not allowed
    ├── NotFound       404
    ├── Conflict       409  right by itself, but not now
    ├── TooMany        429  too many requests; says when to come back
    └── NotReady       503  this process cannot serve now; others, or later

Every answer of 400 and above is a problem (RFC 9457): type, title, status, detail, code. No stack, no value that was sent.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:labelshare:problem:"
NAMED = 80  # characters of a member's name that are repeated: strangers make names, too
CODES = {404: "unknown_path", 405: "wrong_method"}

log = logging.getLogger("labelshare.api")


class DomainError(Exception):
    """`code` is for programs, the message says what to do; `more`: further members of the problem."""

    status = 400

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.more = more


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


class TooMany(DomainError):
    status = 429


class NotReady(DomainError):
    status = 503


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """The answer to a request that failed."""
    body = {"type": TYPE + code, "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code} | more
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def _domain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    headers = {"WWW-Authenticate": 'Bearer realm="labelshare"'} if error.status == 401 else {}
    if "retry_after" in error.more:
        headers["Retry-After"] = str(error.more["retry_after"])
    return problem(error.status, error.code, str(error), headers, **error.more)


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # The value itself is left out: it may be huge, secret, or no valid JSON at all.
    where = ".".join(str(part)[:NAMED] for part in first["loc"])
    return problem(422, "invalid_request", f"{where}: {first['msg']}")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "refused")
    return problem(error.status_code, code, f"{error.detail}. The paths are listed at /docs.", dict(error.headers or {}))


async def _database(_: Request, error: Exception) -> JSONResponse:
    log.warning("the database did not answer: %s", type(error).__name__)
    detail = "The database does not answer; nothing was changed. Send the same request again."
    return problem(503, "database_unavailable", detail, headers={"Retry-After": "1"})


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    return problem(500, "internal", "Something failed here, not with you; it was logged. Try again later.")


def install(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)
