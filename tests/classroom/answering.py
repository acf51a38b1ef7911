"""A small class that has something of everything that has to be answered for.

By the roster: Anna Lee has exchanged two indices, Ben Miller is right, late and at his second
attempt, Cas Ode handed in what was handed out, Dan Poe nothing, Eve Roy is right, Fay Ito's
notebook is damaged. Zed Zorn is on no roster.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from classroom.classes import RIGHT, TASK, Silent
from classroom.here import Here
from click.testing import CliRunner
from click.testing import Result as Ended
from mistakes.samples import samples
from model_solutions import ROOT

from gradkit.classroom.course.roster import enrolment_of, roster
from gradkit.classroom.grade import Grading
from gradkit.classroom.store.results import Store
from gradkit.classroom.worker_pool import grader
from gradkit.cli import main
from gradkit.grading.settings import Settings
from gradkit.submission.read import gather

SWAPPED = samples()["swapped-index"]
_CLASS = ROOT / "tests" / "sample_class"
UNTOUCHED = (_CLASS / "mina_regression_untouched.py").read_text(encoding="utf-8")
ROSTER = b"""Student,ID,SIS Login ID
"Lee, Anna",101,al7
"Miller, Ben",102,bm8
"Ode, Cas",103,co9
"Poe, Dan",104,dp1
"Roy, Eve",105,er2
"Ito, Fay",106,fi3
"""
FIRST = {
    "leeanna_101_9001_hw.py": SWAPPED + "\n# written by Anna Lee herself\n",
    "millerben_102_9002_hw.py": SWAPPED + "\n# ben\n",
    "odecas_103_9003_hw.py": UNTOUCHED,
    "royeve_105_9005_hw.py": RIGHT,
    "itofay_106_9006_hw.ipynb": "{",
    "zornzed_199_9009_hw.py": RIGHT + "\n# zed\n",
}
SECOND = {"millerben_LATE_102_9012_hw-1.py": RIGHT + "\n# ben\n"}
ANNA, BEN, CAS, DAN, EVE, FAY, ZED = (
    *("Anna Lee", "Ben Miller", "Cas Ode", "Dan Poe", "Eve Roy", "Fay Ito"),
    "zornzed",
)
SETTINGS = Settings(tasks=(TASK,), seed=11)
UPDATE = f"{TASK}/update"


def write(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write a download with some files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(
    out: Path, *folders: Path, settings: Settings = SETTINGS, policy: str | None = None
) -> None:
    """Grade downloads into a class with the roster of this module."""
    with Store(out, write=True) as store, grader(settings) as able:
        listed = enrolment_of(gather(folders), roster(ROSTER, "roster.csv"))
        grading = Grading(store, settings, Silent())
        grading.run(listed, Here(able), grading.begin(listed, policy=policy or None))


def graded(folder: Path) -> Path:
    """Grade a class in two runs: the first attempts, then all attempts."""
    first = write(folder / "first", FIRST)
    run(folder / "out", first)
    run(folder / "out", first, write(folder / "second", SECOND))
    return folder


def gradkit(*words: object, given: str | None = None, **environment: str) -> Ended:
    """Run the command in this process."""
    return CliRunner().invoke(
        main, list(map(str, words)), input=given, env={"COLUMNS": "200", **environment}
    )


def refusal(*words: object, given: str | None = None, **environment: str) -> str:
    """The sentence of a command that refuses."""
    ended = gradkit(*words, given=given, **environment)
    assert (ended.exit_code, ended.stdout) == (2, ""), ended.output
    return ended.stderr.removeprefix("gradkit: ").rstrip("\n")
