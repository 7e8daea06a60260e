"""The demo's live dataset: real handwritten digits that whoever opens the page may label, and be paid for within two minutes.

Three made-up people label each round first, nine times of ten right, so that a newcomer has company. The newcomer's labels fill
the round; it
closes, validators audit half of it, the keeper settles, and the next round opens with other digits.
"""

import csv
import gzip
import io
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from labelshare.chain.rpc import Rpc
from labelshare.client.api import Api, wait_for
from labelshare.client.audit import Validator
from labelshare.client.chain import Chain
from labelshare.client.contribute import Contributor
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.wallet import Wallet

DATA = Path(__file__).resolve().parent.parent / "data" / "digits" / "digits.csv.gz"
LBL = 10**18
REWARD = 5 * LBL
AUDIT_FEE = LBL // 2
PRICE = 50 * LBL
TASKS = 20  # of a round
COMPANY = 3
NEWCOMER = 16  # labels that fill a round: of any 16 of its tasks at least 6 are audited, enough to decide
AUDIT_RATE = 128  # of 256
PANEL_SIZE = 3
ROUND_SECONDS = 24 * 3600
SIDE = 96  # pixels that 8 become
PRACTICE = ((11, "One stroke."), (2, "Its foot runs to the right."), (13, "Two bows, open to the left."))
SEED = 7
CLASSES = 10


@dataclass(frozen=True)
class Digit:
    """An image as PNG, and what it shows."""

    png: bytes
    digit: int


@dataclass(frozen=True)
class Cast:
    """Who plays, and on which stage."""

    api: Api
    chain: Chain
    rpc: Rpc
    requester: Wallet
    operator: Wallet
    validators: list[Wallet]
    person: Callable[[str], Wallet]


def load() -> list[Digit]:
    """All digits, in the order of the file."""
    with gzip.open(DATA, "rt") as file:
        rows = [[int(cell) for cell in row] for row in csv.reader(file)]
    return [Digit(_png(row[:64]), row[64]) for row in rows]


def _png(pixels: list[int]) -> bytes:
    small = Image.frombytes("L", (8, 8), bytes(255 - min(255, 16 * pixel) for pixel in pixels))
    output = io.BytesIO()
    small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(output, "PNG")
    return output.getvalue()


class Digits:
    """The dataset and its rounds. `stop` ends the thread that keeps rounds going."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.digits = load()
        self.dataset = 0
        self.truth: dict[int, list[int]] = {}
        self.stop = threading.Event()
        # The practice items are left out of the rounds.
        self._next = max(number for number, _ in PRACTICE) + 1

    def open(self) -> int:
        """Creates the dataset and opens its first round, labeled by the company; the round's number."""
        requester = Requester(self.cast.chain, self.cast.requester)
        kept = self.cast.api.post("/metadata", self._metadata(), self.cast.requester.access(self.cast.api, "metadata", 0))
        terms = DatasetTerms(
            operator=self.cast.operator.address,
            classes=CLASSES,
            reward=REWARD,
            audit_fee=AUDIT_FEE,
            bond=0,
            license_floor=PRICE,
            metadata_uri=kept["uri"],
            metadata_hash=kept["hash"],
            audit_rate=AUDIT_RATE,
            panel_size=PANEL_SIZE,
            min_labels=1,
            max_labels=COMPANY + 1,
            commit_window=60,
            reveal_window=60,
            challenge_window=5,
            exit_delay=600,
        )
        self.dataset = requester.create(terms)
        return self.open_round()

    def open_round(self) -> int:
        """The next digits as a round, with the company's labels; its number."""
        api, requester = self.cast.api, Requester(self.cast.chain, self.cast.requester)
        chosen = [self.digits[(self._next + i) % len(self.digits)] for i in range(TASKS)]
        self._next += TASKS
        files = [(f"digit-{i}.png", digit.png) for i, digit in enumerate(chosen)]
        upload = api.upload(files, self.cast.requester.access(api, "upload", 0))
        budget = TASKS * COMPANY + NEWCOMER
        audits = -(-TASKS * AUDIT_RATE // 256) * PANEL_SIZE * AUDIT_FEE
        requester.fund(self.dataset, budget * REWARD + audits)
        deadline = int(time.time()) + ROUND_SECONDS
        number = requester.open_uploaded(api, self.dataset, upload["upload_id"], budget, COMPANY + 1, deadline)
        self.truth[number] = [digit.digit for digit in chosen]
        with ThreadPoolExecutor(COMPANY) as pool:
            list(pool.map(lambda name: self._label(number, name), range(COMPANY)))
        return number

    def _label(self, number: int, name: int) -> None:
        person = Contributor(self.cast.api, self.cast.person(f"digits company {name}"))
        rng = random.Random(f"{SEED} {number} {name}")
        answers = {task: digit if rng.random() < 0.9 else rng.randrange(CLASSES) for task, digit in enumerate(self.truth[number])}
        person.wait_until_accepted(person.work(number, answers))

    def keep_going(self, number: int) -> None:
        """Audits the round when it is closed, and opens the next when it is settled, until `stop`."""
        audited: set[tuple[int, int]] = set()
        while not self.stop.wait(0.5):
            state = self.cast.api.get(f"/rounds/{number}")
            if state["phase"] == "settled":
                number = self.open_round()
            elif state["audit_phase"] == "committing" and (number, state["attempt"]) not in audited:
                audited.add((number, state["attempt"]))
                self.audit(number, state["panel"])

    def audit(self, number: int, panel: list[str]) -> None:
        """The panel does its duty, every validator on a thread."""
        wallets = {wallet.address: wallet for wallet in self.cast.validators}

        def duty(address: str) -> None:
            Validator(self.cast.api, wallets[address], self.cast.chain).audit(number, self._verdict(number))

        with ThreadPoolExecutor(len(panel)) as pool:
            list(pool.map(duty, panel))

    def _verdict(self, number: int) -> Callable[[dict[str, Any]], int]:
        return lambda task: self.truth[number][task["index"]]

    def _metadata(self) -> dict[str, Any]:
        api, wallet = self.cast.api, self.cast.requester
        items = [self.digits[number] for number, _ in PRACTICE]
        files = [(f"practice-{i}.png", item.png) for i, item in enumerate(items)]
        shown = api.upload(files, wallet.access(api, "upload", 0))["preview"]
        return {
            "name": "Handwritten digits",
            "description": "Digits that 13 people wrote on forms, scanned and reduced to 8×8 pixels (UCI, 1998).",
            "license": "CC BY 4.0",
            "task_type": "image-choice",
            "question": "Which digit is this?",
            "instructions": "Look at the picture and press the key of the digit. When you cannot tell, take the likeliest: "
            "half of the tasks "
            "are checked by a panel, and you are paid for being better than chance.",
            "classes": [{"name": str(digit), "description": ""} for digit in range(CLASSES)],
            "practice": [
                {"content": content, "answer": item.digit, "explanation": f"A {item.digit}. {why}"}
                for content, item, (_, why) in zip(shown, items, PRACTICE, strict=True)
            ],
        }


def play_newcomer(digits: Digits, number: int, seconds: float = 120.0) -> dict[str, Any]:
    """What the page does for a newcomer: a burner wallet, one signature for a session key, 16 labels; the receipt once paid.

    Raises TimedOut when they are not paid in time.
    """
    api = digits.cast.api
    wallet, key = digits.cast.person("newcomer"), digits.cast.person("newcomer session")
    person = Contributor(api, wallet, key)
    person.onboard(0, digits.dataset)
    person.wait_until_ready(0)
    lease = person.lease(number, count=NEWCOMER)
    answers = {task["index"]: digits.truth[number][task["index"]] for task in lease["tasks"]}
    sent = person.submit(number, lease, answers)

    def paid() -> dict[str, Any] | None:
        receipt: dict[str, Any] = api.get(f"/submissions/{sent['digest']}/receipt")
        return receipt if receipt["stage"] in ("paid", "waiting", "failed") else None

    receipt = wait_for("the newcomer to be paid", paid, seconds)
    if receipt["stage"] != "paid" or int(receipt["reward"]) == 0:
        raise RuntimeError(f"The newcomer was not paid: {json.dumps(receipt)}")
    return receipt
