"""Credentials and Parameters events: who is attested, and what governance set."""

from indexer.handlers.context import Context, Handler
from indexer.models import Credential, Parameter
from labelshare.chain import events as e
from labelshare.chain.events import Event

INFLOWS = ("datasets", "rounds", "submissions", "purchases")


def attested(context: Context, event: e.CredentialsAttested) -> None:
    who = {"credential": event.credential, "account": event.account}
    row = context.get_or_add(Credential, **who, issuer=event.issuer, domain=event.domain, expiry=0)
    row.expiry = event.expiry


def revoked(context: Context, event: e.CredentialsRevoked) -> None:
    context.get(Credential, event.credential, event.account).expiry = 0


def _set(context: Context, name: str, value: int) -> None:
    context.get_or_add(Parameter, name=name, value=0).value = value


def fee_set(context: Context, event: e.ParametersFeeSet) -> None:
    _set(context, "fee_bps", event.fee_bps)


def min_window_set(context: Context, event: e.ParametersMinWindowSet) -> None:
    _set(context, "min_window", event.min_window)


def min_seat_fee_set(context: Context, event: e.ParametersMinSeatFeeSet) -> None:
    _set(context, "min_seat_fee", event.min_seat_fee)


def paused(context: Context, event: e.ParametersPaused) -> None:
    _set(context, f"{INFLOWS[event.inflow]}_paused", 1)


def resumed(context: Context, event: e.ParametersResumed) -> None:
    _set(context, f"{INFLOWS[event.inflow]}_paused", 0)


HANDLERS: dict[type[Event], Handler] = {
    e.CredentialsAttested: attested,
    e.CredentialsRevoked: revoked,
    e.ParametersFeeSet: fee_set,
    e.ParametersMinWindowSet: min_window_set,
    e.ParametersMinSeatFeeSet: min_seat_fee_set,
    e.ParametersPaused: paused,
    e.ParametersResumed: resumed,
}
