"""Run lines with the functions of a handout in the sandbox."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.grading.own_forward import replace_inputs
from gradkit.lines import value_of
from gradkit.records.submission import Section, Submission
from gradkit.sandbox import Workshop
from gradkit.sandbox.observe import Step, made_of, of_lines
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.read import read
from gradkit.task.assignment import gallery_functions
from gradkit.task.draws import draw_input, functions
from gradkit.writing import read_text_file

DEADLINE = 600.0
"""Seconds for all runs of a handout."""

FOLDERS_ABOVE = 3
"""Number of folders above a handout in which modules that it imports are searched for."""


class Inputs(Struct, frozen=True):
    """Sizes with their lengths or expressions, and inputs with their expressions."""

    sizes: Mapping[str, int | str]
    inputs: Mapping[str, Any]

    def drawn(self, seed: int) -> dict[str, Any]:
        """Draw the inputs; the same seed draws the same values."""
        names: dict[str, Any] = {**functions(np.random.default_rng(seed))}
        sizes: dict[str, Any] = {k: v for k, v in self.sizes.items() if isinstance(v, int)}
        for name, value in self.sizes.items():
            if isinstance(value, str):
                sizes[name] = int(draw_input(name, value, sizes))
        names |= sizes
        values = {name: draw_input(name, value, names) for name, value in self.inputs.items()}
        return {**sizes, **values}


class Ran(Struct, frozen=True):
    """The values of expressions after some lines, or why the lines ``failed``."""

    values: Mapping[str, NDArray[Any]]
    failed: str = ""


class Trial(AbstractContextManager["Trial"]):
    """Runs the functions of a handout in a process of the sandbox.

    Parameters
    ----------
    path : Path
        The handout, a Python file or a notebook.
    """

    def __init__(self, path: Path) -> None:
        self.submission = read(path)
        self.given = dict(given_modules(self.submission, path))
        self._stack = ExitStack()
        workshop = self._stack.enter_context(Workshop())
        section = Section(("handout",), self.submission.cells)
        modules = {**self.submission.modules, **self.given}
        self._process = self._stack.enter_context(
            StudentProcess(workshop, section, modules, frozenset(), DEADLINE, seed=0)
        )

    def run(
        self,
        called: Collection[str],
        lines: Sequence[str],
        inputs: Inputs,
        reads: Sequence[str],
        *,
        seed: int = 0,
        moved: Mapping[str, Any] = {},
    ) -> Ran:
        """Run lines that call some functions, and evaluate expressions.

        ``moved`` are numbers to add to inputs, or to entries of inputs, by their expression.
        """
        values = inputs.drawn(seed)
        for expression, change in moved.items():
            place = value_of(expression, dict(values))
            values = {**values, **replace_inputs(values, {expression: place + change})}
        steps = [Step(line, {}) for line in lines]
        request = of_lines({name: name for name in called}, values, steps, reads)
        made, outcome = made_of(self._process, reads, self._process.ask(request))
        if outcome.lost is not None:
            return Ran({}, outcome.lost.detail)
        if outcome.failure is not None:
            return Ran({}, f"{outcome.failure.type}: {outcome.failure.message}")
        return Ran(made.values)

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def given_modules(submission: Submission, path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules that a handout imports, with their texts, as far as they can be found.

    A module is a file beside the handout or in a folder above it, or one that a shipped exercise
    hands out.
    """
    shipped = {name: text for task in gallery_functions() for name, text in task.given.items()}
    folders = [path.resolve().parent, *path.resolve().parents[1 : FOLDERS_ABOVE + 1]]
    waiting = list(_imported("\n".join(cell.source for cell in submission.cells)))
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        seen.add(name)
        relative = Path(*name.split(".")).with_suffix(".py")
        files = [folder / relative for folder in folders if (folder / relative).is_file()]
        if files and files[0] != path.resolve():
            text = read_text_file(files[0])
        elif name in shipped and find_spec(name.partition(".")[0]) is None:
            text = shipped[name]
        else:
            continue
        yield name, text
        waiting += _imported(text)


def _imported(text: str) -> Iterator[str]:
    """Yield the names of the modules that a text imports; nothing if it is not valid Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
