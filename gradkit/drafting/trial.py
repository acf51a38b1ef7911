"""Run lines with the functions of a handout in the sandbox.

In: the path of a handout, then lines, inputs and expressions. Out: the values of the expressions,
or the error with which the lines stop.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.drafting.handout import is_available
from gradkit.grading.own_forward import replace_inputs
from gradkit.lines import value_of
from gradkit.records.submission import Section, Submission
from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop
from gradkit.sandbox.observe import Step, made_of, of_lines
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.read import read
from gradkit.task.assignment import gallery_functions
from gradkit.task.draws import draw_input, functions
from gradkit.writing import read_text_file

DEADLINE = 600.0
"""Seconds for all runs of a handout."""

MAX_ARRAYS = 200
"""Most arrays in one request, see `gradkit.runtime.frames`."""

MAX_BYTES = 30_000_000
"""Most bytes of the arrays in one request."""

FOLDERS_ABOVE = 3
"""Number of folders above a handout in which modules that it imports are searched for."""


class Inputs(Struct, frozen=True):
    """Sizes with their lengths or expressions, and inputs with their expressions."""

    sizes: Mapping[str, int | str]
    inputs: Mapping[str, Any]

    def drawn(self, seed: int) -> dict[str, Any]:
        """Draw the inputs; the same seed draws the same values."""
        names: dict[str, Any] = {**functions(np.random.default_rng(seed))}
        names["integers"] = partial(_with_largest, names["integers"])
        sizes: dict[str, Any] = {k: v for k, v in self.sizes.items() if isinstance(v, int)}
        for name, value in self.sizes.items():
            if isinstance(value, str):
                sizes[name] = int(draw_input(name, value, sizes))
        names |= sizes
        values = {name: draw_input(name, value, names) for name, value in self.inputs.items()}
        return {**sizes, **values}


def _with_largest(integers: Callable[..., Any], high: int, *shape: int) -> Any:
    """Draw labels among which the largest one is, so that a label outside of an axis shows."""
    drawn = integers(high, *shape)
    drawn.flat[:1] = high - 1
    return drawn


class Ran(Struct, frozen=True):
    """The values of expressions after some lines, or why the lines ``failed``."""

    values: Mapping[str, NDArray[Any]]
    failed: str = ""


class Run(Struct, frozen=True):
    """Lines that call some functions, and expressions to evaluate afterwards.

    ``moved`` are numbers to add to inputs, or to entries of inputs, by their expression.
    """

    called: tuple[str, ...]
    lines: tuple[str, ...]
    inputs: Inputs
    reads: tuple[str, ...]
    moved: Mapping[str, Any] = {}


def _request(run: Run) -> Frame:
    """Return the request that runs the lines with drawn inputs."""
    values = run.inputs.drawn(0)
    for expression, change in run.moved.items():
        place = value_of(expression, dict(values))
        values = {**values, **replace_inputs(values, {expression: place + change})}
    steps = [Step(line, {}) for line in run.lines]
    return of_lines({name: name for name in run.called}, values, steps, run.reads)


class HandoutProcess(AbstractContextManager["HandoutProcess"]):
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

    def run(self, run: Run) -> Ran:
        """Run some lines, and evaluate expressions."""
        return self.run_all([run])[0]

    def run_all(self, runs: Sequence[Run]) -> list[Ran]:
        """Run several lines, which do not know of each other, with as few requests as possible."""
        requests = [_request(run) for run in runs]
        groups = grouped(requests, [len(run.reads) for run in runs])
        replies = [
            reply for group in groups for reply in self._process.ask_all(group, at_once=True)
        ]
        found = []
        for run, reply in zip(runs, replies, strict=True):
            made, outcome = made_of(self._process, run.reads, reply)
            failed = ""
            if outcome.lost is not None:
                failed = outcome.lost.detail
            elif outcome.failure is not None:
                failed = f"{outcome.failure.type}: {outcome.failure.message}"
            found.append(Ran({} if failed else made.values, failed))
        return found

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def grouped(requests: Sequence[Frame], counts: Sequence[int]) -> list[list[Frame]]:
    """Divide requests into groups that one frame can hold.

    ``counts`` has the number of arrays in the reply to each request.
    """
    groups: list[list[Frame]] = []
    arrays = size = 0
    for request, count in zip(requests, counts, strict=True):
        own = sum(array.nbytes for array in request.arrays.values())
        total = count + len(request.arrays)
        if not groups or arrays + total > MAX_ARRAYS or size + own > MAX_BYTES:
            groups.append([])
            arrays = size = 0
        groups[-1].append(request)
        arrays, size = arrays + total, size + own
    return groups


def given_modules(submission: Submission, path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules that a handout imports, with their texts, as far as they can be found.

    A module is a file beside the handout or in a folder above it, or one that a shipped exercise
    hands out, if that file is missing or needs packages that are not installed. For a relative
    import, the folder is that of the importing module, or one above it.
    """
    shipped = {name: text for task in gallery_functions() for name, text in task.given.items()}
    here = path.resolve().parent
    folders = [here, *path.resolve().parents[1 : FOLDERS_ABOVE + 1]]
    waiting = [
        each for cell in submission.cells for each in _imported(cell.source, here, "", folders)
    ]
    seen: set[str] = set()
    while waiting:
        name, module, places = waiting.pop(0)
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        seen.add(name)
        files = [
            file
            for folder in places
            for file in (folder / f"{module}.py", folder / module / "__init__.py")
            if file.is_file() and file != path.resolve()
        ][:1]
        texts = [read_text_file(file) for file in files]
        if name in shipped and not (texts and all(map(is_available, _packages(texts[0])))):
            texts, files = [shipped[name]], [path]
        for text, file in zip(texts, files, strict=True):
            yield name, text
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            waiting += _imported(text, file.parent, package, folders)


def _packages(text: str) -> Iterator[str]:
    """Yield the names of the modules that a text imports; nothing if it is not valid Python."""
    yield from (name for name, *_ in _imported(text, Path(), "", []))


def _imported(
    text: str, folder: Path, package: str, folders: Sequence[Path]
) -> Iterator[tuple[str, Path, Sequence[Path]]]:
    """Yield the modules that a text imports: the name, the path without suffix, and its folders.

    ``folder`` is that of the text, ``package`` the name of its package, and ``folders`` are those
    of modules that are not imported relatively. Nothing is yielded if a text is not valid Python.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from ((name, Path(*name.split(".")), folders) for name in names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            # In the sandbox, the handout is in no package, so that ``..a`` is ``a``.
            parts = package.split(".") if package else []
            above = parts[: max(len(parts) - node.level + 1, 0)]
            start = folder.joinpath(*[".."] * (node.level - 1)).resolve()
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield ".".join([*above, name]), Path(*name.split(".")), [start]
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, Path(*node.module.split(".")), folders
