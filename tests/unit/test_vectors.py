"""The vectors, computed by Python. tests/contracts/test_vectors.py does the same in Solidity."""

import json

from labelshare.rules import eip712
from scripts.make_vectors import DOMAIN, FOLDER, vectors


def test_the_vectors_are_what_the_rules_compute_now() -> None:
    for name, content in vectors().items():
        assert json.loads((FOLDER / f"{name}.json").read_text()) == json.loads(json.dumps(content)), name


def test_every_signature_recovers_to_its_signer() -> None:
    signed = json.loads((FOLDER / "signatures.json").read_text())
    assert signed["domain"]["separator"] == "0x" + DOMAIN.separator().hex()
    for message in signed["messages"].values():
        digest, signature = (bytes.fromhex(message[name][2:]) for name in ("digest", "signature"))
        assert eip712.recover(digest, signature) == signed["signer"]
