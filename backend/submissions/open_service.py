"""Labels of the open path: the chain accepted them without this operator; it takes them in as evidence."""

from sqlalchemy.orm import Session

from backend.context import Backend
from backend.datasets.service import get_round
from backend.errors import Conflict, NotFound
from backend.models import SignedSubmission
from backend.signatures import require_signer
from backend.submissions import keeping
from backend.submissions.checks import check_labels, root_of
from backend.submissions.schemas import OpenLabelsRequest, SubmissionView
from backend.submissions.service import digest_of, require_same, view
from indexer.models import OpenSubmission, Submission


def keep(backend: Backend, session: Session, round_id: int, request: OpenLabelsRequest) -> SubmissionView:
    """Keeps the labels of an accepted open submission, with a receipt; the same ones again get the same receipt."""
    row, s = get_round(session, round_id), request.submission
    found = session.get(OpenSubmission, (round_id, s.contributor))
    on_chain = session.get(Submission, (round_id, s.contributor, s.sequence))
    if found is None or on_chain is None or (found.sequence, found.labels_root) != (s.sequence, s.labels_root):
        raise NotFound("unknown_submission", f"The chain accepted no such open submission in round {round_id}, or not yet.")
    digest = digest_of(backend, round_id, s)
    known = session.get(SignedSubmission, "0x" + digest.hex())
    if known is not None:
        require_same(session, known, request)
        return view(session, known)
    if row.phase not in ("open", "closed") or found.counted is False:
        raise Conflict("too_late", f"The open submission is void, or round {round_id} is over.")
    # Whatever the chain accepted and the panel may attest must be in the evidence, or nobody can settle the round. Tasks and
    # classes that are none the rule does not count (K2).
    check_labels(request, None, root_of(request))
    require_signer(digest, request.signature, on_chain.signer)
    taken = keeping.Taken(request, round_id, row.dataset, digest, on_chain.signer, on_chain.bond, backend.now(session))
    keeping.keep(backend, session.connection(), taken)
    return view(session, session.get_one(SignedSubmission, "0x" + digest.hex()))
