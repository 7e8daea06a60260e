"""The OpenAPI document: FastAPI's, with our problems as the body of everything that fails."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.accounts.sessions import COOKIE
from backend.errors import MEDIA_TYPE
from backend.types import Problem

METHODS = ("get", "post", "put", "patch", "delete")
ALWAYS = {
    "404": "There is no such thing.",
    "422": "The request cannot be right.",
    "429": "Too many requests.",
    "503": "Busy: try again.",
}
SIGNED = {"401": "Nobody, or somebody else, signed.", "403": "Known, but not allowed.", "409": "Not now."}
WITH_BODY = {"400": "The body is no strict JSON.", "401": "A signature is wrong.", "403": "Not allowed.", "409": "Not now."}
WITH_BODY |= {"413": "The body is too large.", "415": "The body is of another type."}

SCHEMES = {
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by POST /v1/auth/login; HttpOnly."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of POST /v1/auth/login."},
    "signedAccess": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Labelshare-Signature",
        "description": "EIP-712 Access of the operation's purpose and subject, with X-Labelshare-Account and "
        "X-Labelshare-Deadline.",
    },
}


def install(app: FastAPI) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema["components"]["securitySchemes"] = SCHEMES
    for path in schema["paths"].values():
        for method, operation in path.items():
            if method in METHODS:
                _document_problems(operation, method)
    return schema


def _document_problems(operation: dict[str, Any], method: str) -> None:
    problems = ALWAYS | (SIGNED if "security" in operation else {}) | (WITH_BODY if method == "post" else {})
    body = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    good = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    operation["responses"] = good | {status: {"description": text, "content": body} for status, text in sorted(problems.items())}
    if "security" in operation:
        operation["security"] = [{"cookie": []}, {"bearer": []}, {"signedAccess": []}]
        operation["parameters"] = [
            parameter for parameter in operation.get("parameters", []) if not parameter["name"].startswith("X-Labelshare-")
        ]
