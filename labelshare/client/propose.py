"""Proposing a settlement without the operator: the panel signs that it holds the evidence, anyone proposes what the rule gives."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from labelshare.client.audit import check_evidence
from labelshare.client.chain import Chain
from labelshare.client.check import proposal_of
from labelshare.client.recompute import recompute
from labelshare.client.round_state import SETTLEMENT_PHASES
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.entries import Entry, in_chunks, settlement_root, totals_of
from labelshare.rules.evidence import evidence_file, evidence_hash

SCHEMA = "labelshare-evidence-signature-1"


class ProposalError(ValueError):
    """This settlement cannot be proposed, or a file is no signature for it; the message says why."""


def sign_evidence(chain: Chain, validator: Wallet, round_id: int, body: bytes, proposer: str) -> dict[str, Any]:
    """A panel member's word that they hold the round's evidence, by which `proposer`, nobody else, may propose.

    Raises EvidenceMismatch.
    """
    check_evidence(chain, round_id, body)
    message = eip712.Evidence(round_id, evidence_hash(body), proposer.lower())
    return {
        "schema": SCHEMA,
        "round": round_id,
        "evidence_hash": "0x" + evidence_hash(body).hex(),
        "proposer": proposer.lower(),
        "validator": validator.address,
        "signature": validator.sign(message, eip712.Domain(chain.deployment.chain_id, chain.address("Settlement"))),
    }


def propose(chain: Chain, wallet: Wallet, round_id: int, bodies: Mapping[int, bytes], signatures: Iterable[Path]) -> int:
    """Proposes the round's settlement by the rule, with a bond of the wallet's Ledger account, and publishes all of it: two
    transactions, and one a chunk. Broken off, it goes on where it ended. How many entries it has.

    Raises ProposalError, EvidenceMissing, EvidenceMismatch, TransactionFailed.
    """
    entries = recompute(chain, round_id, bodies).entries
    chunks = in_chunks(entries)
    if SETTLEMENT_PHASES[chain.read("Settlement", "proposalOf", round_id)[0]] is None:
        _require_verdict(chain, round_id, entries)
        known = _evidence_hash(chain, round_id, bodies)
        signed = _signed(round_id, known, wallet.address, signatures)
        chain.send(wallet, "Ledger", "allow", chain.address("Settlement"), int(chain.read("Jury", "bondOf", round_id)))
        totals = list(astuple(totals_of(entries)))
        chain.send(wallet, "Settlement", "propose", round_id, known, len(chunks), totals, signed)
    under_way = proposal_of(chain, round_id)
    if under_way.proposer != wallet.address or under_way.phase != "proposed":
        raise ProposalError(f"Round {round_id} has a settlement of {under_way.proposer} already, which is {under_way.phase}.")
    for number in range(int(chain.read("Settlement", "proposalOf", round_id)[3]), len(chunks)):
        chain.send(wallet, "Settlement", "publish", round_id, number, [list(astuple(entry)) for entry in chunks[number]])
    return len(entries)


def _require_verdict(chain: Chain, round_id: int, entries: Iterable[Entry]) -> None:
    required = bytes(chain.read("Settlement", "requiredRootOf", round_id))
    if any(required) and required != settlement_root(round_id, entries):
        raise ProposalError(f"The jury decided on root 0x{required.hex()} for round {round_id}; this evidence gives another.")


def _evidence_hash(chain: Chain, round_id: int, bodies: Mapping[int, bytes]) -> bytes:
    """Of the round's evidence; a closing round has the empty file."""
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    empty = evidence_file(chain.deployment.chain_id, chain.address("LabelRegistry"), dataset, round_id, ())
    return evidence_hash(bodies.get(round_id, empty))


def _signed(round_id: int, known: bytes, proposer: str, files: Iterable[Path]) -> list[tuple[str, str]]:
    """(validator, signature) in order of address. Raises ProposalError for what is signed for something else."""
    found = {}
    for file in files:
        try:
            body = json.loads(file.read_text())
            given = body["schema"], body["round"], body["evidence_hash"], body["proposer"]
            found[str(body["validator"])] = str(body["signature"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProposalError(f"{file} is no signature over evidence: {type(error).__name__}: {error}.") from error
        if given != (SCHEMA, round_id, "0x" + known.hex(), proposer):
            raise ProposalError(f"{file} is signed for round {given[1]}, evidence {given[2]}, proposer {given[3]}.")
    return sorted(found.items())
