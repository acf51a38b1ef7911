"""What goes back to a class of 300: each command and their sum, on two cores.

    python benchmarks/term.py [--students N]

Some thirty submissions are graded once; copies of their results under new names, each as if it
had been downloaded from Moodle, make the class. Then the commands themselves are run as they are
typed: the summary, the list of what a person must look at, and all that goes back, the pages in a
zip and the worksheet. A line more is for a second release, after a finding was withdrawn: most
pages are as they were then. Exits with 1 where the first release takes longer than the bar in all.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from gradkit.classroom.store.results import Store, pack, unpack
from gradkit.cli import COMMANDS
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Filed, Listed
from gradkit.records.course import Sender
from gradkit.records.result import Result

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from mistakes.samples import folder as mistake_folder  # noqa: E402  (from the checkout)

STUDENTS, BAR = 300, 30.0
"""So many students may take so many seconds."""

HEAD = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"\r\n'
)


def command(*arguments: object, ends: Sequence[int] = (0,)) -> tuple[float, float]:
    """Run a command of gradkit; return the seconds that it took and its processor time.

    The program exits if the exit code is not in ``ends``.
    """
    started, cpu = time.perf_counter(), children()
    done = subprocess.run(
        [sys.executable, "-m", "gradkit", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode not in ends:
        sys.exit(f"gradkit {arguments[0]} ended with {done.returncode}: {done.stderr}")
    return time.perf_counter() - started, children() - cpu


def children() -> float:
    """Processor time of all commands so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def handed_in(folder: Path) -> Path:
    """Copy the sample class and known mistakes in numpy into a new folder; return the folder."""
    folder.mkdir()
    for path in (ROOT / "tests" / "sample_class").iterdir():
        if "hangs" not in path.name:
            shutil.copy(path, folder)
    for path in mistake_folder().glob("*.py"):
        task = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# task: ")
        if task == "regression-numpy":
            shutil.copy(path, folder / f"{path.stem}_{task.replace('-', '_')}.py")
    return folder


def enlarged(source: Path, folder: Path, size: int) -> Path:
    """Make a class of Moodle submissions out of a small class; return the path of its worksheet."""
    with Store(source, write=False) as store:
        (run,) = store.runs()
        settings = replace(Settings(), no_reference=bool(run.settings["no_reference"]))
        kept = [each for each in store.newest() if each.standing == "graded"]
        bulk = [(store.result(each.id), store.evidence(each.id) or b"") for each in kept]
    print(f"{len(kept)} distinct results, {size} students")
    lines = [HEAD]
    with Store(folder, write=True) as store:
        number = store.begin("grade", settings)
        for copy in range(size):
            each, (packed, evidence) = kept[copy % len(kept)], bulk[copy % len(kept)]
            name, participant = f"Student Nr {copy:03}", 5000 + copy
            original = f"{name}_{participant}_assignsubmission_file_"
            result = pack(replace(unpack(packed, Result), submission=name))
            facts = (name, f"class/{original}", f"{each.digest}{copy}", each.key, each.standing)
            marks = (each.told, each.score, each.max_score, each.provisional)
            sender = Sender(name, "moodle", {"moodle": str(participant)}, False, original)
            store.add(number, [Filed(*facts, *marks, result=result, evidence=evidence)])
            store.add_listed(number, [Listed(name, facts[2], copy, "", sender)])
            lines.append(
                f'"Participant {participant}","{name}",s{copy}@x.edu,"Submitted",,'
                f"{each.max_score:.2f},Yes,-,-,\r\n"
            )
        store.end(number)
    path = folder.with_suffix(".csv")
    path.write_bytes("\ufeff".encode() + "".join(lines).encode())
    return path


def main() -> None:
    """Measure, print, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=STUDENTS, metavar="N")
    size = parser.parse_args().students
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        class_ = handed_in(folder / "class")
        command("grade", class_, "--out", folder / "small", "--no-reference", ends=(0, 2))
        out = folder / "large"
        back = (
            "feedback",
            out,
            "--format",
            "moodle",
            "--worksheet",
            enlarged(folder / "small", out, size),
        )
        lines = [("summary", out), ("review", out), back]
        spent = [told(words) for words in lines if words[0] in COMMANDS]
        total = sum(spent)
        bar = BAR * size / STUDENTS
        print(f"{'in all':42}{total:9.1f} s  (bar {bar:.1f} s)")
        command("remark", out, "--drop", "swapped-index", "--why", "asked unclearly")
        told(back, "again, after a finding was withdrawn")
    sys.exit(total > bar)


def told(words: Sequence[object], name: str = "") -> float:
    """Run a command, print the seconds that it takes, and return them."""
    seconds, cpu = command(*words, ends=(0, 1))
    shown = f"{words[0]} {name or ' '.join(str(word) for word in words[2:] if word != words[-1])}"
    print(f"{shown:42}{seconds:9.1f} s{cpu:9.1f} s CPU", flush=True)
    return seconds


if __name__ == "__main__":
    main()
