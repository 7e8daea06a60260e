"""Whether a task's content fits its dataset's kind. Pure."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from backend.tasks.schemas import ImageTask, Metadata, PairTask, PreferenceTask, TextTask
from backend.types import Strict

KINDS: dict[str, type[Strict]] = {
    "image-choice": ImageTask,
    "text-choice": TextTask,
    "pair-choice": PairTask,
    "preference": PreferenceTask,
}
PREFERENCE_CLASSES = (2, 3)


class WrongContent(ValueError):
    """A task is not of its kind; the message says which member, and why."""


def check_content(kind: str, content: Any, hosts: tuple[str, ...]) -> None:
    """Raises WrongContent unless the content is a task of this kind; images by URL only from these hosts."""
    try:
        task = KINDS[kind].model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the task"
        raise WrongContent(f"{where}: {first['msg']}") from None
    if isinstance(task, ImageTask):
        if (task.image is None) == (task.image_url is None):
            raise WrongContent("an image task has either image or image_url")
        if task.image_url is not None and urlsplit(task.image_url).hostname not in hosts:
            raise WrongContent(
                f"image_url: this operator shows images from {', '.join(hosts) or 'no other host'}; upload the image instead"
            )


def images_of(contents: list[Any]) -> set[str]:
    """Hashes of the stored images that tasks show."""
    return {content["image"] for content in contents if isinstance(content, dict) and isinstance(content.get("image"), str)}


def check_metadata(metadata: Metadata, hosts: tuple[str, ...]) -> None:
    """Raises WrongContent unless classes and practice items fit the task type."""
    classes = len(metadata.classes)
    names = {entry.name.casefold() for entry in metadata.classes}
    if len(names) != classes:
        raise WrongContent("classes: two of them have the same name")
    if metadata.task_type == "preference" and classes not in PREFERENCE_CLASSES:
        raise WrongContent("classes: a preference has two or three, A, B and a tie")
    if len(metadata.practice) not in (0, 3):
        raise WrongContent("practice: give three items, or none")
    for number, item in enumerate(metadata.practice):
        try:
            check_content(metadata.task_type, item.content, hosts)
        except WrongContent as error:
            raise WrongContent(f"practice.{number}.content.{error}") from None
        if item.answer >= classes:
            raise WrongContent(f"practice.{number}.answer: classes run from 0 to {classes - 1}")
