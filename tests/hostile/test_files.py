"""Files made to harm whoever reads them: each is read or refused, in little time and memory."""

import json
import os
import socket
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from model_solutions import ROOT

pytestmark = pytest.mark.sample(12)

READER = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1200 << 20,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from gradkit.submission.read import SubmissionError, read
try:
    found = read(sys.argv[1])
except SubmissionError as error:
    said = {"refused": str(error)}
else:
    said = {
        "cells": [cell.source for cell in found.cells],
        "problems": [problem.message for problem in found.problems],
        "name": found.name,
    }
used = resource.getrusage(resource.RUSAGE_SELF)
seconds = used.ru_utime + used.ru_stime
# Not ru_maxrss: that begins with what the process that started this one held.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({**said, "seconds": seconds, "mebibytes": int(peak.split()[1]) >> 10}))
"""
SECRET = "the_answers_of_another"  # noqa: S105  (what attacks look for)


def read(path: Path) -> dict[str, object]:
    """Read a submission in a process that can harm nobody."""
    command = [sys.executable, "-c", READER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["seconds"] < 10
    assert said["mebibytes"] < 700
    assert SECRET not in done.stdout
    return said


# --- archives ----------------------------------------------------------------------------


def packed(path: Path, *members: tuple[object, object]) -> Path:
    """An archive with these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def link(name: str) -> zipfile.ZipInfo:
    """A member that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


GOOD = ("good.py", "x = 1\n")


def bomb(path: Path) -> Path:
    """200 MB of zeros in 200 kB."""
    return packed(path, GOOD, ("bomb.py", bytes(100 << 20)), ("bomb.ipynb", bytes(100 << 20)))


def lying_bomb(path: Path) -> Path:
    """The same, said to be of ten bytes."""
    packed(path, GOOD, ("bomb.py", bytes(50 << 20)))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    return path


def many_small_bombs(path: Path) -> Path:
    """Ninety members, each just below every limit of its own."""
    return packed(path, GOOD, *((f"n{n}.ipynb", bytes(990_000)) for n in range(90)))


def slip(path: Path) -> Path:
    """Names that lead out of any folder."""
    names = ("../a.py", "/etc/b.py", "c/../../d.py", "..\\e.py", "C:\\f.py", "g/./../../h.py")
    return packed(path, GOOD, *((name, SECRET) for name in names))


def links(path: Path) -> Path:
    """A link to a file, and one to a folder with a file in it."""
    return packed(path, GOOD, (link("key.py"), "/etc/passwd"), (link("d"), "/"), ("d/e.py", "y=1"))


def crowd(path: Path) -> Path:
    """Sixty thousand members."""
    return packed(path, *((f"{n}.txt", "") for n in range(60_000)))


def nested(path: Path) -> Path:
    """An archive of an archive of an archive."""
    inner = packed(path.with_name("inner.zip"), ("bomb.py", bytes(10 << 20)))
    for _ in range(3):
        inner = packed(path.with_name("inner.zip"), GOOD, ("inner.zip", inner.read_bytes()))
    return inner.rename(path)


def overlapping(path: Path) -> Path:
    """Two hundred directory entries that all point to the same packed bytes."""
    packed(path, GOOD, ("a.txt.py", bytes(900_000)))
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    entry = data[at:end]
    many = b"".join(entry.replace(b"a.txt.py", b"%05d.py" % n) for n in range(200))
    tail = bytearray(data[end:])
    struct.pack_into("<HHL", tail, 8, 201, 201, end - data.index(b"PK\x01\x02") + len(many) - 54)
    path.write_bytes(data[:at] + many + bytes(tail))
    return path


@pytest.mark.sample(12)
@pytest.mark.parametrize(
    "make", [bomb, lying_bomb, many_small_bombs, slip, links, crowd, nested, overlapping]
)
def test_archive(make, tmp_path):
    """What is good in it is read, or all is refused; nothing is written, nothing escapes."""
    path = make(tmp_path / "z.zip")
    before = sorted(p.name for p in tmp_path.iterdir())
    said = read(path)
    assert "refused" in said or "x = 1\n" in said["cells"]
    assert said.get("refused") or said["problems"]
    assert sorted(p.name for p in tmp_path.iterdir()) == before


# --- folders -----------------------------------------------------------------------------


def folder(tmp_path: Path) -> Path:
    """A folder with a good file, beside one with a secret."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "key.py").write_text(f"{SECRET} = 1\n")
    (tmp_path / "hand_in").mkdir()
    (tmp_path / "hand_in" / "good.py").write_text("x = 1\n")
    return tmp_path / "hand_in"


def links_out(root: Path) -> None:
    """To a file, to a folder, to itself, to nothing, and two folders deep."""
    (root / "a.py").symlink_to(root.parent / "other" / "key.py")
    (root / "b").symlink_to(root.parent / "other")
    (root / "c").symlink_to(root)
    (root / "d.ipynb").symlink_to("/nowhere")
    (root / "e").mkdir()
    (root / "e" / "f.py").symlink_to("../../other/key.py")


def special_files(root: Path) -> None:
    """A pipe that would be waited for, a socket, a device."""
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.py"))
    (root / "zero.py").symlink_to("/dev/zero")


def sparse(root: Path) -> None:
    """A hundred gigabytes that take no room."""
    with open(root / "huge.py", "wb") as file:
        file.truncate(100 << 30)


def deep(root: Path) -> None:
    """Folders in folders."""
    for _ in range(60):
        root = root / "d"
        root.mkdir()
    (root / "x.py").write_text("y = 1\n")


def hostile_names(root: Path) -> None:
    """Names that a terminal would obey, or a page would run."""
    for name in (
        "\x1b[2Jcls.py",
        "<script>alert(1)<",
        "a\nb.py",
        "\u202egpj.py",
        "c" * 240 + ".py",
    ):
        (root / name).write_text("def broken(:\n")


@pytest.mark.parametrize("make", [links_out, special_files, sparse, deep, hostile_names])
def test_folder(make, tmp_path):
    """The good file is read, the others are named and left alone."""
    root = folder(tmp_path)
    make(root)
    said = read(root)
    assert "x = 1\n" in said["cells"]
    assert said["problems"]
    lines = [line for text in said["problems"] for line in text.split("\n")]
    assert all(character.isprintable() for line in lines for character in line)


# --- notebooks and scripts ---------------------------------------------------------------


def notebook(cells: list[dict[str, object]]) -> str:
    """A notebook of these cells."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def code(source: str, **more: object) -> dict[str, object]:
    """A code cell."""
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **more}


def heavy_notebook() -> str:
    """A hundred megabytes, nearly all of them pictures."""
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 10**6}}
    return notebook([code("x = 1", outputs=[picture])] * 100)


def long_notebook() -> str:
    """A hundred thousand cells."""
    return notebook([code("x = 1")] * 100_000)


def deep_notebook() -> str:
    """A hundred thousand lists in one another."""
    return notebook([]).replace('"cells": []', '"cells": ' + "[" * 100_000 + "]" * 100_000)


def large_number() -> str:
    """An integer of a million digits."""
    return notebook([]).replace('"nbformat_minor": 5', '"nbformat_minor": ' + "9" * 10**6)


def many_keys() -> str:
    """A million keys, where there should be a few."""
    keys = ", ".join(f'"k{n}": 0' for n in range(1_000_000))
    return notebook([]).replace('"metadata": {}', '"metadata": {' + keys + "}")


def slow_headings() -> str:
    """Text made to take a pattern its time."""
    text = "#" * 20_000 + " " * 20_000 + "*_" * 20_000 + "[" * 20_000 + "`" * 20_001
    markdown = {"cell_type": "markdown", "metadata": {}, "source": text}
    return notebook([markdown] * 20 + [code("# @title " + " {" * 50_000), code("#" * 100_000)])


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    "make", [heavy_notebook, long_notebook, deep_notebook, large_number, many_keys, slow_headings]
)
def test_notebook(make, tmp_path):
    """It is refused with a sentence, or read; never is the reader lost."""
    path = tmp_path / "n.ipynb"
    path.write_text(make())
    said = read(path)
    assert len(said.get("refused", "x")) < 400
    assert "Traceback" not in said.get("refused", "")
    if make in (heavy_notebook, long_notebook, deep_notebook):
        assert said["refused"].startswith("n.ipynb ")


SCRIPTS = {
    "brackets": "x = " + "(" * 50_000 + ")" * 50_000,
    "indents": "".join(" " * n + "if x:\n" for n in range(90)),
    "minus": "x = " + "-" * 100_000 + "1",
    "sums": "x = " + "+".join(["1"] * 100_000),
    "attributes": "x" + ".a" * 100_000,
    "line": "x = '" + "a" * 1_900_000 + "'",
    "functions": "".join(f"def f{n}(): pass\n" for n in range(50_000)),
    "strings": "x = f'" + "{" * 40_000 + "'",
    "nulls": "x = 1\n\0\0\0",
    "coding": "# -*- coding: rot13 -*-\nk = 1\n",
    "number": "x = " + "9" * 1_000_000,
    "power": "x = 9**9**9**9\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, tmp_path):
    """A script made for a parser to break on is read, or refused with a sentence."""
    path = tmp_path / "s.py"
    path.write_text(SCRIPTS[name])
    said = read(path)
    text = " ".join([said.get("refused", ""), *said.get("problems", [])])
    assert len(text) < 1000
    assert "Traceback" not in text


def test_nothing_hostile_is_printed(tmp_path):
    """What the command prints of names, lines and errors holds nothing that a terminal obeys."""
    escape = "\x1b]0;owned\x07\x1b[2J\u202e"
    path = tmp_path / f"{escape}<b>.py"
    text = (ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py").read_text()
    text = text.replace(
        "    error = y - y_hat\n",
        f"    error = y - y_hat  # {escape}\n    raise ValueError({escape + '<b>'!r} * 50)\n",
    )
    path.write_text(text + f"\ndef broken(  # {escape}\n")
    for arguments in ([], ["--format", "json"]):
        command = [sys.executable, "-m", "gradkit", "check", str(path), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        assert "Traceback" not in printed
        assert not set(printed) & {"\x1b", "\x07", "\u202e"}
        # The path is told as it is, in the escapes of JSON.
        assert arguments or "\\u001b" not in printed


# --- what a submission's text says -------------------------------------------------------

OUTLINER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1200 << 20,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (12, 12))
from pathlib import Path
from gradkit.submission.divide import divide
from gradkit.binding.inspection import outline
from gradkit.submission.read import read
from gradkit.task.assignment import read_assignment
found = read(Path(sys.argv[1]))
for section in divide(found, read_assignment(None).tasks):
    facts = outline(section, found.modules)
print(len(facts.names), len(facts.loops), *(facts.loops[0].needs.X or "" for _ in facts.loops))
"""

TRAINED = """
import torch
from torch import nn
net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
X = torch.ones(4, 2); y = torch.ones(4)
opt = torch.optim.SGD(net.parameters(), lr=0.001)
crit = nn.MSELoss()
for epoch in range(20):
    {above}
    out = net({given})
    loss = crit(out, y){more}
    loss.backward()
    opt.step()
"""


def trained(above: str = "pass", given: str = "X", more: str = "") -> str:
    """A training loop, with something in the way of whoever looks for its data."""
    return TRAINED.format(above=above, given=given, more=more)


A_SUM = " + ".join(f"a{n}" for n in range(12))
CHAIN = "if x == 0:\n    y = 0\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(600))
ALIASES = f"def g({', '.join(f'p{n}' * 10 for n in range(5000))}): pass\n" + "a = g\n" * 12_000

TEXTS = {
    "each of all": (trained("; ".join(f"a{n} = {A_SUM}" for n in range(12)), "a0"), "7 1"),
    "long input": (trained(given="X" + " + 0" * 2000), "7 1 X"),
    "long loss": (trained(more=" + 0" * 2000), "7 1 X"),
    "elif": (f"x = 1\n{CHAIN}def f(): pass\n", "3 0"),
    "aliases": (ALIASES, "2 0"),
    "functions": (
        "".join(f"def f{n}(): pass\n" for n in range(6_500)) + "a = " * 3_000 + "b\n",
        "6501 0",
    ),
}


@pytest.mark.sample(9)
@pytest.mark.parametrize("name", TEXTS)
def test_text(name, tmp_path):
    """A text made to be followed for ever, down too far or at great cost is outlined."""
    path = tmp_path / "s.py"
    path.write_text(TEXTS[name][0])
    command = [sys.executable, "-c", OUTLINER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, TEXTS[name][1]), done.stderr[-400:]
