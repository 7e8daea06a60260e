"""Types that requests and responses share. Amounts are decimal strings of base units; bytes are lowercase 0x hex."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{40}$"), Field(examples=["0x" + "ab" * 20])]
AddressPath = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$")]
Bytes32 = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$"), Field(examples=["0x" + "12" * 32])]
Signature = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{2,260}$"), Field(description="r, s, v: 65 bytes")]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$"), Field(examples=["1000000000000000000"])]
Hex = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})*$")]
Uint8 = Annotated[int, Field(ge=0, lt=1 << 8)]
Uint32 = Annotated[int, Field(ge=0, lt=1 << 32)]
Uint64 = Annotated[int, Field(ge=0, lt=1 << 63, description="unix seconds, or an id")]


class Strict(BaseModel):
    """A request or response body: no coercion, no unknown member."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Problem(BaseModel):
    """`code` is for programs; `message` says what to do."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every 4xx answer."""

    error: Problem
