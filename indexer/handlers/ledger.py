"""Ledger events: balances and allowances."""

from indexer.handlers.context import Context, Handler
from indexer.models import Account, Allowance
from labelshare.chain import events as e
from labelshare.chain.events import Event


def credit(context: Context, account: str, amount: int) -> None:
    row = context.rows.find(Account, (account,))
    if row is None:
        row = context.add(Account, account=account, balance=0)
    row.balance += amount


def deposited(context: Context, event: e.LedgerDeposited) -> None:
    credit(context, event.account, event.amount)


def withdrawn(context: Context, event: e.LedgerWithdrawn) -> None:
    credit(context, event.account, -event.amount)


def moved(context: Context, event: e.LedgerMoved) -> None:
    credit(context, event.from_, -event.amount)
    credit(context, event.to, event.amount)


def moved_batch(context: Context, event: e.LedgerMovedBatch) -> None:
    credit(context, event.from_, -sum(item.amount for item in event.credits))
    for item in event.credits:
        credit(context, item.account, item.amount)


def allowed(context: Context, event: e.LedgerAllowed) -> None:
    context.get_or_add(Allowance, owner=event.owner, spender=event.spender, amount=0, nonce=0).amount = event.amount


def allowance_signed(context: Context, event: e.LedgerAllowanceSigned) -> None:
    context.get(Allowance, event.owner, event.spender).nonce = event.nonce + 1


HANDLERS: dict[type[Event], Handler] = {
    e.LedgerDeposited: deposited,
    e.LedgerWithdrawn: withdrawn,
    e.LedgerMoved: moved,
    e.LedgerMovedBatch: moved_batch,
    e.LedgerAllowed: allowed,
    e.LedgerAllowanceSigned: allowance_signed,
}
