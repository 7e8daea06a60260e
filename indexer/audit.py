"""Compares the whole state with the contracts, at one block: every balance, allowance, escrow, reservation, round, session, seat,
share, license, audit, settlement and parameter that the mirror holds (indexer/comparisons.py).

The mirror is read in one transaction, so its rows and its checkpoint belong together; the contracts are asked by that block's
hash, so a reorganization meanwhile is an error of the node's and not a difference. What differs is looked at again: anvil shows
the block that it is making under the newest block's hash. Runs beside the indexer at an interval, and on demand.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import structlog
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from indexer.comparisons import COMPARISONS, Comparison
from indexer.database import open_for_reading
from indexer.health import Health
from indexer.models import Account, Bounded, Checkpoint
from indexer.rpc import BATCH, Rpc, SourceError
from indexer.settings import Settings
from labelshare.chain import Deployment, abi
from labelshare.chain.calls import call_data
from labelshare.chain.naming import canonical_type, snake

log = structlog.get_logger("indexer")

SHOWN = 20
LOOKS = 3


@dataclass(frozen=True)
class Difference:
    """A value that the mirror has otherwise than the contract."""

    where: str
    name: str
    mirror: Any
    contract: Any

    def __str__(self) -> str:
        return f"{self.where}: {self.name} is {self.mirror} in the mirror, {self.contract} on chain"


@dataclass(frozen=True)
class Result:
    """`values`: how many were compared, at the block of this number."""

    block: int
    values: int
    differences: list[Difference]


def audit(engine: Engine, url: str, deployed: Deployment, stopped: Callable[[], bool] = lambda: False) -> Result:
    """The last look, with what differed in every one of them. Raises SourceError when the node fails or does not have the state of
    that block any more (or yet)."""
    rpc = Rpc(url, timeout=60)
    try:
        result = _look(engine, rpc, deployed, stopped)
        for _ in range(LOOKS - 1):
            if not result.differences:
                break
            before = {(difference.where, difference.name) for difference in result.differences}
            again = _look(engine, rpc, deployed, stopped)
            standing = [difference for difference in again.differences if (difference.where, difference.name) in before]
            result = Result(again.block, again.values, standing)
        return result
    finally:
        rpc.close()


def _look(engine: Engine, rpc: Rpc, deployed: Deployment, stopped: Callable[[], bool]) -> Result:
    with engine.connect() as connection:
        place = connection.execute(select(Checkpoint.block_number, Checkpoint.block_hash)).one_or_none()
        if place is None:
            return Result(0, 0, [])
        return _Audit(rpc, deployed, connection, stopped).result(place.block_number, place.block_hash)


class _Audit:
    def __init__(self, rpc: Rpc, deployed: Deployment, connection: Connection, stopped: Callable[[], bool]) -> None:
        self._rpc, self._deployed, self._connection, self._stopped = rpc, deployed, connection, stopped
        self._values = 0
        self._differences: list[Difference] = []

    def result(self, number: int, block_hash: str) -> Result:
        for comparison in COMPARISONS:
            rows = self._rows(comparison)
            while page := list(islice(rows, BATCH)):
                if self._stopped():
                    raise SourceError("the audit was stopped")
                self._compare(comparison, page, block_hash)
        self._sum(block_hash)
        return Result(number, self._values, self._differences)

    def _rows(self, comparison: Comparison) -> Iterator[Any]:
        table = comparison.model.__table__
        yield from self._connection.execution_options(yield_per=1_000).execute(select(table))

    def _compare(self, comparison: Comparison, rows: list[Any], block_hash: str) -> None:
        expected = [comparison.expected(row) for row in rows]
        asked = [(row, values) for row, values in zip(rows, expected, strict=True) if values]
        functions = [_function_of(comparison, row) for row, _ in asked]
        calls = [(f, comparison.arguments(row)) for f, (row, _) in zip(functions, asked, strict=True)]
        answers = self._ask(comparison.contract, calls, block_hash)
        for (row, values), function, answer in zip(asked, functions, answers, strict=True):
            where = f"{comparison.contract}.{function}({', '.join(map(str, comparison.arguments(row)))})"
            self._values += len(values)
            self._differences += [
                Difference(where, name, value, answer[name]) for name, value in values.items() if not _same(value, answer[name])
            ]

    def _sum(self, block_hash: str) -> None:
        """What the Ledger owes is what it holds: no account is missing here."""
        balances = self._connection.execution_options(yield_per=1_000).scalars(select(Account.balance))
        total = sum(balances)
        ledger = self._deployed.address("Ledger")
        held = self._ask("LabelToken", [("balanceOf", [ledger])], block_hash)[0]["value"]
        self._values += 1
        if total > held:
            self._differences.append(Difference("the sum of all accounts", "balance", total, held))

    def _ask(self, contract: str, calls: list[tuple[str, list[Any]]], block_hash: str) -> list[dict[str, Any]]:
        address = self._deployed.address(contract)
        tag = {"blockHash": block_hash}
        requests: list[tuple[str, list[Any]]] = [
            ("eth_call", [{"to": address, "data": "0x" + call_data(contract, function, arguments).hex()}, tag])
            for function, arguments in calls
        ]
        answers = self._rpc.batch(requests) if requests else []
        return [_decoded(contract, function, raw) for (function, _), raw in zip(calls, answers, strict=True)]


def _function_of(comparison: Comparison, row: Any) -> str:
    return comparison.function if isinstance(comparison.function, str) else comparison.function(row)


def _same(mirror: Any, contract: Any) -> bool:
    """Numbers that no BIGINT holds are kept as the largest (models.Bounded)."""
    return bool(mirror == contract or (mirror == Bounded.LARGEST and isinstance(contract, int) and contract > mirror))


@cache
def _outputs(contract: str, function: str) -> tuple[list[str], list[str], bool]:
    """Types of what a view returns, the names of its values, and whether they come as one struct."""
    item = next(item for item in abi(contract) if item["type"] == "function" and item["name"] == function)
    outputs = item["outputs"]
    types = [canonical_type(output) for output in outputs]
    if len(outputs) == 1 and outputs[0]["type"] == "tuple":
        return types, [snake(member["name"]) for member in outputs[0]["components"]], True
    return types, [snake(output["name"]) or "value" for output in outputs] if len(outputs) > 1 else ["value"], False


def _decoded(contract: str, function: str, raw: msgspec.Raw) -> dict[str, Any]:
    types, names, is_struct = _outputs(contract, function)
    try:
        values = abi_decode(types, bytes.fromhex(msgspec.json.decode(raw, type=str)[2:]))
    except (msgspec.DecodeError, ValueError, DecodingError, OverflowError) as error:
        raise SourceError(f"the node's answer to {contract}.{function} cannot be: {error}") from error
    return {name: _plain(value) for name, value in zip(names, values[0] if is_struct else values, strict=True)}


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


class Auditor:
    """The audit at an interval, in a thread of its own; what it finds goes to the health row and the log."""

    def __init__(self, settings: Settings, deployed: Deployment, health: Health, stop: threading.Event) -> None:
        self._settings, self._deployed, self._health, self._stop = settings, deployed, health, stop
        self._thread = threading.Thread(target=self._work, name="indexer-audit", daemon=True)

    def start(self) -> None:
        if self._settings.audit_interval:
            self._thread.start()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _work(self) -> None:
        engine = open_for_reading(self._settings.database_url)
        while not self._stop.wait(self._settings.audit_interval):
            try:
                result = audit(engine, self._settings.rpc_url, self._deployed, self._stop.is_set)
            except (SourceError, SQLAlchemyError) as error:
                log.warning("audit_failed", error=str(error)[:300])
                continue
            self._health.audited(result.block, result.values, len(result.differences))
            for difference in result.differences[:SHOWN]:
                log.error("divergence", block=result.block, difference=str(difference))
        engine.dispose()
