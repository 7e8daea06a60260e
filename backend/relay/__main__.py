"""The relayer: python -m backend.relay"""

import fcntl
import sys

from backend.db import Database
from backend.process import configure_logging, run_loop
from backend.relay.sender import Sender
from backend.relay.signer import KeyFileError, load_operator
from backend.settings import Settings, SettingsError
from labelshare.chain import UnknownDeployment
from labelshare.chain.rpc import Rpc


def main() -> None:
    configure_logging()
    try:
        settings = Settings.from_environment()
        operator = load_operator(settings.operator_key_file, settings.operator_password_file)
        deployment = settings.deployment
    except (SettingsError, KeyFileError, UnknownDeployment) as error:
        sys.exit(str(error))
    # The kernel drops the lock when the process dies, however it dies.
    with settings.operator_key_file.open() as key_file:
        try:
            fcntl.flock(key_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another relayer already sends for {operator.address}. End it first: two would use the same nonces.")
        sender = Sender(Database(settings.database_url), Rpc(settings.rpc_url), deployment, operator)
        run_loop("relayer", sender.step)


if __name__ == "__main__":
    main()
