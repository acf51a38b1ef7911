"""pytest's side: ``pytest --gradkit PATH`` makes a test of each check of a submission.

Every pytest that runs where gradkit is installed loads this module, so that nothing but pytest
is imported with it, and nothing happens where no option asks for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradkit.pytest_plugin.grading import Grading

SEED = pytest.StashKey[int]()
GRADING: pytest.StashKey[Grading] = pytest.StashKey()

INI = {
    "gradkit_task": ("args", "gradkit: the tasks to check, by id; all that are found if not given"),
    "gradkit_assignment": ("string", "gradkit: an assignment file of your own"),
    "gradkit_reference": ("string", "gradkit: folder of the model solutions"),
    "gradkit_form": ("string", "gradkit: which form is right, correct (default) or published"),
    "gradkit_hints": ("string", "gradkit: how much is shown, 1 where to look … 4 expected numbers"),
}
"""Each ini option with its type and help."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of which begin with gradkit's name."""
    group = parser.getgroup("gradkit", "gradkit: checks of backpropagation as tests")
    group.addoption(
        "--gradkit",
        action="append",
        default=[],
        dest="gradkit_paths",
        metavar="PATH",
        help="check this submission (.py, .ipynb, folder or .zip); may be repeated",
    )
    group.addoption(
        "--gradkit-seed",
        type=int,
        dest="gradkit_seed",
        metavar="N",
        help="draw the same inputs again",
    )
    for name, (kind, text) in INI.items():
        parser.addini(name, text, type=kind, default=[] if kind == "args" else "")  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and draw the seed that all processes share."""
    config.addinivalue_line(
        "markers", "gradkit(task): the task that gradkit's fixtures are for, by its id"
    )
    shared = getattr(config, "workerinput", {}).get("gradkit_seed")
    named = config.getoption("gradkit_seed")
    config.stash[SEED] = next(s for s in (shared, named, secrets.randbits(32)) if s is not None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a process of xdist's, so that each draws the same inputs."""
    node.workerinput["gradkit_seed"] = node.config.stash[SEED]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Collect submissions after all that pytest has found by itself."""
    report = yield
    if isinstance(collector, pytest.Session) and collector.config.getoption("gradkit_paths"):
        from gradkit.pytest_plugin.items import submissions

        report.result = [*report.result, *submissions(collector)]
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for the submission each of several in turn."""
    paths = metafunc.config.getoption("gradkit_paths")
    if "gradkit_submission" in metafunc.fixturenames and len(paths) > 1:
        metafunc.parametrize("gradkit_submission", paths, indirect=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the processes that ran student code."""
    grading = config.stash.get(GRADING, None)
    if grading is not None:
        grading.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what each task earned."""
    if terminalreporter.config.getoption("gradkit_paths"):
        from gradkit.pytest_plugin.items import totals

        reports = [r for reports in terminalreporter.stats.values() for r in reports]
        lines = totals(reports)
        if lines:
            terminalreporter.section("gradkit")
            for line in lines:
                terminalreporter.line(line)


@pytest.fixture
def gradkit_submission(request: pytest.FixtureRequest) -> Generator[Any, None, None]:
    """The functions of the submission named by ``--gradkit``, as `gradkit.student.played.Played`.

    The task is the one that ``@pytest.mark.gradkit("regression-numpy")`` names, else the one
    in the ini file, else the only one that the submission holds. Each call runs in the worker.
    """
    from gradkit.pytest_plugin.grading import grading_of

    paths = request.config.getoption("gradkit_paths")
    path = getattr(request, "param", None) or (paths[0] if paths else None)
    if path is None:
        pytest.skip("no submission to test: name one with --gradkit PATH")
    with grading_of(request.config).play(path, _task(request)) as played:
        yield played


@pytest.fixture
def gradkit_oracle(request: pytest.FixtureRequest) -> Any:
    """What is right for a task, as `gradkit.truth.answers.Answers`: forward, update, gradient.

    The task is named as for ``gradkit_submission``.
    """
    from gradkit.pytest_plugin.grading import grading_of

    paths = request.config.getoption("gradkit_paths")
    return grading_of(request.config).answers(_task(request), paths[0] if paths else None)


def _task(request: pytest.FixtureRequest) -> str | None:
    mark = request.node.get_closest_marker("gradkit")
    return mark.args[0] if mark is not None and mark.args else None
