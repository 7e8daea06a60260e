"""The main job, end to end: real crowds' labels through wallets, API, chain, audits, settlement, pay, shares, sales, verification.

make demo            and keeps serving until Ctrl-C
make demo SERVE=0    exits after the report, non-zero if a step failed
"""

import argparse
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from labelshare.chain.calls import call_data
from labelshare.chain.naming import user_account
from labelshare.chain.rpc import Rpc
from labelshare.client import shares
from labelshare.client.api import Api, wait_for
from labelshare.client.audit import Validator
from labelshare.client.buy import Buyer
from labelshare.client.chain import Chain
from labelshare.client.check import check
from labelshare.client.contribute import Contributor
from labelshare.client.evidence import Operator, rounds_with_evidence
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.staking import Stake
from labelshare.client.verify import Verification, verify_file
from labelshare.client.wallet import Wallet
from scripts.crowd_replay import Label, load, panel_answer, with_clique
from scripts.demo_digits import Cast, Digits, play_newcomer
from scripts.demo_report import Replay, build_report, problems_of, show_report
from scripts.history import read_at
from scripts.stack import ROOT, SERVICES, Stack, StackError, demo_key

LBL = 10**18
REWARD = LBL
BOND = REWARD // 4
AUDIT_FEE = REWARD // 2
PRICE = 500 * LBL
AUDIT_RATE = 26  # of 256: about 10%
PANEL_SIZE = 5
PANEL_ACCURACY = 0.9
VALIDATORS = 12
SEATS = 3
SEED = 1
CLIQUE_SHARE = 0.2
WORKERS = 8  # people at work at the same time

T = TypeVar("T")


class Demo:
    """The people and the steps. Every step ends with the Ledger's sums checked."""

    def __init__(self, stack: Stack, console: Console, kill: list[str]) -> None:
        self.stack = stack
        self.console = console
        self.kill = kill
        self.rpc = Rpc(stack.rpc_url)
        self.chain = Chain(self.rpc, stack.deployment)
        self.api = Api(stack.api_url)
        self.requester = self.person("requester")
        self.buyer = self.person("buyer")
        self.operator = Wallet(demo_key("operator"))
        self.validators = [self.person(f"validator {i}") for i in range(VALIDATORS)]
        self.treasury = self.rpc.call("eth_accounts")[1].lower()
        self.ledger_checks: list[tuple[int, int]] = []

    # People and money

    def person(self, name: str, gas: bool = True) -> Wallet:
        wallet = Wallet(demo_key(name))
        if gas:
            self.rpc.call("anvil_setBalance", wallet.address, hex(100 * LBL))
        return wallet

    def from_treasury(self, contract: str, function: str, *arguments: Any) -> None:
        data = "0x" + call_data(contract, function, arguments).hex()
        transaction = {"from": self.treasury, "to": self.chain.address(contract), "data": data, "gas": hex(5_000_000)}
        tx_hash = self.rpc.call("eth_sendTransaction", transaction)
        receipt = wait_for(f"{contract}.{function}", lambda: self.rpc.call("eth_getTransactionReceipt", tx_hash))
        if int(receipt["status"], 16) != 1:
            raise RuntimeError(f"{contract}.{function} from the treasury reverted.")

    def fund(self) -> None:
        """LBL for those who put some in: requester and buyer in their wallets, operator and validators in the Ledger."""
        self.rpc.call("anvil_setBalance", self.operator.address, hex(1_000 * LBL))
        self.from_treasury("LabelToken", "transfer", self.requester.address, 100_000 * LBL)
        self.from_treasury("LabelToken", "transfer", self.buyer.address, 10_000 * LBL)
        stake_each = SEATS * int(self.chain.read("Staking", "seatSize"))
        self.from_treasury("LabelToken", "approve", self.chain.address("Ledger"), 100_000 * LBL)
        deposits = [(self.operator, 2_000 * LBL), *((validator, stake_each) for validator in self.validators)]
        for wallet, amount in deposits:
            self.from_treasury("Ledger", "deposit", user_account(wallet.address), amount)
        for validator in self.validators:
            Stake(self.chain, validator).join(SEATS)

    def check_ledger(self) -> None:
        """Invariant 1, at one block: the mirror's sum and holdings, and what the token says the Ledger holds."""
        health = self.api.get("/health")
        token, ledger = self.chain.address("LabelToken"), self.chain.address("Ledger")
        held = read_at(self.rpc, token, "LabelToken", "balanceOf", [ledger], health["mirror_block"])
        mirrored, summed = int(health["ledger"]["held"]), int(health["ledger"]["sum"])
        if not summed == mirrored == held:
            raise RuntimeError(f"The Ledger does not add up: accounts {summed}, mirrored {mirrored}, on chain {held}.")
        self.ledger_checks.append((summed, held))

    # Steps

    def dataset(self, replay: Replay) -> None:
        """Creates and funds the dataset and opens its only round."""
        requester = Requester(self.chain, self.requester)
        kept = self.api.post("/metadata", replay.metadata, self.requester.access(self.api, "metadata", 0))
        terms = DatasetTerms(
            operator=self.operator.address,
            classes=len(replay.crowd.classes),
            reward=REWARD,
            audit_fee=AUDIT_FEE,
            bond=BOND,
            license_floor=PRICE,
            metadata_uri=kept["uri"],
            metadata_hash=kept["hash"],
            audit_rate=AUDIT_RATE,
            panel_size=PANEL_SIZE,  # of the 11 audited tasks of the smaller crowd a panel of three gets two wrong now and then
            max_labels=replay.per_task,
            commit_window=60,
            reveal_window=60,
            challenge_window=5,
            exit_delay=600,
        )
        replay.dataset = requester.create(terms)
        sample = -(-len(replay.tasks) * AUDIT_RATE // 256)
        requester.fund(replay.dataset, len(replay.labels) * REWARD + sample * terms.panel_size * AUDIT_FEE)
        deadline = int(time.time()) + 1800
        # Not adaptive: a replay hands in every label that the crowd gave.
        replay.round = requester.open_round(
            self.api, replay.dataset, replay.tasks, len(replay.labels), replay.per_task, deadline, last=True, adaptive=False
        )

    def contribute(self, replay: Replay) -> None:
        """Each worker is a wallet with a session key that leases its tasks, signs its answers and submits them."""
        people = {
            worker: Contributor(
                self.api,
                self.person(f"{replay.name} {worker}", gas=False),
                self.person(f"{replay.name} {worker} session", gas=False),
            )
            for worker in sorted(replay.answers)
        }
        replay.accounts = {worker: person.wallet.address for worker, person in people.items()}
        bonds = {worker: BOND * len(replay.answers[worker]) for worker in people}

        def onboard(worker: str) -> None:
            self.api.post("/faucet", {"address": people[worker].wallet.address})
            people[worker].onboard(bonds[worker], replay.dataset)

        self.each(f"{replay.name}: wallets, session keys, bonds", people, onboard)
        self.each(f"{replay.name}: sessions on chain", people, lambda w: people[w].wait_until_ready(bonds[w]))
        self.strike_midway()
        total = len(replay.labels)
        with self.bar(f"{replay.name}: labels signed and submitted", total) as advance:
            submissions = self.in_parallel(people, lambda w: people[w].work(replay.round, replay.answers[w], progress=advance))
        replay.accepted = total
        pairs = list(zip(people.values(), submissions, strict=True))
        self.each(f"{replay.name}: submissions on chain", pairs, lambda pair: pair[0].wait_until_accepted(pair[1]))

    def audit(self, replay: Replay) -> None:
        """The panel drawn from the chain labels the sample blind, commits, reveals, checks the evidence and signs it."""
        names = {validator.address: validator for validator in self.validators}

        def panel() -> list[str] | None:
            state = self.api.get(f"/rounds/{replay.round}")
            return state["panel"] if state["audit_phase"] == "committing" else None

        members = wait_for("a panel", panel)

        def duty(address: str) -> None:
            def answer(task: dict[str, Any]) -> int:
                truth = replay.truth[task["index"]]
                classes = len(replay.crowd.classes)
                return panel_answer(truth, PANEL_ACCURACY, SEED, classes, f"{replay.name} {address}", task["index"])

            Validator(self.api, names[address], self.chain).audit(replay.round, answer)

        self.each(f"{replay.name}: blind audit by {len(members)} validators", members, duty)

    def settle(self, replay: Replay) -> None:
        """The keeper does all of it; anyone could."""

        def settled() -> bool | None:
            return self.api.get(f"/rounds/{replay.round}")["phase"] == "settled" or None

        wait_for("the settlement to be proposed, published, final and distributed", settled, 180)

    def recompute(self, replay: Replay) -> None:
        """The settlement again, by the requester, from the evidence and the chain (`labelshare settle check`)."""
        evidence = Operator(self.api, self.requester).fetch(rounds_with_evidence(self.chain, replay.round))
        found = check(self.chain, replay.round, evidence)
        if not found.right or found.evidence_differs:
            raise RuntimeError(f"The settlement of round {replay.round} is not the rule's: {'; '.join(found.problems)}.")

    def sell(self, replay: Replay, licensees: list[Wallet], transfer: bool) -> None:
        """Sales, with a part of the largest holding changing hands between them; then everybody claims."""
        buyer = Buyer(self.chain, self.buyer)
        for number, licensee in enumerate(licensees):
            buyer.buy(replay.dataset, licensee.address)
            if transfer and number == 0:
                worker, account = max(replay.accounts.items(), key=lambda item: shares.balance(self.chain, replay.dataset, item[1]))
                seller = self.person(f"{replay.name} {worker}")
                part = shares.balance(self.chain, replay.dataset, account) // 4
                shares.transfer(self.chain, seller, replay.dataset, self.person("investor").address, part)
        holders = [*replay.accounts.values(), *(v.address for v in self.validators)]
        holders += [self.requester.address, self.person("investor").address]
        with self.bar(f"{replay.name}: everybody claims revenue", len(holders)) as advance:
            for holder in holders:
                shares.claim(self.chain, self.buyer, replay.dataset, holder)
                advance(1)

    def verify(self, replay: Replay, licensee: Wallet) -> Verification:
        """Downloads the dataset and checks every label of it against the chain."""
        Buyer(self.chain, licensee).download(self.api, replay.dataset, replay.file)
        with self.bar(f"{replay.name}: labels verified against the chain", len(replay.labels)) as advance:
            return verify_file(replay.file, self.chain, advance)

    # Showing and helping

    def step(self, text: str, action: Callable[[], T]) -> T:
        started = time.monotonic()
        result = action()
        self.check_ledger()
        self.console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - started:.1f} s[/]")
        return result

    def bar(self, text: str, total: int) -> "Bar":
        return Bar(self.console, text, total)

    def in_parallel(self, items: Iterable[Any], action: Callable[[Any], T]) -> list[T]:
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(action, items))

    def each(self, text: str, items: Iterable[Any], action: Callable[[Any], object]) -> None:
        todo = list(items)
        with self.bar(text, len(todo)) as advance:

            def counted(item: Any) -> None:
                action(item)
                advance(1)

            self.in_parallel(todo, counted)

    def strike_midway(self) -> None:
        """With --kill: SIGKILL to these processes, one after another, while labels come in and are audited and settled.

        The stack starts them again; nothing may be lost.
        """
        for number, name in enumerate(self.kill):
            threading.Timer(0.5 + 2 * number, self.stack.kill, (name,)).start()
            self.console.print(f"[yellow]![/] the {name} will be killed in the middle of the work")
        self.kill = []


class Bar:
    """A progress bar as a context manager; gives a function that advances it."""

    def __init__(self, console: Console, text: str, total: int) -> None:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=not console.is_terminal)
        self._task = self._progress.add_task(text, total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda count: self._progress.advance(self._task, count)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def replays(reports: Path) -> list[Replay]:
    """The two crowds, the second with a clique of copying spammers in a fifth of its label seats; downloads go to `reports`."""
    result = []
    for name, clique in (("bluebird", 0.0), ("rte", CLIQUE_SHARE)):
        crowd, truth, labels = load(name)
        if clique:
            labels = with_clique(labels, clique, SEED, len(crowd.classes))
        result.append(Replay(name, crowd, truth, labels, _most_labels(labels), reports / f"{name}.dataset.json"))
    return result


def _most_labels(labels: list[Label]) -> int:
    counts: dict[int, int] = {}
    for task, _, _ in labels:
        counts[task] = counts.get(task, 0) + 1
    return max(counts.values())


def run(demo: Demo, reports: Path) -> dict[str, Any]:
    """All steps; the report."""
    started = time.monotonic()
    demo.step("money: requester, buyer, operator; 12 validators staked", demo.fund)
    verifications = {}
    todo = replays(reports)
    for replay in todo:
        verifications[replay.name] = run_dataset(demo, replay, twice=replay is todo[0])
    seconds = time.monotonic() - started
    return build_report(demo.chain, demo.api, todo, verifications, demo.ledger_checks, demo.stack.restarts, seconds)


def run_dataset(demo: Demo, replay: Replay, twice: bool) -> Verification:
    """A dataset from its creation to its verified download; `twice`: two licensees, and shares change hands between the sales."""
    name = replay.name
    licensees = [demo.buyer, demo.person("second licensee")] if twice else [demo.buyer]
    demo.step(f"{name}: dataset created, funded, round open", lambda: demo.dataset(replay))
    demo.step(f"{name}: {len(replay.labels)} labels by {len(replay.answers)} wallets", lambda: demo.contribute(replay))
    demo.step(f"{name}: audited", lambda: demo.audit(replay))
    demo.step(f"{name}: settled and paid", lambda: demo.settle(replay))
    demo.step(f"{name}: settlement computed again from the evidence: the same root", lambda: demo.recompute(replay))
    demo.step(f"{name}: licenses sold: {len(licensees)}; revenue claimed", lambda: demo.sell(replay, licensees, twice))
    return demo.step(f"{name}: downloaded and verified", lambda: demo.verify(replay, demo.buyer))


@contextlib.contextmanager
def live_digits(demo: Demo, console: Console, newcomer: bool) -> Iterator[None]:
    """Opens the live dataset of digits, and keeps its rounds going on a thread for as long as the context lasts."""
    cast = Cast(
        demo.api, demo.chain, demo.rpc, demo.requester, demo.operator, demo.validators, lambda name: demo.person(name, gas=False)
    )
    digits = Digits(cast)
    number = demo.step("digits: dataset with images created, round open for whoever comes", digits.open)
    keeping = threading.Thread(target=digits.keep_going, args=(number,), daemon=True)
    keeping.start()
    try:
        if newcomer:
            receipt = demo.step("digits: a newcomer labeled 16 and was paid", lambda: play_newcomer(digits, number))
            console.print(f"  paid {int(receipt['reward']) / LBL:.2f} LBL: {receipt['explanation']}")
        yield
    finally:
        digits.stop.set()
        keeping.join(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-serve", action="store_true", help="exit after the report")
    parser.add_argument("--newcomer", action="store_true", help="a newcomer labels digits, and must be paid within two minutes")
    parser.add_argument("--rpc-port", type=int, default=18555, help="port of anvil")
    parser.add_argument("--port", type=int, default=18700, help="port of the API")
    parser.add_argument(
        "--kill", choices=sorted(SERVICES), action="append", default=[], help="SIGKILL this process in the middle (repeatable)"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "run" / "demo", help="database, logs, manifest; emptied first")
    parser.add_argument("--reports", type=Path, default=ROOT / "reports", help="where the report and the downloads go")
    options = parser.parse_args()
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # either way the stack is taken down
    try:
        console.print("Starting anvil, deploying, migrating; indexer, API, relayer and keeper as processes of their own …")
        options.reports.mkdir(parents=True, exist_ok=True)
        with Stack(options.folder, options.rpc_port, options.port) as stack:
            demo = Demo(stack, console, options.kill)
            report = run(demo, options.reports)
            path = options.reports / "demo.json"
            path.write_text(json.dumps(report, indent=2) + "\n")
            show_report(console, report)
            problems = problems_of(report)
            for problem in problems:
                console.print(f"[red]✗ {problem}[/]")
            console.print(f"Report: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
            if options.newcomer or not options.no_serve:
                with live_digits(demo, console, options.newcomer):
                    if not options.no_serve:
                        pages = f"Open {stack.api_url}/   API {stack.api_url}/docs   Chain {stack.rpc_url}"
                        console.print(f"{pages}   (Ctrl-C ends it)")
                        with contextlib.suppress(KeyboardInterrupt):
                            threading.Event().wait()
            if problems:
                sys.exit(1)
    except StackError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted before the report.")


if __name__ == "__main__":
    main()
