"""The indexer bench's measurements, each in a process of its own: python -m scripts.bench.indexer_parts PART URL DATABASE
MANIFEST."""

import json
import logging
import resource
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Integer, String, Text, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from web3 import HTTPProvider, Web3

from indexer.bulk import bulk
from indexer.database import open_database
from indexer.heads import Heads, websocket_url
from indexer.health import Health
from indexer.models import RawEvent, position
from indexer.pipeline import Windows
from indexer.rpc import Rpc
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source
from indexer.store import Store
from labelshare.chain import Deployment, abi, deployment
from labelshare.chain.decode import decode_by_abi
from scripts.bench.indexer_load import post

SPAN = 9
HEADS = 200
PACE = 0.03
ORM_EVENTS = 10_000


def answer(events: int, seconds: float, **more: Any) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"events": events, "seconds": round(seconds, 3), "events_per_s": round(events / seconds), "memory_mib": peak, **more}


def settings(url: str, database: str, manifest: Path, verify: str = "head") -> Settings:
    return Settings(url, database, manifest, websocket_url(url), verify)


def mirror(url: str, database: str, manifest: Path, verify: str = "head") -> dict[str, Any]:
    """Our indexer, from an empty database to the head, indexes included."""
    deployed = deployment(manifest)
    source, engine = Source(url, deployed.contracts.values()), open_database(database)
    store = Store(engine, deployed)
    runner = Runner(source, store, deployed, settings(url, database, manifest, verify))
    began = time.perf_counter()
    while runner.step():
        pass
    seconds = time.perf_counter() - began
    with Session(engine) as session:
        return answer(session.scalar(select(func.count()).select_from(RawEvent)) or 0, seconds)


def raw(url: str, database: str, manifest: Path) -> dict[str, Any]:
    """Our indexer, as far as raw events: fetched ahead, parsed, written; nothing derived from them."""
    deployed = deployment(manifest)
    source, store = Source(url, deployed.contracts.values()), _Raw(open_database(database), deployed)
    head = source.view(None).head.number
    place, done = None, 0
    began = time.perf_counter()
    with Windows(source.claimed, deployed.block, head, 1_000) as windows:
        for blocks in windows.merged():
            done += store.append(blocks, place, head)
            place = (blocks.last.number, blocks.last.hash)
    return answer(done, time.perf_counter() - began)


class _Raw(Store):
    def _replay(self, *_: Any) -> None:
        pass


def floor(url: str, database: str, manifest: Path, derived: bool = False) -> dict[str, Any]:
    """The same bytes fetched, then the same rows of raw events written, serially; parsing is not counted. `derived`: the rows of
    the event tables, too."""
    deployed = deployment(manifest)
    source = Source(url, deployed.contracts.values())
    head = source.view(None).head.number
    with Windows(source.claimed, deployed.block, head, 1_000) as windows:
        ranges = [(window.first.number, window.last.number, window.logs) for window in windows]
    rpc, addresses = Rpc(url), sorted(deployed.contracts.values())
    calls: list[Any] = [
        ("eth_getLogs", [{"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}]) for first, last, _ in ranges
    ]
    began = time.perf_counter()
    for call in calls:
        rpc.post([call])
    fetched = time.perf_counter() - began
    logs = [log for _, _, part in ranges for log in part]
    written = _write(database, deployed, logs, derived)
    return answer(len(logs), fetched + written, fetch=round(fetched, 3), write=round(written, 3))


def floor_of_all(url: str, database: str, manifest: Path) -> dict[str, Any]:
    return floor(url, database, manifest, derived=True)


class _Rows(Store):
    """Takes what the store would write, instead of writing it."""

    def rows_of(self, logs: list[Any]) -> tuple[list[Any], dict[Any, list[Any]]]:
        kept: dict[Any, list[Any]] = {}
        raw = _Kept()
        self._keep_raw(raw, logs)  # type: ignore[arg-type]
        for log in logs:
            plan = self._plans.of(log)
            if plan is not None:
                kind, cut, _, values, table = plan
                event = cut(log.topics, log.data) or decode_by_abi(kind.CONTRACT, kind, log)
                place = position(log.block_number, log.log_index)
                kept.setdefault(table, []).append((place, log.block_number, log.log_index, *values(event)))
        return raw.rows, kept


class _Kept:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def insert(self, _table: Any, rows: list[Any]) -> None:
        self.rows = rows


def _write(database: str, deployed: Deployment, logs: list[Any], derived: bool) -> float:
    engine = open_database(database)
    store = _Rows(engine, deployed)
    batches = [store.rows_of(logs[i : i + 8_000]) for i in range(0, len(logs), 8_000)]
    began = time.perf_counter()
    for raw, events in batches:
        with engine.begin() as connection:
            tables = bulk(connection)
            tables.insert(RawEvent.__table__, raw)  # type: ignore[arg-type]
            for table, rows in events.items() if derived else ():
                tables.insert(table, rows)
    return time.perf_counter() - began


def web3py(url: str, database: str, manifest: Path) -> dict[str, Any]:
    """The usual way: web3.py's get_logs, its event decoder, one mapped object a log."""

    class Base(DeclarativeBase):
        pass

    class Row(Base):
        __tablename__ = "plain_event"
        block: Mapped[int] = mapped_column(Integer, primary_key=True)
        index: Mapped[int] = mapped_column(Integer, primary_key=True)
        name: Mapped[str] = mapped_column(String(64))
        arguments: Mapped[str] = mapped_column(Text)

    deployed, web3, engine = deployment(manifest), Web3(HTTPProvider(url)), open_database(database)
    Base.metadata.create_all(engine)
    events = {}
    for name, address in deployed.contracts.items():
        if not any(item["type"] == "event" for item in abi(name)):
            continue
        contract = web3.eth.contract(address=web3.to_checksum_address(address), abi=abi(name))
        events |= {(address, event.topic): event for event in contract.events}
    addresses = [web3.to_checksum_address(address) for address in deployed.contracts.values()]
    done, block, head = 0, deployed.block, web3.eth.block_number
    began = time.perf_counter()
    while done < ORM_EVENTS and block <= head:
        logs = web3.eth.get_logs({"fromBlock": block, "toBlock": min(head, block + SPAN), "address": addresses})
        with Session(engine) as session, session.begin():
            for log in logs:
                event = events[log["address"].lower(), "0x" + log["topics"][0].hex().removeprefix("0x")]
                decoded = event.process_log(log)
                text = json.dumps({name: str(value) for name, value in decoded["args"].items()})
                session.add(Row(block=log["blockNumber"], index=log["logIndex"], name=decoded["event"], arguments=text))
        done, block = done + len(logs), block + SPAN + 1
    return answer(done, time.perf_counter() - began)


class _Timed(Health):
    """Notes when each block was committed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.committed: dict[int, float] = {}

    def appended(self, block: int, head: int, proven: bool) -> None:
        self.committed[block] = time.perf_counter()
        super().appended(block, head, proven)


class _Heard(Heads):
    """Notes when each head was pushed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard: dict[int, float] = {}

    def _hear(self, message: str | bytes) -> None:
        now = time.perf_counter()
        super()._hear(message)
        if self._blocks:
            self.heard.setdefault(int(self._blocks[-1].number, 16), now)


def latency(url: str, database: str, manifest: Path) -> dict[str, Any]:
    """From the node's push of a head of 20 events to the commit of its rows, proven by its receipts; milliseconds."""
    deployed, engine = deployment(manifest), open_database(database)
    store, health, heads = Store(engine, deployed), _Timed(engine, deployed.chain_id), _Heard(websocket_url(url))
    source, stop = Source(url, deployed.contracts.values()), threading.Event()
    runner = Runner(source, store, deployed, settings(url, database, manifest), heads=heads, health=health)
    while runner.step():
        pass
    heads.start()
    loop = threading.Thread(target=runner.run, args=(stop,))
    loop.start()
    sent = _heads(url, deployed, stop)
    heads.wake()
    loop.join()
    heads.stop()
    numbers = sorted(set(heads.heard) & set(health.committed) & set(sent))[20:]
    pushed = [1_000 * (health.committed[n] - heads.heard[n]) for n in numbers]
    whole = [1_000 * (health.committed[n] - sent[n]) for n in numbers]
    ends = {"p50": round(statistics.median(pushed), 2), "p99": round(sorted(pushed)[len(pushed) * 99 // 100], 2)}
    return ends | {"sent_p50": round(statistics.median(whole), 2), "heads": len(numbers)}


def _heads(url: str, deployed: Deployment, stop: threading.Event) -> dict[int, float]:
    """Mines blocks of 20 transfers; when each was asked for."""
    web3 = Web3(HTTPProvider(url))
    ledger = web3.eth.contract(address=web3.to_checksum_address(deployed.address("Ledger")), abi=abi("Ledger"))
    data = ledger.encode_abi("transfer", args=[bytes(31) + b"\7", 1])
    sender = web3.eth.accounts[4]
    call = {"from": sender, "to": ledger.address, "data": data, "gas": hex(200_000), "gasPrice": "0x0"}
    post(url, [("evm_setAutomine", [False])])
    number, sent = web3.eth.block_number, {}
    for _ in range(HEADS):
        post(url, [("eth_sendTransaction", [call])] * 20)
        number += 1
        sent[number] = time.perf_counter()
        post(url, [("evm_mine", [])])
        time.sleep(PACE)
    post(url, [("evm_setAutomine", [True])])
    time.sleep(1)
    stop.set()
    return sent


def verified(url: str, database: str, manifest: Path) -> dict[str, Any]:
    return mirror(url, database, manifest, "all")


PARTS = {
    "backfill": mirror,
    "verified": verified,
    "raw": raw,
    "floor": floor,
    "floor of all": floor_of_all,
    "web3py": web3py,
    "latency": latency,
}


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    name, url, database, manifest = sys.argv[1:]
    print(json.dumps(PARTS[name](url, database, Path(manifest))))


if __name__ == "__main__":
    main()
