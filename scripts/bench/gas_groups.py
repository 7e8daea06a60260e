"""Calls about many validators at once: a jury of 37, an expulsion of 64 seats, an exit of as many validators as a call takes."""


from brownie import accounts, chain
from eth_abi import encode
from eth_utils import keccak

from scripts.bench.gas_calls import Calls, fund
from scripts.bench.gas_chain import send_all, send_as, stranger
from scripts.bench.gas_job import CHUNK, BenchFlow
from scripts.deploy import Deployed
from tests.contracts.flow import LBL, POOL, Wallet, entry, in_order, wallet

PANEL = 9
JURY = 37
SEATS = 64
DOMAIN = "expelled"
SALT = keccak(text="juror's salt")


def run(protocol: Deployed) -> Calls:
    calls: Calls = {}
    for measure in (juries, expulsion, exit_of_many):
        chain.snapshot()
        calls |= measure(protocol)
        chain.revert()
    return calls


def crowd(flow: BenchFlow, count: int) -> None:
    """A pool in which every seat has an owner of its own."""
    staking, owners = flow.protocol.staking, [stranger(f"one seat {i}") for i in range(count)]
    fund(flow, [who.address for who in owners], staking.seatSize(), staking)
    send_all([(who.address, staking.join, POOL, 1) for who in owners])
    chain.mine(1)
    flow.validators += owners


def dataset(protocol: Deployed) -> BenchFlow:
    flow = BenchFlow(protocol, treasury=accounts[1], requester=accounts[2], operator=accounts[2])
    flow.validators = [wallet(f"validator {i}") for i in range(40)]
    flow.create(funding=1_000_000 * LBL, panelSize=PANEL, auditRate=128, bond=0)
    flow.credit(flow.operator.address, 100_000 * LBL)
    return flow


# Juries


def juries(protocol: Deployed) -> Calls:
    """The first jury is silent, so that the larger one is drawn, each seat with an owner of its own; of that one a bare majority
    overturns the settlement, and the rest are silent."""
    flow, jury = dataset(protocol), protocol.jury
    crowd(flow, 100)
    who = stranger("labels for a jury")
    flow.open(2, 1)
    flow.submit(flow.submission(who, 1))
    votes = [entry("validator", v.address) for v, _ in flow.audit()]
    entries = in_order([entry("contributor", who.address), *votes])
    flow.propose(entries)
    flow.publish(entries)
    challenger = stranger("challenger")
    fund(flow, [challenger.address], int(jury.bondOf(flow.round)), jury)
    send_as(challenger.address, jury.challenge, flow.round)
    flow.draw_jury()
    chain.sleep(201)
    chain.mine(1)
    jury.conclude(flow.round, {"from": flow.operator})
    chain.mine(3)
    drawn = send_as(flow.operator.address, jury.drawJury, flow.round)
    jurors = flow.jury()
    assert sum(weight for _, weight in jurors) == JURY
    convict(flow, [juror for juror, _ in jurors[: JURY // 2 + 1]])
    concluded = send_as(flow.operator.address, jury.conclude, flow.round)
    return {f"drawJury: {JURY} seats": drawn, f"conclude: a jury of {JURY}, {JURY // 2} silent": concluded}


def convict(flow: BenchFlow, jurors: list[Wallet]) -> None:
    """They commit to another root than the proposed one and reveal it; the reveal window passes."""
    jury, root = flow.protocol.jury, keccak(text="another settlement")
    attempt = jury.drawingOf(flow.round)[1]
    kinds = ["uint256", "uint8", "address", "bytes32", "bytes32"]
    for who in jurors:
        hashed = keccak(encode(kinds, [flow.round, attempt, who.address, root, SALT]))
        send_as(who.address, jury.commit, flow.round, who.address, hashed, b"")
    chain.sleep(101)
    for who in jurors:
        send_as(flow.operator.address, jury.reveal, flow.round, who.address, root, SALT)
    chain.sleep(101)
    chain.mine(1)


# Expulsion


def expulsion(protocol: Deployed) -> Calls:
    """Of an owner whose credential was revoked, with all the seats that a call takes."""
    flow, staking, issuer, owner = dataset(protocol), protocol.staking, accounts[5], stranger("expelled")
    pool = protocol.credentials.credentialOf(issuer, DOMAIN)
    protocol.credentials.attest(DOMAIN, owner.address, 2**63, {"from": issuer})
    fund(flow, [owner.address], SEATS * staking.seatSize(), staking)
    first = staking.slotCount(pool)
    send_as(owner.address, staking.join, pool, SEATS)
    protocol.credentials.revoke(DOMAIN, owner.address, {"from": issuer})
    gas = send_as(flow.operator.address, staking.expel, pool, owner.address, list(range(first, first + SEATS)))
    return {f"expel: {SEATS} seats": gas}


# The exit


def exit_of_many(protocol: Deployed) -> Calls:
    """Round after round leaves the votes of another panel waiting; then one exits with all of them, and as many contributors."""
    flow = dataset(protocol)
    crowd(flow, CHUNK + 12 * PANEL)
    who = stranger("labels that wait")
    waiting: dict[str, int] = {}
    while len(waiting) < CHUNK:
        flow.open(2, 1)
        flow.submit(flow.submission(who, 1))
        for member, weight in flow.audit():
            waiting[member.address] = waiting.get(member.address, 0) + weight
        labels = int(protocol.label_registry.pendingOf(flow.dataset, who.address)[0])
        votes = [entry("validator", v, waiting=weight) for v, weight in waiting.items()]
        entries = in_order([entry("contributor", who.address, waiting=labels), *votes])
        chunks = [entries[i : i + CHUNK] for i in range(0, len(entries), CHUNK)]
        flow.propose(entries, len(chunks))
        for number, chunk in enumerate(chunks):
            flow.publish(chunk, number)
        flow.finalize()
        for number, chunk in enumerate(chunks):
            flow.distribute(chunk, number)
        _leave(flow)
    people = [stranger(f"leaver {i}") for i in range(CHUNK)]
    flow.open(CHUNK, CHUNK)
    for first in range(0, CHUNK, 30):
        flow.submit(*(flow.submission(person, 1) for person in people[first : first + 30]))
    flow.audit()
    chain.sleep(101)
    chain.mine(1)
    protocol.settlement.startExit(flow.round, {"from": flow.operator})
    gas = send_as(
        flow.operator.address, protocol.settlement.exit, flow.round, [p.address for p in people], list(waiting)[:CHUNK]
    )
    return {f"exit: {CHUNK} contributors, {CHUNK} validators": gas}


def _leave(flow: BenchFlow) -> None:
    """The panel leaves the pool, so that the next one is of others."""
    staking, members = flow.protocol.staking, {who.address for who, _ in flow.panel()}
    seats = [(str(staking.seatOf(POOL, i)[0]).lower(), i) for i in range(staking.slotCount(POOL))]
    send_all([(owner, staking.leave, POOL, [i]) for owner, i in seats if owner in members])
