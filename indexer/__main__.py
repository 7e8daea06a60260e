"""python -m indexer [run|rebuild|status]: mirrors the chain into the database; derives the state anew; says where it stands."""

import argparse
import signal
import sys
import threading

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from indexer.database import open_database
from indexer.rows import InconsistentMirror
from indexer.queries import ledger_sum
from indexer.runner import Runner
from indexer.settings import Settings, SettingsError
from indexer.source import Source, SourceError, WrongChain
from indexer.store import Store, StoreError
from labelshare.chain import Deployment, UnknownDeployment, deployment
from labelshare.chain.decode import MalformedLog

ERRORS = (SettingsError, UnknownDeployment, WrongChain, StoreError, InconsistentMirror, MalformedLog, SourceError)


def run(settings: Settings, deployed: Deployment) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    source = Source(settings.rpc_url, deployed.contracts.values())
    store = Store(open_database(settings.database_url), deployed)
    Runner(source, store, deployed, settings).run(stop)
    source.close()


def rebuild(settings: Settings, deployed: Deployment) -> None:
    Store(open_database(settings.database_url), deployed).rebuild()


def status(settings: Settings, deployed: Deployment) -> None:
    engine = open_database(settings.database_url)
    checkpoint = Store(engine, deployed).checkpoint()
    head = Source(settings.rpc_url, deployed.contracts.values()).head()
    with Session(engine) as session:
        total = ledger_sum(session)
    print(f"chain {deployed.chain_id}: mirrored to block {checkpoint[0] if checkpoint else 'none'} of {head}; ledger sum {total}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m indexer", description=__doc__)
    commands = {"run": run, "rebuild": rebuild, "status": status}
    parser.add_argument("command", nargs="?", default="run", choices=commands)
    command = commands[parser.parse_args().command]
    try:
        settings = Settings.from_environment()
        command(settings, deployment(settings.manifest))
    except ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        print(f"The database failed: {error}. Check LABELSHARE_DATABASE_URL.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
