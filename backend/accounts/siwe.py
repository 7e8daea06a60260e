"""A strict reader of Sign-In with Ethereum messages (EIP-4361). Pure.

Only the form that wallets and viem write for us is taken: our statement, no scheme before the domain, no request id, no resources.
What is laxer in the standard is where messages for other sites get in.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

STATEMENT = "Sign in to Labelshare. This signs no transaction and moves nothing."
LONGEST = 2_000  # characters
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z"
MESSAGE = re.compile(
    r"(?P<domain>[a-zA-Z0-9.:\-\[\]]{1,255}) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    + re.escape(STATEMENT)
    + r"\n\n"
    r"URI: (?P<uri>[!-~]{1,500})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,17})\n"
    r"Nonce: (?P<nonce>[a-zA-Z0-9]{8,64})\n"
    rf"Issued At: (?P<issued_at>{TIME})"
    rf"(?:\nExpiration Time: (?P<expires>{TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{TIME}))?",
    re.ASCII,
)


class NotSignIn(ValueError):
    """The text is no sign-in message of ours; the message says what is wrong."""


@dataclass(frozen=True)
class SignIn:
    """A sign-in message. `address` in lower case; times in unix seconds; without an expiry it ends with its nonce."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: float
    expires: float | None
    not_before: float | None

    def check(self, domain: str, uri: str, chain_id: int, now: float, lifetime: float, drift: float = 60) -> None:
        """Raises NotSignIn unless the message is for exactly this domain, URI and chain, and for now (seconds)."""
        if self.domain != domain:
            raise NotSignIn(f"it is for the domain {self.domain}, and this is {domain}")
        if self.uri != uri:
            raise NotSignIn(f"it is for the URI {self.uri}, and this is {uri}")
        if self.chain_id != chain_id:
            raise NotSignIn(f"it is for chain {self.chain_id}, and this is chain {chain_id}")
        if not now - lifetime - drift <= self.issued_at <= now + drift:
            raise NotSignIn("it was not issued now; check the clock")
        if self.expires is not None and self.expires <= now:
            raise NotSignIn("its expiration time is past")
        if self.not_before is not None and self.not_before > now + drift:
            raise NotSignIn("its time has not come")


def parse(message: str) -> SignIn:
    """Raises NotSignIn."""
    if len(message) > LONGEST:
        raise NotSignIn(f"it has more than {LONGEST} characters")
    found = MESSAGE.fullmatch(message)
    if found is None:
        raise NotSignIn("it is not written as GET /v1/auth's nonce says: statement, order of lines and line ends must be the same")
    fields = found.groupdict()
    address = fields["address"]
    if to_checksum_address(address) != address:
        raise NotSignIn("the address is not in its checksum form (EIP-55)")
    return SignIn(
        domain=fields["domain"],
        address=address.lower(),
        uri=fields["uri"],
        chain_id=int(fields["chain_id"]),
        nonce=fields["nonce"],
        issued_at=_seconds(fields["issued_at"]),
        expires=_seconds(fields["expires"]) if fields["expires"] else None,
        not_before=_seconds(fields["not_before"]) if fields["not_before"] else None,
    )


def digest(message: str) -> bytes:
    """What a wallet's personal_sign signs (EIP-191)."""
    text = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)


def _seconds(text: str) -> float:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotSignIn(f"{text} is no time") from error
    return moment.timestamp() + float(f"0.{fraction or 0}")
