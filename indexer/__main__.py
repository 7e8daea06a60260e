"""python -m indexer COMMAND

run      mirrors the chain into the database (the default)
status   says where the mirror stands, and how it does
audit    compares the whole state with the contracts at one block; exits 2 when something differs
rebuild  derives the state anew from the events kept
recover  takes the new chain after a reorganization past finality stopped the mirror
reset    drops the mirror's tables, to be filled from the chain anew
"""

import argparse
import signal
import sys
import threading

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from indexer import audit, runner, schema
from indexer.database import open_database, open_for_reading
from indexer.heads import Heads
from indexer.health import HALTED, Health
from indexer.lease import Lease, lease
from indexer.models import Health as HealthRow
from indexer.queries import ledger_sum
from indexer.rows import InconsistentMirror
from indexer.runner import Runner
from indexer.settings import Settings, SettingsError
from indexer.source import Source, SourceError, WrongChain
from indexer.store import BEFORE_ALL, PastFinality, Store, StoreError
from labelshare.chain import Deployment, UnknownDeployment, deployment
from labelshare.chain.decode import MalformedLog

ERRORS = (SettingsError, UnknownDeployment, WrongChain, StoreError, InconsistentMirror, MalformedLog, SourceError, PastFinality)
WAIT = 0.5


def run(settings: Settings, deployed: Deployment) -> int:
    stop = threading.Event()
    heads = Heads(settings.websocket_url)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(stop, heads))
    engine = open_database(settings.database_url)
    source, store, health = _source(settings, deployed), Store(engine, deployed), Health(engine, deployed.chain_id)
    if health.reason:
        raise PastFinality(health.reason)
    held = lease(engine)
    if not _wait_for(held, health, stop):
        return 0
    heads.start()
    auditor = audit.Auditor(settings, deployed, health, stop)
    auditor.start()
    try:
        Runner(source, store, deployed, settings, heads=heads, health=health).run(stop, held)
    finally:
        stop.set()
        auditor.join()
        heads.stop()
        source.close()
        held.release()
    return 0


def _end(stop: threading.Event, heads: Heads) -> None:
    stop.set()
    heads.wake()


def _source(settings: Settings, deployed: Deployment) -> Source:
    addresses = deployed.contracts.values()
    return Source(settings.rpc_url, addresses, finality=settings.finality, receipts=settings.verify != "off")


def _wait_for(held: Lease, health: Health, stop: threading.Event) -> bool:
    """Whether the lease was got before the stop."""
    while not held.take():
        if stop.wait(WAIT):
            return False
    return not stop.is_set()


def _writer(engine: Engine) -> Lease:
    held = lease(engine)
    if not held.take():
        raise StoreError("An indexer is writing this mirror. Stop it first, then run this again.")
    return held


def rebuild(settings: Settings, deployed: Deployment) -> int:
    engine = open_database(settings.database_url)
    held = _writer(engine)
    Store(engine, deployed).rebuild()
    held.release()
    return 0


def reset(settings: Settings, deployed: Deployment) -> int:
    engine = open_database(settings.database_url)
    held = _writer(engine)
    schema.drop(engine)
    Store(engine, deployed)
    held.release()
    print("The mirror is empty. Start the indexer: python -m indexer")
    return 0


def recover(settings: Settings, deployed: Deployment) -> int:
    engine = open_database(settings.database_url)
    held = _writer(engine)
    source, store, health = _source(settings, deployed), Store(engine, deployed), Health(engine, deployed.chain_id)
    source.check(deployed)
    common = runner.recover(Runner(source, store, deployed, settings), store, source)
    health.recovered()
    held.release()
    print(f"Back at {'nothing' if common == BEFORE_ALL else f'block {common}'}. Start the indexer: python -m indexer")
    return 0


def status(settings: Settings, deployed: Deployment) -> int:
    engine = open_database(settings.database_url)
    place = Store(engine, deployed).position()
    view = _source(settings, deployed).view(None)
    with Session(engine) as session:
        total = ledger_sum(session)
        health = session.scalar(select(HealthRow).where(HealthRow.chain_id == deployed.chain_id))
    mirrored = place.block_number if place else "none"
    print(f"chain {deployed.chain_id}: mirrored to block {mirrored} of {view.head.number}; ledger sum {total}")
    if health is not None:
        safe, final = (place.safe_block, place.finalized_block) if place else (0, 0)
        print(f"{health.state}; safe to block {safe}, final to block {final}, proven to block {health.verified_block}")
        differ = f"{health.differences} of {health.audit_values} values differed from the contracts"
        print(f"{health.reorganizations} reorganizations, the deepest of {health.deepest}; at block {health.audit_block} {differ}")
        if health.state == HALTED:
            print(health.reason)
    return 0


def audit_now(settings: Settings, deployed: Deployment) -> int:
    result = audit.audit(open_for_reading(settings.database_url), settings.rpc_url, deployed)
    for difference in result.differences[: audit.SHOWN]:
        print(difference)
    print(f"block {result.block}: {len(result.differences)} of {result.values} values differ from the contracts")
    return 2 if result.differences else 0


COMMANDS = {"run": run, "status": status, "audit": audit_now, "rebuild": rebuild, "recover": recover, "reset": reset}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m indexer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", default="run", choices=COMMANDS)
    command = COMMANDS[parser.parse_args().command]
    try:
        settings = Settings.from_environment()
        return command(settings, deployment(settings.manifest))
    except ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        print(f"The database failed: {error}. Check LABELSHARE_DATABASE_URL.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
