"""What the command line shows and asks."""

import json
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console = Console()


def ask_class(task: dict[str, Any], classes: int) -> int | None:
    """A class typed by the person, None for `q`."""
    console.print(shown(task["content"]), markup=False, highlight=False)
    while True:
        typed = typer.prompt(f"Task {task['index']}: class 0 to {classes - 1}, or q to stop").strip()
        if typed == "q":
            return None
        if typed.isascii() and typed.isdecimal() and int(typed) < classes:
            return int(typed)
        console.print(f"Classes run from 0 to {classes - 1}.")


def shown(content: Any) -> str:
    """A stranger's JSON as text that cannot steer the terminal: control and format characters escaped."""
    return plain(json.dumps(content, ensure_ascii=False, indent=2))


def plain(text: str) -> str:
    """A stranger's text (an operator's answers are) without what steers a terminal: control and format characters escaped."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


def say(text: str) -> None:
    """Prints a line that holds words of others: no markup, no control characters."""
    console.print(plain(text), highlight=False, markup=False, soft_wrap=True)


class Bar:
    """A progress bar as a context manager; gives a function that advances it."""

    def __init__(self, text: str, total: int | None) -> None:
        self._progress = Progress(TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        self._task = self._progress.add_task(text, total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda count: self._progress.advance(self._task, count)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
