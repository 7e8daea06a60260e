"""Disputes as the contracts compute them: a juror's sealed verdict, and what a proposal or a challenge costs (J2, J4)."""

from eth_utils.crypto import keccak

from labelshare.rules.eip712 import word

MIN_TASKS = 10
BPS = 10_000
BOND_BPS = 500
WITHHELD = bytes(31) + b"\x01"  # the root that says: nobody gave this juror the evidence. No settlement has it


def verdict_commitment(round_id: int, attempt: int, juror: str, root: bytes, salt: bytes) -> bytes:
    """What a juror commits to before anyone reveals. Raises ValueError when a value is not of its type."""
    head = word("uint256", round_id) + word("uint8", attempt) + word("address", juror)
    return keccak(head + word("bytes32", root) + word("bytes32", salt))


def bond(panel_size: int, audit_fee: int, sample_size: int, held: int, doublings: int) -> int:
    """Base units that a proposal or a challenge costs: max(3/2 of the jury's fees, 5% of what the round holds), doubled by
    each dispute and by each proposal that expired.

    Args:
        held: base units that the round's settlement can pay: its reserve, and what waits from earlier ones.
        doublings: disputes and expired proposals of the round.
    """
    fees = (2 * panel_size + 1) * audit_fee * max(sample_size, MIN_TASKS)
    return max(fees * 3 // 2, held * BOND_BPS // BPS) << doublings
