"""Mutate decisions of modules one at a time, and see whether their tests notice.

    python benchmarks/mutants.py gradkit/judge gradkit/grading/points.py gradkit/binding \
        [--count 200] [--seed N] [--tests "tests/x -k y"]

A mutant changes one comparison, boolean operator, condition, minimum or maximum, or arithmetic
sign. The files are changed in copies of the tree, never in place. `TESTS` has for each module the
tests that are tried on its mutants, the quickest first. `equivalent.toml` beside this file lists
mutants that no test can tell from the code, each with the reason; none of them is drawn.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import random
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np  # noqa: F401  (loaded once, for all forks)
import pytest

if find_spec("torch"):
    import torch  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")

TESTS: dict[str, tuple[str, ...]] = {
    "gradkit/gradcheck/backward.py": (
        "tests/gradcheck/test_check_backward.py",
        "tests/gradcheck/test_check_module.py",
    ),
    "gradkit/gradcheck/structure.py": ("tests/gradcheck/test_structure.py",),
    "gradkit/gradcheck/patterns.py": (
        "tests/gradcheck/test_patterns_decisions.py",
        "tests/gradcheck/test_patterns_named.py",
    ),
    "gradkit/gradcheck/directions.py": ("tests/gradcheck/test_directions_decisions.py",),
    "gradkit/gradcheck/noise.py": ("tests/gradcheck/test_noise_decisions.py",),
    "gradkit/gradcheck/examine.py": ("tests/gradcheck/test_examine_decisions.py",),
    "gradkit/gradcheck/entries.py": ("tests/gradcheck/test_entries_decisions.py",),
    "gradkit/gradcheck": (
        "tests/gradcheck/test_decisions.py tests/gradcheck/test_check_decisions.py",
        "tests/gradcheck",
    ),
    "gradkit/judge/tolerances.py": ("tests/judge/test_tolerances.py",),
    "gradkit/judge/gradient.py": ("tests/judge/test_gradient.py",),
    "gradkit/judge/steps.py": ("tests/judge/test_memorised.py", "tests/judge/test_runs.py"),
    "gradkit/judge": (
        "tests/judge/test_judge_numpy.py tests/judge/test_judge_torch.py tests/judge",
    ),
    "gradkit/grading/points.py": ("tests/grading/test_mark.py", "tests/grading/test_rubric.py"),
    "gradkit/binding/match.py": (
        "tests/binding/test_match.py",
        "tests/binding/test_stated_conventions.py",
    ),
    "gradkit/binding/idioms.py": ("tests/binding/test_idioms.py",),
    "gradkit/binding/inspection.py": (
        "tests/binding/test_inspection.py",
        "tests/binding/test_outline.py",
    ),
    "gradkit/binding/__init__.py": ("tests/binding/test_roles.py",),
    "gradkit/binding": ("tests/binding --deselect tests/binding/test_whole_limb.py",),
}
"""Arguments of pytest for a module and for a folder: each for what those before it let pass."""

COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
TURNED = {ast.Lt: ">", ast.LtE: ">", ast.Gt: "<", ast.GtE: "<"}
SIGNS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.BitAnd: "|", ast.BitOr: "&"}
CALLS = {
    "max": "min",
    "min": "max",
    "fmax": "fmin",
    "fmin": "fmax",
    "any": "all",
    "all": "any",
    "isfinite": "isnan",
}


@dataclass(frozen=True)
class Mutant:
    """One change of a file: a span of its text and what is put there."""

    path: Path
    start: int
    end: int
    old: str
    new: str
    line: int
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """How `equivalent.toml` lists it: the module, the text of the line, and the change."""
        return self.path.relative_to(ROOT).as_posix(), self.text, f"{self.old} -> {self.new}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    source = path.read_text(encoding="utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def change(low: int, high: int, new: str, line: int) -> Mutant:
        text = source.splitlines()[line - 1].strip()
        return Mutant(path, low, high, data[low:high].decode(), new, line, text)

    def between(left: ast.expr, right: ast.expr, new: str) -> Mutant:
        low = at(left.end_lineno or 0, left.end_col_offset or 0)
        high = at(right.lineno, right.col_offset)
        gap = data[low:high].decode()
        kept_left = gap[: len(gap) - len(gap.lstrip(" )\n"))]
        kept_right = gap[len(gap.rstrip(" (\n")) :]
        return change(low + len(kept_left), high - len(kept_right), new, left.end_lineno or 0)

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for number, operator in enumerate(node.ops):
                for table in (COMPARISONS, TURNED):
                    if type(operator) in table:
                        new = table[type(operator)]
                        yield between(sides[number], sides[number + 1], new)
        elif isinstance(node, ast.BoolOp):
            new = "or" if isinstance(node.op, ast.And) else "and"
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield between(left, right, new)
        elif isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            texts = (node.left, node.right)
            if not any(isinstance(x, (ast.JoinedStr, ast.List)) for x in texts):
                yield between(node.left, node.right, SIGNS[type(node.op)])
        elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
            low, high = (
                at(node.test.lineno, node.test.col_offset),
                at(node.test.end_lineno or 0, node.test.end_col_offset or 0),
            )
            yield change(low, high, f"not ({data[low:high].decode()})", node.test.lineno)
        elif isinstance(node, ast.Call):
            function = node.func
            name = (
                function.attr
                if isinstance(function, ast.Attribute)
                else getattr(function, "id", "")
            )
            if name in CALLS:
                high = at(function.end_lineno or 0, function.end_col_offset or 0)
                yield change(high - len(name), high, CALLS[name], node.lineno)


def plausible(mutant: Mutant) -> bool:
    """Return whether the changed file is Python, and the change is not in an annotation."""
    data = mutant.path.read_bytes()
    text = (data[: mutant.start] + mutant.new.encode() + data[mutant.end :]).decode()
    line = mutant.text
    if "TYPE_CHECKING" in line or (mutant.new in "&|" and ("->" in line or ": " in line)):
        return False
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def tests_of(path: Path) -> tuple[str, ...]:
    """Return the tests of a module: its own, then those of the folders that contain it.

    The program exits if `TESTS` has none.
    """
    inside = path.relative_to(ROOT)
    found = [each for place in (inside, *inside.parents) for each in TESTS.get(str(place), ())]
    if not found:
        sys.exit(f"{inside}: `TESTS` of {__file__} has no tests of it; name some with --tests")
    return tuple(found)


def passes(stage: str, tree: Path, seconds: float = 3600.0) -> bool:
    """Return whether tests pass in a fork of this process, in a copy of the repository.

    ``stage`` are arguments of pytest, ``tree`` the copy. Tests that take longer than ``seconds``
    are killed, and do not pass.
    """
    child = os.fork()
    if not child:
        os.setsid()
        os.chdir(tree)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        sys.path.insert(0, str(tree))
        os.environ["PYTHONPATH"] = str(tree)
        # A mutant of the same size and second would be taken for the one before; with the
        # variable, tests/conftest.py would have it written.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = True
        for name in [name for name in sys.modules if name.partition(".")[0] == "gradkit"]:
            del sys.modules[name]
        os._exit(int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *shlex.split(stage)])))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def killed(mutant: Mutant, tree: Path, stages: dict[str, float]) -> bool:
    """Return whether some tests fail, or take ten times as long, with the mutant in the tree.

    ``stages`` are arguments of pytest with the usual seconds. The tree is restored.
    """
    target = tree / mutant.path.relative_to(ROOT)
    before = target.read_bytes()
    target.write_bytes(before[: mutant.start] + mutant.new.encode() + before[mutant.end :])
    try:
        return not all(passes(stage, tree, 10 * usual + 30) for stage, usual in stages.items())
    finally:
        target.write_bytes(before)


_taken: list[Path] = []
"""The copy of the tree that this process changes."""


def _take(trees: multiprocessing.Queue[Path]) -> None:
    _taken.append(trees.get())


def _usual(stage: str) -> float | None:
    """Return the seconds that tests take without a mutant, None where they fail."""
    started = time.perf_counter()
    return time.perf_counter() - started if passes(stage, _taken[0]) else None


def _dies(asked: tuple[Mutant, dict[str, float]]) -> bool:
    return killed(asked[0], _taken[0], asked[1])


def main() -> None:
    """Draw mutants, run the tests on each, and list the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders of modules")
    parser.add_argument("--tests", action="append", help="arguments of pytest, in place of `TESTS`")
    parser.add_argument("--jobs", type=int, default=1, help="mutants that are tried at a time")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    given = parser.parse_args()
    files = [
        file.resolve()
        for path in given.paths
        for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]
    table = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    alike = {(file, each["line"], each["change"]) for file in table for each in table[file]}
    every = [m for file in files for m in mutants(file) if plausible(m) and m.key not in alike]
    chosen = random.Random(given.seed).sample(every, min(given.count, len(every)))
    stages = {m.path: given.tests or tests_of(m.path) for m in chosen}
    fork = multiprocessing.get_context("fork")
    trees = fork.Queue()
    with tempfile.TemporaryDirectory() as folder, fork.Pool(given.jobs, _take, (trees,)) as pool:
        skip = shutil.ignore_patterns(".git", "__pycache__", "*.egg-info", ".*_cache")
        for job in range(given.jobs):
            trees.put(shutil.copytree(ROOT, Path(folder) / str(job), ignore=skip))
        every_stage = list(dict.fromkeys(stage for each in stages.values() for stage in each))
        usual = dict(zip(every_stage, pool.map(_usual, every_stage, 1), strict=True))
        if failing := [stage for stage, seconds in usual.items() if seconds is None]:
            sys.exit(f"these tests fail without a mutant: {failing}")
        print(
            f"seed {given.seed}: {len(every)} mutants, {len(chosen)} drawn; "
            f"tests {sum(usual.values()):.0f} s",
            flush=True,
        )
        asked = [(mutant, {each: usual[each] for each in stages[mutant.path]}) for mutant in chosen]
        dead = 0
        for number, (mutant, died) in enumerate(zip(chosen, pool.imap(_dies, asked), strict=True)):
            if number % 10 == 0:
                print(f"{number} tried, {dead} killed", flush=True)
            dead += died
            if not died:
                module, line, change = mutant.key
                print(f"survived {module}:{mutant.line}\n    {line}\n    {change}", flush=True)
    print(f"{dead} of {len(chosen)} killed ({100 * dead / max(len(chosen), 1):.1f} %)")


if __name__ == "__main__":
    main()
