"""Writes tests/vectors/*.json: digests, trees, draws and sealed ballots for fixed inputs, checked by Python and by Solidity.

    python -m scripts.make_vectors
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from labelshare.rules import draw, eip712, jury, merkle
from labelshare.rules.entries import Entry, Role, settlement_root
from labelshare.rules.evidence import SubmissionRecord, evidence_file, evidence_hash, salt
from labelshare.rules.history import RoundEvidence, RuleTerms
from labelshare.rules.settlement import settle
from tests.unit.histories import random_history

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"
DOMAIN = eip712.Domain(31337, "0x" + "c0" * 20)
KEY = keccak(text="labelshare vectors")
SIGNER = eip712.address_of(KEY)
OTHER = "0x" + "ab" * 20
HISTORIES = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)  # seeds


def hexed(value: bytes) -> str:
    return "0x" + value.hex()


def signatures() -> dict[str, Any]:
    """Struct hash, digest and signature of each message that a contract verifies."""
    word = keccak(text="word")
    messages = (
        eip712.Allowance(SIGNER, OTHER, 2**255, 7, 2**40),
        eip712.Withdrawal(SIGNER, OTHER, 2**255, 2**9, 8, 2**40),
        eip712.Session(SIGNER, OTHER, 3, 2**40, 10**21),
        eip712.Submission(5, SIGNER, 2, 1024, word, 1, 2**40),
        eip712.Assignment(5, OTHER, 2, 100, 2**40),
        eip712.Commit(5, 1, SIGNER, word),
        eip712.Attestation(5, 1, SIGNER, 2**127 + 5),
        eip712.Verdict(5, 1, SIGNER, word),
        eip712.Evidence(5, word, OTHER),
    )
    return {
        "domain": {"chain_id": DOMAIN.chain_id, "contract": DOMAIN.contract, "separator": hexed(DOMAIN.separator())},
        "signer": SIGNER,
        "messages": {
            type(m).__name__: {
                "type": m.type_string(),
                "values": [hexed(v) if isinstance(v, bytes) else v for v in vars(m).values()],
                "struct_hash": hexed(m.struct_hash()),
                "digest": hexed(m.digest(DOMAIN)),
                "signature": hexed(eip712.sign(m.digest(DOMAIN), KEY)),
            }
            for m in messages
        },
    }


def trees() -> list[dict[str, Any]]:
    """Label trees of several sizes, with every leaf and proof."""
    result = []
    for size in (1, 2, 3, 5, 8, 13):
        rows = [(task, task % 3, salt(KEY, 1, 0, task)) for task in range(size)]
        tree = merkle.labels_tree(rows)
        leaves = [
            {
                "row": [task, answer, hexed(grain)],
                "leaf": hexed(merkle.leaf_hash(merkle.LABEL_TYPES, (task, answer, grain))),
                "proof": [hexed(h) for h in tree.proof(i)],
            }
            for i, (task, answer, grain) in enumerate(rows)
        ]
        result.append({"size": size, "root": hexed(tree.root), "leaves": leaves})
    return result


def draws() -> list[dict[str, Any]]:
    """Seeds, samples, and panels out of pools whose seats go round among owners; every fifth seat is not eligible."""
    result = []
    for number, (slots, owners, size, tasks, sampled) in enumerate(((9, 3, 3, 108, 11), (40, 12, 5, 800, 82), (500, 77, 9, 7, 7))):
        block_hash = keccak(text=f"block {number}")
        seed = draw.audit_seed(block_hash, number + 1, number)

        def owner_of(seat: int, owners: int = owners) -> str | None:
            return None if seat % 5 == 4 else f"0x{seat % owners + 1:040x}"

        result.append(
            {
                "block_hash": hexed(block_hash),
                "round": number + 1,
                "attempt": number,
                "seed": hexed(seed),
                "slots": slots,
                "owners": owners,
                "panel_size": size,
                "panel": [[validator, weight] for validator, weight in draw.draw_panel(seed, slots, owner_of, size)],
                "tasks": tasks,
                "sample": list(draw.sample(seed, tasks, sampled)),
            }
        )
    return result


def ballots() -> list[dict[str, Any]]:
    """Commitments of ballots."""
    rows = []
    for length in (1, 11, 33):
        answers, grain = bytes(i % 4 for i in range(length)), keccak(text=f"ballot {length}")
        commitment = draw.commitment(length, 2, SIGNER, answers, grain)
        rows.append(
            {
                "round": length,
                "attempt": 2,
                "validator": SIGNER,
                "answers": hexed(answers),
                "salt": hexed(grain),
                "commitment": hexed(commitment),
            }
        )
    return rows


def verdicts() -> list[dict[str, Any]]:
    """Roots of settlements of 0 to 3 entries, and jurors' commitments to them."""
    largest = Entry(Role.VALIDATOR, OTHER, 2**96 - 1, 2**96 - 1, 2**64 - 1, 2**32 - 1)
    entries = (Entry(Role.CONTRIBUTOR, SIGNER, 10**18, 5, 1 << 16, 0), largest, Entry(Role.REQUESTER, SIGNER, 0, 0, 7, 0))
    rows = []
    for count in range(len(entries) + 1):
        root, grain = settlement_root(count + 1, entries[:count]), keccak(text=f"verdict {count}")
        rows.append(
            {
                "round": count + 1,
                "entries": [[int(v) if isinstance(v, int) else v for v in vars(entry).values()] for entry in entries[:count]],
                "root": hexed(root),
                "attempt": count,
                "juror": SIGNER,
                "salt": hexed(grain),
                "commitment": hexed(jury.verdict_commitment(count + 1, count, SIGNER, root, grain)),
            }
        )
    return rows


def evidence() -> dict[str, Any]:
    """An evidence file and its hash."""
    rows = ((1, 0, salt(KEY, 1, 0, 1)), (0, 2, salt(KEY, 1, 0, 0)))
    record = SubmissionRecord(SIGNER, 0, 1, len(rows), merkle.labels_tree(rows).root, rows)
    body = evidence_file(DOMAIN.chain_id, DOMAIN.contract, 1, 1, [record])
    return {"body": body.decode(), "hash": hexed(evidence_hash(body))}


def history(terms: RuleTerms, rounds: list[RoundEvidence]) -> dict[str, Any]:
    """A dataset's history as lists, amounts as decimal strings."""
    amounts = (terms.reward, terms.audit_fee, terms.bond, terms.open_bond)
    split = (terms.contributors_bps, terms.validators_bps, terms.requester_bps)
    numbers = (terms.classes, terms.audit_rate, terms.exit_rate_bps, terms.max_labels, *split)
    return {
        "terms": [*numbers, *map(str, amounts), terms.requester],
        "rounds": [
            {
                "round": r.round_id,
                "seed": hexed(r.seed),
                "last": r.last,
                "exited": r.exited,
                "tasks": r.task_count,
                "sample": list(r.sample),
                "submissions": [
                    [s.contributor, s.sequence, s.open_path, s.count, s.void, [x for label in s.labels for x in label]]
                    for s in r.submissions
                ],
                "ballots": [[b.validator, b.weight, list(b.answers)] for b in r.ballots],
            }
            for r in rounds
        ],
    }


def settlements(seeds: Iterable[int] = HISTORIES) -> list[dict[str, Any]]:
    """Random histories, each with the entries and the root that the rule gives."""
    rows = []
    for seed in seeds:
        terms, rounds = random_history(seed)
        entries = settle(terms, rounds).entries
        last = max(r.round_id for r in rounds)
        amounts = [[int(e.role), e.account, str(e.reward), str(e.slash), str(e.shares), e.waiting] for e in entries]
        rows.append(history(terms, rounds) | {"entries": amounts, "root": hexed(settlement_root(last, entries))})
    return rows


def vectors() -> dict[str, Any]:
    """Content of each file by its name."""
    return {
        "signatures": signatures(),
        "trees": trees(),
        "draws": draws(),
        "ballots": ballots(),
        "verdicts": verdicts(),
        "evidence": evidence(),
        "settlements": settlements(),
    }


def main() -> None:
    for name, content in vectors().items():
        compact = name == "settlements"
        text = ",\n".join(map(json.dumps, content)).join(("[\n", "\n]")) if compact else json.dumps(content, indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n")
        print(f"tests/vectors/{name}.json")


if __name__ == "__main__":
    main()
