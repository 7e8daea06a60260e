"""A thin client of an operator's API: retries what is worth retrying, and turns refusals into errors that say what to do."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from labelshare.chain import Deployment, deployment, manifest_path
from labelshare.rules import eip712

T = TypeVar("T")
LONGEST_PAUSE = 2.0  # seconds


class ApiError(RuntimeError):
    """The API refused. `status` is HTTP's; `code` is for programs; `rows`: what is bad in an upload, {line, column, reason}."""

    def __init__(self, status: int, code: str, message: str, rows: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.rows = list(rows)


class WrongDeployment(ApiError):
    """The operator names another chain, or other contracts, than are known here. Sign nothing for it."""

    def __init__(self, message: str) -> None:
        super().__init__(502, "wrong_deployment", message)


class TimedOut(TimeoutError):
    """Something that was waited for did not happen in time."""


class Api:
    """One operator's API. Network trouble and 5xx are tried again for `patience` seconds: every call here is safe to repeat.

    `known`: the deployment that is meant. What a wallet signs names chain and contracts, so that an operator who could name others
    would get signatures for them; without `known` they are compared with the manifest that ships for the chain, if there is one.

    Raises ValueError when the URL is none of http or https. `transport` is httpx's, for tests.
    """

    def __init__(
        self,
        url: str,
        patience: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        known: Deployment | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no URL of an API; it starts with http:// or https://.")
        self.url = url.rstrip("/")
        self.patience = patience
        self._client = httpx.Client(base_url=self.url + "/v1", timeout=60.0, transport=transport)
        self._config: dict[str, Any] | None = None
        self._known = known

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    @property
    def config(self) -> dict[str, Any]:
        """Chain id, contracts and operator, fetched once. Raises WrongDeployment."""
        if self._config is None:
            config = self.get("/config")
            _require(config, self._known)
            self._config = config
        return self._config

    def expect(self, deployment: Deployment) -> None:
        """Nothing is signed for another deployment from now on. Raises WrongDeployment when the operator named another before."""
        self._known = deployment
        if self._config is not None:
            _require(self._config, deployment)

    def domain(self, contract: str) -> eip712.Domain:
        return eip712.Domain(self.config["chain_id"], self.config["contracts"][contract])

    def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """The JSON answer. Raises ApiError, or TimedOut when the API stays away."""
        return self._json(self._request("GET", path, headers, None))

    def pages(self, path: str, headers: dict[str, str] | None = None) -> Iterator[Any]:
        """The items of a list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}" if cursor else path, headers)
            yield from page["items"]
            cursor = page["next"]

    def get_bytes(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        return self._request("GET", path, headers, None).content

    def save(self, path: str, file: Path, headers: dict[str, str]) -> int:
        """Writes an answer to a file as it comes, and only then under its name; its bytes. Raises ApiError, TimedOut."""
        part, size, whole = file.with_name(file.name + ".part"), 0, False
        try:
            with self._client.stream("GET", path, headers=headers) as response, part.open("wb") as output:
                if response.status_code >= 400:
                    response.read()
                    raise _refusal(response)
                for piece in response.iter_bytes():
                    size += output.write(piece)
                whole = True
        except httpx.TransportError as error:
            raise TimedOut(f"{self.url} broke off GET {path} ({type(error).__name__}). Try again.") from error
        finally:
            if not whole:
                part.unlink(missing_ok=True)
        part.replace(file)
        return size

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        return self._json(self._request("POST", path, headers, body))

    def upload(self, files: Sequence[tuple[str, bytes]], headers: dict[str, str], task_type: str | None = None) -> dict[str, Any]:
        """Hands in files of tasks by name and content: one CSV or JSONL file, or images. Raises ApiError, whose `rows` names bad
        ones."""
        path = "/uploads" if task_type is None else f"/uploads?task_type={task_type}"
        parts = [("files", (name, body)) for name, body in files]
        answer: dict[str, Any] = self._json(self._send("POST", path, headers, {"files": parts}))
        return answer

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise ApiError(
                response.status_code, "no_json", f"{self.url} answered without JSON. Is it the URL of a Labelshare API?"
            ) from None

    def _request(self, method: str, path: str, headers: dict[str, str] | None, body: Any) -> httpx.Response:
        return self._send(method, path, headers, {} if body is None else {"json": body})

    def _send(self, method: str, path: str, headers: dict[str, str] | None, content: dict[str, Any]) -> httpx.Response:
        end, pause = time.monotonic() + self.patience, 0.1
        while True:
            trouble: str
            try:
                response = self._client.request(method, path, headers=headers, **content)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}"
            else:
                if response.status_code < 400:
                    return response
                if response.status_code < 500:
                    raise _refusal(response)
                trouble = f"HTTP {response.status_code}"
            if time.monotonic() > end:
                raise TimedOut(f"{self.url} did not answer {method} {path} for {self.patience:.0f} s ({trouble}). Is it running?")
            time.sleep(pause * (0.5 + random.random()))
            pause = min(LONGEST_PAUSE, pause * 2)


def _require(config: Any, known: Deployment | None) -> None:
    """Raises WrongDeployment unless the operator's chain and contracts are the known ones."""
    try:
        chain_id, contracts = config["chain_id"], {name: address.lower() for name, address in config["contracts"].items()}
        if known is None and isinstance(chain_id, int) and manifest_path(chain_id).exists():
            known = deployment(chain_id)
    except (AttributeError, KeyError, TypeError):
        raise WrongDeployment("The operator names no chain and contracts. Is it the URL of a Labelshare API?") from None
    if known is not None and (chain_id, contracts) != (known.chain_id, known.contracts):
        raise WrongDeployment(
            f"The operator names chain {chain_id} and contracts other than those of the deployment on chain {known.chain_id} that "
            "is known here. Nothing was signed. Is it the right --api, and the right --manifest?"
        )


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 120.0) -> T:
    """Looks again and again, until `look` gives something. Raises TimedOut, naming what was waited for."""
    end, pause = time.monotonic() + seconds, 0.1
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise TimedOut(f"Waited {seconds:.0f} s for {what}. Are the indexer, the relayer and the keeper running?")
        time.sleep(pause * (0.5 + random.random()))
        pause = min(LONGEST_PAUSE / 2, pause * 1.5)


def _refusal(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
        return ApiError(response.status_code, problem["code"], problem["detail"], problem.get("rows", ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(response.status_code, "unknown", f"HTTP {response.status_code} from {response.request.url.path}")
