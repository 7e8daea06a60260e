"""Who gets what: every endpoint that asks who one is, by every role, on one's own and on another's, as docs/ACCESS.md says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.accounts import sessions
from backend.models import Draft, DraftTask, Task
from backend.product_models import Upload
from indexer.models import Audit, PanelMember, Sale
from labelshare.client.wallet import Wallet
from labelshare.rules.evidence import canonical_json, content_hash
from labelshare.rules.merkle import tasks_tree
from tests.integration.api import World

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("nobody", "stranger", "contributor", "validator", "requester", "other requester", "operator", "licensee")
ROW = re.compile(r"^\| (GET|POST) (/v1/\S+) \| (.*) \|$", re.MULTILINE)
UPLOADS = {"requester": "1" * 32, "other requester": "2" * 32}
SECRET = "0x" + content_hash({"task": "another's"}).hex()


def table() -> list[tuple[str, str, list[str]]]:
    """The rows of the document: method, path, and the status for each role."""
    text = (ROOT / "docs" / "ACCESS.md").read_text()
    return [(method, path, [cell.strip() for cell in cells.split("|")]) for method, path, cells in ROW.findall(text)]


class Cast:
    """One account a role, each signed in; dataset 1 is the requester's, dataset 2 another's with another operator."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.world = World(folder, **settings)
        self.people = {role: Wallet(bytes([40 + i]) * 32) for i, role in enumerate(ROLES)}
        self.people |= {"contributor": self.world.ada, "requester": self.world.requester}
        self.tokens = {role: self._sign_in(wallet.address) for role, wallet in self.people.items() if role != "operator"}
        self.tokens["operator"] = self._sign_in(self.world.backend.operator.address)
        self._fill()

    def _sign_in(self, account: str) -> str:
        with self.world.backend.database.transaction() as session:
            return sessions.begin(session, account, self.world.now)[0]

    def _fill(self) -> None:
        """Round 1 is revealing its ballots, round 2 another's likewise, round 3 is open."""
        world, now = self.world, self.world.now
        root = "0x" + tasks_tree([bytes.fromhex(SECRET[2:])]).root.hex()
        other = world.dataset_row(2)
        other.requester, other.operator = self.people["other requester"].address, "0x" + "0f" * 20
        rows = [world.round_row(2, 2, root), world.round_row(3, 1, "0x" + "33" * 32)]
        world.mirror(other, *rows, Task(content_hash=SECRET, content=canonical_json({"task": "another's"}).decode()))
        with world.backend.database.transaction() as session:
            first = session.get_one(Draft, 1)
            tasks = [(row.index, row.content_hash) for row in session.query(DraftTask).where(DraftTask.draft_id == first.id)]
        drafts = [Draft(dataset=2, tasks_root=root, labels_per_task=2, adaptive=False)]
        drafts += [Draft(dataset=1, tasks_root="0x" + "33" * 32, labels_per_task=20, adaptive=False)]
        world.mirror(*drafts)
        world.mirror(DraftTask(draft_id=2, index=0, content_hash=SECRET))
        world.mirror(*(DraftTask(draft_id=3, index=i, content_hash=h) for i, h in tasks))
        for number in (1, 2):
            world.change(type(rows[0]), number, phase="closed", closed_block=5, sample_size=1)
            audit = {"attempt": 1, "misses": 0, "seed_block": 1, "as_of": 1, "slots": 9, "seed": "0x" + "01" * 32}
            times = {"commit_ends": now + 50, "reveal_ends": now + 100, "concluded_block": 0}
            world.mirror(Audit(round=number, phase="revealing", **audit, **times))
        world.mirror(
            PanelMember(
                 round=1, attempt=1, validator=self.people["validator"].address, weight=1, commitment="0x" + "aa" * 32,
                revealed=False, answers=None, salt=None, slashed=0, shown=None,
            ),
            Sale(
                block_number=0, log_index=0, dataset=1, licensee=self.people["licensee"].address,
                buyer=self.people["licensee"].address, price=1, fee=0, expiry=now + 1000, last_round=1, tx_hash="0x" + "01" * 32,
            ),
            *(
                Upload(id=number, owner=self.people[role].address, kind="csv", task_type="text-choice", created_at=now,
                       summary=json.dumps({"columns": {}, "ignored": [], "classes": [], "tasks": 0}))
                for role, number in UPLOADS.items()
            ),
        )  # fmt: skip

    def ask(self, method: str, path: str, role: str) -> int:
        """The status that a role gets. What it would change is made fit to succeed for whoever may do it."""
        headers = {} if role == "nobody" else {"Authorization": f"Bearer {self.tokens[role]}"}
        if path.endswith("/auth/logout"):  # of a session of its own, so that the others stay
            headers = {} if role == "nobody" else {"Authorization": f"Bearer {self._sign_in(self.people[role].address)}"}
        if path == "/v1/uploads":
            rows = f"text\n{role}\n".encode()
            return self.world.client.post(path, files={"files": ("rows.csv", rows)}, headers=headers).status_code
        options: dict[str, Any] = {"json": self._body(path, role)} if method == "POST" else {}
        return self.world.client.request(method, path, headers=headers, **options).status_code

    def _body(self, path: str, role: str) -> dict[str, Any]:
        if path.endswith("/rounds"):
            deadline = self.world.now + 500
            return {"tasks": [{"by": role}], "label_budget": 1, "labels_per_task": 1, "deadline": deadline, "last": False}
        if path.endswith("/erasures"):
            mine = "0x" + content_hash({"task": 0}).hex()
            return {"content_hash": SECRET if "/2/" in path else mine, "erase": False}
        if path == "/v1/metadata":
            classes = [{"name": name} for name in ("yes", "no")]
            return {"name": role, "task_type": "text-choice", "question": "Is it?", "classes": classes}
        return {"count": 1} if path.endswith("/leases") else {"ciphertext": "0x00"} if path.endswith("/sealed") else {}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    made = Cast(tmp_path_factory.mktemp("matrix"))
    yield made
    made.world.close()


@pytest.mark.parametrize(("method", "path", "expected"), table(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_role_gets_what_the_table_says(cast: Cast, method: str, path: str, expected: list[str]) -> None:
    assert [str(cast.ask(method, path, role)) for role in ROLES] == expected


def test_the_table_has_every_endpoint_that_asks_who_one_is(cast: Cast) -> None:
    document = cast.world.client.get("/openapi.json").json()
    asking = {(m.upper(), p) for p, item in document["paths"].items() for m, o in item.items() if "security" in o}
    patterns = {(m, p): re.compile(re.sub(r"\{\w+\}", "[^/]+", p) + "$") for m, p in asking}
    covered = {key for key, pattern in patterns.items() for method, path, _ in table() if key[0] == method and pattern.match(path)}
    assert asking - covered == set()
    assert len(asking) > 20


def test_signed_headers_open_one_purpose_of_one_subject(cast: Cast) -> None:
    world, requester = cast.world, cast.people["requester"]
    path = "/v1/datasets/1/progress"
    assert world.client.get(path, headers=world.access(requester, "progress", 1)).status_code == 200
    for purpose, subject in (("progress", 2), ("consensus", 1), ("me", 0), ("download", 1)):
        refused = world.client.get(path, headers=world.access(requester, purpose, subject))
        assert (refused.status_code, refused.json()["code"]) == (401, "wrong_signer")


def test_a_session_key_reads_its_contributors_own_and_nothing_else(cast: Cast) -> None:
    world, key, ada = cast.world, cast.world.key, cast.world.ada.address
    assert world.client.get("/v1/me/work", headers=world.access(key, "me", 0, ada)).status_code == 200
    assert world.client.get("/v1/rounds/1/labels", headers=world.access(key, "labels", 1, ada)).status_code == 200
    for path, purpose, subject in (("/v1/datasets/1/download", "download", 1), ("/v1/rounds/1/evidence", "evidence", 1)):
        assert world.client.get(path, headers=world.access(key, purpose, subject, ada)).status_code == 401
    assert world.client.get("/v1/me/work", headers=world.access(key, "me", 0, cast.people["stranger"].address)).status_code == 401


def test_a_cookie_counts_from_our_own_pages_only(cast: Cast) -> None:
    client, token = cast.world.client, cast.tokens["requester"]
    origin = cast.world.backend.settings.origins[0]
    body = {"content_hash": "0x" + content_hash({"task": 0}).hex(), "erase": False}

    def erase(**headers: str) -> tuple[int, str | None]:
        sent = {"Cookie": f"{sessions.COOKIE}={token}", **headers}
        answer = client.post("/v1/datasets/1/erasures", json=body, headers=sent)
        return answer.status_code, answer.json().get("code")

    assert erase(Origin=origin)[0] == 200
    assert erase(**{"Sec-Fetch-Site": "same-origin"})[0] == 200
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert erase(**headers) == (403, "other_origin")
    assert client.get("/v1/me", headers={"Cookie": f"{sessions.COOKIE}={token}"}).status_code == 200
