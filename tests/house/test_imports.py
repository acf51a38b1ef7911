"""Who may import whom: two limbs that never meet, and nothing heavy before it is needed."""

import ast
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GROUND = {
    "records", "text", "loading", "templates", "writing",
    "errors", "processes", "safe_path", "lines",
}  # fmt: skip
"""What every room may stand on: the vocabulary, how texts are made, how processes start."""

ROOMS: Mapping[str, set[str]] = {
    # The ground.
    "records": set(),
    "loading": set(),
    "templates": set(),
    "writing": set(),
    "errors": {"text"},
    "safe_path": set(),
    "lines": {"records"},
    "processes": {"safe_path"},
    "isolated_pytest": {"safe_path", "processes"},
    "text": {"records"},
    "gradcheck": set(),
    # The student limb: files and processes, never an answer.
    "edits": set(),
    "runtime": {"text", "loading", "errors", "lines", "edits"},
    "submission": {*GROUND, "runtime"},
    "sandbox": {*GROUND, "runtime", "submission"},
    "binding": {*GROUND, "runtime", "submission", "sandbox"},
    # The truth limb: arrays and model solutions, never a student's file.
    "task": {*GROUND, "gradcheck", "diagnosis.catalogue"},
    "judge": {*GROUND, "gradcheck", "task"},
    # Where they meet.
    "diagnosis": {*GROUND, "edits", "runtime", "submission", "sandbox", "binding", "task", "judge"},
    "grading": {
        *GROUND, "gradcheck", "submission", "sandbox", "binding", "task", "judge", "diagnosis"
    },
    "reproducer": {
        *GROUND, "runtime", "submission", "sandbox", "task", "diagnosis", "grading"
    },
    "classroom": {
        *GROUND, "submission", "sandbox", "binding", "task", "diagnosis.catalogue", "grading",
        "reproducer", "report",
    },
    # Records in, bytes out.
    "report": GROUND,
    # Answers alone, no student.
    "authoring": {*GROUND, "gradcheck", "task", "judge", "diagnosis"},
    "testing": {*GROUND, "task", "judge"},
    # A handout is run like a student's code, and becomes an assignment.
    "drafting": {
        *GROUND, "runtime", "submission", "sandbox", "task", "judge", "grading", "authoring",
        "gradcheck",
    },
    # Front ends.
    "notebook": {*GROUND, "submission", "sandbox", "task", "grading", "report"},
    "other_graders": {*GROUND, "submission", "task", "grading", "report", "notebook"},
    "pytest_plugin": {*GROUND, "isolated_pytest", "sandbox", "task.oracle", "grading", "report"},
    "review": {
        *GROUND, "diagnosis.catalogue", "task.assignment", "authoring",
        "classroom", "report",
    },
    "cli": {
        *GROUND,
        "review",
        "submission",
        "sandbox",
        "task.assignment",
        "diagnosis.catalogue",
        "grading",
        "reproducer",
        "classroom",
        "report",
        "authoring",
        "drafting",
        "batch",
        "isolated_pytest",
    },
    "batch": {*GROUND, "sandbox", "grading", "report"},
    "__main__": {"cli", "safe_path", "sandbox"},
    "__init__": {"gradcheck", "notebook", "other_graders", "testing", "classroom.tables"},
    "assignments": set(),
}  # fmt: skip
"""For each room of the house, the rooms it may import: itself, and those named here. A room
stands below the rooms that import it. Everyone may import `gradkit` itself."""

MAY_IMPORT: Mapping[str, set[str]] = {
    f"gradkit.{room}": {f"gradkit.{other}" for other in (room, *others)}
    for room, others in ROOMS.items()
}

STUDENT = {"gradkit.runtime", "gradkit.submission", "gradkit.sandbox", "gradkit.binding"}
TRUTH = {"gradkit.task", "gradkit.judge", "gradkit.gradcheck"}
"""The two limbs."""

JOINTS = {
    "gradkit.diagnosis",
    "gradkit.grading",
    "gradkit.reproducer",
    "gradkit.classroom",
    "gradkit.drafting",
    "gradkit.notebook",
    "gradkit.other_graders",
    "gradkit.pytest_plugin",
    "gradkit.cli",
}
"""The rooms that may know both."""

AT_ONCE: Mapping[str, set[str]] = {
    "gradkit.cli": {"click"},
    "gradkit.report.text": {"rich"},
    "gradkit.report.grades": {"rich"},
    "gradkit.report.summary": {"rich"},
    "gradkit.report.table": {"rich"},
    "gradkit.pytest_plugin": {"pytest"},
}
"""Modules that may load more when they are imported, which others do in time."""

ALONE: Mapping[str, set[str]] = {"pytest": {"gradkit.pytest_plugin"}}
"""Packages that these modules alone may import, early or late."""

FREE = sys.stdlib_module_names | {"numpy", "msgspec"}
HEAVY = {
    "torch", "pandas", "scipy", "nbformat", "rich", "pytest", "jinja2", "matplotlib", "pygments"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """``target`` is dotted; ``at_once`` is False inside functions and for type checkers."""

    module: str
    line: int
    target: str
    at_once: bool

    def __str__(self) -> str:
        """Say where, as a compiler would."""
        return f"{self.module}:{self.line} imports {self.target}"


@cache
def sources() -> Mapping[str, str]:
    """Every module of the package, by its dotted name."""
    texts = {}
    for path in sorted((ROOT / "gradkit").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        texts[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return texts


@cache
def statements(text: str) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements of a source, and whether each is run when the module is."""
    tree = ast.parse(text)
    late = set()
    for node in ast.walk(tree):
        guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if guard or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            late.update(map(id, ast.walk(node)))
    return [
        (node, id(node) not in late)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def imports_of(module: str, text: str, known: Container[str]) -> Iterator[Import]:
    """All imports of a module; ``from package import name`` counts as what the name is."""
    for node, at_once in statements(text):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        else:
            assert not node.level, f"{module}:{node.lineno}: write the import out from gradkit"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [name if name in known else str(node.module) for name in whole]
        for target in dict.fromkeys(targets):
            yield Import(module, node.lineno, target, at_once)


def within(module: str, rooms: Iterable[str]) -> bool:
    """Whether a module is one of the rooms, or in one of them."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def violations(texts: Mapping[str, str], known: Container[str] = ()) -> list[str]:
    """Every import that the map does not allow, as a sentence; besides these there are `known`."""
    known = known or texts
    found = []
    for module, text in texts.items():
        rooms = [room for room in MAY_IMPORT if within(module, [room])]
        if module == "gradkit":
            rooms = ["gradkit.__init__"]
        if not rooms:
            found.append(f"{module} has no place in MAY_IMPORT: decide what it may import")
            continue
        allowed = set().union(*(MAY_IMPORT[room] for room in rooms))
        at_once = [AT_ONCE[room] for room in AT_ONCE if within(module, [room])]
        for item in imports_of(module, text, known):
            package = item.target.partition(".")[0]
            own = package == "gradkit"
            if (
                own
                and item.target not in ("gradkit", "gradkit.errors")
                and not within(item.target, allowed)
            ):
                found.append(f"{item}: not allowed, only {', '.join(sorted(allowed)) or 'none'}")
            elif not within(module, ALONE.get(package, {module})):
                found.append(f"{item}: only {', '.join(ALONE[package])} may")
            elif item.at_once and not own and package not in FREE.union(*at_once):
                found.append(f"{item} at once: import it where it is needed")
    return found


def loaded_with(start: str, texts: Mapping[str, str]) -> set[str]:
    """Everything that importing a module of the package imports at once, packages by name."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        if name in texts:
            found = imports_of(name, texts[name], texts)
            waiting += [item.target for item in found if item.at_once]
    return seen


@pytest.mark.slow
def test_the_house_keeps_its_map() -> None:
    """No import in gradkit crosses the map."""
    assert violations(sources()) == []


def test_limbs_meet_in_few_places() -> None:
    """Only the joints import both limbs; the map itself allows it to no other."""
    for room, allowed in MAY_IMPORT.items():
        sides = [side for side in (TRUTH, STUDENT) if any(within(each, side) for each in allowed)]
        assert len(sides) < 2 or room in JOINTS, room


def circles(edges: Mapping[str, set[str]]) -> list[str]:
    """Every name that leads back to itself along the edges."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(edges.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += edges.get(name, ())
        return seen

    return [name for name in edges if name in reached(name)]


def as_it_runs(text: str) -> str:
    """A source without what is imported for type checkers alone."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = [ast.Pass()]
    return ast.unparse(tree)


@pytest.mark.slow
def test_no_module_imports_itself_through_others() -> None:
    """Neither at once nor late: the modules of the package are in an order."""
    texts = {module: as_it_runs(text) for module, text in sources().items()}
    edges = {
        module: {item.target for item in imports_of(module, text, texts)} & (set(texts) - {module})
        for module, text in texts.items()
    }
    # `gradkit` names its public functions for type checkers, and the version for everybody.
    edges.pop("gradkit")
    assert circles(edges) == []


def test_no_room_stands_on_itself() -> None:
    """The map itself has no circle, but for the codes of mistakes that a task file may name."""
    edges = {room: {other.partition(".")[0] for other in others} for room, others in ROOMS.items()}
    edges["task"] = {other for other in edges["task"] if other != "diagnosis"}
    assert circles(edges) == []


def test_a_circle_is_found() -> None:
    """The search can fail: a made-up circle of three, with a bystander."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("gradkit.task.oracle", "from gradkit.submission import read", "gradkit.submission"),
        ("gradkit.task.oracle", "import gradkit.sandbox", "gradkit.sandbox"),
        ("gradkit.submission.read", "from gradkit.task.oracle import expect", "gradkit.task"),
        ("gradkit.submission.read", "def f():\n    import gradkit.task.oracle", "gradkit.task"),
        ("gradkit.runtime.child", "from gradkit import task", "gradkit.task"),
        ("gradkit.runtime.child", "from gradkit.records.task import Task", "gradkit.records"),
        ("gradkit.records.task", "from gradkit.text import where", "gradkit.text"),
        (
            "gradkit.report.text",
            "from gradkit.submission.definitions import finder",
            "gradkit.submission",
        ),
        (
            "gradkit.judge.steps",
            "from gradkit.grading.session import Session",
            "gradkit.grading.session",
        ),
        (
            "gradkit.grading.session",
            "def f():\n    import pytest",
            "only gradkit.pytest_plugin may",
        ),
        ("gradkit.grading.session", "import torch", "imports torch at once"),
        (
            "gradkit.grading.session",
            "if True:\n    from scipy import special",
            "imports scipy at once",
        ),
        ("gradkit.task.oracle", "try:\n    import pandas\nfinally: ...", "imports pandas at once"),
        ("gradkit.report.data", "import rich.text", "imports rich.text at once"),
        ("gradkit.attic", "import os", "has no place"),
        ("gradkit", "from gradkit.grading.session import Session", "gradkit.grading.session"),
    ],
)
def test_a_breach_is_told(module: str, line: str, said: str) -> None:
    """Each made-up breach gives one sentence, which names the module and what it imports."""
    (told,) = violations({module: line}, sources())
    assert told.startswith(module)
    assert said in told


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gradkit.grading.session", "def f():\n    import torch"),
        ("gradkit.grading.session", "if TYPE_CHECKING:\n    import pandas"),
        ("gradkit.pytest_plugin", "import pytest"),
        ("gradkit.task.oracle", "import math, numpy as np"),
        ("gradkit.submission.read", "from gradkit import __version__"),
    ],
)
def test_what_is_allowed_is_not_told(module: str, line: str) -> None:
    """Late imports, imports for type checkers, numpy, and what the map allows."""
    assert violations({module: line}, sources()) == []


def test_relative_imports_are_refused() -> None:
    """An import that does not name its room cannot be held against the map."""
    with pytest.raises(
        AssertionError, match=r"gradkit\.grading\.points:1: write the import out from gradkit"
    ):
        violations({"gradkit.grading.points": "from . import session"})


@pytest.mark.parametrize(
    "start", ["gradkit.grading.session", "gradkit.runtime.zygote", "gradkit.cli.check"]
)
def test_nothing_heavy_loads_with_a_numpy_check(start: str) -> None:
    """Torch, pandas, scipy, nbformat and rich wait, in grader and worker alike."""
    packages = {name.partition(".")[0] for name in loaded_with(start, sources())}
    assert not packages & HEAVY


def test_a_heavy_import_on_the_way_is_seen() -> None:
    """The closure follows imports through modules and through the packages around them."""
    texts = sources()
    for module in ("gradkit.records", "gradkit.task.probes"):
        assert "torch" in loaded_with("gradkit.grading.session", {**texts, module: "import torch"})
    late = {**texts, "gradkit.task.probes": "def f():\n    import torch"}
    assert "torch" not in loaded_with("gradkit.grading.session", late)


def test_the_package_itself_loads_nothing() -> None:
    """Its public functions come when they are asked for."""
    loaded = loaded_with("gradkit", sources())
    assert {name for name in loaded if within(name, ["gradkit"])} == {"gradkit"}
    assert {name.partition(".")[0] for name in loaded} <= {"gradkit", *sys.stdlib_module_names}


def test_the_workshop_opens_before_numpy() -> None:
    """Neither the command nor the workshop loads numpy, so that both processes do it at a time."""
    assert "numpy" not in loaded_with("gradkit.cli.check", sources())
    assert "numpy" not in loaded_with("gradkit.sandbox", sources())
    assert "numpy" in loaded_with("gradkit.grading.session", sources())


@pytest.mark.parametrize("path", sorted((ROOT / "reference").glob("*.py")), ids=lambda p: p.name)
def test_model_solutions_stand_alone(path: Path) -> None:
    """A model solution imports numpy or torch; of gradkit, and of the others, nothing."""
    found = imports_of(path.stem, path.read_text(encoding="utf-8"), ())
    assert {item.target.partition(".")[0] for item in found} <= {"numpy", "torch"}


@pytest.mark.slow
def test_model_solutions_are_loaded_by_path() -> None:
    """No module of gradkit, and no worker, imports them by name."""
    names = {"reference", *(path.stem for path in (ROOT / "reference").glob("*.py"))}
    texts = sources()
    for module, text in texts.items():
        found = {item.target.partition(".")[0] for item in imports_of(module, text, texts)}
        assert not found & names, module
