"""Every call whose work grows with its input, at the largest input it takes, and in the dearest state that could be thought of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brownie import HungryWallet, accounts, chain, web3
from eth_abi import encode
from eth_utils import keccak

from labelshare.rules import eip712
from scripts.bench.gas_chain import metered, request, send_all, send_as, stranger
from scripts.bench.gas_job import BenchFlow, batches
from scripts.deploy import Deployed
from tests.contracts.flow import LBL, POOL, REWARD, Wallet, domain, entry, in_order

BATCH = 30
CHUNK = 128
SEATS = 64
SLOTS = 2_048
OPEN = 2
OPEN_SUBMISSIONS = 128
SAMPLE = 2_048
PANEL = 9
ANY_SIGNATURE = b"\x01" * 64 + b"\x1b"
Calls = dict[str, int]


def run(protocol: Deployed) -> Calls:
    calls: Calls = {}
    for measure in (_batches, _seats, _audit, _draw):
        chain.snapshot()
        calls |= measure(protocol)
        chain.revert()
    return calls


@contextmanager
def _undone() -> Iterator[None]:
    """What is sent inside did not happen. Brownie does not know: after this only `send_as` and `send_all` may follow."""
    before = request("evm_snapshot")
    yield
    request("evm_revert", before)


def _flow(protocol: Deployed, **terms: Any) -> BenchFlow:
    flow = BenchFlow(protocol, treasury=accounts[1], requester=accounts[2], operator=accounts[2])
    flow.create(funding=1_000_000 * LBL, **terms)
    return flow


def fund(flow: BenchFlow, owners: list[str], amount: int, spender: Any) -> int:
    """Ledger accounts with `amount` that `spender` may take; gas of the largest deposit."""
    ledger = flow.protocol.ledger
    flow.protocol.token.approve(ledger, amount * len(owners), {"from": flow.treasury})
    with metered() as measured:
        for batch in batches(owners, CHUNK):
            ledger.depositBatch([(bytes(12) + bytes.fromhex(owner[2:]), amount) for owner in batch], {"from": flow.treasury})
    send_all([(owner, ledger.allow, spender.address, amount) for owner in owners])
    return measured.largest


# Signatures


def _batches(protocol: Deployed) -> Calls:
    """Signed by contract wallets that eat all the gas they are given and then agree."""
    operator, *owners = (stranger(f"hungry {i}").address for i in range(BATCH + 1))
    code = web3.eth.get_code(accounts[0].deploy(HungryWallet).address).hex()
    for address in (operator, *owners):
        request("anvil_setCode", address, "0x" + code.removeprefix("0x"))
    flow = _flow(protocol, operator=operator)
    registry, ledger = protocol.label_registry, protocol.ledger
    later = chain.time() + 100_000
    fund(flow, owners, 100 * LBL, ledger)
    spender = registry.address
    allowances = [(owner, spender, 100 * LBL, 0, later, ANY_SIGNATURE) for owner in owners]
    sessions = [((owner, spender, 0, later, LBL), ANY_SIGNATURE) for owner in owners]
    ticket = encode(["uint32", "uint64", "bytes"], [1_024, later, ANY_SIGNATURE])
    calls = {
        f"allowBySig: {BATCH} hungry contract wallets": send_as(operator, ledger.allowBySig, allowances),
        f"registerSessions: {BATCH} hungry contract wallets": send_as(operator, registry.registerSessions, sessions),
    }
    flow.open(100, BATCH)
    with _undone():
        items = [((flow.round, owner, 0, 1, keccak(text=owner), 1, later), ANY_SIGNATURE, b"") for owner in owners]
        calls[f"submit: {BATCH} hungry contract wallets"] = send_as(operator, registry.submit, items)
    items = [(submission, signature, ticket) for submission, signature, _ in items]
    calls[f"submit: {BATCH} hungry contract wallets, tickets of another"] = send_as(owners[0], registry.submit, items)
    return calls


# Stake


def _seats(protocol: Deployed) -> Calls:
    flow = _flow(protocol)
    staking, owner = protocol.staking, stranger("owner of 64 seats").address
    fund(flow, [owner], SEATS * staking.seatSize(), staking)
    first = staking.slotCount(POOL)
    join = send_as(owner, staking.join, POOL, SEATS)
    seats = list(range(first, first + SEATS))
    leave = send_as(owner, staking.leave, POOL, seats)
    chain.sleep(staking.unbondingPeriod() + 1)
    collect = send_as(owner, staking.collect, POOL, seats)
    return {f"join: {SEATS} seats": join, f"leave: {SEATS} seats": leave, f"collect: {SEATS} seats": collect}


# The audit, and what follows it


def _audit(protocol: Deployed) -> Calls:
    """The largest sample and panel; all open submissions; a minority of the panel silent; the rest then slashed by the
    settlement, 16 seats each."""
    flow = _flow(protocol, panelSize=PANEL, auditRate=128)
    flow.stake(count=40, seats=20)
    flow.open(2 * SAMPLE, 5 * OPEN_SUBMISSIONS)
    crew = [stranger(f"open {i}") for i in range(OPEN_SUBMISSIONS)]
    fund(flow, [who.address for who in crew], REWARD, protocol.label_registry)
    for batch in batches(crew, BATCH):
        flow.submit(*(_open_submission(flow, who) for who in batch))
    chain.sleep(10_001)
    calls = {}
    with metered() as closed:
        flow.close()
    with metered() as drawn:
        panel = flow.draw()
    for member, _ in panel:
        flow.commit(member)
    honest = _majority(panel)
    with metered() as revealed:
        for member, _ in honest:
            flow.reveal(member)
    for member, _ in honest:
        send_as(member.address, protocol.audit_board.attest, flow.round, member.address, 2**OPEN_SUBMISSIONS - 1, b"")
    chain.sleep(1_000)
    concluded = send_as(flow.operator.address, protocol.audit_board.conclude, flow.round)
    calls = {
        f"closeRound: {OPEN_SUBMISSIONS} open submissions": closed.largest,
        f"drawPanel: {PANEL} seats": drawn.largest,
        f"reveal: {SAMPLE} answers": revealed.largest,
        f"conclude: {OPEN_SUBMISSIONS} open submissions, {len(panel) - len(honest)} silent": concluded,
    }
    with _undone():
        calls |= _settled(flow, crew, honest)
    return calls | _exited(flow, crew, honest)


def _majority(panel: list[tuple[Wallet, int]]) -> list[tuple[Wallet, int]]:
    """The fewest members, the lightest first left out, whose weight is more than half."""
    members = sorted(panel, key=lambda m: -m[1])
    total = sum(weight for _, weight in panel)
    taken: list[tuple[Wallet, int]] = []
    while 2 * sum(weight for _, weight in taken) <= total:
        taken.append(members[len(taken)])
    return taken


def _open_submission(flow: BenchFlow, who: Wallet) -> tuple[Any, ...]:
    return _signed(flow, who, admission=OPEN)


def _signed(flow: BenchFlow, who: Wallet, admission: int = 1) -> tuple[Any, ...]:
    """A first submission of one label, signed by the wallet itself."""
    message = eip712.Submission(flow.round, who.address, 0, 1, keccak(text=who.address), admission, chain.time() + 100_000)
    fields = (message.round, message.contributor, 0, 1, message.labels_root, admission, message.deadline)
    return (fields, who.sign(message, domain(flow.protocol.label_registry)), b"")


def _settled(flow: BenchFlow, crew: list[Wallet], honest: list[tuple[Wallet, int]]) -> Calls:
    slash = 16 * flow.protocol.staking.seatSize()
    entries = in_order(
        [entry("contributor", who.address, REWARD // 2, shares=1 << 15) for who in crew]
        + [entry("validator", who.address, slash=slash) for who, _ in honest]
    )
    first = len(entries) - CHUNK
    flow.credit(flow.operator.address, 100_000 * LBL)
    with metered() as proposed:
        flow.propose(entries, chunks=2)
    flow.publish(entries[:first], 0)
    flow.publish(entries[first:], 1)
    with metered() as finalized:
        flow.finalize()
    with metered() as distributed:
        flow.distribute(entries[first:], 1)
    return {
        f"propose: {len(honest)} signatures": proposed.largest,
        f"finalize: a panel of {PANEL}": finalized.largest,
        f"distribute: {CHUNK} entries, {len(honest)} validators lose 16 seats each": distributed.largest,
    }


def _exited(flow: BenchFlow, crew: list[Wallet], honest: list[tuple[Wallet, int]]) -> Calls:
    settlement = flow.protocol.settlement
    chain.sleep(10_000)
    started = send_as(flow.operator.address, settlement.startExit, flow.round)
    people = [who.address for who in crew[:CHUNK]]
    gas = send_as(flow.operator.address, settlement.exit, flow.round, people, [who.address for who, _ in honest])
    return {"startExit": started, f"exit: {CHUNK} contributors, {len(honest)} validators": gas}


# The draw


def _draw(protocol: Deployed) -> Calls:
    """A pool of 2,048 slots, nearly all of owners who labeled in the round: every try reads a seat, its owner, and what
    they labeled, and misses. Too few can be drawn, so the call fails, after all the tries there are."""
    flow = _flow(protocol, panelSize=PANEL, bond=0)
    staking = protocol.staking
    owners = [stranger(f"seat {i}") for i in range(SLOTS - staking.slotCount(POOL))]
    fund(flow, [who.address for who in owners], staking.seatSize(), staking)
    send_all([(who.address, staking.join, POOL, 1) for who in owners])
    flow.open(len(owners), len(owners))
    for batch in batches(owners, BATCH):
        flow.submit(*(_signed(flow, who) for who in batch))
    flow.close()
    chain.mine(3)
    tried = send_as(flow.operator.address, protocol.audit_board.drawPanel, flow.round, must_succeed=False)
    return {f"drawPanel: {SLOTS} slots, every try misses": tried}
