"""DatasetMarket events: prices, licenses, sales."""

from indexer.handlers.context import Context, Handler
from indexer.models import Dataset, License, Sale
from labelshare.chain import events as e
from labelshare.chain.events import Event


def price_set(context: Context, event: e.DatasetMarketPriceSet) -> None:
    context.get(Dataset, event.dataset).price = event.price


def license_sold(context: Context, event: e.DatasetMarketLicenseSold) -> None:
    held = context.get_or_add(License, dataset=event.dataset, licensee=event.licensee, expiry=0, last_round=0)
    held.expiry, held.last_round = event.expiry, event.last_round
    context.add(
        Sale,
        block_number=context.block_number,
        log_index=context.log_index,
        dataset=event.dataset,
        licensee=event.licensee,
        buyer=event.buyer,
        price=event.price,
        fee=event.fee,
        expiry=event.expiry,
        last_round=event.last_round,
        tx_hash=context.tx_hash,
    )


HANDLERS: dict[type[Event], Handler] = {
    e.DatasetMarketPriceSet: price_set,
    e.DatasetMarketLicenseSold: license_sold,
}
