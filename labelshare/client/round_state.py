"""A round as the chain has it, in the form that the keeper's rules take."""

from collections.abc import Sequence
from typing import Any

from labelshare.client.chain import Chain
from labelshare.keeper import Group, RoundState

ROUND_PHASES = ("none", "open", "closed", "void", "settled")
AUDIT_PHASES = ("none", "seeding", "committing", "revealing", "audited", "failed")
SETTLEMENT_PHASES = (None, "proposed", "published", "final", "distributed", "exiting", "challenged")
NO_COMMITMENT = bytes(32)


def state_of(chain: Chain, round_id: int) -> RoundState:
    """A round as the chain has it now. Times in unix seconds."""
    _, _, label_budget, labels, _, deadline, _, _, phase, *_ = chain.read("LabelRegistry", "roundOf", round_id)
    audit = _panel(chain, round_id)
    settlement_phase, *_, publish_ends, challenge_ends, _, _, _ = chain.read("Settlement", "proposalOf", round_id)
    settlement = SETTLEMENT_PHASES[settlement_phase]
    return RoundState(
        phase=ROUND_PHASES[phase],
        labels=labels,
        label_budget=label_budget,
        deadline=deadline,
        audit=audit,
        jury=_jury(chain, round_id) if settlement == "challenged" else None,
        settlement_phase=settlement,
        challenge_ends=challenge_ends,
        publish_ends=publish_ends,
        exit_due=_exit_due(chain, round_id) if audit.phase == "audited" and settlement is None else 0,
    )


def _panel(chain: Chain, round_id: int) -> Group:
    drawing, members = chain.read("AuditBoard", "auditOf", round_id), chain.read("AuditBoard", "panelOf", round_id)
    attesting = 0
    if AUDIT_PHASES[drawing[0]] in ("committing", "revealing") and chain.read("LabelRegistry", "openSubmissionsOf", round_id):
        said = [chain.read("AuditBoard", "attestationOf", round_id, validator)[0] for validator, *_ in members]
        attesting = said.count(False)
    return _group(drawing, members, attesting)


def _jury(chain: Chain, round_id: int) -> Group:
    return _group(chain.read("Jury", "drawingOf", round_id), chain.read("Jury", "jurorsOf", round_id), 0)


def _group(drawing: Sequence[Any], members: Sequence[Any], attesting: int) -> Group:
    phase, _, _, seed_block, _, _, commit_ends, reveal_ends, _, _ = drawing
    return Group(
        phase=AUDIT_PHASES[phase],
        seed_block=seed_block,
        commit_ends=commit_ends,
        reveal_ends=reveal_ends,
        members=len(members),
        committed=sum(bytes(commitment) != NO_COMMITMENT for *_, commitment in members),
        revealed=sum(revealed for _, _, revealed, _ in members),
        attesting=attesting,
    )


def _exit_due(chain: Chain, round_id: int) -> int:
    """Unix seconds after which an audited round without a proposal may exit; 0 when its proposals are used up."""
    if chain.read("Settlement", "proposalsOf", round_id) >= chain.read("Settlement", "MAX_PROPOSALS"):
        return 0
    return int(chain.read("Settlement", "exitDueAt", round_id))
