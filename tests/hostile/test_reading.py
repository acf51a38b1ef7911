"""Submissions made to be slow or large to read: each is graded or refused, within bounds.

What counts is processor time, since others may use the machine, and the memory of all processes
together, shared pages counted in each.
"""

from __future__ import annotations

import base64
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from model_solutions import REFERENCE

from gradkit.submission.source import CODE, WORDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SECONDS, BYTES = 20.0, 1_000_000_000
GOOD = (REFERENCE / "regression_numpy.py").read_text(encoding="utf-8")
HUGE = 23_000_000

TRACEBACK = "Traceback (most recent call last)"


def tree(root: int) -> list[int]:
    """A process with all below it."""
    below: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                stat = Path("/proc", entry, "stat").read_text(encoding="latin-1")
            except OSError:
                continue
            below.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += below.get(pid, [])
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    try:
        return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def run(*command: object, folder: Path) -> tuple[int, str]:
    """Run gradkit; hold the whole tree of its processes to the bounds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(folder / "said", "w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "gradkit", *map(str, command)],
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(map(resident, tree(process.pid))))
            time.sleep(0.02)
        said.seek(0)
        text = said.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert TRACEBACK not in text
    assert spent < SECONDS
    assert peak < BYTES
    return process.returncode, text


def check(path: Path) -> tuple[int, str]:
    """Check one submission within the bounds."""
    folder = path.parent.with_name(path.parent.name + "-run")
    folder.mkdir(exist_ok=True)
    code, text = run("check", path, folder=folder)
    assert code in (0, 1, 2, 3), text
    return code, text


# --- scripts -----------------------------------------------------------------------------


def test_sixty_megabytes_of_scripts(tmp_path):
    """Each just too long, as they once passed; each as long as may be; both are refused."""
    for name, count, size in ("long", 29, 1_900_000), ("many", 100, CODE - 1000):
        folder = tmp_path / "class" / name
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"f{number}.py").write_text("x=[" + "[]," * (size // 3) + "]\n")
    code, text = check(tmp_path / "class" / "long")
    assert code == 2
    assert "f0.py has 1.9 MB; at most 0.4 MB are read." in text
    code, text = check(tmp_path / "class" / "many")
    assert code == 2
    assert "many contains more code than an exercise needs" in text


def numbered(text: str) -> Callable[[int], str]:
    """A text for each number."""
    return lambda number: text.replace("@", str(number)).replace("%", str(number + 1))


SCRIPTS: dict[str, Callable[[int], str]] = {
    "statements": numbered("x\n"),
    "on-one-line": numbered("a;"),
    "assignments": numbered("v%=v@\n"),
    "functions": numbered("def f@(x):\n return x\n"),
    "chain": numbered("def f%(x):\n return f@(x)\n"),
    "forward-passes": numbered("def forward(x, p):\n return x\n"),
    "updates": numbered("def update(x, y, p):\n return p\n"),
    "modules": numbered("class A(nn.Module):\n def forward(s,x):\n  return x\n"),
    "training": numbered("for i in r(9):\n l.backward()\n o.step()\n"),
    "imports": numbered("import a\n"),
    "lambdas": numbered("f=lambda x:x\n"),
    "banners": numbered("# === A ===\nx=1\n"),
    "marks": numbered("# %% A\nx=1\n"),
    "brackets": numbered("("),
    "links": numbered("["),
}


@pytest.mark.slow
@pytest.mark.sample(4)
@pytest.mark.parametrize("shape", SCRIPTS)
def test_script(shape, tmp_path):
    """As much text as is read follows a model solution. Every fourth runs, the others in turn."""
    from gradkit.submission.source import _WORD

    code = len(GOOD) + 200
    words = sum(1 for _ in _WORD.finditer(GOOD)) + 100
    parts = ["import torch\nimport torch.nn as nn\n# @title "] if shape == "links" else []
    parts += ["import torch\nimport torch.nn as nn\n"] if shape in ("modules", "training") else []
    number = 0
    while True:
        part = SCRIPTS[shape](number)
        number += 1
        code += len(part)
        words += sum(1 for _ in _WORD.finditer(part))
        if code > CODE or words > WORDS:
            break
        parts.append(part)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "hw.py"
    path.write_text(GOOD + "".join(parts) + "\n")
    _, text = check(path)
    assert "more code than" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["x=" + "-" * 50_000 + "1", "x=" + "(" * 190 + ")" * 190, 'x="' + "a" * 380_000 + '"'],
    ids=["signs", "nesting", "literal"],
)
def test_odd_script(text, tmp_path):
    """Nesting without end, a line without end."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "hw.py"
    path.write_text(GOOD + text + "\n")
    check(path)


# --- notebooks ---------------------------------------------------------------------------


def cell(source: object, *outputs: object, kind: str = "code", **more: object) -> dict[str, object]:
    """A cell."""
    own = {"outputs": list(outputs), "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": {}, **own, **more}


def output(data: object) -> dict[str, object]:
    """An output."""
    return {"output_type": "display_data", "metadata": {}, "data": data}


def pictures() -> list[object]:
    """Ten plots, as an honest notebook has them."""
    noise = random.Random(1)  # noqa: S311  (only has to resist packing)
    plots = [base64.b64encode(noise.randbytes(HUGE * 3 // 40)).decode() for _ in range(10)]
    return [cell(GOOD, *(output({"image/png": plot}) for plot in plots))]


NOTEBOOKS: dict[str, Callable[[], list[object]]] = {
    "pictures": pictures,
    "one-cell": lambda: [cell(GOOD + "x=1\n" * (HUGE // 5))],
    "comment": lambda: [cell(GOOD), cell("#" + "a" * HUGE)],
    "many-cells": lambda: [cell(GOOD), *(cell("#" + "a" * 11_000) for _ in range(1900))],
    "small-cells": lambda: [cell(GOOD), *(cell("x=1\n") for _ in range(1900))],
    "lines": lambda: [cell(["#a\n"] * 2_500_000)],
    "headings": lambda: [cell(GOOD), *(cell("# A\n" * 1100, kind="markdown"),) * 4000],
    "links": lambda: [
        cell(GOOD),
        *(cell(("# " + "[" * 498 + "\n") * 20, kind="markdown"),) * 2000,
    ],
    "markdown-lines": lambda: [cell(GOOD), cell(["#a\n"] * 2_500_000, kind="markdown")],
    "numbers": lambda: [cell(GOOD, output({"application/json": list(range(2_500_000))}))],
    "keys": lambda: [cell(GOOD, output({str(n): str(n) for n in range(1_100_000)}))],
    "keys-of-a-cell": lambda: [cell(GOOD, **{f"k{n}": 1 for n in range(1_000_000)})],
}
QUICK = {"pictures"}


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "shape",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NOTEBOOKS],
)
def test_notebook(shape, tmp_path):
    """Outputs and text are dropped; code is measured before it is parsed."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "hw.ipynb"
    cells = NOTEBOOKS[shape]()
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    )
    code, text = check(path)
    if shape == "pictures":
        assert code == 0, text


# --- a class -----------------------------------------------------------------------------


@pytest.mark.slow
def test_class(tmp_path):
    """Several at a time, and archives in an archive: each stands in the results."""
    folder = tmp_path / "class"
    (folder / "scripts").mkdir(parents=True)
    for number in range(29):
        (folder / "scripts" / f"f{number}.py").write_text("x=[" + "[]," * 630_000 + "]\n")
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": pictures()})
    (folder / "notebook.ipynb").write_text(text)
    (folder / "good.py").write_text(GOOD)
    with zipfile.ZipFile(folder / "packed.zip", "w") as outer:
        for number in range(10):
            inner = tmp_path / "inner.zip"
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"n{number}.ipynb", text[:5_900_000])
            outer.write(inner, f"{number}.zip")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    code, text = run("grade", folder, "--out", tmp_path / "out", folder=tmp_path)
    assert code == 0, text
    assert "2 graded, 0 unchanged, 2 refused, 0 failed" in text
