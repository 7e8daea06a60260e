"""Endpoints for validators, and for contributors who look up their own labels."""

from fastapi import APIRouter, Response

from backend.access import Access
from backend.audits import schemas, service
from backend.context import Injected

router = APIRouter(tags=["audit"])


@router.get(
    "/rounds/{round_id}/audit",
    summary="The sample to label, for the panel only",
    description="Access purpose `audit`, subject the round, by a validator on its panel.",
)
def audit(backend: Injected, round_id: int, access: Access) -> schemas.AuditView:
    with backend.database.transaction() as session:
        validator = access.account_for(backend, session, "audit", round_id)
        return service.view_audit(session, round_id, validator)


@router.post("/rounds/{round_id}/commits", status_code=202, summary="Hand in a sealed ballot")
def commit(backend: Injected, round_id: int, request: schemas.CommitRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.commit(backend, session, round_id, request)
    return schemas.Accepted()


@router.post("/rounds/{round_id}/reveals", status_code=202, summary="Hand in the ballot behind a commitment")
def reveal(backend: Injected, round_id: int, request: schemas.RevealRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.hold_ballot(session, round_id, request)
    return schemas.Accepted()


@router.post("/rounds/{round_id}/attestations", status_code=202, summary="Attest which open submissions were shown to one")
def attest(backend: Injected, round_id: int, request: schemas.AttestationRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.attest(backend, session, round_id, request)
    return schemas.Accepted()


@router.get(
    "/rounds/{round_id}/evidence",
    summary="The evidence file, byte for byte as hashed",
    description="Access purpose `evidence`, subject the round, by the panel once its ballots are sealed, the requester, or a jury.",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def evidence(backend: Injected, round_id: int, access: Access) -> Response:
    with backend.database.transaction() as session:
        account = access.account_for(backend, session, "evidence", round_id)
        body = service.evidence_body(backend, session, round_id, account)
    return Response(body, media_type="application/json")


@router.post("/rounds/{round_id}/evidence-signatures", status_code=202, summary="Sign that one holds the evidence")
def evidence_signature(backend: Injected, round_id: int, request: schemas.EvidenceSignatureRequest) -> schemas.Accepted:
    with backend.database.transaction() as session:
        service.keep_evidence_signature(backend, session, round_id, request)
    return schemas.Accepted()


@router.get(
    "/rounds/{round_id}/labels",
    summary="A contributor's own labels and salts",
    description="Access purpose `labels`, subject the round, by the contributor or a live session key of theirs.",
)
def labels(backend: Injected, round_id: int, access: Access) -> list[schemas.LabelRow]:
    with backend.database.transaction() as session:
        contributor = access.account_for(backend, session, "labels", round_id)
        return service.own_labels(session, round_id, contributor)
