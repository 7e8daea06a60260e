"""Prints the transactions that give a role in Control to another account. Signs nothing, sends nothing.

    .venv/bin/python -m scripts.deploy_handover MANIFEST governor|guardian NEW_ADDRESS [OLD_ADDRESS]

OLD_ADDRESS is the account that has the role now; the one that the manifest names unless given.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_utils import keccak

from scripts.deploy_plan import DeploymentError, address_setting

ADMIN_ROLE, GUARDIAN_ROLE = 0, 1


@dataclass(frozen=True)
class Step:
    """One transaction to Control: who sends it, when, and its data."""

    sender: str
    when: str
    what: str
    data: str


def call(signature: str, *arguments: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(text=signature)[:4] + encode(types, arguments)


def grant(role: int, account: str, delay: int) -> bytes:
    return call("grantRole(uint64,address,uint32)", role, account, delay)


def revoke(role: int, account: str) -> bytes:
    return call("revokeRole(uint64,address)", role, account)


def announced(control: str, sender: str, action: bytes, what: str, delay: int) -> Iterator[Step]:
    """Control makes a governor announce every action, and wait."""
    yield Step(sender, "at once", f"announce: {what}", "0x" + call("schedule(address,bytes,uint48)", control, action, 0).hex())
    yield Step(sender, f"from {delay} s after that, within a week", what, "0x" + action.hex())


def steps(manifest: Mapping[str, Any], role: str, new: str, old: str) -> Iterator[Step]:
    """In order."""
    control, delay = manifest["contracts"]["Control"], int(manifest["parameters"]["control_delay"])
    if role == "governor":
        yield from announced(control, f"governor {old}", grant(ADMIN_ROLE, new, delay), f"{new} becomes governor", delay)
        yield from announced(control, f"successor {new}", revoke(ADMIN_ROLE, old), f"{old} is governor no more", delay)
        return
    governor = f"governor (at deployment {manifest['parameters']['governor']})"
    yield from announced(control, governor, grant(GUARDIAN_ROLE, new, 0), f"{new} becomes guardian", delay)
    yield from announced(control, governor, revoke(GUARDIAN_ROLE, old), f"{old} is guardian no more", delay)


def main() -> None:
    if len(sys.argv) not in (4, 5) or sys.argv[2] not in ("governor", "guardian"):
        sys.exit(__doc__)
    try:
        manifest = json.loads(Path(sys.argv[1]).read_text())
        role = sys.argv[2]
        named = {"NEW_ADDRESS": sys.argv[3], "OLD_ADDRESS": (*sys.argv, manifest["parameters"][role])[4]}
        new, old = (str(address_setting(named, name)) for name in named)
        print(f"All to Control at {manifest['contracts']['Control']}, without ether:")
        for number, step in enumerate(steps(manifest, role, new, old), start=1):
            print(f"\n{number}. {step.what}\n   sent by: {step.sender}\n   when: {step.when}\n   data: {step.data}")
    except KeyError as error:
        sys.exit(f"deploy_handover: {sys.argv[1]} has no {error}: it is not the manifest of a deployment with Control.")
    except (DeploymentError, OSError, ValueError) as error:
        sys.exit(f"deploy_handover: {error}")


if __name__ == "__main__":
    main()
