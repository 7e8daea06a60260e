"""Writes web/openapi.json, from which the web app's types are generated; --check fails when it is not fresh."""

import json
import sys
import tempfile
from pathlib import Path

from backend.app import create_app
from backend.settings import Settings
from labelshare.chain import CONTRACTS
from scripts.stack import ROOT, demo_key

TARGET = ROOT / "web" / "openapi.json"


def document() -> str:
    """The document of an app that is connected to nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "operator.key").write_text(demo_key("operator").hex())
        contracts = {contract: f"0x{i + 1:040x}" for i, contract in enumerate(CONTRACTS)}
        manifest = {"chain_id": 31337, "block": 0, "treasury": "0x" + "99" * 20, "contracts": contracts}
        (folder / "deployment.json").write_text(json.dumps(manifest))
        settings = Settings("http://127.0.0.1:1", "sqlite://", folder / "deployment.json", folder / "operator.key", None)
        return json.dumps(create_app(settings).openapi(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    fresh = document()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != fresh:
            sys.exit(f"{TARGET.relative_to(ROOT)} is not fresh. Run: python -m scripts.export_openapi, and commit it.")
        return
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(fresh)


if __name__ == "__main__":
    main()
