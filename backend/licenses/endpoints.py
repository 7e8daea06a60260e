"""The download endpoints."""

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from backend.access import Access
from backend.context import Backend, Injected
from backend.datasets.service import get_dataset
from backend.licenses import exports, hugging_face, service
from backend.licenses import rows as licensed
from backend.licenses.schemas import ExportList, ExportView, Format
from backend.types import IdPath

router = APIRouter(tags=["licenses"])
FORMATS: dict[str, tuple[str, str, str, str]] = {
    "labelshare": ("Every label with its proof", "application/json", ".dataset.json", "json.load(open({file!r}))"),
    "jsonl": ("JSON lines", "application/x-ndjson", ".jsonl", "pandas.read_json({file!r}, lines=True)"),
    "csv": ("CSV", "text/csv", ".csv", "pandas.read_csv({file!r})"),
    "parquet": ("Parquet", "application/vnd.apache.parquet", ".parquet", "pandas.read_parquet({file!r})"),
    "label-studio": ("Label Studio JSON", "application/json", ".label-studio.json", "label-studio: Import {file}"),
    "huggingface": (
        "Hugging Face folder",
        "application/zip",
        ".zip",
        "datasets.load_dataset({folder!r})  # after unzip {file} -d {folder}",
    ),
}
MEDIA = sorted({media for _, media, _, _ in FORMATS.values()})


@router.get("/datasets/{dataset}/exports", summary="The formats of a download, and how to load each")
def export_list(backend: Injected, dataset: IdPath) -> ExportList:
    with backend.database.reading() as session:
        get_dataset(session, dataset)
    items = []
    for name, (title, media, ending, load) in FORMATS.items():
        file, folder = f"labelshare-{dataset}{ending}", f"labelshare-{dataset}"
        verify = f"labelshare verify {file} --rpc URL" if name == "labelshare" else None
        line = load.format(file=file, folder=folder)
        items.append(ExportView(format=name, title=title, media_type=media, file=file, load=line, verify=verify))  # type: ignore[arg-type]
    return ExportList(items=items)


@router.get(
    "/datasets/{dataset}/download",
    summary="The dataset, for licensees",
    description="Access purpose `download`, subject the dataset, by a licensee whose license is live and was bought in a block "
    "that is final by now (409 `license_not_final` until then, with `block` and `finalized_block`). In the format `labelshare` "
    "every label comes with its "
    "Merkle proof, signature and settlement entry: check it with `labelshare verify FILE --rpc URL`, which asks the chain "
    "and nobody else. The others "
    "have a row a task: its content, the consensus and how sure it is, the panel's verdict, the labels by class.",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA}}},
)
def download(backend: Injected, dataset: IdPath, access: Access, format: Format = "labelshare") -> StreamingResponse:
    licensee = access.verified(backend, "download", dataset)
    _, media, ending, _ = FORMATS[format]
    body = _proofs(backend, dataset, licensee) if format == "labelshare" else _rows(backend, dataset, licensee, format)
    headers = {"Content-Disposition": f'attachment; filename="labelshare-{dataset}{ending}"'}
    return StreamingResponse(body, media_type=media, headers=headers)


def _proofs(backend: Backend, dataset: int, licensee: str) -> Iterator[bytes]:
    with backend.database.reading() as session:
        licensed.require_license(backend, session, dataset, licensee)
    return service.dataset_file(backend, dataset, licensee)


def _rows(backend: Backend, dataset: int, licensee: str, name: str) -> Iterator[bytes]:
    about, rounds = licensed.about(backend, dataset, licensee)
    rows = licensed.rows(backend, rounds)
    if name == "huggingface":
        return hugging_face.folder(rows, about, lambda digest: licensed.image(backend, digest))
    write = {"jsonl": exports.jsonl, "csv": exports.csv_rows, "parquet": exports.parquet, "label-studio": exports.label_studio}
    return write[name](rows, about)
