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
            account = self.api.get(f"/accounts/{self.wallet.address}")
            spender = self.api.config["contracts"]["LabelRegistry"]
            allowance = eip712.Allowance(self.wallet.address, spender, max_bond, account["nonce"], now + SUBMISSION_SECONDS)
            body["allowance"] = _json(allowance)
            body["allowance_signature"] = self.wallet.sign(allowance, self.api.domain("Ledger"))
        try:
            self.api.post("/sessions", body)
        except ApiError as error:
            if error.code != "session_known":
                raise

    def wait_until_ready(self, bond: int, seconds: float = 120.0) -> None:
        """Waits for the session key, and for `bond` base units that can be taken, to be mirrored."""

        def ready() -> bool | None:
            try:
                if self.key is not self.wallet:
                    self.api.get(f"/sessions/{self.wallet.address}/{self.key.address}")
                account = self.api.get(f"/accounts/{self.wallet.address}")
            except ApiError as error:
                if error.status != 404:
                    raise
                return None
            return min(int(account["balance"]), int(account["allowance"])) >= bond or None

        wait_for(f"the session and {bond} base units of bond of {self.wallet.address}", ready, seconds)

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
        """Leases and submits all of `answers`, `batch` labels at once; calls `progress` with the labels of each submission.

        Raises ApiError when a task is not to be had.
        """
        done, left = [], sorted(answers)
        while left:
            lease = self.lease(round_id, left[:batch])
            if lease["unavailable"]:
                raise ApiError(409, "unavailable", f"Tasks {lease['unavailable'][:5]} have no free slot.")
            indices = [task["index"] for task in lease["tasks"]]
            done.append(self.submit(round_id, lease, {i: answers[i] for i in indices}))
            progress(len(indices))
            left = left[len(indices) :]
        return done

    def wait_until_accepted(self, submissions: list[dict[str, Any]], seconds: float = 180.0) -> None:
        """Waits until the chain took them all. Raises ApiError when it passed over one."""
        for submission in submissions:

            def accepted(digest: str = submission["digest"]) -> bool | None:
                state = self.api.get(f"/submissions/{digest}")
                if state["status"] == "skipped":
                    raise ApiError(409, "skipped", f"The chain passed over submission {digest}: {state['reason']}.")
                return state["status"] == "accepted" or None

            wait_for("a submission to be mirrored", accepted, seconds)


def _json(message: eip712.Message) -> dict[str, Any]:
    """A message as the API takes it: amounts (uint256) as decimal strings, other integers as numbers, bytes as hex."""
    numbers = ("dataset", "deadline", "nonce", "round")

    def shown(name: str, kind: str) -> Any:
        value = getattr(message, name)
        if kind == "bytes32":
            return "0x" + value.hex()
        return str(value) if kind == "uint256" and name not in numbers else value

    return {name: shown(name, kind) for name, _, kind in message.members()}
