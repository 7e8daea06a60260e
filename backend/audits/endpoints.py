"""Endpoints for validators, and for contributors who look up their own labels."""

from fastapi import APIRouter, Response

from backend.access import Access
from backend.audits import schemas, service
from backend.context import Injected
from backend.signatures import with_wallets
from backend.types import Accepted, IdPath

router = APIRouter(tags=["audit"])


@router.get(
    "/rounds/{round_id}/audit",
    summary="The sample to label, for the panel only",
    description="Access purpose `audit`, subject the round, by a validator on its panel.",
)
def audit(backend: Injected, round_id: IdPath, access: Access) -> schemas.AuditView:
    validator = access.verified(backend, "audit", round_id)
    with backend.database.reading() as session:
        return service.view_audit(session, round_id, validator)


@router.post(
    "/rounds/{round_id}/sealed",
    status_code=204,
    summary="Keep one's answers, encrypted, until they are revealed",
    description="Access purpose `audit`, subject the round, by a validator on its panel. Encrypt under a key that only a signature "
    "of the wallet gives: a "
    "closed tab or a lost browser then loses nothing. Kept anew as often as it is sent, while ballots are taken.",
)
def seal(backend: Injected, round_id: IdPath, request: schemas.SealedBallot, access: Access) -> Response:
    validator = access.verified(backend, "audit", round_id)
    with backend.database.transaction() as session:
        service.seal(session, round_id, validator, request)
    return Response(status_code=204)


@router.get(
    "/rounds/{round_id}/sealed",
    summary="One's encrypted answers",
    description="Access purpose `audit`, subject the round, by a validator on its panel.",
)
def sealed(backend: Injected, round_id: IdPath, access: Access) -> schemas.SealedBallot:
    validator = access.verified(backend, "audit", round_id)
    with backend.database.reading() as session:
        return service.sealed(session, round_id, validator)


@router.post("/rounds/{round_id}/commits", status_code=202, summary="Hand in a sealed ballot")
def commit(backend: Injected, round_id: IdPath, request: schemas.CommitRequest) -> Accepted:
    def take() -> None:
        with backend.database.transaction() as session:
            service.commit(backend, session, round_id, request)

    with_wallets(backend.rpc, take)
    return Accepted()


@router.post("/rounds/{round_id}/reveals", status_code=202, summary="Hand in the ballot behind a commitment")
def reveal(backend: Injected, round_id: IdPath, request: schemas.RevealRequest) -> Accepted:
    with backend.database.transaction() as session:
        service.hold_ballot(session, round_id, request)
    return Accepted()


@router.post("/rounds/{round_id}/attestations", status_code=202, summary="Attest which open submissions were shown to one")
def attest(backend: Injected, round_id: IdPath, request: schemas.AttestationRequest) -> Accepted:
    def take() -> None:
        with backend.database.transaction() as session:
            service.attest(backend, session, round_id, request)

    with_wallets(backend.rpc, take)
    return Accepted()


@router.get(
    "/rounds/{round_id}/open-labels",
    summary="The labels of open submissions that were shown to this operator, for the panel to attest",
    description="Access purpose `evidence`, subject the round, by the panel once its ballots are sealed. Compare each with its "
    "root on chain.",
)
def open_labels(backend: Injected, round_id: IdPath, access: Access) -> schemas.OpenLabelsView:
    validator = access.verified(backend, "evidence", round_id)
    with backend.database.reading() as session:
        return service.open_labels(session, round_id, validator)


@router.get(
    "/rounds/{round_id}/evidence",
    summary="The evidence file, byte for byte as hashed",
    description="Access purpose `evidence`, subject the round, by the panel once its ballots are sealed, the requester, or a jury.",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def evidence(backend: Injected, round_id: IdPath, access: Access) -> Response:
    account = access.verified(backend, "evidence", round_id)
    with backend.database.transaction() as session:
        body = service.evidence_body(backend, session, round_id, account)
    return Response(body, media_type="application/json")


@router.post("/rounds/{round_id}/evidence-signatures", status_code=202, summary="Sign that one holds the evidence")
def evidence_signature(backend: Injected, round_id: IdPath, request: schemas.EvidenceSignatureRequest) -> Accepted:
    def take() -> None:
        with backend.database.transaction() as session:
            service.keep_evidence_signature(backend, session, round_id, request)

    with_wallets(backend.rpc, take)
    return Accepted()


@router.get(
    "/rounds/{round_id}/labels",
    summary="A contributor's own labels and salts",
    description="Access purpose `labels`, subject the round, by the contributor or a live session key of theirs.",
)
def labels(backend: Injected, round_id: IdPath, access: Access) -> list[schemas.LabelRow]:
    contributor = access.verified(backend, "labels", round_id)
    with backend.database.reading() as session:
        return service.own_labels(session, round_id, contributor)
