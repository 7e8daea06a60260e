"""Types that requests and responses share. Amounts are decimal strings of base units; bytes are lowercase 0x hex."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _fits_uint256(text: str) -> str:
    if int(text) >= 1 << 256:
        raise ValueError("an amount is below 2^256 base units")
    return text



Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{40}$"), Field(examples=["0x" + "ab" * 20])]
AddressPath = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$")]
AddressQuery = Annotated[str | None, Query(pattern=r"^0x[0-9a-f]{40}$")]
HashPath = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]
IdPath = Annotated[int, Path(ge=0, lt=1 << 63)]
IdQuery = Annotated[int | None, Query(ge=0, lt=1 << 63)]
Bytes32 = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$"), Field(examples=["0x" + "12" * 32])]
Signature = Annotated[
    str,
    StringConstraints(pattern=r"^0x([0-9a-f]{2}){1,4096}$"),
    Field(description="65 bytes r, s, v of a key, or what a contract wallet takes (ERC-1271)", examples=["0x" + "11" * 65]),
]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$"), Field(examples=["1000000000000000000"])]
Uint256 = Annotated[Amount, AfterValidator(_fits_uint256)]  # an amount that is signed, or reckoned with
Hex = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})*$")]
Uint8 = Annotated[int, Field(ge=0, lt=1 << 8)]
Uint32 = Annotated[int, Field(ge=0, lt=1 << 32)]
Uint64 = Annotated[int, Field(ge=0, lt=1 << 63, description="unix seconds, or an id")]


class Strict(BaseModel):
    """A request or response body: no coercion, no unknown member."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Problem(BaseModel):
    """The body of every answer of 400 and above (RFC 9457). `code` is for programs; `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Accepted(BaseModel):
    """It will be relayed; the mirror shows when it is done."""

    status: str = "queued"
