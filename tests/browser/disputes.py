"""Dishonest settlements for the browser tests: proposed by somebody whom a colluding panel signs for."""

from dataclasses import astuple, replace
from typing import Any

from labelshare.client.recompute import recompute
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.entries import Entry, totals_of
from labelshare.rules.evidence import evidence_hash
from tests.browser.world import LBL, Open

PURSE = 1_000 * LBL


def propose_wrongly(opened: Open, robbed: str) -> dict[str, tuple[Entry, Entry]]:
    """The panel labels, then lets a rogue propose nothing for one contributor, and all there is for another.

    By account, what is due and what was published."""
    world, number, panel = opened.world, opened.round, opened.ballots()
    rogue = world.account(f"{number} rogue", PURSE)
    one = next(iter(panel.values()))
    body = world.api.get_bytes(f"/rounds/{number}/evidence", one.access(world.api, "evidence", number))
    due = recompute(world.chain, number, {number: body}).entries
    favored = next(e.account for e in due if e.account != robbed and 0 < e.reward < len(opened.truth) * LBL)
    wrong = {robbed: 0, favored: len(opened.truth) * LBL}
    published = [replace(e, reward=wrong.get(e.account, e.reward)) for e in due]
    message = eip712.Evidence(number, evidence_hash(body), rogue.address)
    domain = eip712.Domain(world.chain.deployment.chain_id, world.chain.address("Settlement"))
    signed = [(address, panel[address].sign(message, domain)) for address in sorted(panel)]
    send(opened, rogue, "Ledger", "allow", world.chain.address("Settlement"), PURSE)
    send(opened, rogue, "Settlement", "propose", number, evidence_hash(body), 1, list(astuple(totals_of(published))), signed)
    send(opened, rogue, "Settlement", "publish", number, 0, [list(astuple(entry)) for entry in published])
    return {one.account: (one, other) for one, other in zip(due, published, strict=True) if one != other}


def send(opened: Open, wallet: Wallet, contract: str, function: str, *arguments: Any) -> None:
    opened.world.chain.send(wallet, contract, function, *arguments)
