"""The places at which a relayer can die, named: tests kill it at each (docs/OPERATIONS.md, "Killed at every step").

A sender calls `steps(name)` there. In production that does nothing; a test hands in something that kills the process.
"""

from collections.abc import Callable

Steps = Callable[[str], None]

STEPS = (
    "lease held",
    "chain looked at",
    "rows picked",
    "gas estimated",
    "signed",
    "storing",
    "stored",
    "sent",
    "refusing",
    "resending",
    "resent",
    "receipt seen",
    "receipt storing",
    "receipt stored",
    "reorganization seen",
    "reopening",
    "reopened",
    "final storing",
    "final stored",
    "replacement signed",
    "replacement storing",
    "replacement stored",
    "replacement sent",
    "unknown transaction found",
    "adopting",
    "adopted",
)


def no_steps(_: str) -> None:
    """Production: nothing happens at a step."""
