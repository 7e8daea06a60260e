"""Bodies of the session endpoints."""

from pydantic import BaseModel

from backend.types import Address, Amount, Signature, Strict, Uint64, Uint256


class SessionBody(Strict):
    """The EIP-712 Session."""

    contributor: Address
    key: Address
    dataset: Uint64
    expiry: Uint64
    max_bond: Uint256


class AllowanceBody(Strict):
    """The EIP-712 Allowance for the LabelRegistry, so that bonds can be taken from the contributor's Ledger account."""

    owner: Address
    spender: Address
    amount: Uint256
    nonce: Uint64
    deadline: Uint64


class OnboardRequest(Strict):
    """A session key, and with it an allowance when bonds are needed."""

    session: SessionBody
    signature: Signature
    allowance: AllowanceBody | None = None
    allowance_signature: Signature | None = None


class SessionView(BaseModel):
    """A session key on chain, as mirrored; `bond_left` and `allowance` in base units."""

    contributor: Address
    key: Address
    dataset: int
    expiry: int
    bond_left: Amount
    revoked: bool


class AccountView(BaseModel):
    """A user's Ledger account: balance, what the LabelRegistry may spend of it, the next allowance's nonce."""

    account: Address
    balance: Amount
    allowance: Amount
    nonce: int


class FaucetRequest(Strict):
    """`to_wallet`: LBL into the wallet instead of the Ledger account; `gas`: also a coin for transactions."""

    address: Address
    to_wallet: bool = False
    gas: bool = False


class FaucetView(BaseModel):
    """LBL is relayed; `gas`: the wallet was given some at once."""

    status: str = "queued"
    gas: bool
