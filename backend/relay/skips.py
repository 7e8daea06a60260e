"""Submissions that the LabelRegistry passed over in a transaction, and whether it may take them when they come again. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.models import Outbox
from labelshare.chain import Deployment
from labelshare.chain.decode import decode
from labelshare.chain.events import LabelRegistrySubmissionSkipped
from labelshare.client.chain import to_log

SKIP_REASONS = (
    "none",
    "round_not_open",
    "expired",
    "wrong_sequence",
    "invalid_count",
    "empty_root",
    "unsupported_admission",
    "budget_exhausted",
    "not_admitted",
    "invalid_signature",
    "session_not_live",
    "session_other_dataset",
    "session_bond_exceeded",
    "bond_unavailable",
    "credential_missing",
    "open_limit",
)
OUT_OF_ORDER = "wrong_sequence"  # One before it reverted, and comes again: so must this one.

Skips = Mapping[tuple[int, str, int], str]  # the reason, by round, contributor and sequence number


def skips_of(deployment: Deployment, logs: Sequence[dict[str, Any]]) -> Skips:
    """The skips in a receipt's logs."""
    registry, found = deployment.contracts.get("LabelRegistry"), {}
    for raw in logs:
        if raw["address"].lower() != registry:
            continue
        event = decode("LabelRegistry", to_log(raw))
        if isinstance(event, LabelRegistrySubmissionSkipped):
            found[event.round, event.contributor, event.sequence] = SKIP_REASONS[event.reason]
    return found


def skip_of(row: Outbox, skips: Skips) -> str | None:
    """Why a row's submission was passed over, None when it was not."""
    if row.kind != "submission" or not skips:
        return None
    round_id, contributor, sequence, *_ = json.loads(row.payload)["item"][0]
    return skips.get((round_id, contributor, sequence))
