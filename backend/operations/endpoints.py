"""/health, /ready and /metrics, outside of the API's version: for load balancers and Prometheus, not for clients."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.context import Injected
from backend.errors import NotReady
from backend.operations.metrics import registry_of
from backend.operations.state import HALTED, is_migrated, mirror_state, relay_state

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health() -> dict[str, str]:
    """The process answers. Restart it when it does not."""
    return {"status": "ok"}


@router.get("/ready")
def ready(backend: Injected) -> dict[str, str]:
    """Whether requests should come here, or what is missing. The relayer may be down: what is taken waits for it."""
    with backend.database.reading() as session:
        if not is_migrated(session):
            raise NotReady("not_migrated", "The app's tables are not those of this version: python -m backend migrate")
        mirror = mirror_state(session)
        if mirror is None:
            raise NotReady("mirror_empty", "The mirror is empty: is the indexer running?")
        if mirror.state == HALTED:
            raise NotReady("mirror_halted", f"The indexer halted: {mirror.reason}")
        return {"status": "ready", "relayer_waits_for": relay_state(session).waits_for}


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus' text format: this process' requests, and what the shared database says of relayer and mirror."""
    return Response(generate_latest(registry_of(request.app)), media_type=CONTENT_TYPE_LATEST)
