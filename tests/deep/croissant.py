"""make check-croissant: the Hugging Face folder of each task type, as the API writes it, validated and loaded by mlcroissant.

Fails on an error or a warning of the validator, on a row that is not loaded as it was written, and when a broken file passes.
"""

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from backend.licenses import hugging_face
from backend.licenses.exports import About, Row
from scripts.stack import ROOT

PYTHON = ROOT / ".tools" / "croissant-venv" / "bin" / "python"
IMAGE = "0x" + "ab" * 32
CONTENTS: dict[str, list[Any]] = {
    "text-choice": [{"text": 'a "quoted"\nline'}, {"text": "Zwölf Boxkämpfer 🥊"}],
    "pair-choice": [{"first": "one", "second": "two"}, {"first": "", "second": "2"}],
    "preference": [{"prompt": "which?", "a": "this", "b": "that"}],
    "image-choice": [{"image": IMAGE, "alt": "a digit"}, {"image": IMAGE, "alt": ""}],
}


def about(kind: str) -> About:
    return About(
        dataset=7, name=f'Of "{kind}"', description="", license="CC-BY-4.0", task_type=kind, question="Is it?",
        classes=["no", "yes"], operator_url="https://label.example", chain_id=31337, alpha=None, contributors=3,
        settled_at=1_790_000_000, rounds=2,
    )  # fmt: skip


def write(folder: Path, kind: str) -> Path:
    """The unpacked download: the given contents, and a task whose content was deleted."""
    contents = [*CONTENTS[kind], {"erased": True}] * 3
    rows = (
        Row(1, i, "0x" + f"{i:064x}", content, i % 2, 0.5 + i / 100, 1 if i == 1 else None, [i, 2])
        for i, content in enumerate(contents)
    )
    body = b"".join(hugging_face.folder(rows, about(kind), lambda _: ("image/png", b"PNG")))
    zipfile.ZipFile(io.BytesIO(body)).extractall(folder / kind)
    return folder / kind


def check(*folders: Path) -> int:
    command = [str(PYTHON), str(ROOT / "scripts" / "check" / "croissant.py"), *map(str, folders)]
    return subprocess.run(command, check=False).returncode


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folders = [write(Path(temporary), kind) for kind in CONTENTS]
        code = check(*folders)
        file = folders[0] / "croissant.json"
        broken = json.loads(file.read_text())
        del broken["recordSet"][0]["field"][0]["source"]
        file.write_text(json.dumps(broken))
        print("And one that is broken on purpose:")
        if check(folders[0]) == 0:
            sys.exit("A broken file passed: the check shows nothing.")
    sys.exit(code)


if __name__ == "__main__":
    main()
