"""The built web app beside the API, and the headers that every answer carries."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.context import Backend
from backend.errors import NotFound

STATIC = Path(__file__).parent / "static"
HASHED = "public, max-age=31536000, immutable"
LOOPBACK = ("http://127.0.0.1:", "http://localhost:")


def node_for_browsers(backend: Backend) -> str | None:
    """The node's URL, on development chains and this machine only: elsewhere it may hold a secret, and wallets have their own."""
    url = backend.settings.rpc_url
    return url if "Faucet" in backend.deployment.contracts and url.startswith(LOOPBACK) else None


def policy(backend: Backend) -> str:
    """The Content-Security-Policy of our pages."""
    images = " ".join(f"https://{host}" for host in backend.settings.task_hosts)
    node = node_for_browsers(backend)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {images}".rstrip(),
            f"connect-src 'self' {node or ''}".rstrip(),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class HeadersMiddleware:
    """Sets what browsers need to be told, unless the answer says it itself."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self.app = app
        secure = {"strict-transport-security": "max-age=31536000"} if backend.settings.origin.startswith("https://") else {}
        self._headers = {
            "content-security-policy": policy(backend),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            **secure,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        api = scope["type"] == "http" and scope["path"].startswith("/v1/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, self._headers | ({"cache-control": "no-store"} if api else {}))
            await send(message)

        await self.app(scope, receive, with_headers)


def _add(message: MutableMapping[str, Any], headers: dict[str, str]) -> None:
    given = list(message.get("headers", []))
    names = {name.lower() for name, _ in given}
    given += [(name.encode(), value.encode()) for name, value in headers.items() if name.encode() not in names]
    message["headers"] = given


def _file(root: Path, path: str) -> Path | None:
    """The file of the bundle at a path, None when there is none, or when no file could be called so."""
    try:
        found = (root / path).resolve()
        return found if found.is_relative_to(root) and found.is_file() else None
    except (OSError, ValueError):
        return None


def install(app: FastAPI, bundle: Path) -> None:
    """Serves files of the bundle, and its page for every other path that the app may have; /docs while nothing is built."""
    root = bundle.resolve()

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html")

    @app.get("/docs.js", include_in_schema=False)
    def docs_script() -> FileResponse:
        return FileResponse(STATIC / "docs.js", media_type="text/javascript")

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> Response:
        if path == "v1" or path.startswith("v1/"):
            raise NotFound("unknown_path", "There is no such path in this API; see /docs.")
        index = root / "index.html"
        if not index.is_file():
            return RedirectResponse("/docs")
        found = _file(root, path) if path else None
        if found is not None:
            return FileResponse(found, headers={"Cache-Control": HASHED if path.startswith("assets/") else "no-cache"})
        if path.startswith("assets/"):
            raise NotFound("unknown_path", "There is no such file.")
        return FileResponse(index, headers={"Cache-Control": "no-cache"})
