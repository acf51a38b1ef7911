"""Make small classes, and read the results of their grading."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mistakes.samples import samples
from model_solutions import ROOT, source

from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.store.results import Store, unpack
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Filed
from gradkit.records.result import Result
from gradkit.task.assignment import DEFAULT

TASK = "regression-numpy"
SETTINGS = Settings(tasks=(TASK,), seed=11, no_reference=True)
OPTIONS = ("--task", TASK, "--seed", "11", "--no-reference")
"""The same settings as options of the command line."""

RIGHT = source("regression_numpy")
MISTAKES = [text for text in samples().values() if text.startswith(f"# task: {TASK}\n")]
ALMOST = RIGHT.replace("BIAS_RATE = 0.01\n", "BIAS_RATE = 0.012\n")
HANGS = re.sub(
    r"(def update_parameters\(.*\):\n)",
    r"\1    import time\n    while True:\n        time.sleep(1)\n",
    MISTAKES[0],
)
"""Code that sleeps: code that computes for ever would slow down other tests."""
OTHER_EXERCISE = "def sort(numbers):\n    return sorted(numbers)\n"


class Silent:
    """A watcher that shows nothing."""

    def begin(self, total: int) -> None:
        """See `Watch`."""

    def skip(self) -> None:
        """See `Watch`."""

    def step(self, filed: Filed) -> None:
        """See `Watch`."""


def handed_in(folder: Path, **texts: str) -> Path:
    """Write a folder with a script for each student."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def mixed(folder: Path, count: int) -> Path:
    """Write a class of `count` students: three in five are right, and all differ."""
    texts = [RIGHT if n % 5 < 3 else MISTAKES[n % len(MISTAKES)] for n in range(count)]
    return handed_in(
        folder, **{f"s{n:03}": f"{text}\n# student {n}\n" for n, text in enumerate(texts)}
    )


def changed_assignment(folder: Path, *changes: str) -> Path:
    """Copy gradkit's own assignment with changed text: old, new, old, new and so on."""
    shutil.copytree(DEFAULT.parent, folder, dirs_exist_ok=True)
    text = DEFAULT.read_text(encoding="utf-8")
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new)
    (folder / DEFAULT.name).write_text(text, encoding="utf-8")
    return folder / DEFAULT.name


def results(folder: Path) -> dict[str, Result | str]:
    """Return the current results by name, or the message if a submission was not graded."""
    with Store(folder, write=False) as store:
        return {
            one.kept.name: unpack(store.result(one.kept.id), Result)
            if one.kept.standing == "graded"
            else one.kept.told
            for one in counting_attempts(store)
        }


def command(*arguments: object) -> list[str]:
    """Return the command line of gradkit in a new process."""
    return [sys.executable, "-m", "gradkit", *map(str, arguments)]


def environment(temporary: Path | None = None) -> dict[str, str]:
    """Return the environment of a new process: this checkout, and a temporary folder."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return settings | ({"TMPDIR": str(temporary)} if temporary else {})


def gradkit(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a new process."""
    return subprocess.run(
        command(*arguments),
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def processes(mark: Path) -> list[int]:
    """Return the ids of processes whose environment contains a folder's name. Linux."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.fsencode(mark) in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
