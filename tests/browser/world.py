"""A small world for browsers to walk through: the whole stack as processes, people who label and audit by the SDK, real signatures.

python -m tests.browser.world        serves it until Ctrl-C, for trying things by hand
"""

import io
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw
from rich.console import Console

from labelshare.chain.naming import user_account
from labelshare.client.api import wait_for
from labelshare.client.audit import Validator
from labelshare.client.contribute import Contributor
from labelshare.client.open_path import contribute_open
from labelshare.client.requester import DatasetTerms, Requester
from labelshare.client.wallet import Wallet
from scripts.demo import Demo
from scripts.stack import ROOT, Stack
from tests.browser.wallet import BrowserWallet

LBL = 10**18
DIGITS = 10
VALIDATORS = 4
ENTAILED = "Does the second sentence follow from the first?"


def digit_image(digit: int, shift: int) -> bytes:
    """An 8 × 8 picture of a digit, as PNG, never the same twice for another shift."""
    image = Image.new("L", (24, 24), 0)
    ImageDraw.Draw(image).text((6 + shift % 5, 4 + shift // 5 % 6), str(digit), fill=255 - shift)
    small = image.resize((16, 16))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


class World:
    """Use as a context manager. `url` is the web app's."""

    def __init__(self, folder: Path, rpc_port: int, port: int) -> None:
        self.stack = Stack(folder, rpc_port, port)
        self.url = self.stack.api_url
        self.rpc_url = self.stack.rpc_url

    def __enter__(self) -> "World":
        self.stack.__enter__()
        try:
            self.demo = Demo(self.stack, Console(quiet=True), [])
            self.demo.validators = self.demo.validators[:VALIDATORS]
            self.demo.fund()
        except BaseException:
            self.stack.stop()
            raise
        self.api, self.chain = self.demo.api, self.demo.chain
        self.requester = Requester(self.chain, self.demo.requester)
        return self

    def __exit__(self, *_: object) -> None:
        self.demo.rpc.close()
        self.api.close()
        self.stack.stop()

    def account(self, name: str, deposit: int) -> Wallet:
        """Somebody with gas, and this much LBL (base units) in the Ledger."""
        wallet = self.demo.person(name)
        self.demo.from_treasury("Ledger", "deposit", user_account(wallet.address), deposit)
        return wallet

    # Datasets

    def upload_images(self, images: list[bytes]) -> list[dict[str, str]]:
        """Tasks that show these images."""
        files = [("files", (f"{i}.png", body, "image/png")) for i, body in enumerate(images)]
        headers = self.demo.requester.access(self.api, "upload", 0)
        answer = httpx.post(f"{self.url}/v1/uploads", files=files, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        upload = self.api.get(f"/uploads/{answer.json()['upload_id']}", self.demo.requester.access(self.api, "upload", 0))
        assert upload["tasks"] == len(images)
        return list(upload["preview"])

    def equip(self, wallet: BrowserWallet) -> None:
        """Gas, and 1,000 LBL in the wallet itself."""
        self.demo.rpc.call("anvil_setBalance", wallet.address, hex(LBL))
        self.demo.from_treasury("LabelToken", "transfer", wallet.address, 1_000 * LBL)

    def digits(self, count: int, labels_per_task: int, audit_rate: int = 128) -> "Open":
        """A round of `count` pictures of digits."""
        truth = [(i * 7 + 3) % DIGITS for i in range(count)]
        practice = self.upload_images([digit_image(d, 25 + d) for d in (4, 7, 2)])
        pictures: list[dict[str, str]] = []
        for start in range(0, count, 3):
            pictures += self.upload_images([digit_image(truth[i], i) for i in range(start, min(start + 3, count))])
        metadata = {
            "name": "Handwritten digits",
            "description": "Pictures of single digits. Say which digit each one shows.",
            "license": "CC0-1.0",
            "language": "",
            "task_type": "image-choice",
            "question": "Which digit is it?",
            "instructions": "Choose the digit that the picture shows. When you cannot tell, skip it.",
            "classes": [{"name": str(d), "description": ""} for d in range(DIGITS)],
            "practice": [
                {"content": task, "answer": d, "explanation": f"Its strokes are those of a {d}."}
                for task, d in zip(practice, (4, 7, 2), strict=True)
            ],
        }
        return self.open(metadata, pictures, truth, labels_per_task, audit_rate)

    def preferences(self) -> "Open":
        """A round of three prompts with two answers each."""
        tasks = [{"prompt": f"How do I boil {n} eggs?", "a": f"Take {n} pots.", "b": "In one pot, ten minutes."} for n in (2, 3, 4)]
        metadata = {
            "name": "Helpful answers", "description": "Two answers to a question.", "license": "CC0-1.0", "language": "en",
            "task_type": "preference", "question": "Which answer helps more?", "instructions": "", "practice": [],
            "classes": [{"name": "A", "description": "the first"}, {"name": "B", "description": "the second"}],
        }  # fmt: skip
        return self.open(metadata, tasks, [1, 1, 0], 3, 128)

    def open(
        self,
        metadata: dict[str, Any],
        tasks: list[Any],
        truth: list[int],
        labels_per_task: int,
        audit_rate: int,
        bond: int = 0,
        challenge_window: int = 5,
        budget: int = 0,
    ) -> "Open":
        """Creates and funds a dataset and opens its only round. `budget`: of labels, less than all."""
        kept = self.api.post("/metadata", metadata, self.demo.requester.access(self.api, "metadata", 0))
        terms = DatasetTerms(
            operator=self.demo.operator.address,
            classes=len(metadata["classes"]),
            reward=LBL,
            audit_fee=LBL // 2,
            bond=bond,
            open_bond=LBL,
            license_floor=50 * LBL,
            metadata_uri=kept["uri"],
            metadata_hash=kept["hash"],
            audit_rate=audit_rate,
            panel_size=3,
            min_labels=2,
            max_labels=labels_per_task,
            commit_window=300,
            reveal_window=300,
            challenge_window=challenge_window,
            exit_delay=600,
        )
        dataset = self.requester.create(terms)
        sample = -(-len(tasks) * audit_rate // 256)
        budget = budget or len(tasks) * labels_per_task
        self.requester.fund(dataset, budget * LBL + sample * 3 * LBL // 2)
        deadline = int(time.time()) + 3600
        number = self.requester.open_round(self.api, dataset, tasks, budget, labels_per_task, deadline, last=True, adaptive=False)
        return Open(self, dataset, number, truth, bond * len(tasks))


class Open:
    """An open round of the world, and people who work on it by the SDK. `bond`: base units that all of a person's labels need."""

    def __init__(self, world: World, dataset: int, number: int, truth: list[int], bond: int = 0) -> None:
        self.world, self.dataset, self.round, self.truth, self.bond = world, dataset, number, truth, bond

    def label(self, *names: str, liar: bool = False) -> None:
        """Each of these people labels every task, one in eight wrongly (a liar: all), and waits until the chain has it."""
        demo = self.world.demo
        for name in names if self.bond else ():
            demo.from_treasury("Ledger", "deposit", user_account(demo.person(f"{self.round} {name}").address), self.bond)

        def work(name: str) -> None:
            wallet, key = (demo.person(f"{self.round} {name}{part}", gas=False) for part in ("", " key"))
            person = Contributor(demo.api, wallet, key)
            person.onboard(self.bond)
            person.wait_until_ready(self.bond)
            wrong = sum(map(ord, name)) % 8
            classes = max(self.truth) + 1
            answers = {i: (t + 1) % classes if liar or i % 8 == wrong else t for i, t in enumerate(self.truth)}
            person.wait_until_accepted(person.work(self.round, answers))

        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(work, names))

    def panel(self) -> list[str]:
        """The panel, once it is drawn."""

        def drawn() -> list[str] | None:
            state = self.world.api.get(f"/rounds/{self.round}")
            return state["panel"] if state["audit_phase"] == "committing" else None

        found: list[str] = wait_for("a panel", drawn)
        return found

    def ballots(self) -> dict[str, Wallet]:
        """The panel commits and reveals, and signs no evidence; its wallets by address, once the audit is over."""
        names = {wallet.address: wallet for wallet in self.world.demo.validators}
        members = {address: names[address] for address in self.panel()}
        for wallet in members.values():
            validator = Validator(self.world.api, wallet, self.world.chain)
            view = validator.sample(self.round)
            answers, salt = bytes(self.truth[task["index"]] for task in view["sample"]), os.urandom(32)
            validator.commit(self.round, view["attempt"], answers, salt)
            validator.reveal(self.round, answers, salt)
        wait_for("the audit", lambda: self.world.api.get(f"/rounds/{self.round}")["audit_phase"] == "audited" or None)
        return members

    def label_openly(self, name: str, file: Path) -> Wallet:
        """Somebody submits the first task's label on the open path; the labels lie in `file`."""
        wallet = self.world.account(f"{self.round} {name}", 10 * LBL)
        contribute_open(self.world.chain, wallet, self.round, {0: self.truth[0]}, file)
        return wallet

    def audit(self, without: str | None = None, open_files: Sequence[Path] = ()) -> None:
        """The validators of the panel do their duty, all but one who does it elsewhere; they attest what lies in `open_files`."""
        names = {wallet.address: wallet for wallet in self.world.demo.validators}

        def duty(address: str) -> None:
            validator = Validator(self.world.api, names[address], self.world.chain)
            validator.audit(self.round, lambda task: self.truth[task["index"]], open_files=open_files)

        members = [address for address in self.panel() if address != without and address in names]
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(duty, members))

    def settled(self) -> None:
        def done() -> bool | None:
            return self.world.api.get(f"/rounds/{self.round}")["phase"] == "settled" or None

        wait_for("the settlement", done, 120)


def pairs(things: str = "birds") -> tuple[dict[str, Any], list[dict[str, str]], list[int]]:
    """Metadata, tasks and truth of a small set of pairs of sentences."""
    tasks = [
        {"first": f"{number} {things} sit on the wire.", "second": f"There are {'' if number % 2 else 'no '}{things} on the wire."}
        for number in range(2, 10)
    ]
    metadata = {
        "name": "Does it follow?", "license": "CC-BY-4.0",
        "description": "Pairs of sentences, judged for whether one follows from the other.",
        "language": "en", "task_type": "pair-choice", "question": ENTAILED, "instructions": "", "practice": [],
        "classes": [{"name": "no", "description": ""}, {"name": "yes", "description": ""}],
    }  # fmt: skip
    return metadata, tasks, [number % 2 for number in range(2, 10)]


def main() -> None:
    with World(ROOT / "run" / "world", 19400, 19401) as world:
        metadata, tasks, truth = pairs()
        finished = world.open(metadata, tasks, truth, 3, 128)
        digits = world.digits(12, 3)
        finished.label("ann", "bob", "cid")
        finished.audit()
        finished.settled()
        digits.label("dora", "emil")
        print(f"{world.url}: digits are round {digits.round}; the audit follows when the round is full", flush=True)
        threading.Thread(target=digits.audit, daemon=True).start()
        threading.Event().wait()


if __name__ == "__main__":
    main()
