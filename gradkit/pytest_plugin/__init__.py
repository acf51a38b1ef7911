"""pytest's side: ``pytest --gradkit PATH`` makes a test of each check of a submission.

Every pytest that runs where gradkit is installed loads this module, so that nothing but pytest
is imported with it, and nothing happens where no option asks for it.

No file of a submission is run here: neither as a test nor as a conftest, nor is an ini file of
its read. With ``--gradkit``, pytest collects nothing besides but what is named. Whose ini file
lies in the submission and names it there, as in a student's own folder, is at home: see `_is_home`.
"""

from __future__ import annotations

import glob
import os
import secrets
import shlex
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from gradkit.pytest_guard import NO_SETTINGS, OPTION, folder_of, named, within
from gradkit.pytest_plugin.stash import GRADING, SEED
from gradkit.safe_path import leave_working_directory

KEPT_OUT: pytest.StashKey[list[str]] = pytest.StashKey()
"""Real paths of the submissions of which pytest runs no file; empty at home."""

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


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """See that neither settings nor conftests nor tests come from a submission.

    Raises
    ------
    pytest.UsageError
        Tests are named that overlap with a submission, or its settings have been read.
    """
    options = early_config.known_args_namespace
    paths = [early_config.invocation_params.dir / path for path in options.gradkit_paths]
    if not paths or _is_home(early_config, paths):
        return
    early_config.stash[KEPT_OUT] = [os.path.realpath(path) for path in paths]
    folders = [folder_of(path) for path in paths]
    if within(os.curdir, folders):
        leave_working_directory()
    settings = early_config.inipath
    if settings and not options.inifilename and within(settings.parent, folders):
        raise pytest.UsageError(
            f"{OPTION}: pytest has taken its settings from {settings}, which is in a submission's "
            f"folder. Write {OPTION}=PATH as one word and start pytest elsewhere, or name "
            "settings of your own with -c FILE."
        )
    tests = _named_tests(early_config)
    for told, place in tests:
        for kept_out in early_config.stash[KEPT_OUT]:
            if within(place, [kept_out]) or within(kept_out, [os.path.realpath(place)]):
                raise pytest.UsageError(
                    f"{OPTION} {kept_out}: expected tests outside of this submission, found "
                    f"{told}. None of its own files is run as a test: name yours alone, or none."
                )
    if not tests:
        options.noconftest = True


def _is_home(config: pytest.Config, paths: list[Path]) -> bool:
    """Whether the submission's own ini file names it, and the command line does not.

    That is a student's folder, in which `pytest` alone was called.
    """
    words = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    given = named([*words, *map(str, config.invocation_params.args)])
    return (
        config.inipath is not None and not given and within(config.inipath, map(folder_of, paths))
    )


def _named_tests(config: pytest.Config) -> list[tuple[str, str]]:
    """Each path of tests that is named, with all places that pytest runs a conftest of for it."""
    here = config.invocation_params.dir
    words = list(config.known_args_namespace.file_or_dir)
    if not words and here == config.rootpath:
        patterns = [os.path.join(here, pattern) for pattern in config.getini("testpaths")]
        words = [path for pattern in patterns for path in glob.glob(pattern, recursive=True)]
    places = [(word, os.path.join(here, word.partition("::")[0])) for word in words]
    return [
        (word, place)
        for word, start in places
        for place in (start, *glob.glob(os.path.join(glob.escape(start), "test*", "")))
    ]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what leads into a submission after all, by a link."""
    kept_out = config.stash.get(KEPT_OUT, None)
    return True if kept_out and within(collection_path, kept_out) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where settings were not looked for."""
    if str(config.inipath) != NO_SETTINGS:
        return None
    return "gradkit: no settings are read from a submission's folder; -c FILE names yours"


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and draw the seed that all processes share."""
    if config.stash.get(KEPT_OUT, None) and config.args_source is config.ArgsSource.INVOCATION_DIR:
        config.args = []
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Keep the working directory off the path of processes of xdist's, which run ``-c``."""
    if config.stash.get(KEPT_OUT, None):
        from gradkit.processes import safe_environment

        patch = pytest.MonkeyPatch()
        for name, value in safe_environment().items():
            patch.setenv(name, value)
        config.add_cleanup(patch.undo)


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
    """Give the functions of the submission that ``--gradkit`` names, run in the sandbox.

    They are a `gradkit.sandbox.functions.StudentFunctions`. The task is the one that
    ``@pytest.mark.gradkit("regression-numpy")`` names, else the one in the ini file, else the only
    one that the submission holds.
    """
    from gradkit.pytest_plugin.items import grading_of

    paths = request.config.getoption("gradkit_paths")
    path = getattr(request, "param", None) or (paths[0] if paths else None)
    if path is None:
        pytest.skip("no submission to test: name one with --gradkit PATH")
    with grading_of(request.config).student_functions(path, _task(request)) as played:
        yield played


@pytest.fixture
def gradkit_oracle(request: pytest.FixtureRequest) -> Any:
    """What is right for a task, as `gradkit.task.oracle.Answers`: forward, update, gradient.

    The task is named as for ``gradkit_submission``.
    """
    from gradkit.pytest_plugin.items import grading_of

    paths = request.config.getoption("gradkit_paths")
    return grading_of(request.config).answers(_task(request), paths[0] if paths else None)


def _task(request: pytest.FixtureRequest) -> str | None:
    mark = request.node.get_closest_marker("gradkit")
    return mark.args[0] if mark is not None and mark.args else None
