"""Each worker has an empty folder in its memory, and writes nothing to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from best_tier import BEST

from gradkit.runtime.frames import Frame
from gradkit.runtime.memory_folder import MAX_BYTES, MAX_ENTRIES
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.skipif(BEST < 1, reason="at tier 0 a worker saves files on the disk")

Run = Callable[[str], tuple[str, str | None]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run a script in a new worker, and return its printed output and its failure."""
    with Workshop() as workshop:

        def run(text: str) -> tuple[str, str | None]:
            with workshop.worker(deadline=60.0) as worker:
                reply = worker.ask(Frame("script", {}, {"text": text}), 50.0)
                return worker.output, reply.data["failure"]

        yield run


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("open('a', 'w').write('1'); print(open('a').read())", "1"),
        ("print(1, file=open('a', 'a'), flush=True); print(open('a', 'rb').read())", r"b'1\n'"),
        (
            "f = open('a', 'x+'); f.write('äö'); f.seek(0); print(f.read(), f.mode, f.name)",
            "äö x+ a",
        ),
        (
            "f = open('a', 'wb', 0); f.write(b'12'); f.seek(-1, 2); f.truncate(); "
            "print(f.tell(), open(b'a').read())",
            "1 1",
        ),
        ("import numpy as np; np.save('w.npy', np.eye(2)); print(np.load('w.npy').sum())", "2.0"),
        (
            "import numpy as np; np.savez('w', a=np.eye(2)); print(np.load('w.npz')['a'].sum())",
            "2.0",
        ),
        (
            "import numpy as np; np.savetxt('w.txt', np.eye(2)); print(np.loadtxt('w.txt').sum())",
            "2.0",
        ),
        (
            "import pandas as pd; pd.DataFrame({'a': [1]}).to_csv('a.csv'); "
            "print(pd.read_csv('a.csv').a.sum())",
            "1",
        ),
        (
            "import pickle; pickle.dump([3], open('a', 'wb')); print(pickle.load(open('a', 'rb')))",
            "[3]",
        ),
        (
            "import pathlib as p; f = p.Path('a/b'); f.mkdir(parents=True); "
            "(f / 'c').write_text('d')\n"
            "print([str(x) for x in sorted(p.Path().rglob('*'))])",
            "['a', 'a/b', 'a/b/c']",
        ),
        (
            "import glob, os; os.makedirs('a/b'); open('a/c.txt', 'w').close(); "
            "print(glob.glob('a/*.txt'), os.listdir(), os.listdir(b'a'))",
            "['a/c.txt'] ['a'] [b'b', b'c.txt']",
        ),
        ("import os; print([(r, d, f) for r, d, f in os.walk('.')])", "[('.', [], [])]"),
        (
            "import os; open('a', 'w').write('12'); os.rename('a', 'b'); os.replace('b', 'c'); "
            "print(os.path.getsize('c'), os.path.exists('a'), os.path.isfile(f'{os.getcwd()}/c'))",
            "2 False True",
        ),
        (
            "import logging; logging.basicConfig(filename='log'); logging.error('x'); "
            "print(open('log').read())",
            "ERROR:root:x",
        ),
        (
            "import zipfile; z = zipfile.ZipFile('z', 'w'); z.writestr('a', '1'); z.close(); "
            "print(zipfile.ZipFile('z').read('a'))",
            "b'1'",
        ),
    ],
)
def test_saved_files_can_be_read(run: Run, code: str, printed: str) -> None:
    """Everything that saves by Python's own functions works in the working directory."""
    output, failure = run(code)
    assert failure is None
    assert output.strip() == printed


@pytest.mark.slow
@pytest.mark.rotate(4)
def test_a_plot_is_saved(run: Run) -> None:
    """Matplotlib saves a figure by `open`."""
    pytest.importorskip("matplotlib")
    code = (
        "import matplotlib.pyplot as plt, os\n"
        "plt.plot([1, 2]); plt.savefig('loss.png'); print(os.path.getsize('loss.png') > 1000)"
    )
    assert run(code) == ("True\n", None)


@pytest.mark.slow
@pytest.mark.rotate(4)
def test_a_torch_model_is_saved() -> None:
    """Torch itself opens files in C++: `torch.save` is given an open file."""
    pytest.importorskip("torch")
    code = (
        "import torch, io\n"
        "torch.save(torch.ones(2), 'a.pt'); print('read', torch.load('a.pt').sum().item())\n"
        "b = io.BytesIO(); torch.save(torch.ones(3), b); print(b.tell() > 0)"
    )
    with Workshop(preload=["torch"]) as workshop, workshop.worker(deadline=60.0) as worker:
        reply = worker.ask(Frame("script", {}, {"text": code}), 50.0)
        assert reply.data["failure"] is None
        assert worker.output.endswith("read 2.0\nTrue\n")


def test_failed_rename_keeps_the_file(run: Run) -> None:
    """The folder of the new name does not exist."""
    code = (
        "import os\nopen('a', 'w').write('1')\n"
        "try: os.rename('a', 'b/c')\n"
        "except FileNotFoundError as error: print(error)\n"
        "print(open('a').read())"
    )
    assert run(code) == ("[Errno 2] No such file or directory: 'b/c'\n1\n", None)


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('a/b', 'w')", "FileNotFoundError: [Errno 2] No such file or directory: 'a/b'"),
        (
            "open('a', 'w'); open('a/b', 'w')",
            "NotADirectoryError: [Errno 20] Not a directory: 'a/b'",
        ),
        ("open('a', 'w'); open('a', 'x')", "FileExistsError: [Errno 17] File exists: 'a'"),
        (
            "import os; os.mkdir('a'); open('a')",
            "IsADirectoryError: [Errno 21] Is a directory: 'a'",
        ),
        ("import os; os.mkdir('a'); os.mkdir('a')", "FileExistsError: [Errno 17] File exists: 'a'"),
        (
            "import os; os.mkdir('a'); os.remove('a')",
            "IsADirectoryError: [Errno 21] Is a directory: 'a'",
        ),
        (
            "import os; os.mkdir('a'); open('b', 'w'); os.rename('b', 'a')",
            "IsADirectoryError: [Errno 21] Is a directory: 'a'",
        ),
        (
            "import os; os.makedirs('a/b'); os.rmdir('a')",
            "OSError: [Errno 39] Directory not empty: 'a'",
        ),
        (
            "import os; open('a', 'w'); os.listdir('a')",
            "NotADirectoryError: [Errno 20] Not a directory: 'a'",
        ),
        ("open('a')", "FileNotFoundError: [Errno 2] No such file or directory: 'a'"),
        ("open('a', 'w').read()", "io.UnsupportedOperation: not readable"),
        ("open('a', 'wb', 0).read()", "io.UnsupportedOperation: not readable"),
        ("open('a', 'w'); open('a', 'rb', 0).write(b'')", "io.UnsupportedOperation: not writable"),
        ("open('a', 'w'); open('a', 'rb', 0).truncate()", "io.UnsupportedOperation: truncate"),
        ("open('a', 'wb', 0).truncate(-1)", "OSError: [Errno 22] Invalid argument"),
        ("open('a', 'wb', 0).seek(-1)", "OSError: [Errno 22] Invalid argument"),
        ("open('a', 'rw')", "ValueError: must have exactly one of create/read/write/append mode"),
        ("open('../a', 'w')", "PermissionError: [Errno 1] Operation not permitted: '../a'"),
    ],
)
def test_errors_equal_those_of_a_folder_on_disk(run: Run, code: str, error: str) -> None:
    """Wrong uses raise the documented errors; paths elsewhere work as before."""
    _, failure = run(code)
    assert failure is not None
    assert failure.splitlines()[-1] == error


@pytest.mark.parametrize(
    "code",
    [
        f"open('a', 'wb').write(bytes({MAX_BYTES + 1}))",
        f"open('a', 'wb').write(bytes({MAX_BYTES})); open('b', 'wb', 0).write(b'x')",
        "f = open('a', 'wb', 0); f.seek(1 << 60); f.write(b'x')",
        "open('a', 'wb', 0).truncate(1 << 60)",
        f"for i in range({MAX_ENTRIES + 1}): open(str(i), 'w')",
        f"import os\nfor i in range({MAX_ENTRIES + 1}): os.mkdir(str(i))",
    ],
)
def test_full_folder_raises_os_error(run: Run, code: str) -> None:
    """A folder holds `MAX_BYTES` in `MAX_ENTRIES` files; saving more raises OSError."""
    _, failure = run(code)
    assert failure is not None
    assert "OSError: [Errno 28] No space left on device" in failure


def test_files_are_neither_written_to_disk_nor_kept() -> None:
    """A process finds no files of another, and the real folder stays empty."""
    text = (
        "import os\n"
        "print(os.listdir())\n"
        "with open('message', 'w') as file: file.write('the answers')\n"
        "os.mkdir('more')\n"
    )
    with Workshop() as workshop:
        for _ in range(2):
            with workshop.worker(deadline=20.0) as worker:
                worker.ask(Frame("script", {}, {"text": text}), 10.0)
                assert worker.output == "[]\n"
                assert os.listdir(workshop._launcher._folder) == []


def test_reloaded_code_finds_an_empty_folder() -> None:
    """A process may load a submission several times, each time with an empty folder."""
    sources = {
        **{"own": [["a.py", "import os\nfound = len(os.listdir())\nopen('a', 'w').close()\n"]]},
        **{"shared": [], "borrowed": [], "modules": {}, "forbidden": [], "seed": 1},
        "imports": {"allowed": [], "forbidden": []},
    }
    script = "import os, sys; open('left', 'w').close(); print(os.listdir())"
    with Workshop() as workshop, workshop.worker(deadline=20.0) as worker:
        for _ in range(2):
            worker.ask(Frame("load", {}, sources), 10.0)
            worker.ask(Frame("script", {}, {"text": script}), 10.0)
            assert worker.output == "['left']\n"
