"""Uploads, metadata, practice, images and deletion over HTTP: nothing half taken, nothing kept that was deleted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from backend.models import Task
from backend.product_models import Repeated, StoredFile, Upload, UploadTask
from backend.tasks.erasure import MOST_OPEN
from backend.uploads.service import KEPT_SECONDS
from labelshare.client.wallet import Wallet
from labelshare.rules.evidence import content_hash
from tests.integration.api import World
from tests.unit.hostile import hostile_images, hostile_rows, picture


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def upload(world: World, files: list[tuple[str, bytes]], who: Wallet | None = None, **query: str) -> Any:
    headers = world.access(who or world.requester, "upload", 0)
    return world.client.post("/v1/uploads", files=[("files", file) for file in files], headers=headers, params=query)


def open_round(world: World, **body: Any) -> Any:
    body = {"label_budget": 1, "labels_per_task": 1, "deadline": world.now + 500, "last": False} | body
    return world.client.post("/v1/datasets/1/rounds", json=body, headers=world.access(world.requester, "open-round", 1))


def metadata(world: World, **changes: Any) -> Any:
    items = [{"content": {"text": f"example {i}"}, "answer": i % 2, "explanation": "Because."} for i in range(3)]
    classes = [{"name": "bad"}, {"name": "good"}]
    body = {
        "name": "Reviews",
        "task_type": "text-choice",
        "question": "Is it good?",
        "classes": classes,
        "practice": items,
    } | changes
    return world.client.post("/v1/metadata", json=body, headers=world.access(world.requester, "metadata", 0))


def test_a_hundred_hostile_uploads_are_refused_and_leave_nothing(world: World) -> None:
    before = world.rows()
    files = [[(f"{name}.png", body)] for name, body in hostile_images().items()]
    files += [[(f"{name}.{kind}", body)] for name, (kind, body) in hostile_rows().items()]
    answers = [upload(world, some) for some in files]
    assert len(answers) >= 100
    assert {answer.status_code for answer in answers} == {422}
    assert all(answer.json()["code"] == "bad_rows" and answer.json()["rows"][0]["reason"] for answer in answers)
    assert world.rows() == before


def test_one_bad_file_among_good_ones_takes_none_of_them(world: World) -> None:
    before = world.rows()
    answer = upload(world, [("a.png", picture("PNG")), ("b.png", b"<svg/>"), ("c.png", picture("PNG"))])
    assert answer.json()["rows"] == [{"line": 2, "column": "b.png", "reason": "the file is none of PNG, JPEG, WEBP, GIF"}]
    assert world.rows() == before


def test_bad_rows_are_told_with_line_and_reason(world: World) -> None:
    answer = upload(world, [("rows.csv", b"text,label\nfine,1\n,2\nalso fine,1\nfine,3\n")])
    assert answer.status_code == 422
    assert [(row["line"], row["column"]) for row in answer.json()["rows"]] == [(3, "text"), (5, None)]
    assert answer.json()["bad"] == 2


def test_an_upload_becomes_a_round_of_its_owner_alone(world: World) -> None:
    taken = upload(world, [("rows.jsonl", b'{"text": "one", "label": "a"}\n{"text": "two", "label": "b"}\n')]).json()
    assert (taken["task_type"], taken["tasks"], taken["classes"], taken["ignored"]) == ("text-choice", 2, ["a", "b"], ["label"])
    assert taken["preview"] == [{"text": "one"}, {"text": "two"}]
    assert open_round(world, upload_id="f" * 32).json()["code"] == "unknown_upload"
    assert open_round(world, upload_id=taken["upload_id"]).status_code == 202
    assert open_round(world).json()["code"] == "no_tasks"
    foreign = upload(world, [("rows.csv", b"text\nthree\n")], world.ada).json()
    assert open_round(world, upload_id=foreign["upload_id"]).json()["code"] == "unknown_upload"


def test_uploads_of_another_kind_or_length_are_refused_before_they_are_read(world: World, tmp_path: Path) -> None:
    headers = world.access(world.requester, "upload", 0)
    assert world.client.post("/v1/uploads", json={}, headers=headers).status_code == 415
    assert upload(world, [("a.csv", b"text\na\n"), ("b.csv", b"text\nb\n")]).json()["code"] == "mixed_upload"
    small = World(tmp_path / "small", max_upload=1_000) if (tmp_path / "small").mkdir() is None else world
    try:
        assert upload(small, [("a.csv", b"text\n" + b"a" * 2_000)]).status_code == 413
    finally:
        small.close()


def test_a_stored_image_is_served_so_that_it_can_only_be_a_picture(world: World) -> None:
    taken = upload(world, [("a.jpg", picture("JPEG"))]).json()
    shown = world.client.get(f"/v1/content/{taken['preview'][0]['image']}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]


def test_metadata_is_kept_by_its_hash_and_tasks_are_held_to_it(world: World) -> None:
    kept = metadata(world)
    assert kept.status_code == 201, kept.text
    body = world.client.get(f"/v1/metadata/{kept.json()['hash']}")
    assert "0x" + content_hash(body.json()).hex() == kept.json()["hash"]
    world.change(type(world.dataset_row(9)), 1, terms=world.dataset_row(9).terms | {"metadata_hash": kept.json()["hash"]})
    assert world.client.get("/v1/datasets/1").json()["name"] == "Reviews"
    assert [d["name"] for d in world.client.get("/v1/datasets?q=REVIEW&task_type=text-choice").json()["items"]] == ["Reviews"]
    assert world.client.get("/v1/datasets?q=%25").json()["items"] == []
    assert open_round(world, tasks=[{"text": "one"}, {"txt": "two"}]).json()["code"] == "wrong_content"
    assert open_round(world, tasks=[{"text": "one"}]).status_code == 202


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": [{"name": "one"}]},
        {"classes": [{"name": "a"}, {"name": "A"}]},
        {"task_type": "video"},
        {"task_type": "image-choice"},
        {"task_type": "preference", "classes": [{"name": n} for n in "abcd"], "practice": []},
        {"practice": [{"content": {"text": "a"}, "answer": 0, "explanation": "x"}]},
        {"practice": [{"content": {"text": "a"}, "answer": 5, "explanation": "x"}] * 3},
        {"name": ""},
        {"surprise": 1},
    ],
)
def test_a_label_schema_that_does_not_hold_together_is_refused(world: World, changes: dict[str, Any]) -> None:
    assert metadata(world, **changes).status_code == 422


def test_practice_gives_feedback_and_no_answer_before(world: World) -> None:
    kept = metadata(world).json()
    assert world.client.get("/v1/datasets/1/practice").json()["code"] == "no_practice"
    world.change(type(world.dataset_row(9)), 1, terms=world.dataset_row(9).terms | {"metadata_hash": kept["hash"]})
    shown = world.client.get("/v1/datasets/1/practice")
    assert len(shown.json()["items"]) == 3
    assert "explanation" not in shown.text
    right = world.client.post("/v1/datasets/1/practice", json={"item": 1, "answer": 1}).json()
    assert right == {"right": True, "expected": 1, "explanation": "Because."}


def test_deleted_content_is_gone_and_its_hash_stays(world: World) -> None:
    image = upload(world, [("a.png", picture("PNG"))]).json()["preview"][0]["image"]
    assert open_round(world, tasks=[{"image": image, "alt": ""}]).status_code == 202
    task = "0x" + content_hash({"image": image, "alt": ""}).hex()
    asked = world.client.post("/v1/takedowns", json={"content_hash": task, "reason": "That is my house."})
    assert (asked.status_code, asked.json()["outcome"]) == (202, "open")
    watched = f"/v1/takedowns/{asked.json()['id']}"
    assert "reason" not in world.client.get(watched).json()
    listed = world.client.get("/v1/datasets/1/takedowns", headers=world.access(world.requester, "takedowns", 1))
    assert listed.json()["items"][0]["reason"] == "That is my house."
    done = world.client.post(
        "/v1/datasets/1/erasures", json={"content_hash": task}, headers=world.access(world.requester, "erase", 1)
    )
    assert done.json() == {"content_hash": task, "erased": True, "requests": 1}
    assert world.client.get(watched).json()["outcome"] == "erased"
    assert world.client.get("/v1/takedowns/99").json()["code"] == "unknown_takedown"
    assert world.client.get(f"/v1/content/{image}").status_code == 404
    with world.backend.database.transaction() as session:
        assert json.loads(session.get_one(Task, task).content) == {"erased": True}
        assert session.query(StoredFile).count() == 0


def test_content_that_another_requester_has_too_is_for_the_operator_to_delete(world: World) -> None:
    other = world.dataset_row(2)
    other.requester = world.bob.address
    world.mirror(other)
    body = {"tasks": [{"task": 0}], "label_budget": 1, "labels_per_task": 1, "deadline": world.now + 500, "last": False}
    taken = world.client.post("/v1/datasets/2/rounds", json=body, headers=world.access(world.bob, "open-round", 2))
    assert taken.status_code == 202
    task = {"content_hash": "0x" + content_hash({"task": 0}).hex()}
    refused = world.client.post("/v1/datasets/2/erasures", json=task, headers=world.access(world.bob, "erase", 2))
    assert (refused.status_code, refused.json()["code"]) == (403, "shared_content")
    operator = Wallet(b"\x05" * 32)
    done = world.client.post("/v1/datasets/2/erasures", json=task, headers=world.access(operator, "erase", 2))
    assert done.json()["erased"] is True


def erase(world: World, task: dict[str, Any], dataset: int = 1, who: Wallet | None = None) -> Any:
    body = {"content_hash": "0x" + content_hash(task).hex()}
    headers = world.access(who or world.requester, "erase", dataset)
    return world.client.post(f"/v1/datasets/{dataset}/erasures", json=body, headers=headers)


def test_deleted_content_is_in_no_upload_and_no_answer_that_is_given_again(world: World) -> None:
    secret = {"text": "my 100% secret_address"}
    headers = world.access(world.requester, "upload", 0) | {"Idempotency-Key": "upload-1"}
    rows = [("files", ("rows.jsonl", json.dumps(secret).encode()))]
    taken = world.client.post("/v1/uploads", files=rows, headers=headers).json()
    assert open_round(world, upload_id=taken["upload_id"]).status_code == 202
    assert erase(world, secret).json()["erased"] is True
    with world.backend.database.reading() as session:
        for column in (Task.content, UploadTask.content, Repeated.body):
            assert [text for text in session.scalars(select(column)) if "secret_address" in text] == []
    shown = world.client.get(f"/v1/uploads/{taken['upload_id']}", headers=world.access(world.requester, "upload", 0))
    assert shown.json()["preview"] == [{"erased": True}]


def test_who_deletes_a_task_deletes_no_image_of_others(world: World) -> None:
    """The hash of an image is public: anybody may show it in a task of their own, and delete that task."""
    files = [(f"{name}.png", picture("PNG", side=side)) for name, side in (("waits", 20), ("tries", 21), ("own", 22))]
    waits, tries = (upload(world, [file], world.bob).json()["preview"][0]["image"] for file in files[:2])
    own = upload(world, [files[2]]).json()["preview"][0]["image"]
    items = [{"content": {"image": tries, "alt": f"{i}"}, "answer": 0, "explanation": "Because."} for i in range(3)]
    assert metadata(world, task_type="image-choice", practice=items).status_code == 201
    with world.backend.database.transaction() as session:
        session.execute(delete(UploadTask).where(UploadTask.content.contains(tries)))
    mine = [{"image": image, "alt": "mine"} for image in (waits, tries, own)]
    assert open_round(world, tasks=mine).status_code == 202
    assert [erase(world, task).status_code for task in mine] == [200] * 3
    assert [world.client.get(f"/v1/content/{image}").status_code for image in (waits, tries, own)] == [200, 200, 404]


def test_images_of_an_upload_that_nobody_used_go_with_it(world: World) -> None:
    used, unused = (upload(world, [(f"{side}.png", picture("PNG", side=side))]).json() for side in (20, 21))
    assert open_round(world, upload_id=used["upload_id"]).status_code == 202
    for taken in (used, unused):
        world.change(Upload, taken["upload_id"], created_at=world.now - KEPT_SECONDS - 1)
    assert upload(world, [("rows.csv", b"text\none\n")]).status_code == 201
    images = [taken["preview"][0]["image"] for taken in (used, unused)]
    assert [world.client.get(f"/v1/content/{image}").status_code for image in images] == [200, 404]
    assert world.rows()["app_upload"] == 1


def test_requests_to_delete_one_content_are_kept_in_numbers_that_can_be_read(world: World) -> None:
    body = {"content_hash": "0x" + content_hash({"task": 0}).hex(), "reason": "That is my house."}
    answers = [world.client.post("/v1/takedowns", json=body) for _ in range(MOST_OPEN + 1)]
    assert [answer.status_code for answer in answers] == [202] * MOST_OPEN + [409]
    assert erase(world, {"task": 0}).json()["requests"] == MOST_OPEN
