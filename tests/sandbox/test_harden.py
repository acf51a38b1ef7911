"""Each step of the confinement fails closed, and honest code still works."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from best_tier import BEST
from weak import weakened
from worker_watch import open_workshop

from gradkit.runtime import linux
from gradkit.runtime.frames import Frame
from gradkit.runtime.harden import readable
from gradkit.sandbox import Workshop, WorkshopError
from gradkit.sandbox.workshop import LACKING, short_of

pytestmark = pytest.mark.sample(12)

ROOT = Path(__file__).resolve().parents[2]
IGNORED = shutil.ignore_patterns("__pycache__")

landlock = pytest.mark.skipif(BEST < 2, reason="this machine has no Landlock")


def start(workshop):
    """Start a worker for nothing."""
    with workshop.worker():
        pass


def said_by(code):
    """Return the error with which code ends in a process of its own."""
    code = f"from gradkit.runtime import linux, filters\nimport os\n{code}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1]


class TestSteps:
    """The error of each call if the kernel or the machine refuses."""

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("linux.die_with(1 << 22)", "the parent had ended before it could be watched"),
            (
                "linux.forbid_new_privileges(); linux.filter_calls(b'x' * 8)",
                "loading a seccomp program: Inv",
            ),
            ("linux.read_only(os.open('/dev/null', 0))", "closing the room by Landlock: "),
            ("linux._add_rule(0, '/dev', 1)", "allowing /dev by Landlock: "),
            ("linux._prctl('asking for much', 4, 99)", "asking for much: Invalid argument"),
            ("linux.SPARE = range(7, 7)\nlinux.spare_account()", "IndexError"),
        ],
    )
    def test_refused(self, code, said):
        """The error names what was attempted."""
        assert said in said_by(code)

    def test_no_account_is_free(self):
        """All candidates are used."""
        said = said_by("linux.SPARE = range(1)\nlinux.spare_account()")
        assert said.endswith("no account from 0 to 0 is free")

    def test_not_the_account(self):
        """The error is raised if the account did not change."""
        code = "os.setgroups = os.setresgid = os.setresuid = lambda *_: None\nlinux.become(61500)"
        assert said_by(code).endswith("the process is not account 61500 after it was made so")

    @pytest.mark.parametrize(
        "step", ["adopt_orphans", "hide", "forbid_new_privileges", "filter_calls"]
    )
    def test_fork_server_fails_closed(self, step, tmp_path):
        """A fork server that cannot be confined starts no worker, and reports why."""
        (tmp_path / "unfit.py").write_text(
            "from gradkit.runtime import linux\n"
            "def refuse(*_): raise OSError(1, 'not on this machine')\n"
            f"linux.{step} = refuse\n"
            "HANDLERS = {}\n"
        )
        text = "could not be confined: .*not on this machine"
        with Workshop(handlers="unfit", search=[str(tmp_path)]) as workshop:
            for _ in range(2):
                with pytest.raises(WorkshopError, match=text) as caught:
                    start(workshop)
                assert "Traceback" not in str(caught.value)

    @pytest.mark.parametrize(
        "broken", ["linux.die_with = refuse", "filters.leash = lambda *_: b'x' * 8"]
    )
    def test_worker_fails_closed(self, broken, tmp_path):
        """A worker that cannot be confined is refused before any student code runs."""
        (tmp_path / "unfit.py").write_text(
            "from gradkit.runtime import filters, linux\n"
            "def refuse(*_): raise OSError(1, 'not on this machine')\n"
            f"{broken}\n"
            "HANDLERS = {}\n"
        )
        text = "no submission is run: .* confined: .*(not on this machine|seccomp program)"
        options = {"handlers": "unfit", "search": [str(tmp_path)]}
        with Workshop(**options) as workshop, pytest.raises(WorkshopError, match=text):
            start(workshop)

    @pytest.mark.parametrize(
        ("step", "answer"),
        [
            ("adopt_orphans()", 0),
            ("forbid_new_privileges()", 0),
            ("die_with(os.getppid())", 0),
            ("hide()", 1),
        ],
    )
    def test_step_that_falsely_reports_success(self, step, answer):
        """An emulator or a filter may report success without doing anything."""
        code = f"linux._libc.prctl = lambda *_: {answer}\nlinux.{step}"
        assert said_by(code).endswith("the system says that it is done, and it is not")

    def test_no_code_runs_if_steps_falsely_report_success(self, tmp_path):
        """The fork server ends, and reports why."""
        (tmp_path / "unfit.py").write_text(
            "from gradkit.runtime import linux\nlinux._libc.prctl = lambda *_: 0\nHANDLERS = {}\n"
        )
        text = "confined: .*adopting orphans: the system says that it is done"
        options = {"handlers": "unfit", "search": [str(tmp_path)]}
        with Workshop(**options) as workshop, pytest.raises(WorkshopError, match=text):
            start(workshop)

    @pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to be counted as another")
    def test_not_counted(self):
        """The error is raised if the process is not counted for the account."""
        said = said_by("os.setresuid = lambda *_: None\nlinux.count_as(61500)")
        assert said.endswith("the process does not count as 61500 after it was made so")
        assert not linux.can_count_as(-2)


@pytest.mark.parametrize("tier", range(BEST + 1))
def test_flags_of_standard_input_are_not_shared(tier):
    """Flags that one process sets are not set in the next."""
    with open_workshop(tier) as workshop:
        found = []
        for _ in range(2):
            with workshop.worker() as worker:
                found.append(worker.ask(Frame("flag"), 5.0).data["flags"])
    assert found[0] == found[1]


@landlock
def test_stat_is_allowed(run, tmp_path):
    """Contents and listings are blocked; sizes are blocked only by file permissions."""
    tmp_path.chmod(0o700)
    (tmp_path / "key.py").write_text("answers")
    output, _ = run(f"import os; print(os.stat({str(tmp_path / 'key.py')!r}).st_size)")
    assert ("7" in output) == (BEST == 2)
    for reading in ("open", "__import__('os').listdir"):
        _, failure = run(f"{reading}({str(tmp_path / 'key.py')!r})")
        assert failure is not None


class TestTiers:
    """A required tier is reached, or a sentence says why not."""

    @pytest.mark.parametrize("tier", range(BEST + 1))
    def test_reached(self, tier):
        """A worker is given if the tier is reached."""
        with Workshop(require_tier=tier, **weakened(tier)) as workshop:
            assert workshop.tier is None
            start(workshop)
            assert workshop.tier == tier

    def test_not_reached(self, tmp_path):
        """No worker is given if the tier is not reached; the error says what it needs."""
        (tmp_path / "unfit.py").write_text(
            "from gradkit.runtime import linux\nlinux.landlock_version = lambda: 0\nHANDLERS = {}\n"
        )
        options = {"handlers": "unfit", "search": [str(tmp_path)]}
        text = (
            "student code would run at isolation tier 1 here, but tier 2 is required. Tier 2 "
            "is not reached: this tier needs a kernel with Landlock .*`gradkit doctor` shows what"
        )
        with (
            Workshop(**options, require_tier=2) as workshop,
            pytest.raises(WorkshopError, match=text),
        ):
            start(workshop)
        assert all(LACKING[tier + 1] in short_of(tier, 3) for tier in range(3))

    @pytest.mark.parametrize("required", [4, -1])
    def test_out_of_range(self, required):
        """A tier that does not exist is refused at once."""
        with pytest.raises(ValueError, match=f"from 0 to 3, {required} is required"):
            Workshop(require_tier=required)

    def test_sibling(self):
        """A workshop for more modules requires the same tier."""
        with Workshop(require_tier=BEST) as first:
            second = first._workshop_with_modules(("json",))
            start(second)
            assert second.tier == BEST
            assert second._require_tier == BEST
        with Workshop(method="spawn") as first:
            assert first._workshop_with_modules(("json",)).method == "spawn"

    def test_spawned(self):
        """A worker that is not forked has tier 0, and is refused if more is required."""
        with (
            open_workshop(3, method="spawn", require_tier=1) as workshop,
            pytest.raises(WorkshopError, match="at isolation tier 0 here, but tier 1 is required"),
        ):
            start(workshop)


@pytest.fixture(scope="module")
def run():
    """Run a script, and return what it printed and how it failed."""
    with Workshop() as workshop:

        def run(text):
            with workshop.worker(deadline=60.0) as worker:
                reply = worker.ask(Frame("script", {}, {"text": text}), 50.0)
                return worker.output, reply.data["failure"]

        yield run


@landlock
class TestStudentsNeeds:
    """Honest code works at the highest tier."""

    @pytest.mark.parametrize(
        ("code", "printed"),
        [
            ("import pandas as pd; print(pd.DataFrame({'a': [1, 2]}).a.mean())", "1.5"),
            ("from scipy.special import expit; print(expit(0.0))", "0.5"),
            ("from scipy import optimize as o; print(o.brentq(lambda x: x, -1, 1))", "0.0"),
            ("import numpy as np; print(np.linalg.eigvalsh(np.eye(2)).sum())", "2.0"),
            ("import numpy as np; print(np.fft.fft([1.0, 0]).real.sum())", "2.0"),
            ("import sqlite3, bz2, lzma, ssl, decimal, ctypes, uuid, csv; print('std')", "std"),
            ("import tempfile, subprocess, multiprocessing, asyncio, socket; print('std')", "std"),
            ("import random, secrets; print(len(secrets.token_bytes(8)))", "8"),
            ("import os; print(os.listdir('.'), os.path.exists(os.getcwd()))", "[] True"),
            (
                "import time, datetime; time.sleep(0.01); print(datetime.date(2026, 1, 1))",
                "2026-01",
            ),
            (
                # What matplotlib asks before it takes a folder for its settings.
                "import os, pathlib; folder = pathlib.Path(os.environ['MPLCONFIGDIR'])\n"
                "folder.mkdir(parents=True, exist_ok=True); print(os.access(folder, os.W_OK))",
                "True",
            ),
            (
                # What torch.func asks, whose gradients load torch's compiler.
                "import os; folder = os.environ['TORCHINDUCTOR_CACHE_DIR']\n"
                "os.makedirs(folder, exist_ok=True); print(os.access(folder, os.W_OK))",
                "True",
            ),
            ("import os; print(os.cpu_count() > 0, len(os.urandom(4)))", "True 4"),
            ("import warnings; warnings.warn('x'); print('warned')", "warned"),
            ("import traceback\ntry: 1/0\nexcept Exception: traceback.print_exc()\nprint(1)", "1"),
            (
                "from concurrent.futures import ThreadPoolExecutor as T\n"
                "with T(4) as pool: print(sum(pool.map(int, '1234')))",
                "10",
            ),
        ],
    )
    def test_works(self, run, code, printed):
        """Late imports, threads, clocks and random numbers work."""
        output, failure = run(code)
        assert failure is None
        assert printed in output

    @pytest.mark.slow
    @pytest.mark.rotate(4)
    def test_torch(self):
        """Modules, optimizers and many late imports of torch work."""
        pytest.importorskip("torch")
        code = (
            "import torch\n"
            "from torch.utils.data import DataLoader, TensorDataset\n"
            "model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LazyLinear(1))\n"
            "data = DataLoader(TensorDataset(torch.ones(4, 2), torch.ones(4, 1)), batch_size=2)\n"
            "optimiser = torch.optim.Adam(model.parameters() if model(torch.ones(1, 2)).numel()\n"
            "                             else [])\n"
            "for X, y in data:\n"
            "    optimiser.zero_grad()\n"
            "    torch.nn.functional.mse_loss(model(X), y).backward()\n"
            "    optimiser.step()\n"
            "print('trained', torch.randperm(3).shape)\n"
        )
        with Workshop(preload=["torch"]) as workshop, workshop.worker(deadline=60.0) as worker:
            reply = worker.ask(Frame("script", {}, {"text": code}), 50.0)
            assert reply.data["failure"] is None
            assert "trained" in worker.output
            assert worker.tier == BEST

    @pytest.mark.parametrize(
        "code",
        [
            "open('../weights.txt', 'w')",
            "import numpy as np; np.save('/tmp/weights.npy', np.ones(2))",
            "import pandas as pd; pd.DataFrame({'a': [1]}).to_csv('/a.csv')",
            "import os; os.makedirs('../figures/all')",
            "import urllib.request as u; u.urlopen('http://127.0.0.1:9/data.csv')",
            "import subprocess; subprocess.run(['pip', 'install', 'numpy'])",
        ],
    )
    def test_forbidden_with_a_plain_error(self, run, code):
        """A forbidden operation fails at once, like access to another user's file."""
        output, failure = run(code)
        assert "PermissionError" in failure or "not permitted" in failure
        assert "gradkit" not in output


class TestReadable:
    """The paths that Landlock allows."""

    def test_gradkit_installed_beside_numpy(self, tmp_path, monkeypatch):
        """All entries of a folder of packages but gradkit are allowed, not the folder itself."""
        packages = tmp_path / "lib" / "site-packages"
        for name in ("numpy", "gradkit", "gradkit-0.1.0.dist-info", "_editable_gradkit", "torch"):
            (packages / name).mkdir(parents=True)
        monkeypatch.setattr(sys, "path", [str(packages), str(tmp_path), *sys.path])
        files, listed = readable([])
        assert {Path(f).name for f in files if Path(f).parent == packages} == {"numpy", "torch"}
        assert str(packages) in listed
        assert str(packages) not in files
        assert str(tmp_path) not in [*files, *listed]

    def test_checkout_is_not_readable(self):
        """No folder above it is allowed either, nor a whole folder of packages."""
        files, listed = readable(["numpy"])
        for path in map(Path, files):
            assert path not in (ROOT, *ROOT.parents)
            # An environment that lies in the checkout is no part of it.
            assert ROOT not in path.parents or path.is_relative_to(sys.prefix)
        assert not {str(ROOT), sys.prefix} & {*files, *listed}
        assert all(
            Path(folder).name in ("site-packages", "dist-packages")
            or Path(folder).name.startswith("python")
            for folder in listed
        )

    def test_libraries_in_a_checkout_are_not_readable(self, tmp_path, monkeypatch):
        """Its folder and the folders above are not allowed; packages in it are."""
        home, packages = tmp_path / "home", tmp_path / "home" / "env" / "site-packages"
        beside = tmp_path / "beside"
        for folder in (home / "build", packages / "numpy", beside):
            folder.mkdir(parents=True)
        (tmp_path / "real").symlink_to(home)
        monkeypatch.setattr("gradkit.runtime.harden._GRADKIT_PARENT", str(home))
        monkeypatch.setattr(sys, "path", [str(tmp_path / "real" / "env" / "site-packages")])
        libraries = [tmp_path, home, home / "build", packages / "numpy", beside]
        monkeypatch.setattr(
            "gradkit.runtime.harden._loaded_library_folders", lambda: list(map(str, libraries))
        )
        files, _ = readable([])
        named = [Path(file) for file in files if file.startswith(str(tmp_path))]
        assert set(named) == {packages / "numpy", beside, tmp_path / "real/env/site-packages/numpy"}

    def test_a_package_in_an_unusual_place(self, tmp_path, monkeypatch):
        """Only the package itself is allowed."""
        (tmp_path / "odd").mkdir()
        (tmp_path / "odd" / "__init__.py").write_text("")
        (tmp_path / "lone.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path))
        files, listed = readable(["odd", "lone", "odd.part", "missing"])
        assert [f for f in files if str(tmp_path) in f] == [
            str(tmp_path / "odd"),
            str(tmp_path / "lone.py"),
        ]
        assert str(tmp_path) not in listed


TOUCH = """
import json, os, sys
from gradkit.sandbox import Workshop
from gradkit.runtime.frames import Frame

with Workshop() as workshop, workshop.worker(deadline=60.0) as worker:
    reply = worker.ask(Frame("script", {}, {"text": sys.argv[1]}), 50.0)
    assert reply.data["failure"] is None, reply.data["failure"]
    print(json.dumps([worker.tier, worker.output.split()]))
"""

TOUCHING = """
import os
for path in {paths!r}:
    try:
        try:
            found = len(os.listdir(path))
        except NotADirectoryError:
            found = len(open(path, "rb").read())
    except PermissionError:
        found = "refused"
    print(found)
"""


@landlock
def test_checkout_with_its_environment_inside_is_not_readable(tmp_path):
    """With ``.venv`` in it, where the README puts it, and gradkit installed as editable.

    The environment's packages can be read; sources, model solutions, tests and history cannot.
    """
    checkout = tmp_path / "checkout"
    for name in ("gradkit", "reference"):
        shutil.copytree(ROOT / name, checkout / name, ignore=IGNORED)
    for name in ("README.md", ".git/config", "tests/test_it.py", "solutions.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("something\n")
    venv.create(checkout / ".venv", with_pip=False)
    packages = next(checkout.glob(".venv/lib/python*/site-packages"))
    (packages / "_editable_of_gradkit.pth").write_text(f"{checkout}\n")
    (packages / "own.py").write_text("")
    # What else is installed here, such as numpy.
    others = [entry for entry in sys.path if entry.endswith("-packages")]
    (packages / "others.pth").write_text("".join(f"{entry}\n" for entry in others))
    closed = [
        *("gradkit/__init__.py", "gradkit/task/oracle.py", "reference/regression_numpy.py"),
        *("README.md", ".git/config", "tests/test_it.py", "solutions.py", ".venv/pyvenv.cfg"),
        *("", "gradkit", "reference", "tests", ".git"),
    ]
    paths = [*(str(checkout / name) for name in closed), str(packages / "own.py"), str(packages)]
    done = subprocess.run(
        [checkout / ".venv/bin/python", "-P", "-c", TOUCH, TOUCHING.format(paths=paths)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tier, found = json.loads(done.stdout)
    assert tier >= 2
    assert dict(zip(closed, found, strict=False)) == dict.fromkeys(closed, "refused")
    assert found[len(closed) :] == ["0", str(len(list(packages.iterdir())))]
