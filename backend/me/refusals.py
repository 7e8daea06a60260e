"""Why the chain passed a submission over, in a sentence for a person. Pure."""

REFUSALS = {
    "round_not_open": "The round closed before the submission was mined.",
    "expired": "The submission's deadline passed before it was mined.",
    "wrong_sequence": "Another submission of yours took its sequence number.",
    "invalid_count": "It claims more labels than a submission may have, or none.",
    "empty_root": "It names no labels.",
    "budget_exhausted": "Others filled the round's budget of labels first.",
    "not_admitted": "The operator's ticket for these labels had run out.",
    "invalid_signature": "It was not signed by you or by your session key.",
    "session_not_live": "Your session key had expired or was revoked when the submission was mined.",
    "session_other_dataset": "Your session key is for another dataset.",
    "session_bond_exceeded": "The bond is more than your session key may still put up.",
    "bond_unavailable": "Your Ledger account did not hold the bond, or did not allow it.",
    "credential_missing": "The dataset asks for a credential that you do not have, or that was revoked.",
}


def refusal(code: str | None) -> str | None:
    """The sentence of a reason; the reason itself where there is none."""
    return None if code is None else REFUSALS.get(code, f"The chain did not take it: {code}.")
