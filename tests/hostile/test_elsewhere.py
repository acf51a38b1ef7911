"""The same attacks again: as an ordinary user, as root, and under a filter like Docker's default.

As root, which CI is in its container, another account is taken for the ordinary user. The
interpreter may lie where other accounts cannot go, in root's own folder: then it is mounted
elsewhere for the length of the run. Root's tier, 3, takes the same, as workers get an account that
is nobody's.
"""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from soak import SIZE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
FILES = [
    *(
        f"tests/hostile/test_{name}.py"
        for name in (
            "attacks",
            "submissions",
            "pairs",
            "pytest_command",
            "forged_repairs",
            "one_fault_one_result",
            "assignment_files",
            "patched_numpy",
        )
    ),
    "tests/sandbox/test_doctor.py",
]
CASES = "not slow" if SIZE == 1 else ""
"""A sample of the attacks, or all."""

ENOUGH = 50 if SIZE == 1 else 290
"""Tests that pass on a machine with Landlock: these attacks at the tiers 0, 1 and 2, and more."""

ENOUGH_AS_ROOT = ENOUGH + 12 if SIZE == 1 else ENOUGH + 90
"""The same, and each attack at tier 3."""

SWITCH = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

MOUNT = """
set -e
mount --bind "$1" python; mount --bind "$2" site-packages; mount --bind "$3" checkout
shift 3
cd checkout
exec "$@"
"""


def suite(command, folder, temporary, **environment):
    """Run the attacks by the start of a command, and return how many tests passed."""
    done = subprocess.run(
        [*command, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", CASES, *FILES],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "TMPDIR": str(temporary),
            "HOME": str(temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GRADKIT_INNER_RUN": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return int(re.findall(r"(\d+) passed", done.stdout)[-1])


@pytest.fixture
def folder():
    """A folder that any account may enter, as pytest's own may not, with one to write in."""
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("python", "site-packages", "checkout", "tmp"):
            (folder / part).mkdir()
        (folder / "tmp").chmod(0o777)
        yield folder


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become another")


def mounted(folder, switch):
    """Run the attacks where all that they take is seen below a folder that anybody may enter."""
    places = [sys.base_prefix, sysconfig.get_path("purelib"), str(ROOT)]
    python = folder / "python" / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = ["unshare", "--mount", "sh", "-c", MOUNT, "sh", *places, *switch, str(python)]
    paths = f"{folder / 'checkout'}:{folder / 'site-packages'}"
    return suite(command, folder, folder / "tmp", PYTHONPATH=paths)


@as_root
def test_as_an_ordinary_user(folder):
    """An account without any right of its own reaches the tiers below 3, and all is held."""
    # By way of a shell: setpriv itself starts its command with the rights it has yet to give up.
    switched = [*SWITCH, "sh", "-c", 'exec "$0" "$@"', sys.executable]
    tried = [*switched, "-c", "import numpy"]
    if not subprocess.run(tried, cwd=ROOT, capture_output=True, check=False).returncode:
        assert suite(switched, ROOT, folder / "tmp") >= ENOUGH
    else:
        assert mounted(folder, SWITCH) >= ENOUGH


@as_root
def test_as_root(folder):
    """With an interpreter that others can read, tier 3 is reached too, and all is held."""
    assert mounted(folder, []) >= ENOUGH_AS_ROOT


def test_under_a_filter_like_dockers(folder):
    """In a container with Docker's default profile the same tiers are reached, and all is held."""
    wrapper = str(Path(__file__).with_name("like_docker.py"))
    command = [sys.executable, wrapper, sys.executable]
    assert suite(command, ROOT, folder / "tmp") >= ENOUGH


def test_the_filter_is_like_dockers():
    """It refuses what Docker refuses, and lets pass what Docker lets pass."""
    wrapper = str(Path(__file__).with_name("like_docker.py"))
    tries = (
        "import ctypes, os, socket, subprocess\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.unshare(0x10000000), ctypes.get_errno())\n"
        "print(libc.syscall(425, 1, None), ctypes.get_errno())\n"
        "print(os.waitpid(os.fork() or os._exit(0), 0)[1], socket.socket().fileno() > 0)\n"
    )
    command = [sys.executable, wrapper, sys.executable, "-c", tries]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["-1 1", "-1 1", "0 True"]
