"""Disputes by hand: challenge a published settlement; as a juror compute its root oneself, commit to it, reveal it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from labelshare.client.chain import Chain
from labelshare.client.recompute import recompute
from labelshare.client.round_state import AUDIT_PHASES, NO_COMMITMENT
from labelshare.client.wallet import Wallet, write_secret
from labelshare.rules.entries import settlement_root
from labelshare.rules.jury import WITHHELD, verdict_commitment


class NotAJuror(ValueError):
    """There is no verdict to give with this key; the message says why."""


def challenge(chain: Chain, wallet: Wallet, round_id: int) -> int:
    """Stakes the bond on a published settlement being wrong (two transactions); the bond, base units."""
    bond = int(chain.read("Jury", "bondOf", round_id))
    chain.send(wallet, "Ledger", "allow", chain.address("Jury"), bond)
    chain.send(wallet, "Jury", "challenge", round_id)
    return bond


class Juror:
    """One validator on juries. Sends its own transactions."""

    def __init__(self, chain: Chain, wallet: Wallet) -> None:
        self.chain = chain
        self.wallet = wallet

    def judge(self, round_id: int, bodies: Mapping[int, bytes] | None, verdict_file: Path) -> str:
        """Does what is due now and says it: commits to the root that the evidence gives, or reveals what was committed.

        `bodies`: evidence by round; None: it was withheld, which is a verdict too.

        The verdict is kept in `verdict_file` before it is committed: who commits and cannot reveal is slashed.
        Raises NotAJuror, EvidenceMissing, EvidenceMismatch, TransactionFailed.
        """
        phase, attempt, _, _, _, _, commit_ends, reveal_ends, _, _ = self.chain.read("Jury", "drawingOf", round_id)
        commitments = {who.lower(): sealed for who, _, _, sealed in self.chain.read("Jury", "jurorsOf", round_id)}
        now = int(self.chain.rpc.block()["timestamp"], 16)
        if AUDIT_PHASES[phase] not in ("committing", "revealing") or self.wallet.address not in commitments:
            raise NotAJuror(f"{self.wallet.address} is on no jury of round {round_id} that takes verdicts now.")
        committed = bytes(commitments[self.wallet.address]) != NO_COMMITMENT
        if not committed and (AUDIT_PHASES[phase] == "revealing" or now > commit_ends):
            raise NotAJuror(f"The time to commit on round {round_id} is over.")
        root, salt = self._verdict(round_id, attempt, bodies, verdict_file)
        if not committed:
            sealed = verdict_commitment(round_id, attempt, self.wallet.address, root, salt)
            self.chain.send(self.wallet, "Jury", "commit", round_id, self.wallet.address, sealed, b"")
            return f"Committed to root 0x{root.hex()}. Run again once all committed, or after {commit_ends}, to reveal."
        if AUDIT_PHASES[phase] == "committing" and now <= commit_ends:
            return f"Committed already. Run again once all committed, or after {commit_ends}, and before {reveal_ends}."
        self.chain.send(self.wallet, "Jury", "reveal", round_id, self.wallet.address, root, salt)
        return f"Revealed root 0x{root.hex()}."

    def _verdict(self, round_id: int, attempt: int, bodies: Mapping[int, bytes] | None, path: Path) -> tuple[bytes, bytes]:
        """Root and salt: those kept for this attempt, else new ones."""
        name = {"round": round_id, "attempt": attempt, "juror": self.wallet.address}
        if path.exists():
            kept = json.loads(path.read_text())
            if {key: kept[key] for key in name} == name:
                return bytes.fromhex(kept["root"]), bytes.fromhex(kept["salt"])
        root, salt = WITHHELD, os.urandom(32)
        if bodies is not None:
            root = settlement_root(round_id, recompute(self.chain, round_id, bodies).entries)
        write_secret(path, json.dumps(name | {"root": root.hex(), "salt": salt.hex()}))
        return root, salt
