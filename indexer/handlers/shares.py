"""DatasetShares events: who holds how many shares, and the revenue they were paid."""

from indexer.handlers.context import Context, Handler
from indexer.models import Dataset, ShareBalance
from labelshare.chain import events as e
from labelshare.chain.events import Event

NOBODY = "0x" + "0" * 40


def holder(context: Context, dataset: int, account: str) -> ShareBalance:
    return context.get_or_add(ShareBalance, dataset=dataset, holder=account, balance=0, revenue=0)


def shift(context: Context, dataset: int, sender: str, receiver: str, shares: int) -> None:
    if shares == 0:  # Anyone may move nothing, of any id whatever.
        return
    if sender != NOBODY:
        holder(context, dataset, sender).balance -= shares
    holder(context, dataset, receiver).balance += shares


def transferred(context: Context, event: e.DatasetSharesTransferSingle) -> None:
    shift(context, event.id, event.from_, event.to, event.value)


def transferred_batch(context: Context, event: e.DatasetSharesTransferBatch) -> None:
    for dataset, shares in zip(event.ids, event.values, strict=True):
        shift(context, dataset, event.from_, event.to, shares)


def finalized(context: Context, event: e.DatasetSharesSharesFinalized) -> None:
    context.get(Dataset, event.dataset).supply = event.supply


def revenue_added(context: Context, event: e.DatasetSharesRevenueAdded) -> None:
    dataset = context.get(Dataset, event.dataset)
    dataset.acc = event.acc
    dataset.revenue += event.amount


def revenue_paid(context: Context, event: e.DatasetSharesRevenuePaid) -> None:
    holder(context, event.dataset, event.holder).revenue += event.amount


HANDLERS: dict[type[Event], Handler] = {
    e.DatasetSharesTransferSingle: transferred,
    e.DatasetSharesTransferBatch: transferred_batch,
    e.DatasetSharesSharesFinalized: finalized,
    e.DatasetSharesRevenueAdded: revenue_added,
    e.DatasetSharesRevenuePaid: revenue_paid,
}
