"""The mirror's tables: raw events, one table per event, the current state they add up to, and the checkpoint.

The backend reads these and never writes them. Addresses, hashes and bytes are lowercase 0x strings; uint256 are exact (Uint).
"""

from sqlalchemy import Table

from indexer.models.base import Base, Block, Bounded, Checkpoint, Health, RawEvent, Schema, State, Uint, Undo, position
from indexer.models.event_tables import EVENT_TABLES, values_of
from indexer.models.verdicts import (
    Audit,
    Credential,
    Dispute,
    Entry,
    Juror,
    PanelMember,
    Parameter,
    Settlement,
    ValidatorVotes,
)
from indexer.models.work import (
    Account,
    Allowance,
    Contributor,
    Dataset,
    License,
    OpenSubmission,
    Round,
    Sale,
    Seat,
    Session,
    ShareBalance,
    SkippedSubmission,
    Submission,
)

__all__ = [
    "EVENT_TABLES",
    "STATE_MODELS",
    "STATE_TABLES",
    "Account",
    "Allowance",
    "Audit",
    "Base",
    "Block",
    "Bounded",
    "Checkpoint",
    "Contributor",
    "Credential",
    "Dataset",
    "Dispute",
    "Entry",
    "Health",
    "Juror",
    "License",
    "OpenSubmission",
    "PanelMember",
    "Parameter",
    "RawEvent",
    "Round",
    "Sale",
    "Schema",
    "Seat",
    "Session",
    "Settlement",
    "ShareBalance",
    "SkippedSubmission",
    "State",
    "Submission",
    "Uint",
    "Undo",
    "ValidatorVotes",
    "position",
    "values_of",
]

STATE_MODELS: list[type[State]] = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, State)]
STATE_TABLES: list[Table] = [Base.metadata.tables[model.__tablename__] for model in STATE_MODELS]
