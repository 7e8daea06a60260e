"""A middleware that lets no ambiguous request body through: size, encoding, numbers, keys, characters.

Uploads are another matter: their path takes multipart bodies of a stated length, which the form parser reads piece by piece.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import problem

CREDENTIALS = (b"authorization", b"cookie", b"x-labelshare-signature")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="labelshare"'}
PARSED = "labelshare.parsed"  # in the scope of a request: its body, as it was understood here


class NotStrict(ValueError):
    """The body is no JSON that every reader understands alike."""


def parse(body: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN or Infinity or overflowing number, no key twice, no NUL, no lone surrogate. Raises NotStrict."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_refuse_float, object_pairs_hook=_unique_keys)
    except UnicodeDecodeError as error:
        raise NotStrict("the body is not UTF-8") from error
    except RecursionError as error:
        raise NotStrict("the body is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise NotStrict(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise NotStrict(str(error)) from error
    # Without an escape no string holds either of the two: UTF-8 has no surrogates, JSON no bare control characters.
    if "\\u" in text:
        check_text(value)
    return value


def _refuse_constant(name: str) -> Any:
    raise NotStrict(f"{name} is no JSON number")


def _refuse_float(text: str) -> Any:
    raise NotStrict(f"the number {text[:40]} is not an integer; send amounts as decimal strings")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotStrict("an object has a key twice")
    return result


def check_text(value: Any) -> None:
    """Raises NotStrict when a string in a JSON value is none that every database and reader takes."""
    if isinstance(value, str):
        if "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise NotStrict("a string holds a NUL or a lone surrogate")
    elif isinstance(value, list):
        for item in value:
            check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            check_text(item)


class StrictRequest(Request):
    """A request whose body is read as the middleware understood it, and parsed once."""

    async def json(self) -> Any:
        return self.scope[PARSED] if PARSED in self.scope else await super().json()


class StrictRoute(APIRoute):
    """A route for bodies that are so large that to parse them twice is felt."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def with_parsed(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return with_parsed


class StrictJsonMiddleware:
    """Reads and checks the body of every POST before the app sees it. Answers 401, 413, 415, 411 or 400 itself.

    `uploads`: the paths that take multipart/form-data, of at most `max_upload` bytes.
    """

    def __init__(self, app: ASGIApp, max_body: int, max_upload: int, uploads: tuple[str, ...]) -> None:
        self.app = app
        self.max_body = max_body
        self.max_upload = max_upload
        self.uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if scope["path"] in self.uploads:
            too_much = self._check_upload(dict(scope["headers"]))
            await (too_much or self.app)(scope, receive, send)
            return
        refused, body = await self._read(scope, receive)
        if refused is not None:
            await refused(scope, receive, send)
            return
        unread = [body]

        async def replay() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            return await receive()

        await self.app(scope, replay, send)

    def _check_upload(self, headers: dict[bytes, bytes]) -> JSONResponse | None:
        if _media_type(headers) != b"multipart/form-data":
            return problem(415, "not_multipart", "Send the files as multipart/form-data.")
        if not any(name in headers for name in CREDENTIALS):
            return problem(401, "who_asks", "Sign in first: nothing is read of an upload by nobody.", CHALLENGE)
        length = headers.get(b"content-length", b"")
        # Where both are given, the body is as long as its chunks say, not as the length does.
        if not length.isdigit() or b"transfer-encoding" in headers:
            return problem(411, "no_length", "Say how long the upload is (Content-Length; no Transfer-Encoding).")
        if int(length) > self.max_upload:
            return problem(413, "too_large", f"An upload holds at most {self.max_upload} bytes; send less at once.")
        return None

    async def _read(self, scope: Scope, receive: Receive) -> tuple[JSONResponse | None, bytes]:
        if _media_type(dict(scope["headers"])) != b"application/json":
            return problem(415, "not_json", "Send the body as application/json."), b""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return problem(400, "disconnected", "The request was not sent to its end."), b""
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_body:
                return problem(413, "too_large", f"A request holds at most {self.max_body} bytes; send less at once."), b""
        try:
            scope[PARSED] = parse(bytes(body))
        except NotStrict as error:
            return problem(400, "invalid_json", f"Request refused: {error}."), b""
        return None, bytes(body)


def _media_type(headers: dict[bytes, bytes]) -> bytes:
    return headers.get(b"content-type", b"").split(b";")[0].strip().lower()
