"""make check-api: Schemathesis asks every operation of the OpenAPI document, with and without a session, on a world with data.

Fails on a server error, an answer that the document does not have, or one that goes to whoever did not sign in.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn

from tests.integration.anvil import free_port
from tests.integration.test_access_matrix import ROOT, Cast

PORTS = range(19380, 19399)
CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "ignored_auth",
    )
)
# Endless by nature; and the one that ends the session that the others use.
EXCLUDED = "^/v1/(events|auth/logout)$"


def main() -> None:
    binary = ROOT / ".tools" / "check-venv" / "bin" / "st"
    examples = os.environ.get("LABELSHARE_FUZZ_EXAMPLES", "40")
    with tempfile.TemporaryDirectory() as folder:
        cast = Cast(Path(folder), rate_per_address=0, rate_per_account=0)
        port = free_port(PORTS)
        server = uvicorn.Server(uvicorn.Config(cast.world.app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}/openapi.json"
        config = Path(folder) / "schemathesis.toml"
        config.write_text(f'[auth.openapi.bearer]\nbearer = "{cast.tokens["requester"]}"\n')
        command = [str(binary), "--config-file", str(config), "run", url, "--checks", CHECKS]
        command += ["--exclude-path-regex", EXCLUDED, "--max-examples", examples, "--phases", "examples,coverage,fuzzing"]
        command += ["--continue-on-failure", "--no-color", *sys.argv[1:]]
        code = subprocess.run(command, cwd=folder, check=False).returncode
        server.should_exit = True
        thread.join(10)
        cast.world.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
