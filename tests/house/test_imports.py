"""Who may import whom: two limbs that never meet, and nothing heavy before it is needed."""

import ast
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: Mapping[str, set[str]] = {
    "gradkit.records": {"gradkit.records"},
    # What is refused: for everybody, so it imports nothing.
    "gradkit.errors": set(),
    # What is said, and in which language: for both limbs and all that follows.
    "gradkit.language": set(),
    "gradkit.hearsay": {"gradkit.language"},
    "gradkit.text": {"gradkit.records", "gradkit.language"},
    "gradkit.loading": set(),
    # How processes start, and what they find.
    "gradkit.safe_path": set(),
    "gradkit.processes": {"gradkit.safe_path"},
    "gradkit.pytest_guard": set(),
    # What becomes of an exception that nobody has foreseen.
    "gradkit.faults": set(),
    # The truth limb: arrays, never a student's file.
    "gradkit.gradcheck": {"gradkit.gradcheck"},
    "gradkit.task": {
        "gradkit.task",
        "gradkit.gradcheck",
        "gradkit.records",
        "gradkit.language",
        "gradkit.hearsay",
        "gradkit.loading",
    },
    # The student limb: files and processes, never an answer.
    "gradkit.sandbox": {
        "gradkit.sandbox",
        "gradkit.text",
        "gradkit.loading",
        "gradkit.processes",
        "gradkit.safe_path",
    },
    "gradkit.submission": {
        "gradkit.submission",
        "gradkit.sandbox",
        "gradkit.records",
        "gradkit.language",
        "gradkit.hearsay",
        "gradkit.text",
    },
    # Where they meet.
    "gradkit.grading.settings": {"gradkit.task", "gradkit.records"},
    "gradkit.grading.session": {"gradkit"},
    "gradkit.grading.resources": {
        "gradkit.grading.settings",
        "gradkit.sandbox.process",
        "gradkit.task.oracle",
        "gradkit.task.cached",
        "gradkit.records",
        "gradkit.sandbox",
    },
    "gradkit.grading.queries": {
        "gradkit.grading.session",
        "gradkit.grading.settings",
        "gradkit.grading.recognise",
        "gradkit.submission",
        "gradkit.records",
        "gradkit.task.answers",
        "gradkit.sandbox",
    },
    "gradkit.grading.recognise": {
        "gradkit.submission",
        "gradkit.task",
        "gradkit.records",
        "gradkit.language",
    },
    "gradkit.grading.examine": {"gradkit.submission", "gradkit.task", "gradkit.records"},
    "gradkit.diagnosis.inquiry": {
        "gradkit.diagnosis.inquiry",
        "gradkit.grading.examine",
        "gradkit.submission",
        "gradkit.task",
        "gradkit.records",
        "gradkit.hearsay",
        "gradkit.language",
    },
    "gradkit.reproducer": {"gradkit"},
    "gradkit.classroom": {"gradkit"},
    "gradkit.grading.isolation": {
        "gradkit.sandbox.doctor",
        "gradkit.grading.settings",
        "gradkit.sandbox",
    },
    "gradkit.grading.batch": {
        "gradkit.grading.isolation",
        "gradkit.grading.session",
        "gradkit.grading.settings",
        "gradkit.records",
        "gradkit.report",
        "gradkit.sandbox",
    },
    # What follows.
    "gradkit.grading.rubric": {"gradkit.records", "gradkit.diagnosis.mistakes"},
    "gradkit.grading.mark": {"gradkit.grading.rubric", "gradkit.records", "gradkit.language"},
    "gradkit.grading.assess": {
        "gradkit.grading.mark",
        "gradkit.task",
        "gradkit.records",
        "gradkit.language",
    },
    "gradkit.report": {
        "gradkit.report",
        "gradkit.records",
        "gradkit.language",
        "gradkit.hearsay",
        "gradkit.text",
    },
    # Answers alone, no student.
    "gradkit.authoring.reproduce": {"gradkit.task", "gradkit.records"},
    "gradkit.authoring.audit": {"gradkit.task", "gradkit.records"},
    "gradkit.authoring.export": {"gradkit.authoring.export", "gradkit.task", "gradkit.records"},
    "gradkit.testing": {"gradkit.task", "gradkit.records"},
    "gradkit.authoring.new": {
        "gradkit.authoring.new",
        "gradkit.authoring.export",
        "gradkit.records",
        "gradkit.task.activations",
        "gradkit.task.assignment",
        "gradkit.task.probes",
    },
    # Front ends. The command starts a workshop before anything loads numpy.
    "gradkit.sandbox.doctor": {"gradkit.sandbox", "gradkit.text"},
    "gradkit.cli": {
        "gradkit.cli",
        "gradkit.grading.batch",
        "gradkit.sandbox.doctor",
        "gradkit.classroom",
        "gradkit.report",
        "gradkit.authoring.reproduce",
        "gradkit.authoring.audit",
        "gradkit.reproducer",
        "gradkit.authoring.export",
        "gradkit.authoring.new",
        "gradkit.records",
        "gradkit.safe_path",
        "gradkit.text",
        "gradkit.task.assignment",
        "gradkit.diagnosis.mistakes.catalogue",
        "gradkit.sandbox",
    },
    "gradkit.__main__": {"gradkit.cli", "gradkit.safe_path"},
    "gradkit.pytest_plugin": {
        "gradkit.pytest_plugin",
        "gradkit.pytest_guard",
        "gradkit.processes",
        "gradkit.safe_path",
        "gradkit.grading.queries",
        "gradkit.faults",
        "gradkit.grading.settings",
        "gradkit.language",
        "gradkit.grading.session",
        "gradkit.report",
        "gradkit.records",
        "gradkit.sandbox.functions",
        "gradkit.text",
        "gradkit.task.answers",
        "gradkit.sandbox",
    },
    "gradkit.assignments": set(),
    "gradkit.notebook": {
        "gradkit.notebook",
        "gradkit.grading.queries",
        "gradkit.faults",
        "gradkit.grading.settings",
        "gradkit.grading.resources",
        "gradkit.grading.session",
        "gradkit.report",
        "gradkit.records",
        "gradkit.language",
        "gradkit.submission.headings",
        "gradkit.submission.history",
        "gradkit.sandbox.live",
        "gradkit.sandbox.process",
        "gradkit.submission.source",
        "gradkit.task.assignment",
        "gradkit.task.oracle",
        "gradkit.task.probes",
    },
    "gradkit.__init__": {"gradkit.gradcheck", "gradkit.notebook", "gradkit.testing"},
}
"""For each room of the house, the rooms it may import.

Everyone may import `gradkit` itself, and `gradkit.errors`.
"""

JOINTS = {
    "gradkit.grading.settings",
    "gradkit.grading.session",
    "gradkit.grading.resources",
    "gradkit.grading.queries",
    "gradkit.grading.recognise",
    "gradkit.grading.examine",
    "gradkit.diagnosis.inquiry",
    "gradkit.reproducer",
    "gradkit.classroom",
}

AT_ONCE: Mapping[str, set[str]] = {
    "gradkit.cli": {"click"},
    "gradkit.task.tables": {"msgspec"},
    "gradkit.runtime.frames": {"msgspec"},
    "gradkit.runtime.header": {"msgspec"},
    "gradkit.sandbox.replies": {"msgspec"},
    "gradkit.report.text": {"rich"},
    "gradkit.report.summary": {"rich"},
    "gradkit.report.review": {"rich"},
    "gradkit.report.diff": {"rich"},
    "gradkit.report.history": {"rich"},
    "gradkit.report.table": {"rich"},
    "gradkit.report.progress": {"rich"},
    "gradkit.report.preview": {"rich"},
    "gradkit.report.feedback": {"rich"},
    "gradkit.classroom": {"msgspec"},
    "gradkit.pytest_plugin": {"pytest"},
}
"""Modules that may load more than numpy when they are imported, which others do in time."""

ALONE: Mapping[str, set[str]] = {"pytest": {"gradkit.pytest_plugin"}}
"""Packages that these modules alone may import, early or late."""

FREE = sys.stdlib_module_names | {"numpy"}
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


def sources() -> dict[str, str]:
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


def violations(texts: Mapping[str, str]) -> list[str]:
    """Every import that the map does not allow, as a sentence."""
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
        for item in imports_of(module, text, texts):
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


def test_the_house_keeps_its_map() -> None:
    """No import in gradkit crosses the map."""
    assert violations(sources()) == []


def test_limbs_meet_in_few_places() -> None:
    """Only the joints import both limbs; the map itself allows it to no other."""
    for room, allowed in MAY_IMPORT.items():
        truth = within("gradkit.task", allowed) or within("gradkit.diagnosis.rules", allowed)
        student = within("gradkit.submission", allowed)
        assert not (truth and student) or room in JOINTS, room


@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("gradkit.task.oracle", "from gradkit.submission import read", "gradkit.submission"),
        ("gradkit.task.oracle", "import gradkit.sandbox", "gradkit.sandbox"),
        ("gradkit.submission.read", "from gradkit.task.oracle import expect", "gradkit.task"),
        ("gradkit.submission.read", "def f():\n    import gradkit.task.oracle", "gradkit.task"),
        ("gradkit.runtime.child", "from gradkit import truth", "gradkit.task"),
        ("gradkit.runtime.child", "from gradkit.records.task import Task", "gradkit.records"),
        ("gradkit.records.task", "from gradkit.text import where", "gradkit.text"),
        (
            "gradkit.report.text",
            "from gradkit.submission.place import finder",
            "gradkit.submission",
        ),
        (
            "gradkit.grading.mark",
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
    texts = {**sources(), module: line}
    told = sorted(set(violations(texts)) - set(violations(sources())))
    assert len(told) == 1
    assert told[0].startswith(module)
    assert said in told[0]


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
    assert set(violations({**sources(), module: line})) <= set(violations(sources()))


def test_relative_imports_are_refused() -> None:
    """An import that does not name its room cannot be held against the map."""
    with pytest.raises(AssertionError, match=r"gradkit\.mark:1: write the import out from gradkit"):
        violations({"gradkit.grading.mark": "from . import session"})


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


def test_model_solutions_are_loaded_by_path() -> None:
    """No module of gradkit, and no worker, imports them by name."""
    names = {"reference", *(path.stem for path in (ROOT / "reference").glob("*.py"))}
    texts = sources()
    for module, text in texts.items():
        found = {item.target.partition(".")[0] for item in imports_of(module, text, texts)}
        assert not found & names, module
