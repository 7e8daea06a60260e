"""The explorer's endpoints."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from backend.context import Injected
from backend.explorer import schemas, service
from backend.explorer.stream import Stream
from backend.paging import Cursor, Limit
from backend.types import AddressQuery, IdQuery

router = APIRouter(tags=["explorer"])
Topic = Literal["submission", "round", "audit", "settlement", "dispute", "dataset", "sale", "revenue", "stake", "money"]


@router.get("/network", summary="Where the mirror stands, what is queued, what there is")
def network(backend: Injected) -> schemas.NetworkView:
    return service.network(backend)


@router.get("/explorer/events", summary="What happened on chain, newest first")
def events(
    backend: Injected,
    topic: Topic | None = None,
    dataset: IdQuery = None,
    round_id: Annotated[int | None, Query(alias="round", ge=0, lt=1 << 63)] = None,
    account: AddressQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.EventPage:
    return service.events(backend, topic, dataset, round_id, account, cursor, limit)


@router.get(
    "/events",
    summary="What happens on chain, live (server-sent events)",
    description="Each message has the event's id, its topic as `event`, an EventView as `data`; `block` tells each new block, "
    "`reset` that the "
    "chain went back and what is shown must be loaded again. Send Last-Event-ID to get what was missed. Filters as in "
    "/v1/explorer/events.",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    request: Request,
    topic: Topic | None = None,
    dataset: IdQuery = None,
    round_id: Annotated[int | None, Query(alias="round", ge=0, lt=1 << 63)] = None,
    account: AddressQuery = None,
    last_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)] = None,
) -> StreamingResponse:
    follower: Stream = request.app.state.stream
    where = request.client.host if request.client else ""
    messages = await follower.listen(last_id, lambda view: service.concerns(view, topic, dataset, round_id, account), where)
    return StreamingResponse(
        messages, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
