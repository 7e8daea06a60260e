"""By whose signatures a settlement is proposed: the chain refuses them all for one that is not (any more) its validator's."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.models import EvidenceFile, EvidenceSignature
from backend.settlements.service import panel_of
from indexer.models import Audit, Dataset, Round, Settlement
from labelshare.chain.calls import call_data
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.rules import eip712

UNSETTLED = ("expired", "overturned")
Refusal = tuple[int, str]  # round, validator


@dataclass(frozen=True)
class _Signed:
    """A panel member's signature over the evidence. `by_key`: nothing can change that it is theirs; a contract wallet can."""

    round: int
    validator: str
    weight: int
    digest: bytes
    signature: str
    by_key: bool


def panel_majority(
    backend: Backend, session: Session, audit: Audit, refusing: Collection[Refusal]
) -> list[tuple[str, str]] | None:
    """(validator, signature) over the evidence, in order of address, when they weigh more than half of what revealed; none when
    nobody revealed, as in a closing round.

    Those of keys are enough when they weigh so much: a contract wallet that takes its word back then stops nothing. Else those of
    contract wallets join, but for the `refusing`.
    """
    whole = sum(member.weight for member in panel_of(session, audit) if member.revealed)
    if not whole:
        return []
    signed = [s for s in _signed(backend, session, audit) if (s.round, s.validator) not in refusing]
    keys = [s for s in signed if s.by_key]
    chosen = keys if _is_majority(keys, whole) else signed
    return [(s.validator, s.signature) for s in chosen] if _is_majority(chosen, whole) else None


def refusing_wallets(backend: Backend) -> frozenset[Refusal]:
    """Panel members whose contract wallet does not stand by its signature now, of rounds that wait for a proposal and have no
    majority of keys. Asks the node, outside of any transaction; none while it is silent."""
    found = set()
    board = backend.deployment.address("AuditBoard")
    for signed in _to_ask(backend):
        arguments = [signed.round, "0x" + signed.digest.hex(), [[signed.validator, signed.signature]]]
        data = "0x" + call_data("AuditBoard", "signedWeight", arguments).hex()
        try:
            backend.rpc.call("eth_call", {"from": backend.operator.address, "to": board, "data": data}, "latest")
        except RpcError:
            found.add((signed.round, signed.validator))
        except RpcUnavailable:
            break
    return frozenset(found)


def _to_ask(backend: Backend) -> list[_Signed]:
    with backend.database.reading() as session:
        waiting = (
            select(Audit)
            .join(Round, Round.id == Audit.round)
            .join(Dataset, Dataset.id == Round.dataset)
            .outerjoin(Settlement, Settlement.round == Round.id)
            .where(Dataset.operator == backend.operator.address, Round.phase == "closed", Audit.phase == "audited")
            .where(Settlement.phase.is_(None) | Settlement.phase.in_(UNSETTLED))
        )
        asked: list[_Signed] = []
        for audit in session.scalars(waiting.order_by(Audit.round)):
            whole = sum(member.weight for member in panel_of(session, audit) if member.revealed)
            signed = _signed(backend, session, audit)
            if not _is_majority([s for s in signed if s.by_key], whole):
                asked += [s for s in signed if not s.by_key]
    return asked


def _signed(backend: Backend, session: Session, audit: Audit) -> list[_Signed]:
    """What those who revealed signed, in order of address."""
    evidence = session.get(EvidenceFile, audit.round)
    if evidence is None:
        return []
    kept = session.scalars(select(EvidenceSignature).where(EvidenceSignature.round == audit.round))
    said = {row.validator: row.signature for row in kept}
    message = eip712.Evidence(audit.round, bytes.fromhex(evidence.hash[2:]), backend.operator.address)
    digest = message.digest(backend.domain("Settlement"))
    return [
        _Signed(audit.round, m.validator, m.weight, digest, said[m.validator], _is_by(digest, said[m.validator], m.validator))
        for m in panel_of(session, audit)
        if m.revealed and m.validator in said
    ]


def _is_by(digest: bytes, signature: str, account: str) -> bool:
    try:
        return eip712.recover(digest, bytes.fromhex(signature[2:])) == account
    except ValueError:
        return False


def _is_majority(signed: list[_Signed], whole: int) -> bool:
    return 2 * sum(s.weight for s in signed) > whole
