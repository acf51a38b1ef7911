"""What an assignment says of the files that speak for a task, and of packages in its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gradkit.records.task import Framework, Imports
from gradkit.task.tables import ImportsTable, refuse

SOLVERS = ("torch", "jax", "tensorflow", "sympy", "autograd")
"""Packages that take derivatives for whoever should take them by hand."""

FORBIDDEN: Mapping[Framework, tuple[str, ...]] = {"numpy": SOLVERS, "torch": ()}
"""What is forbidden in a task that does not say."""

ENDINGS = (".py", ".ipynb")


def files_of(file: Path, key: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names of files that stand at ``key``.

    Raises
    ------
    AssignmentError
        One is no name of a script or a notebook.
    """
    for name in names:
        if not name.endswith(ENDINGS) or "/" in name or "\\" in name or name in ENDINGS:
            refuse(file, key, repr(name), "a file's name without folders, ending in .py or .ipynb")
    return tuple(names)


def imports_of(file: Path, key: str, table: ImportsTable, framework: Framework) -> Imports:
    """The packages that stand at ``key``, or what holds where nothing is said.

    Raises
    ------
    AssignmentError
        A name has dots or is none, stands on both sides, or is the task's own framework.
    """
    for side, names in (("allowed", table.allowed or []), ("forbidden", table.forbidden or [])):
        for name in names:
            if not name.isidentifier():
                expected = "a package's name without dots, as in `import torch`"
                refuse(file, f"{key}.{side}", repr(name), expected)
    if table.allowed == []:
        refuse(file, f"{key}.allowed", "no package", "at least one, or no such key: then all are")
    allowed = tuple(table.allowed or ())
    if table.forbidden is None:
        forbidden = tuple(name for name in FORBIDDEN[framework] if name not in allowed)
    else:
        forbidden = tuple(table.forbidden)
    for name in forbidden:
        if name in allowed:
            refuse(file, f"{key}.forbidden", repr(name), "packages that are not allowed as well")
        if name == framework:
            refuse(file, f"{key}.forbidden", repr(name), "packages other than the task's framework")
    return Imports((*allowed, framework) if allowed else (), forbidden)
