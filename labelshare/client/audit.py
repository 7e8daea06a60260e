"""A validator: stake, then for each round one is drawn for: label the sample blind, commit, reveal, check and sign the evidence."""

import json
import os
from collections.abc import Callable
from typing import Any

from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.chain import Chain
from labelshare.client.wallet import Wallet
from labelshare.rules import draw, eip712
from labelshare.rules.evidence import evidence_hash
from labelshare.rules.merkle import labels_tree

OPEN_POOL = "0x" + "0" * 64


class EvidenceMismatch(RuntimeError):
    """The evidence file is not what the chain says was submitted. Do not sign it."""


def stake(chain: Chain, wallet: Wallet, seats: int) -> None:
    """Buys seats from the wallet's Ledger account (sends transactions)."""
    size = int(chain.read("Staking", "seatSize"))
    chain.send(wallet, "Ledger", "allow", chain.address("Staking"), size * seats)
    chain.send(wallet, "Staking", "join", OPEN_POOL, seats)


class Validator:
    """One validator on one operator's rounds. `chain` is where the evidence is checked against."""

    def __init__(self, api: Api, wallet: Wallet, chain: Chain) -> None:
        self.api = api
        self.wallet = wallet
        self.chain = chain

    def sample(self, round_id: int) -> dict[str, Any]:
        """The tasks to label, in ballot order. Raises ApiError when not on the panel."""
        view: dict[str, Any] = self.api.get(f"/rounds/{round_id}/audit", self.wallet.access(self.api, "audit", round_id))
        return view

    def audit(self, round_id: int, answer: Callable[[dict[str, Any]], int], seconds: float = 120.0) -> None:
        """The whole duty: `answer` gives the class of a sampled task {index, content_hash, content}. Waits between its steps."""
        view = self.sample(round_id)
        answers = bytes(answer(task) for task in view["sample"])
        salt = os.urandom(32)
        self.commit(round_id, view["attempt"], answers, salt)
        self.reveal(round_id, answers, salt, seconds)
        self.sign_evidence(round_id, seconds)

    def commit(self, round_id: int, attempt: int, answers: bytes, salt: bytes) -> None:
        """Hands in the sealed ballot."""
        commitment = draw.commitment(round_id, attempt, self.wallet.address, answers, salt)
        message = eip712.Commit(round_id, attempt, self.wallet.address, commitment)
        body = {
            "validator": self.wallet.address,
            "commitment": "0x" + commitment.hex(),
            "signature": self.wallet.sign(message, self.api.domain("AuditBoard")),
        }
        try:
            self.api.post(f"/rounds/{round_id}/commits", body)
        except ApiError as error:
            if error.code != "already_committed":
                raise

    def reveal(self, round_id: int, answers: bytes, salt: bytes, seconds: float = 120.0) -> None:
        """Hands in the ballot once the commitment is mirrored."""
        body = {"validator": self.wallet.address, "answers": "0x" + answers.hex(), "salt": "0x" + salt.hex()}

        def handed_in() -> bool | None:
            try:
                self.api.post(f"/rounds/{round_id}/reveals", body)
            except ApiError as error:
                if error.code != "not_committed":
                    raise
                return None
            return True

        wait_for("the commitment to be mirrored", handed_in, seconds)

    def sign_evidence(self, round_id: int, seconds: float = 120.0) -> None:
        """Fetches the evidence once ballots are sealed, checks every submission's root against the chain, and signs.

        Raises EvidenceMismatch when it is not exactly what the chain accepted.
        """

        def fetch() -> bytes | None:
            try:
                return self.api.get_bytes(f"/rounds/{round_id}/evidence", self.wallet.access(self.api, "evidence", round_id))
            except ApiError as error:
                if error.code != "too_early":
                    raise
                return None

        body = wait_for("every ballot to be sealed", fetch, seconds)
        check_evidence(self.chain, round_id, body)
        message = eip712.Evidence(round_id, evidence_hash(body))
        signature = self.wallet.sign(message, self.api.domain("Settlement"))
        self.api.post(f"/rounds/{round_id}/evidence-signatures", {"validator": self.wallet.address, "signature": signature})


def check_evidence(chain: Chain, round_id: int, body: bytes) -> None:
    """The evidence holds what the chain accepted, each submission with labels of its root, and nothing else.

    Raises EvidenceMismatch.
    """
    on_chain = {(e.contributor, e.sequence): e for e in chain.submissions(round_id)}
    shown = json.loads(body)["submissions"]
    if {(s["contributor"], s["sequence"]) for s in shown} != set(on_chain):
        raise EvidenceMismatch("The evidence does not hold exactly the submissions that the chain accepted.")
    for s in shown:
        rows = [(task, answer, bytes.fromhex(salt[2:])) for task, answer, salt in s["labels"]]
        event = on_chain[s["contributor"], s["sequence"]]
        if len(rows) != event.count or "0x" + labels_tree(rows).root.hex() != event.labels_root:
            raise EvidenceMismatch(f"Submission {s['sequence']} of {s['contributor']} is not what was signed.")
