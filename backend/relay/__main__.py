"""The relayer: python -m backend.relay"""

import sys

from backend.db import Database
from backend.process import configure_logging, run_loop
from backend.relay.checks import WrongSetup, check
from backend.relay.sender import Sender
from backend.relay.signer import KeyFileError, load_operator
from backend.relay.steps import Steps, no_steps
from backend.settings import Settings, SettingsError
from labelshare.chain import UnknownDeployment
from labelshare.chain.rpc import Rpc


def main(steps: Steps = no_steps) -> None:
    """Runs until told to end. `steps`: see backend/relay/steps.py."""
    configure_logging()
    try:
        settings = Settings.from_environment()
        operator = load_operator(settings.operator_key_file, settings.operator_password_file)
        deployment = settings.deployment
    except (SettingsError, KeyFileError, UnknownDeployment) as error:
        sys.exit(str(error))
    rpc = Rpc(settings.rpc_url)
    sender = Sender(Database(settings.database_url), rpc, deployment, operator, fee_cap=settings.fee_cap, steps=steps)
    checked = False

    def step() -> bool:
        nonlocal checked
        if not checked:
            check(rpc, deployment, settings.manifest, operator, settings.operator_address)
            checked = True
        return sender.step()

    try:
        run_loop("relayer", step)
        sender.lease.release()
    except WrongSetup as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
