"""Plant every kind of mistake in several places: it has to cost its price in each.

    python benchmarks/prices.py [--seeds 20] [--first 0] [--only WORD] [--place PLACE]

A plant is a sample of `tests/mistakes`: of a mistake in nets (``samples.toml``) or of a kind of
change (``functions.toml``). Each is graded

- in its ``formula``, as it stands in the sample;
- in a ``helper``: a function of the student's own computes the wrong value, or all of the wrong
  function where there is not just one wrong value;
- under other ``names``: the variables of the wrong function are called otherwise;
- ``beside`` another mistake of the same submission, the first of `COMPANIONS` that fits.

A check that fails has to lose the price of the plant. Beside another mistake it has to lose the
price of each mistake that alone makes it fail, at most all points. A training run that diverges
earns nothing, and its task stays below half. Points are compared to hundredths.

Prints each deviation, and how many plants agree, by kind and place; exits with 1 if there is a
deviation.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mistakes import samples  # noqa: E402  (from the checkout)
from msgspec.structs import replace  # noqa: E402

from gradkit.grading.assess import assess  # noqa: E402
from gradkit.grading.points import price_of  # noqa: E402
from gradkit.grading.session import Session, read_submission  # noqa: E402
from gradkit.grading.settings import Settings  # noqa: E402
from gradkit.records.result import TaskResult  # noqa: E402
from gradkit.records.task import FunctionTask, Task  # noqa: E402
from gradkit.sandbox import Workshop  # noqa: E402
from gradkit.task.assignment import BESIDE, SHIPPED  # noqa: E402

TaskT = TypeVar("TaskT", Task, FunctionTask)

PLACES = ("formula", "helper", "names", "beside")
STEP = 0.01
"""Points are rounded to this step, so that prices are compared and not roundings."""

DEADLINE = 120.0
"""Seconds that the code of a task may take, so that none is stopped on a busy computer."""

SHARES = {"not-updated": 2 / 9}
"""Prices that depend on the sample: two parameters of nine are never updated."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One mistake: the pieces of a right answer that it replaces, and the kind that it costs."""

    name: str
    answer: str
    code: str
    edits: tuple[tuple[str, str], ...]

    @property
    def price(self) -> float:
        """The share of a failed check's points that the mistake costs."""
        price = SHARES.get(self.code, price_of(self.code))
        assert price is not None, self.code
        return price


COMPANIONS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    # A kind, and what is replaced by what.
    "batchnorm": [("wrong-function", "dbeta = np.sum(dout", "dbeta = np.mean(dout")],
    "deep-net": [
        (
            "missing-factor",
            "db = np.sum(dZ, axis=1, keepdims=True) / m",
            "db = np.sum(dZ, axis=1, keepdims=True)",
        )
    ],
    "epochs": [("turned-sign", "theta -= lr * examples.T", "theta += lr * examples.T")],
    "layers": [
        ("wrong-axis", "dout.sum(axis=0)", "dout.sum(axis=1)"),
        ("wrong-comparison", "dout * (cache > 0)", "dout * (cache < 0)"),
    ],
    "logistic-regression": [("missing-factor", '"db": np.sum(dZ) / m', '"db": np.sum(dZ)')],
    "one-hidden-layer": [
        (
            "missing-factor",
            "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
            "db2 = np.sum(dZ2, axis=1, keepdims=True)",
        )
    ],
    "softmax-loss": [("missing-factor", "dW = X.T @ dscores / N", "dW = X.T @ dscores")],
    "two-layer-net": [("wrong-function", "np.sum(dhidden, axis=0)", "np.mean(dhidden, axis=0)")],
    "regression-numpy": [
        ("missing-input", "dW2 = A1 * dA2", "dW2 = dA2 * np.ones((2, 1))"),
        ("wrong-learning-rate", "0.01 * db2", "0.03 * db2"),
        ("missing-bias", "np.dot(W.T, A_prev) + b", "np.dot(W.T, A_prev)"),
    ],
    "classification-numpy": [
        ("missing-input", "dW2 = A1 * dZ2", "dW2 = dZ2 * np.ones((2, 1))"),
        ("wrong-learning-rate", "0.01 * db2", "0.03 * db2"),
        ("missing-bias", "np.dot(W.T, A_prev) + b", "np.dot(W.T, A_prev)"),
    ],
    "regression-torch": [
        ("recorded-loss", "losses.append(loss.item())", "losses.append(loss.item() * 2)"),
        ("momentum", "lr=lr)", "lr=lr, momentum=0.9)"),
    ],
    "classification-torch": [
        ("recorded-loss", "losses.append(loss.item())", "losses.append(loss.item() * 2)"),
        ("momentum", "lr=lr)", "lr=lr, momentum=0.9)"),
    ],
}
"""Mistakes that are made beside a plant, by answer.

The first one counts that is of another kind and leaves the plant's lines alone.
"""


@cache
def plants() -> tuple[Plant, ...]:
    """Return the planted mistake of each sample in the tables of the tests."""
    found = []
    for file in (samples.TABLE, samples.TABLE.with_name("functions.toml")):
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            code = table.get("charged", name.partition(".")[0])
            edits = tuple((old, new) for old, new in table["edits"])
            found.append(Plant(name, table.get("task") or table["answer"], code, edits))
    return tuple(found)


@cache
def answer_text(answer: str) -> str:
    """Return the text of a right answer."""
    exercise, _, style = answer.partition("/")
    if exercise.endswith(("-numpy", "-torch")):
        return samples.right(exercise)
    if style:
        path = ROOT / "tests" / "gallery" / exercise / f"{style}.py"
    else:
        (path,) = (BESIDE / exercise).glob("*.py")
    return path.read_text(encoding="utf-8")


def companion_of(plant: Plant) -> Plant | None:
    """Return another mistake to plant in the same answer; None if there is none.

    It is of another kind, and changes other lines.
    """
    text = answer_text(plant.answer)
    for code, old, new in COMPANIONS.get(plant.answer, ()):
        companion = Plant(f"{plant.answer} {code}", plant.answer, code, ((old, new),))
        lines = [set(_lines(text, each)) for each in (plant, companion)]
        # Two mistakes of one kind may be found as one.
        if code != plant.code and not lines[0] & lines[1]:
            return companion
    return None


def _lines(text: str, plant: Plant) -> Iterator[int]:
    """Yield the lines of a text that a plant replaces."""
    for old, _ in plant.edits:
        first = text[: text.index(old)].count("\n")
        yield from range(first, first + old.rstrip("\n").count("\n") + 1)


def planted(*chosen: Plant) -> str:
    """Return a right answer with some mistakes."""
    edits = [list(edit) for plant in chosen for edit in plant.edits]
    return samples.changed(chosen[0].name, answer_text(chosen[0].answer), edits)


# --- the same mistake elsewhere ------------------------------------------------------------------


def wrong_functions(right: ast.Module, wrong: ast.Module) -> list[ast.FunctionDef]:
    """Return the functions of a text that another text does not have."""
    known = {ast.dump(node) for node in ast.walk(right)}
    functions = [node for node in ast.walk(wrong) if isinstance(node, ast.FunctionDef)]
    return [each for each in functions if ast.dump(each) not in known]


def with_other_names(right: str, wrong: str) -> str:
    """Return a text with new names for local variables in functions that differ from ``right``."""
    tree = ast.parse(wrong)
    for function in wrong_functions(ast.parse(right), tree):
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        own -= {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
        for node in names:
            if node.id in own:
                node.id = f"my_{node.id}"
    return ast.unparse(tree)


def with_helper(right: str, wrong: str) -> str:
    """Return a text in which the wrong computation is moved into a new function.

    If only the value of one statement is wrong, this value is moved; otherwise whole functions.
    """
    tree, right_tree = ast.parse(wrong), ast.parse(right)
    functions = wrong_functions(right_tree, tree)
    pairs = list(zip(_statements(right_tree), _statements(tree), strict=False))
    changed = [(old, new) for old, new in pairs if ast.dump(old) != ast.dump(new)]
    changed = [(old, new) for old, new in changed if not hasattr(new, "body")]
    values = [(old, new) for old, new in changed if _has_value(old) and _has_value(new)]
    if len(functions) == len(values) == len(changed) == 1:
        tree.body.append(_helper_of(*values[0], functions[0]))
    else:
        for owner in ast.walk(tree):
            body = getattr(owner, "body", [])
            for function in [each for each in functions if isinstance(body, list) and each in body]:
                body.insert(body.index(function), _moved(function, right_tree))
    return ast.unparse(ast.fix_missing_locations(tree))


def _statements(tree: ast.Module) -> list[ast.stmt]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def _has_value(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign | ast.Return) and statement.value is not None


def _helper_of(right: ast.stmt, wrong: ast.stmt, function: ast.FunctionDef) -> ast.FunctionDef:
    """Return a function that computes a wrong statement's value, and let the statement call it.

    The arguments are all local names that the right or the wrong statement reads.
    """
    stored = {node.id for node in _names(function) if isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    names = [*_names(wrong), *_names(right)]
    inside = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    read = [node.id for node in names if isinstance(node.ctx, ast.Load)]
    handed = ", ".join(dict.fromkeys(name for name in read if name in stored - inside))
    text = ast.unparse(wrong.value)  # type: ignore[attr-defined]
    helper = ast.parse(f"def computed({handed}):\n    return {text}").body[0]
    wrong.value = ast.parse(f"computed({handed})", mode="eval").body  # type: ignore[attr-defined]
    assert isinstance(helper, ast.FunctionDef)
    return helper


def _names(node: ast.AST | None) -> list[ast.Name]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)] if node else []


def _moved(function: ast.FunctionDef, right: ast.Module) -> ast.FunctionDef:
    """Return a new function with the body of a function, which then only calls it.

    If the right version of the function takes ``self``, so does the function afterwards.
    """
    definitions = [node for node in ast.walk(right) if isinstance(node, ast.FunctionDef)]
    same = next(node for node in definitions if node.name == function.name)
    is_method = [argument.arg for argument in same.args.args[:1]] == ["self"]
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    own = f"own_{function.name.strip('_')}"
    called = f"{'self.' if is_method else ''}{own}({', '.join(names)})"
    moved = ast.FunctionDef(
        name=own, args=function.args, body=function.body, decorator_list=[], type_params=[]
    )
    function.args = same.args if is_method else function.args
    function.body = ast.parse(f"def f():\n    return {called}").body[0].body  # type: ignore[attr-defined]
    return moved


# --- grade ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Graded:
    """What a submission lost: by check the points of it and the share that it lost.

    ``failed`` are the checks that do not pass, and ``diverging`` those whose training diverges.
    ``said`` are the codes of all findings.
    """

    points: Mapping[str, float]
    lost: Mapping[str, float]
    failed: frozenset[str]
    diverging: frozenset[str]
    said: tuple[str, ...]


class Bench:
    """Sessions for the answers, in one workshop, and a folder for what is graded."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.workshop = self.stack.enter_context(Workshop())
        self.folder = Path(tempfile.mkdtemp(prefix="prices-"))
        self.stack.callback(shutil.rmtree, self.folder)
        self.sessions: dict[str, Session] = {}
        self.known: dict[tuple[str, str, int], Graded] = {}

    def session(self, exercise: str) -> Session:
        """Return the session of an exercise or of a task of nets."""
        if exercise not in self.sessions:
            settings = Settings(tasks=(exercise,))
            if not exercise.endswith(("-numpy", "-torch")):
                settings = Settings(assignment=SHIPPED / exercise / "assignment.toml")
            session = self.stack.enter_context(Session(settings, self.workshop))
            session.tasks = patient(session.tasks)
            functions = patient(session.assignment.functions)
            session.assignment = replace(session.assignment, functions=functions)
            self.sessions[exercise] = session
        return self.sessions[exercise]

    def grade(self, answer: str, text: str, seed: int) -> Graded:
        """Grade a text as a submission; a text that was graded before is looked up."""
        key = answer, text, seed
        if key not in self.known:
            self.known[key] = self._grade(answer, text, seed)
        return self.known[key]

    def _grade(self, answer: str, text: str, seed: int) -> Graded:
        exercise = answer.partition("/")[0]
        session = self.session(exercise)
        path = self.folder / "answer.py"
        path.write_text(text, encoding="utf-8")
        named = session.settings.tasks
        graded = session.grade(read_submission(path), seed, named=named)
        scheme = replace(session.scheme, step=STEP)
        results: list[TaskResult] = []
        diverging = set()
        for each in graded.evidence:
            results.append(assess(session.task(each.task), each, each.verdicts, scheme))
            diverging |= {f"{each.task}/{v.check}" for v in each.verdicts if v.diverges}
        checks = {f"{r.task}/{check.check}": check for r in results for check in r.checks}
        return Graded(
            {name: check.max_score for name, check in checks.items()},
            {name: 1 - check.score / check.max_score for name, check in checks.items()},
            frozenset(name for name, check in checks.items() if check.state != "pass"),
            frozenset(diverging),
            tuple(f.mistake for result in results for f in result.findings if f.check),
        )


def patient(tasks: Sequence[TaskT]) -> tuple[TaskT, ...]:
    """Return tasks whose code may take `DEADLINE`."""
    return tuple(replace(task, deadline=DEADLINE) for task in tasks)


def texts_of(plant: Plant) -> Iterator[tuple[str, str]]:
    """Yield the ways to place a mistake in an answer, each with the text.

    They are in the formula, in a helper, with other names, and beside another mistake if possible.
    """
    right, wrong = answer_text(plant.answer), planted(plant)
    yield "formula", wrong
    yield "helper", with_helper(right, wrong)
    yield "names", with_other_names(right, wrong)
    companion = companion_of(plant)
    if companion is not None:
        yield "beside", planted(plant, companion)


def deviation(bench: Bench, plant: Plant, place: str, text: str, seed: int) -> str:
    """Return how the deduction for a planted mistake differs from its price, or an empty text."""
    graded = bench.grade(plant.answer, text, seed)
    made = [plant]
    companion = companion_of(plant)
    if place == "beside" and companion is not None:
        made.append(companion)
    alone = {each.name: bench.grade(plant.answer, planted(each), seed).failed for each in made}
    expected = {
        check: min(1.0, sum(each.price for each in made if check in alone[each.name]))
        for check in graded.points
    }
    expected |= dict.fromkeys(graded.diverging, 1.0)
    total = sum(graded.points.values())
    is_capped = (
        bool(graded.diverging)
        and sum(points * (1 - expected[check]) for check, points in graded.points.items())
        >= total / 2
    )
    if not graded.failed:
        return "no check fails"
    if is_capped:
        earned = sum(graded.points[check] * (1 - lost) for check, lost in graded.lost.items())
        return "" if earned < total / 2 else f"earns {earned:.2f} of {total:g}"
    differs = [
        f"{check} {graded.lost[check]:.3f} for {share:.3f}"
        for check, share in expected.items()
        if abs(graded.lost[check] - share) * graded.points[check] > 1.5 * STEP
    ]
    return "; ".join(differs) + f" ({', '.join(graded.said)})" if differs else ""


def main() -> int:
    """Plant, grade and print; the exit code says whether each plant costs its price."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", action="append", help="a part of the names of samples or answers")
    parser.add_argument("--place", action="append", choices=PLACES)
    options = parser.parse_args()
    bench, began = Bench(), time.monotonic()
    counts: Counter[tuple[str, str]] = Counter()
    agree: Counter[tuple[str, str]] = Counter()
    only = options.only or [""]
    chosen = [p for p in plants() if any(word in f"{p.name} {p.answer}" for word in only)]
    with bench.stack:
        for seed in range(options.first, options.first + options.seeds):
            bench.known.clear()
            for plant in chosen:
                for place, text in texts_of(plant):
                    if place not in (options.place or PLACES):
                        continue
                    found = deviation(bench, plant, place, text, seed)
                    counts[plant.name, place] += 1
                    agree[plant.name, place] += not found
                    if found:
                        print(f"{plant.name} {place} seed {seed}: {found}", flush=True)
            took = time.monotonic() - began
            sums = f"{agree.total()} of {counts.total()} agree ({took:.0f} s so far)"
            print(f"seed {seed}: {sums}", flush=True)
    print(f"\n{'sample':<34} {' '.join(f'{place:>9}' for place in PLACES)}")
    for plant in chosen:
        cells = [f"{agree[plant.name, p]}/{counts[plant.name, p]}" for p in PLACES]
        print(f"{plant.name:<34} {' '.join(f'{cell:>9}' for cell in cells)}")
    return agree != counts


if __name__ == "__main__":
    sys.exit(main())
