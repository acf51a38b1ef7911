"""Write files that leave a mark if they are run outside a worker, as a submission may contain.

A worker does not inherit the environment, so `VARIABLE` is not set in it.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "GRADKIT_TEST_TRAP"

TRAP = f"""\
import os as _os
if {VARIABLE!r} in _os.environ:
    _place = _os.path.join(_os.environ[{VARIABLE!r}], NAME + "-" + str(_os.getpid()))
    _os.close(_os.open(_place, _os.O_CREAT | _os.O_WRONLY))
"""

MODULES = (
    "multiprocessing", "socket", "types", "pickle", "signal", "json", "numpy", "subprocess",
    "selectors", "threading", "struct", "sitecustomize", "usercustomize", "encodings", "execnet",
    "click", "msgspec", "distributed", "_pytest", "pytest", "pluggy",
)  # fmt: skip


def trap(name: str) -> str:
    """Return code that, when run, writes a file into the folder that the environment names."""
    return TRAP.replace("NAME", repr(name))


def set_traps(folder: Path, **submissions: str) -> Path:
    """Fill a folder with trap modules, a trap package, ``.pth`` files, and trapped submissions."""
    for name in MODULES:
        (folder / f"{name}.py").write_text(trap(name), encoding="utf-8")
    for name, text in submissions.items():
        (folder / f"{name}.py").write_text(f"{trap(name)}\n{text}", encoding="utf-8")
    package = folder / "gradkit"
    package.mkdir(exist_ok=True)
    for name in ("__init__", "safe_path", "processes", "isolated_pytest", "cli", "worker"):
        (package / f"{name}.py").write_text(trap(f"gradkit.{name}"), encoding="utf-8")
    line = "; ".join(
        (
            "import os",
            f"_p = os.environ.get({VARIABLE!r})",
            "_p and os.close(os.open(os.path.join(_p, 'pth'), os.O_CREAT))",
        )
    )
    for name in ("evil.pth", "gradkit.pth"):
        (folder / name).write_text(f"{line}\n", encoding="utf-8")
    return folder


INI = """\
[pytest]
pythonpath = .
addopts = -p evil
python_files = *.py
gradkit_assignment = own.toml
"""
PYPROJECT = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "-p evil"
"""
TOML = """\
[pytest]
pythonpath = ["."]
addopts = ["-p", "evil"]
"""
INI_FILES = {
    "pytest.toml": TOML,
    ".pytest.toml": TOML,
    "pytest.ini": INI,
    ".pytest.ini": INI,
    "tox.ini": INI,
    "setup.cfg": INI.replace("[pytest]", "[tool:pytest]"),
    "pyproject.toml": PYPROJECT,
}
"""The files in which pytest finds settings, by name, with settings that run ``evil.py``."""


def set_pytest_traps(folder: Path) -> None:
    """Fill a folder with all kinds of files that pytest reads or runs; each runs a trap."""
    for name in ("conftest", "__init__", "test_it", "evil", "setup"):
        text = f"{trap(name)}\npytest_plugins = ['evil']\ndef test_it(): pass\n"
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    for name, text in INI_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / ".pdbrc").write_text(f"!exec({trap('pdbrc')!r})\n", encoding="utf-8")
    package = folder / "evil-1.0.dist-info"
    package.mkdir(exist_ok=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[pytest11]\nevil = evil\n", encoding="utf-8")


def sprung(markers: Path) -> list[str]:
    """Return the names of the traps that were run."""
    return sorted(path.name for path in markers.iterdir())


def trapped_environment(markers: Path, **others: str) -> dict[str, str]:
    """Return an environment in which traps leave marks, without settings for Python or pytest."""
    dropped = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, VARIABLE: str(markers), "COLUMNS": "200", **others}
