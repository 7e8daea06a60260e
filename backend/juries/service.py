"""Verdicts of jurors: taken, checked against the sitting jury, relayed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import get_round
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.juries import schemas
from backend.product_models import HeldVerdict
from backend.relay.outbox import enqueue_call
from backend.signatures import require_signer
from indexer.models import Dispute, Juror
from labelshare.rules import eip712, jury

SITTING = ("committing", "revealing")


def commit(backend: Backend, session: Session, round_id: int, request: schemas.VerdictRequest) -> None:
    """Queues a sealed verdict. Raises NotFound, Forbidden, Conflict, Invalid."""
    dispute, juror = _juror(session, round_id, request.juror)
    if juror.commitment is not None:
        raise Conflict("already_committed", "This juror has committed already.")
    if dispute.phase != "committing" or backend.now(session) > dispute.commit_ends:
        raise Conflict("not_committing", f"The jury of round {round_id} takes no commitments now.")
    message = eip712.Verdict(round_id, dispute.attempt, request.juror, bytes.fromhex(request.commitment[2:]))
    require_signer(message.digest(backend.domain("Jury")), request.signature, request.juror)
    key = f"verdict:{round_id}:{dispute.attempt}:{request.juror}"
    enqueue_call(session, key, "Jury", "commit", round_id, request.juror, request.commitment, request.signature)


def hold_verdict(session: Session, round_id: int, request: schemas.VerdictReveal) -> None:
    """Keeps a verdict that fits its commitment; the keeper reveals it when the jury reveals. Raises as `commit` does."""
    dispute, juror = _juror(session, round_id, request.juror)
    if juror.commitment is None:
        raise Conflict("not_committed", "There is no commitment of this juror in the mirror yet; commit first, then try again.")
    root, salt = bytes.fromhex(request.root[2:]), bytes.fromhex(request.salt[2:])
    if "0x" + jury.verdict_commitment(round_id, dispute.attempt, request.juror, root, salt).hex() != juror.commitment:
        raise Invalid("wrong_reveal", "Root and salt do not hash to the commitment.")
    key = (round_id, dispute.attempt, request.juror)
    if session.get(HeldVerdict, key) is None:
        session.add(
            HeldVerdict(round=round_id, attempt=dispute.attempt, juror=request.juror, root=request.root, salt=request.salt)
        )


def sitting_jury(session: Session, round_id: int) -> tuple[Dispute, list[Juror]] | None:
    """The round's open dispute whose jury is drawn, and its jurors by address; None without one."""
    open_ones = select(Dispute).where(Dispute.round == round_id, Dispute.phase.in_(SITTING))
    dispute = session.scalar(open_ones.order_by(Dispute.number.desc()).limit(1))
    if dispute is None:
        return None
    members = select(Juror).where(Juror.round == round_id, Juror.attempt == dispute.attempt).order_by(Juror.juror)
    return dispute, list(session.scalars(members))


def reveals_due(session: Session, round_id: int, now: int) -> list[HeldVerdict]:
    """What is kept of a jury that reveals, and not on chain yet."""
    found = sitting_jury(session, round_id)
    if found is None or (found[0].phase == "committing" and now <= found[0].commit_ends):
        return []
    dispute, members = found
    closed = [member.juror for member in members if member.commitment is not None and not member.revealed]
    held = [session.get(HeldVerdict, (round_id, dispute.attempt, juror)) for juror in closed]
    return [verdict for verdict in held if verdict is not None]


def _juror(session: Session, round_id: int, address: str) -> tuple[Dispute, Juror]:
    get_round(session, round_id)
    found = sitting_jury(session, round_id)
    if found is None:
        raise NotFound("no_jury", f"No jury sits over round {round_id} now.")
    dispute, members = found
    for member in members:
        if member.juror == address:
            return dispute, member
    raise Forbidden("not_on_jury", f"{address} is not on the jury of round {round_id}.")
