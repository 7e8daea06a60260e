"""The download endpoint."""

import json

from fastapi import APIRouter, Response

from backend.access import Access
from backend.context import Injected
from backend.licenses import service

router = APIRouter(tags=["licenses"])


@router.get(
    "/datasets/{dataset}/download",
    summary="The dataset file, for licensees",
    description="Access purpose `download`, subject the dataset, by a licensee. Every label comes with its Merkle proof, signature "
    "and settlement entry: check it with `labelshare verify FILE --rpc URL`, which asks the chain and nobody else.",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def download(backend: Injected, dataset: int, access: Access) -> Response:
    with backend.database.transaction() as session:
        licensee = access.account_for(backend, session, "download", dataset)
        body = service.dataset_file(backend, session, dataset, licensee)
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), media_type="application/json")
