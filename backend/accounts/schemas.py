"""Bodies of the account endpoints."""

from typing import Annotated

from pydantic import BaseModel, Field

from backend.types import Address, Amount, Signature, Strict


class Nothing(Strict):
    """An empty object."""


class NonceView(BaseModel):
    """What a sign-in message (EIP-4361) must hold, to the letter. The nonce is for one sign-in, until `expires_at`."""

    nonce: str
    expires_at: int
    domain: str
    uri: str
    chain_id: int
    statement: str
    version: str = "1"


class LoginRequest(Strict):
    """The message, exactly as it was signed by personal_sign, and the signature of a key or of a contract wallet."""

    message: Annotated[str, Field(max_length=2_000)]
    signature: Signature


class LoginView(BaseModel):
    """A session: the token is also set as a cookie that scripts cannot read."""

    account: Address
    token: str
    expires_at: int
    roles: list[str]


class ProfileView(BaseModel):
    """What the chain says of an account. `roles`: contributor, validator, juror, requester, buyer, shareholder, operator."""

    account: Address
    roles: list[str]
    labels: int
    datasets_labeled: int
    datasets_requested: int
    licenses: int
    seats: Annotated[int, Field(description="seats that are staked and have not left")]
    reward: Annotated[Amount, Field(description="pay distributed, base units, of all roles")]
    slash: Amount
    revenue: Amount


class MeView(ProfileView):
    """One's own profile, with the Ledger account: balance, what the LabelRegistry may take of it as bonds, the next nonce."""

    balance: Amount
    allowance: Amount
    nonce: int
    claimable: Annotated[Amount | None, Field(description="revenue of all shares not paid out yet; null while the node is silent")]
    duties: Annotated[int, Field(description="panels and juries that wait for this account now")]
