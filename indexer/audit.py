"""Compares the whole state with the contracts, at one block: every balance, allowance, escrow, reservation, round, session, seat,
share, license, audit, settlement and parameter that the mirror holds (indexer/comparisons.py), panels, juries, disputes and entries
(indexer/gathered.py), and what holders can claim with what is left to claim.

The mirror is read in one transaction, so its rows and its checkpoint belong together; the contracts are asked by that block's
hash, so a reorganization meanwhile is an error of the node's and not a difference. What differs is looked at again: anvil shows
the block that it is making under the newest block's hash. Runs beside the indexer at an interval, and on demand.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Any

import msgspec
import structlog
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from sqlalchemy import Connection, Engine, Executable, select
from sqlalchemy.exc import SQLAlchemyError

from indexer.comparisons import COMPARISONS, Check
from indexer.database import open_for_reading
from indexer.gathered import gathered
from indexer.health import Health
from indexer.models import Account, Bounded, Checkpoint, Dataset, ShareBalance
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
        checks = chain(self._by_row(), gathered(self._connection))
        while page := list(islice(checks, BATCH)):
            if self._stopped():
                raise SourceError("the audit was stopped")
            self._compare(page, block_hash)
        self._sum(block_hash)
        self._owed(block_hash)
        return Result(number, self._values, self._differences)

    def _by_row(self) -> Iterator[Check]:
        for comparison in COMPARISONS:
            checks = map(comparison.check, self._rows(select(comparison.model.__table__)))
            yield from (check for check in checks if check.expected)

    def _rows(self, chosen: Executable) -> Iterator[Any]:
        yield from self._connection.execution_options(yield_per=1_000).execute(chosen)

    def _compare(self, checks: list[Check], block_hash: str) -> None:
        for check, answer in zip(checks, self._ask(checks, block_hash), strict=True):
            self._values += len(check.expected)
            self._differences += [
                Difference(_where(check), name, value, answer[name])
                for name, value in check.expected.items()
                if not _same(value, answer[name])
            ]

    def _sum(self, block_hash: str) -> None:
        """What the Ledger owes is what it holds: no account is missing here."""
        balances = self._connection.execution_options(yield_per=1_000).scalars(select(Account.balance))
        ledger = self._deployed.address("Ledger")
        held = self._ask([Check("LabelToken", "balanceOf", [ledger], {})], block_hash)[0]["value"]
        self._bounded("the sum of all accounts", "balance", total := sum(balances), held, total <= held)

    def _owed(self, block_hash: str) -> None:
        """What holders can still claim of a dataset's revenue is at most what the mirror has not seen paid: nobody was paid more
        than is noted, and no holder is missing whose part was."""
        columns = (ShareBalance.dataset, ShareBalance.holder, ShareBalance.revenue)
        holders = self._rows(select(*columns).order_by(ShareBalance.dataset, ShareBalance.holder))
        revenue = {row.id: row.revenue for row in self._rows(select(Dataset.id, Dataset.revenue))}
        for dataset, rows in groupby(holders, attrgetter("dataset")):
            paid = claimable = 0
            while page := list(islice(rows, BATCH)):
                paid += sum(row.revenue for row in page)
                checks = [Check("DatasetShares", "claimableOf", [dataset, row.holder], {}) for row in page]
                claimable += sum(answer["value"] for answer in self._ask(checks, block_hash))
            left = revenue.get(dataset, 0) - paid
            self._bounded(f"the revenue of dataset {dataset}", "not yet paid", left, claimable, left >= claimable)

    def _bounded(self, where: str, name: str, mirror: int, contract: int, holds: bool) -> None:
        self._values += 1
        if not holds:
            self._differences.append(Difference(where, name, mirror, contract))

    def _ask(self, checks: list[Check], block_hash: str) -> list[dict[str, Any]]:
        tag = {"blockHash": block_hash}
        requests: list[tuple[str, list[Any]]] = []
        for check in checks:
            data = "0x" + call_data(check.contract, check.function, check.arguments).hex()
            requests.append(("eth_call", [{"to": self._deployed.address(check.contract), "data": data}, tag]))
        answers = self._rpc.batch(requests) if requests else []
        return [_decoded(check.contract, check.function, raw) for check, raw in zip(checks, answers, strict=True)]


def _where(check: Check) -> str:
    return f"{check.contract}.{check.function}({', '.join(map(str, check.arguments))})"


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
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
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
