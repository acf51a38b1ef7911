"""Small classes, and what is found in the file that they were graded into."""

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
"""The same on the command line."""

RIGHT = source("regression_numpy")
MISTAKES = [text for text in samples().values() if text.startswith(f"# task: {TASK}\n")]
ALMOST = RIGHT.replace("BIAS_RATE = 0.01\n", "BIAS_RATE = 0.012\n")
HANGS = re.sub(
    r"(def update_parameters\(.*\):\n)",
    r"\1    import time\n    while True:\n        time.sleep(1)\n",
    MISTAKES[0],
)
"""Asleep: one that computes for ever would take a core from whatever else is tested."""
OTHER_EXERCISE = "def sort(numbers):\n    return sorted(numbers)\n"


class Silent:
    """Watches nothing."""

    def begin(self, total: int) -> None:
        """See `Watch`."""

    def skip(self) -> None:
        """See `Watch`."""

    def step(self, filed: Filed) -> None:
        """See `Watch`."""


def handed_in(folder: Path, **texts: str) -> Path:
    """A folder with a script for each student."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def mixed(folder: Path, count: int) -> Path:
    """A class of which three in five are right, and no two are alike."""
    texts = [RIGHT if n % 5 < 3 else MISTAKES[n % len(MISTAKES)] for n in range(count)]
    return handed_in(
        folder, **{f"s{n:03}": f"{text}\n# student {n}\n" for n, text in enumerate(texts)}
    )


def changed_assignment(folder: Path, *changes: str) -> Path:
    """Gradkit's own assignment file, in a folder of its own, with old, new, old, new replaced."""
    shutil.copytree(DEFAULT.parent, folder, dirs_exist_ok=True)
    text = DEFAULT.read_text(encoding="utf-8")
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new)
    (folder / DEFAULT.name).write_text(text, encoding="utf-8")
    return folder / DEFAULT.name


def results(folder: Path) -> dict[str, Result | str]:
    """The current results by name; of what was not graded, the sentence."""
    with Store(folder, write=False) as store:
        return {
            one.kept.name: unpack(store.result(one.kept.id), Result)
            if one.kept.standing == "graded"
            else one.kept.told
            for one in counting_attempts(store)
        }


def command(*arguments: object) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "gradkit", *map(str, arguments)]


def environment(temporary: Path | None = None) -> dict[str, str]:
    """For that process: this checkout, and a folder for all that it makes and should remove."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return settings | ({"TMPDIR": str(temporary)} if temporary else {})


def gradkit(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        command(*arguments),
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def processes(mark: Path) -> list[int]:
    """Processes in whose environment a folder is named. Linux."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.fsencode(mark) in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
