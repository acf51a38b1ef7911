"""The samples of mistakes: a right text each, with some pieces of it changed.

``python tests/mistakes/samples.py FOLDER`` writes them out as files.
"""

from __future__ import annotations

import atexit
import sys
import tomllib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
TABLE = HERE / "samples.toml"


@cache
def samples() -> dict[str, str]:
    """Map the name of each sample to its text, in the order of names.

    Raises
    ------
    ValueError
        A piece that is to be changed does not stand in the right text once.
    """
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: changed(name, right(entry["task"]), entry["edits"])
        for name, entry in sorted(table.items())
    }


def right(task: str) -> str:
    """Return the right text that a task's samples are made from."""
    return (HERE / f"right_{task.replace('-', '_')}.py").read_text(encoding="utf-8")


def changed(name: str, text: str, edits: list[list[str]]) -> str:
    """Replace all old pieces of a text by new ones at the same time."""
    made, end = "", 0
    for old, new in sorted(edits, key=lambda edit: text.find(edit[0])):
        start = text.find(old, end)
        if text.count(old) != 1 or start < 0:
            raise ValueError(
                f"{TABLE.name}, {name}: {old!r} stands {text.count(old)} times in the right text, "
                "or overlaps with another piece; expected is once, on its own."
            )
        made += text[end:start] + new
        end = start + len(old)
    return made + text[end:]


def write(folder: Path) -> list[Path]:
    """Write each sample to a file of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.py" for name in samples()]
    for path, text in zip(paths, samples().values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


@cache
def folder() -> Path:
    """Write all samples into a folder, which is removed when the process ends."""
    made = TemporaryDirectory(prefix="gradkit-samples-")
    atexit.register(made.cleanup)
    write(Path(made.name))
    return Path(made.name)


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        print(path)
