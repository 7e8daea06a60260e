"""Registering session keys and allowances, checked as strictly as the contracts check them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.context import Backend
from backend.errors import Conflict, Invalid, NotFound
from backend.models import Outbox
from backend.relay.outbox import enqueue_call, enqueue_item
from backend.sessions import schemas
from backend.signatures import require_signer
from indexer.models import EVENT_TABLES, Account, Allowance
from indexer.models import Session as SessionKey
from labelshare.chain import events
from labelshare.chain.naming import user_account
from labelshare.chain.rpc import RpcError, RpcUnavailable
from labelshare.rules import eip712

MAX_BOND = 1 << 96
GAS = 10**18


def onboard(backend: Backend, session: Session, request: schemas.OnboardRequest) -> None:
    """Queues the session, and the allowance when there is one."""
    now = backend.now(session)
    s = request.session
    message = eip712.Session(s.contributor, s.key, s.dataset, s.expiry, int(s.max_bond))
    if s.expiry <= now:
        raise Invalid("session_expired", f"The session's expiry {s.expiry} is not ahead of {now}.")
    if message.max_bond >= MAX_BOND or s.key == "0x" + "0" * 40:
        raise Invalid("invalid_session", "maxBond must be below 2^96 base units, and the key not the zero address.")
    known = session.get(SessionKey, (s.contributor, s.key))
    if known is not None:
        raise Conflict("session_known", "This key was registered or revoked before; make a new session key.")
    require_signer(message.digest(backend.domain("LabelRegistry")), request.signature, s.contributor)
    item = [[s.contributor, s.key, s.dataset, s.expiry, s.max_bond], request.signature]
    if request.allowance is not None:
        _allow(backend, session, request.allowance, request.allowance_signature, s.contributor, now)
    enqueue_item(session, "session", f"session:{s.contributor}:{s.key}", item)


def _allow(
    backend: Backend, session: Session, a: schemas.AllowanceBody, signature: str | None, contributor: str, now: int
) -> None:
    if signature is None:
        raise Invalid("no_signature", "allowance_signature is missing.")
    if a.owner != contributor or a.spender != backend.deployment.address("LabelRegistry"):
        raise Invalid("wrong_allowance", "The allowance must be the contributor's, for the LabelRegistry.")
    if a.deadline < now:
        raise Invalid("allowance_expired", f"The allowance's deadline {a.deadline} is past.")
    message = eip712.Allowance(a.owner, a.spender, int(a.amount), a.nonce, a.deadline)
    digest = message.digest(backend.domain("Ledger"))
    require_signer(digest, signature, a.owner)
    key = f"allowance:0x{digest.hex()}"
    if session.scalar(select(Outbox.id).where(Outbox.key == key)) is not None:
        return  # the same request again, its answer having been lost; the nonce may be used by now
    nonce = next_nonce(session, a.owner)
    if a.nonce != nonce:
        raise Conflict("wrong_nonce", f"The allowance's nonce is {a.nonce}; the Ledger's next for {a.owner} is {nonce}.")
    item = [a.owner, a.spender, a.amount, a.nonce, a.deadline, signature]
    enqueue_item(session, "allowance", key, item)


def next_nonce(session: Session, owner: str) -> int:
    """The Ledger's next allowance nonce of an owner: how many signed allowances were used."""
    used = EVENT_TABLES[events.LedgerAllowanceSigned]
    return session.scalar(select(func.count()).select_from(used).where(used.c.owner == owner)) or 0


def drip(backend: Backend, session: Session, request: schemas.FaucetRequest) -> None:
    """Queues faucet tokens, once an address, for its Ledger account or its wallet."""
    if "Faucet" not in backend.deployment.contracts:
        raise NotFound("no_faucet", "There is no faucet on this chain; deposit LBL into the Ledger instead.")
    key = f"drip:{request.address}"
    if session.scalar(select(Outbox.id).where(Outbox.key == key)) is not None:
        return
    if request.to_wallet:
        enqueue_call(session, key, "Faucet", "drip", request.address, False)
    else:
        enqueue_item(session, "drip", key, request.address)


def give_gas(backend: Backend, address: str) -> bool:
    """Sees to it that a wallet can pay for transactions, on a chain where the node may do so. Whether it can."""
    if "Faucet" not in backend.deployment.contracts:
        return False
    try:
        if backend.rpc.integer("eth_getBalance", address, "latest") < GAS:
            backend.rpc.call("anvil_setBalance", address, hex(GAS))
    except (RpcError, RpcUnavailable, ValueError):
        return False
    return True


def view_session(session: Session, contributor: str, key: str) -> schemas.SessionView:
    row = session.get(SessionKey, (contributor, key))
    if row is None:
        raise NotFound("unknown_session", "This session key is not registered on chain, or not mirrored yet.")
    return schemas.SessionView(
        contributor=contributor,
        key=key,
        dataset=row.dataset,
        expiry=row.expiry,
        bond_left=str(row.bond_left),
        revoked=row.revoked,
    )


def view_account(backend: Backend, session: Session, address: str) -> schemas.AccountView:
    account = session.get(Account, user_account(address))
    allowance = session.get(Allowance, (address, backend.deployment.address("LabelRegistry")))
    return schemas.AccountView(
        account=address,
        balance=str(account.balance if account else 0),
        allowance=str(allowance.amount if allowance else 0),
        nonce=next_nonce(session, address),
    )
