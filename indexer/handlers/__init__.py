"""How each event changes the current state. One module a contract; `apply` finds the handler of an event."""

from indexer.handlers import audit_board, governance, jury, ledger, market, registries, settlement, shares, staking
from indexer.handlers.context import Context, Handler
from labelshare.chain.events import Event

HANDLERS: dict[type[Event], Handler] = {
    **audit_board.HANDLERS,
    **governance.HANDLERS,
    **jury.HANDLERS,
    **ledger.HANDLERS,
    **market.HANDLERS,
    **registries.HANDLERS,
    **settlement.HANDLERS,
    **shares.HANDLERS,
    **staking.HANDLERS,
}


def apply(context: Context, event: Event) -> None:
    """Applies an event to the state; events without a handler are kept in their own table only."""
    handler = HANDLERS.get(type(event))
    if handler is not None:
        handler(context, event)
