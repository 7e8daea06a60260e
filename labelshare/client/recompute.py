"""Computing a round's settlement anew, as a juror does: from the chain and the evidence files of its dataset's rounds."""

import json
from collections.abc import Mapping
from typing import Any

from labelshare.chain import abi
from labelshare.chain.events import (
    AuditBoardBallotRevealed,
    LabelRegistryRoundOpened,
    SettlementExitStarted,
)
from labelshare.chain.naming import snake
from labelshare.client.audit import check_evidence
from labelshare.client.chain import OPEN_PATH, Chain, topic
from labelshare.client.round_state import AUDIT_PHASES, ROUND_PHASES
from labelshare.rules import draw
from labelshare.rules.history import Ballot, RoundEvidence, RuleTerms, Settlement, SubmissionEvidence, check_rule
from labelshare.rules.settlement import settle


class EvidenceMissing(ValueError):
    """A settlement needs the evidence of every round of its dataset up to its own; the message names the one that is missing."""


def recompute(chain: Chain, round_id: int, bodies: Mapping[int, bytes]) -> Settlement:
    """The settlement of a round by the rule, from the evidence files by round. Every file is checked against the chain first.

    Raises EvidenceMissing, EvidenceMismatch.
    """
    dataset = chain.read("LabelRegistry", "roundOf", round_id)[0]
    return settle(rule_terms(chain, dataset), history(chain, dataset, round_id, bodies))


def history(chain: Chain, dataset: int, last: int, bodies: Mapping[int, bytes]) -> list[RoundEvidence]:
    """What the rule takes: the dataset's rounds up to round `last`. Raises EvidenceMissing, EvidenceMismatch."""
    return [_evidence(chain, number, bodies) for number in rounds_of(chain, dataset) if number <= last]


def rounds_of(chain: Chain, dataset: int) -> list[int]:
    """The dataset's rounds that closed with labels, in order."""
    opened = [event.round for _, event in chain.events(LabelRegistryRoundOpened, None, topic(dataset))]
    phases = {number: ROUND_PHASES[chain.read("LabelRegistry", "roundOf", number)[8]] for number in opened}
    return [number for number in opened if phases[number] in ("closed", "settled")]


def rule_terms(chain: Chain, dataset: int) -> RuleTerms:
    """The dataset's terms that the rule needs, by their names in the contract's ABI. Raises OtherRule."""
    (item,) = [item for item in abi("DatasetRegistry") if item.get("name") == "termsOf"]
    names = [snake(member["name"]) for member in item["outputs"][0]["components"]]
    terms: dict[str, Any] = dict(zip(names, chain.read("DatasetRegistry", "termsOf", dataset), strict=True))
    check_rule("0x" + bytes(terms["rule_id"]).hex())
    same = ("classes", "reward", "audit_fee", "bond", "open_bond", "audit_rate", "min_labels", "max_labels")
    split = ("contributors_bps", "validators_bps", "requester_bps")
    return RuleTerms(
        **{name: terms[name] for name in (*same, *split)}, exit_rate_bps=terms["exit_rate"], requester=terms["requester"].lower()
    )


def _evidence(chain: Chain, number: int, bodies: Mapping[int, bytes]) -> RoundEvidence:
    (opened,) = [event for _, event in chain.events(LabelRegistryRoundOpened, topic(number))]
    phase, attempt, *_, seed = chain.read("AuditBoard", "auditOf", number)
    audited = AUDIT_PHASES[phase] == "audited"
    revealed = [event for _, event in chain.events(AuditBoardBallotRevealed, topic(number))] if audited else []
    return RoundEvidence(
        round_id=number,
        seed=bytes(seed),
        last=opened.last,
        task_count=opened.task_count,
        sample=draw.sample(bytes(seed), opened.task_count, opened.sample_size) if audited else (),
        submissions=_submissions(chain, opened, bodies),
        ballots=tuple(
            Ballot(event.validator, event.weight, tuple(bytes.fromhex(event.answers[2:])))
            for event in revealed
            if event.attempt == attempt
        ),
        exited=any(True for _ in chain.events(SettlementExitStarted, topic(number))),
    )


def _submissions(
    chain: Chain, opened: LabelRegistryRoundOpened, bodies: Mapping[int, bytes]
) -> tuple[SubmissionEvidence, ...]:
    """What the round's evidence file holds; a closing round has none."""
    if opened.task_count == 0:
        return ()
    if opened.round not in bodies:
        raise EvidenceMissing(f"The evidence of round {opened.round} of dataset {opened.dataset} is missing.")
    check_evidence(chain, opened.round, bodies[opened.round])
    return tuple(
        SubmissionEvidence(
            contributor=shown["contributor"],
            sequence=shown["sequence"],
            open_path=shown["admission"] == OPEN_PATH,
            count=shown["count"],
            labels=tuple((task, answer) for task, answer, _ in shown["labels"]),
        )
        for shown in json.loads(bodies[opened.round])["submissions"]
    )
