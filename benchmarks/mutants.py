"""Mutate decisions of modules one at a time, and see whether their tests notice.

    python benchmarks/mutants.py gradkit/gradcheck --tests "-q -x tests/gradcheck -m 'not slow'" \
        [--count 200] [--seed N] [--equivalent FILE]

A mutant changes one comparison, boolean operator, condition, minimum or maximum, arithmetic sign or
constant in a line that decides something. The files are changed in a copy of the tree, never in
place. A file of equivalent mutants has a line for each, `module: old -> new: reason`.
"""

from __future__ import annotations

import argparse
import ast
import random
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

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

    @property
    def name(self) -> str:
        """How it is listed."""
        return f"{self.path.name}:{self.line}: {self.old} -> {self.new}"


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
        return Mutant(path, low, high, data[low:high].decode(), new, line)

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
    line = data.decode().splitlines()[mutant.line - 1]
    if "TYPE_CHECKING" in line or (mutant.new in "&|" and ("->" in line or ": " in line)):
        return False
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def killed(mutant: Mutant, tree: Path, command: list[str], seconds: float) -> bool:
    """Return whether the tests fail, or hang, with the mutant in the tree."""
    target = tree / mutant.path.relative_to(ROOT)
    before = target.read_bytes()
    target.write_bytes(before[: mutant.start] + mutant.new.encode() + before[mutant.end :])
    environment = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    import os

    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, **environment},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_bytes(before)


def main() -> None:
    """Draw mutants, run the tests on each, and list the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", help="files or folders of modules")
    parser.add_argument("--tests", required=True, help="arguments of pytest")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--equivalent", help="file that lists equivalent mutants with a reason")
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    files = [
        file
        for path in map(Path, given.paths)
        for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]
    every = [m for file in files for m in mutants(file.resolve()) if plausible(m)]
    chosen = random.Random(seed).sample(every, min(given.count, len(every)))
    excused = set()
    if given.equivalent:
        for line in Path(given.equivalent).read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                module, change, _ = line.split(": ", 2)
                excused.add((module, change))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *shlex.split(given.tests)]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        skip = shutil.ignore_patterns(".git", "__pycache__", "*.egg-info", ".*_cache")
        shutil.copytree(ROOT, tree, ignore=skip)
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=tree, capture_output=True, check=False, env=None, text=True
        )
        usual = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"the tests fail without a mutant:\n{done.stdout[-2000:]}")
        print(
            f"seed {seed}: {len(every)} mutants, {len(chosen)} drawn; tests {usual:.0f} s",
            flush=True,
        )
        dead, alike, left = 0, 0, []
        for number, mutant in enumerate(chosen):
            if number % 10 == 0:
                print(f"{number} tried, {dead} killed", flush=True)
            if killed(mutant, tree, command, 5 * usual + 30):
                dead += 1
            elif (mutant.path.name, f"{mutant.old} -> {mutant.new}") in excused:
                alike += 1
            else:
                left.append(mutant)
                text = mutant.path.read_text(encoding="utf-8").splitlines()[mutant.line - 1]
                print(f"survived {mutant.name}\n    {text.strip()}", flush=True)
    counted = len(chosen) - alike
    print(f"{dead} of {counted} killed ({100 * dead / max(counted, 1):.1f} %), {alike} equivalent")


if __name__ == "__main__":
    main()
