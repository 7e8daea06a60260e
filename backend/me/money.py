"""Revenue that waits to be claimed: asked of the chain, for the mirror does not hold when each holder was paid last."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.context import Backend
from indexer.models import Dataset, ShareBalance
from labelshare.chain.calls import call_data
from labelshare.chain.rpc import RpcError, RpcUnavailable

MOST = 200  # datasets of an account that are asked about


def datasets_with_shares(session: Session, account: str) -> list[int]:
    """Datasets of which the account holds shares that earned something, newest first."""
    held = select(ShareBalance.dataset).join(Dataset, Dataset.id == ShareBalance.dataset)
    held = held.where(ShareBalance.holder == account, ShareBalance.balance != 0, Dataset.revenue != 0)
    return list(session.scalars(held.order_by(ShareBalance.dataset.desc()).limit(MOST)))


def claimable(backend: Backend, account: str, datasets: list[int]) -> dict[int, int] | None:
    """Base units by dataset; None while the node does not answer. Not to be called inside an SQL transaction."""
    shares = backend.deployment.address("DatasetShares")
    found = {}
    try:
        for dataset in datasets:
            data = "0x" + call_data("DatasetShares", "claimableOf", [dataset, account]).hex()
            found[dataset] = int(str(backend.rpc.call("eth_call", {"to": shares, "data": data}, "latest")), 16)
    except (RpcError, RpcUnavailable, ValueError):
        return None
    return found
