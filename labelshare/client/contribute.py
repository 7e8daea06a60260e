"""A contributor: a session key once, then lease, label, sign, submit."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from labelshare.client.api import Api, ApiError, wait_for
from labelshare.client.wallet import Wallet
from labelshare.rules import eip712
from labelshare.rules.evidence import salt
from labelshare.rules.merkle import labels_tree

TICKETED = 1
SUBMISSION_SECONDS = 3600


class Incomplete(ApiError):
    """Some tasks could not be leased. `submissions`: the API's answers for all the others, which were handed in."""

    def __init__(self, tasks: list[int], submissions: list[dict[str, Any]]) -> None:
        shown = ", ".join(str(task) for task in tasks[:5]) + (", …" if len(tasks) > 5 else "")
        super().__init__(
            409,
            "unavailable",
            f"No free slot for {len(tasks)} of the tasks ({shown}); the others were handed in. Slots come free when leases that "
            "nobody used end, yours among them: try again in some minutes.",
        )
        self.tasks = tasks
        self.submissions = submissions


class Contributor:
    """`wallet` owns the labels and shares; `key` signs the submissions (the wallet itself when there is none)."""

    def __init__(self, api: Api, wallet: Wallet, key: Wallet | None = None) -> None:
        self.api = api
        self.wallet = wallet
        self.key = key or wallet
        self._secret = wallet.salt_secret(api.config["chain_id"], api.config["contracts"]["LabelRegistry"])

    def onboard(self, max_bond: int, dataset: int = 0, seconds: int = 7 * 24 * 3600) -> None:
        """Registers the session key, and allows the LabelRegistry bonds up to `max_bond` base units: two signatures, no gas."""
        now = int(time.time())
        session = eip712.Session(self.wallet.address, self.key.address, dataset, now + seconds, max_bond)
        body: dict[str, Any] = {
            "session": _json(session),
            "signature": self.wallet.sign(session, self.api.domain("LabelRegistry")),
        }
        if max_bond:
            account = self.account()
            spender = self.api.config["contracts"]["LabelRegistry"]
            allowance = eip712.Allowance(self.wallet.address, spender, max_bond, account["nonce"], now + SUBMISSION_SECONDS)
            body["allowance"] = _json(allowance)
            body["allowance_signature"] = self.wallet.sign(allowance, self.api.domain("Ledger"))
        try:
            self.api.post("/sessions", body)
        except ApiError as error:
            if error.code != "session_known":
                raise

    def session(self) -> dict[str, Any] | None:
        """The session key as mirrored, None before it is registered."""
        return self._found(f"/sessions/{self.wallet.address}/{self.key.address}")

    def account(self) -> dict[str, Any]:
        """The Ledger account: balance, what of it the LabelRegistry may take as bonds, the next allowance's nonce."""
        found: dict[str, Any] = self.api.get(f"/accounts/{self.wallet.address}")
        return found

    def uncovered(self, dataset: int, count: int) -> int:
        """Of `count` further labels in a dataset, those whose bond must come from the Ledger account: not covered by bonds that the
        Settlement kept from earlier rounds."""
        found = self._found(f"/datasets/{dataset}/contributors/{self.wallet.address}")
        free = found["covered"] - (found["pending"] - found["pending_open"]) if found else 0
        return max(0, count - free)

    def can_bond(self, dataset: int, bond: int) -> bool:
        """Whether session key and allowance, as mirrored, cover `bond` more base units in a dataset."""
        if int(self.account()["allowance"]) < bond:
            return False
        if self.key is self.wallet:
            return True
        session = self.session()
        if session is None or session["revoked"] or session["expiry"] < time.time() + SUBMISSION_SECONDS:
            return False
        return session["dataset"] in (0, dataset) and int(session["bond_left"]) >= bond

    def wait_until_ready(self, bond: int, seconds: float = 120.0) -> None:
        """Waits for the session key, and for `bond` base units that can be taken, to be mirrored."""

        def ready() -> bool | None:
            if self.key is not self.wallet and self.session() is None:
                return None
            account = self.account()
            return min(int(account["balance"]), int(account["allowance"])) >= bond or None

        wait_for(f"the session and {bond} base units of bond of {self.wallet.address}", ready, seconds)

    def labels(self, round_id: int) -> list[dict[str, Any]]:
        """The labels handed in by this contributor, with their salts: {sequence, task, answer, salt}."""
        found: list[dict[str, Any]] = self.api.get(
            f"/rounds/{round_id}/labels", self.key.access(self.api, "labels", round_id, self.wallet.address)
        )
        return found

    def lease(self, round_id: int, tasks: list[int] | None = None, count: int = 100) -> dict[str, Any]:
        """Leases the wished tasks, or `count` that need labels. Raises ApiError."""
        body: dict[str, Any] = {"count": count} if tasks is None else {"tasks": tasks}
        headers = self.key.access(self.api, "lease", round_id, self.wallet.address)
        leased: dict[str, Any] = self.api.post(f"/rounds/{round_id}/leases", body, headers)
        return leased

    def submit(self, round_id: int, lease: dict[str, Any], answers: Mapping[int, int]) -> dict[str, Any]:
        """Signs and hands in answers (class by task index) to leased tasks; the API's answer, with the receipt checked."""
        sequence = lease["sequence"]
        rows = [(task, answer, salt(self._secret, round_id, sequence, task)) for task, answer in sorted(answers.items())]
        root = labels_tree(rows).root
        deadline = int(time.time()) + SUBMISSION_SECONDS
        message = eip712.Submission(round_id, self.wallet.address, sequence, len(rows), root, TICKETED, deadline)
        domain = self.api.domain("LabelRegistry")
        fields = _json(message)
        del fields["round"]
        body = {
            "lease_id": lease["lease_id"],
            "submission": fields,
            "signature": self.key.sign(message, domain),
            "labels": [{"task": t, "answer": a, "salt": "0x" + s.hex()} for t, a, s in rows],
        }
        answer: dict[str, Any] = self.api.post(f"/rounds/{round_id}/submissions", body)
        receipt = answer["receipt"]
        promised = eip712.Receipt(round_id, self.wallet.address, sequence, message.digest(domain), receipt["received_at"])
        if eip712.recover(promised.digest(domain), bytes.fromhex(receipt["signature"][2:])) != self.api.config["operator"]:
            raise ApiError(502, "bad_receipt", "The receipt is not signed by the operator; keep the answer as evidence.")
        return answer

    def work(
        self, round_id: int, answers: Mapping[int, int], batch: int = 1024, progress: Callable[[int], None] = lambda _: None
    ) -> list[dict[str, Any]]:
        """Leases and submits `answers`, `batch` labels at once; calls `progress` with the labels of each submission.

        Tasks that this contributor handed in before are passed over, so that work broken off is finished by doing it again.
        Raises Incomplete, after handing in the rest, when a task is not to be had.
        """
        done: list[dict[str, Any]] = []
        refused: list[int] = []
        left = sorted(answers)
        for start in range(0, len(left), batch):
            lease, without = self._lease_free(round_id, left[start : start + batch])
            refused += without
            if lease is not None:
                indices = [task["index"] for task in lease["tasks"]]
                done.append(self.submit(round_id, lease, {i: answers[i] for i in indices}))
                progress(len(indices))
        if refused:
            before = {label["task"] for label in self.labels(round_id)}
            progress(len(before.intersection(refused)))
            missing = [task for task in refused if task not in before]
            if missing:
                raise Incomplete(missing, done)
        return done

    def _lease_free(self, round_id: int, wished: list[int]) -> tuple[dict[str, Any] | None, list[int]]:
        """A lease of those of the tasks that are free, and the others."""
        try:
            lease = self.lease(round_id, wished)
        except ApiError as error:
            if error.code != "nothing_free":
                raise
            return None, wished
        return lease, lease["unavailable"]

    def wait_until_accepted(self, submissions: list[dict[str, Any]], seconds: float = 180.0) -> None:
        """Waits until the chain took them all. Raises ApiError when it passed over one."""
        for submission in submissions:

            def accepted(digest: str = submission["digest"]) -> bool | None:
                state = self.api.get(f"/submissions/{digest}")
                if state["status"] == "skipped":
                    raise ApiError(409, "skipped", f"The chain passed over submission {digest}: {state['reason']}.")
                return state["status"] == "accepted" or None

            wait_for("a submission to be mirrored", accepted, seconds)

    def _found(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.api.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        return found


def _json(message: eip712.Message) -> dict[str, Any]:
    """A message as the API takes it: amounts (uint256) as decimal strings, other integers as numbers, bytes as hex."""
    numbers = ("dataset", "deadline", "nonce", "round")

    def shown(name: str, kind: str) -> Any:
        value = getattr(message, name)
        if kind == "bytes32":
            return "0x" + value.hex()
        return str(value) if kind == "uint256" and name not in numbers else value

    return {name: shown(name, kind) for name, _, kind in message.members()}
