"""A license bought from a dataset with one holder of its shares, and from the same with a thousand."""


from brownie import accounts

from scripts.bench.gas_chain import send_all, send_as, stranger
from scripts.deploy import Deployed
from tests.contracts.flow import LBL, REWARD, Flow, entry, in_order, wallet

SHARES = 10 << 16
PRICE = 100 * LBL


def run(protocol: Deployed) -> dict[int, int]:
    """Gas of a sale by the number of holders: each time a new buyer's first purchase, while the revenue of the sale before is
    unclaimed. A sale after everything was claimed fills an empty account of the Ledger, which costs 17,100 more, whoever holds the
    shares."""
    flow, holder = _dataset_of_one(protocol)
    _buy(flow, "warm up at 1")
    sales = {1: _buy(flow, "buyer at 1")}
    give = protocol.dataset_shares.safeTransferFrom
    send_all([(holder, give, holder, stranger(f"holder {i}").address, flow.dataset, SHARES // 2_000, b"") for i in range(1, 1_000)])
    _buy(flow, "warm up at 1000")
    sales[1_000] = _buy(flow, "buyer at 1000")
    return sales


def _dataset_of_one(protocol: Deployed) -> tuple[Flow, str]:
    """A dataset settled in one round of one contributor, who holds all of it."""
    flow = Flow(protocol, treasury=accounts[1], requester=accounts[2], operator=accounts[3])
    flow.validators = [wallet(f"validator {i}") for i in range(12)]
    flow.create(contributorsBps=10_000, validatorsBps=0, requesterBps=0, bond=0, licenseFloor=PRICE)
    who = stranger("only holder")
    flow.open(10, 10)
    flow.submit(flow.submission(who, 10))
    panel = flow.audit()
    entries = [entry("contributor", who.address, 10 * REWARD, shares=SHARES), *(entry("validator", v.address) for v, _ in panel)]
    flow.settle(in_order(entries))
    return flow, who.address


def _buy(flow: Flow, name: str) -> int:
    buyer, protocol = stranger(name), flow.protocol
    protocol.token.transfer(buyer.address, PRICE, {"from": flow.treasury})
    send_as(buyer.address, protocol.token.approve, protocol.dataset_market.address, PRICE)
    return send_as(buyer.address, protocol.dataset_market.buy, flow.dataset, buyer.address, PRICE)
