"""Count the planted copies that the review server finds, and the false pairs that it lists.

Each FOLDER has solutions of one exercise by different authors, one Python file each, and may have
the code that all authors were given in ``given.py``. Of each solution a copy is planted with other
names, functions and independent statements in another order, other layout and comments. A copy
is found if it is listed with its original, in a class of all originals and `TOGETHER` copies.

``--public CLONES`` reads public solutions of five exercises of one course, which
``public_solutions.csv`` lists by repository and commit. It clones the repositories from GitHub
into the folder CLONES, as ``owner+name``, unless they are there.

A pair of originals is false if the authors worked independently. Public solutions are often copied
from each other, so look at the pairs that ``--list`` prints before you count them.
"""

from __future__ import annotations

import argparse
import ast
import csv
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from disguise import disguised  # noqa: E402

from gradkit.review.similarity import pairs  # noqa: E402

PUBLIC = Path(__file__).with_name("public_solutions.csv")
"""Repositories with public solutions: a commit, and a path for each exercise."""

GIVEN = "given.py"
"""Name of the file with the code that all authors were given."""

FOUND_BAR = 0.95
"""Smallest share of planted copies that are found."""

TOGETHER = 5
"""Number of copies that are planted in a class at once."""

FALSE_BAR = 0.01
"""Largest share of pairs of originals that are listed."""


def reordered(text: str, seed: int) -> str:
    """Return a source in which adjacent assignments that are independent are exchanged at random.

    Only assignments without calls are exchanged, since calls can have side effects.
    """
    draw = random.Random(seed)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for at, (first, second) in enumerate(pairwise(list(body))):
                is_same = body[at] is first and body[at + 1] is second
                if is_same and draw.random() < 0.5 and are_independent(first, second):
                    body[at], body[at + 1] = second, first
    return ast.unparse(tree)


def are_independent(first: ast.AST, second: ast.AST) -> bool:
    """Return True if two statements are assignments that use none of each other's targets."""
    if not all(isinstance(node, ast.Assign) for node in (first, second)):
        return False
    if any(isinstance(part, ast.Call) for node in (first, second) for part in ast.walk(node)):
        return False
    (stored, used), (other_stored, other_used) = map(names_of, (first, second))
    return not (stored & (other_stored | other_used)) and not (other_stored & used)


def names_of(statement: ast.AST) -> tuple[set[str], set[str]]:
    """Return the names that an assignment stores into, and all names in it."""
    used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    stored = {node.id for target in targets for node in ast.walk(target) if hasattr(node, "id")}
    return stored, used


def read(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the solutions of a folder that are valid Python, and the code that was given."""
    files = sorted(folder.glob("*.py"))
    sources = valid({path.name: path.read_bytes() for path in files})
    given = sources.pop(GIVEN, None)
    return sources, [] if given is None else [given]


def valid(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the texts of the files that are valid Python."""
    sources = {}
    for name, content in files.items():
        text = content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        sources[name] = text
    return sources


def read_public(clones: Path) -> dict[str, dict[str, str]]:
    """Return the public solutions by exercise and repository; clone what is missing."""
    found: dict[str, dict[str, bytes]] = {}
    with PUBLIC.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            repository, commit = row.pop("repository"), row.pop("commit")
            clone = clones / repository.replace("/", "+")
            if not clone.exists():
                git("clone", "--quiet", "--bare", f"https://github.com/{repository}", str(clone))
            for exercise, path in row.items():
                if path:
                    content = git("-C", str(clone), "show", f"{commit}:{path}")
                    found.setdefault(exercise, {})[repository] = content
    return {exercise: valid(files) for exercise, files in found.items()}


def git(*words: str) -> bytes:
    """Run git, and return what it prints."""
    return subprocess.run(["git", *words], check=True, stdout=subprocess.PIPE).stdout


def missed_copies(sources: dict[str, str], given: Sequence[str]) -> list[str]:
    """Return the solutions whose planted copy is not listed with its original."""
    missed = []
    for names in batched(sources, TOGETHER):
        copies = {
            f"copy of {name}": disguised(reordered(sources[name], number), number)
            for number, name in enumerate(names)
        }
        found = {(pair.left, pair.right) for pair in pairs({**sources, **copies}, given)}
        listed = found | {(right, left) for left, right in found}
        missed += [name for name in names if (name, f"copy of {name}") not in listed]
    return missed


def batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield groups of names of a size, the last one perhaps smaller."""
    rest = [*names]
    while rest:
        yield rest[:size]
        del rest[:size]


def main() -> int:
    """Print the figures of each folder; return 1 if one of them misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="*")
    parser.add_argument("--public", metavar="CLONES", type=Path, help="read public solutions")
    parser.add_argument("--list", action="store_true", help="list pairs and missed copies")
    options = parser.parse_args()
    exercises = {folder.name: read(folder) for folder in options.folders}
    if options.public:
        public = read_public(options.public)
        exercises |= {name: (sources, []) for name, sources in public.items()}
    if not exercises:
        parser.error("Name a FOLDER, or --public CLONES.")
    copies = found = every = listed = 0
    for name, (sources, given) in exercises.items():
        missed, false = missed_copies(sources, given), pairs(sources, given)
        count = len(sources) * (len(sources) - 1) // 2
        copies, found = copies + len(sources), found + len(sources) - len(missed)
        every, listed = every + count, listed + len(false)
        print(
            f"{name}: {len(sources)} solutions, {len(sources) - len(missed)} copies found, "
            f"{len(false)} of {count} pairs listed",
            flush=True,
        )
        if options.list:
            for pair in false:
                print(f"  {pair.similarity:.2f} {pair.shared} {pair.left} {pair.right}")
            for original in missed:
                print(f"  missed: {original}")
    print(f"{copies} solutions, {every} pairs of one exercise")
    print(f"copies found: {found / copies:.1%} (at least {FOUND_BAR:.0%})")
    print(f"pairs listed: {listed / every:.2%} (at most {FALSE_BAR:.0%})")
    return int(found < FOUND_BAR * copies or listed > FALSE_BAR * every)


if __name__ == "__main__":
    sys.exit(main())
