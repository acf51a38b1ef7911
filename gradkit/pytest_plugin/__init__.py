"""Plugin of pytest: ``pytest --gradkit PATH`` makes a test from each check of a submission.

Every pytest loads this module if gradkit is installed. So it imports nothing large, and does
nothing unless ``--gradkit`` is given.

With ``--gradkit``, pytest collects only the checks and tests that the command line names. The
plugin refuses a submission whose own settings pytest has read, see
`gradkit.pytest_plugin.refusals`. The command ``gradkit pytest PATH`` starts pytest without such
settings, see `gradkit.isolated_pytest`.
"""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from gradkit.isolated_pytest import ISOLATED, NO_SETTINGS, folder_of, is_within
from gradkit.pytest_plugin.refusals import (
    is_isolated,
    is_own_folder,
    named_tests,
    refuse_debugger,
    refuse_own_tests,
    refuse_settings,
)
from gradkit.pytest_plugin.stash import GRADING, SEED
from gradkit.safe_path import leave_working_directory

KEPT_OUT: pytest.StashKey[list[str]] = pytest.StashKey()
"""Real paths of submissions whose files pytest must not run. Not set in a student's own folder."""

INI = {
    "gradkit_task": ("args", "gradkit: the tasks to check, by id; all that are found if not given"),
    "gradkit_assignment": ("string", "gradkit: an assignment file of your own"),
    "gradkit_reference": ("string", "gradkit: folder of the model solutions"),
    "gradkit_form": ("string", "gradkit: which form is right, correct (default) or published"),
    "gradkit_hints": ("string", "gradkit: how much is shown, 1 where to look … 4 expected numbers"),
}
"""Each ini option with its type and help."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add gradkit's options of the command line and of the ini file to pytest's ``parser``.

    This is a hook that pytest calls. All names begin with gradkit's name.
    """
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
    group.addoption(ISOLATED, action="store_true", help=argparse.SUPPRESS)
    for name, (kind, text) in INI.items():
        parser.addini(name, text, type=kind, default=[] if kind == "args" else "")  # type: ignore[arg-type]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Keep pytest from running files of a submission as settings, conftests or tests.

    ``early_config`` has the command line. Nothing is done without a submission on it, or if a
    student runs the tests of the student's own folder. Without named tests, no conftest is loaded.

    Raises
    ------
    pytest.UsageError
        pytest has read settings of a submission, or the named tests are files of a submission.
    """
    options = early_config.known_args_namespace
    paths = [early_config.invocation_params.dir / path for path in options.gradkit_paths]
    if not paths or is_own_folder(early_config, paths):
        return
    folders = [folder_of(path) for path in paths]
    isolated = is_isolated(early_config)
    # Without isolation, other files in the folder of a single file may be the caller's own tests.
    kept_out = folders if isolated else [os.path.realpath(path) for path in paths]
    early_config.stash[KEPT_OUT] = kept_out
    if not isolated:
        refuse_settings(early_config, options.gradkit_paths)
    if is_within(os.curdir, folders):
        leave_working_directory()
        if isolated:
            refuse_debugger(early_config)
    refuse_own_tests(early_config, kept_out)
    if not named_tests(early_config):
        options.noconftest = True


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Return True for files of a submission, which a link in a folder of tests can lead to."""
    kept_out = config.stash.get(KEPT_OUT, None)
    return True if kept_out and is_within(collection_path, kept_out) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line for pytest's header that says that no settings are read.

    None unless ``gradkit pytest`` has started pytest: ``config`` then has the ini file
    `NO_SETTINGS`.
    """
    if str(config.inipath) != NO_SETTINGS:
        return None
    return (
        "gradkit: pytest reads no ini file and no conftest.py; for your own settings, add -c FILE"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker ``gradkit``, and store the seed that all processes share in ``config``.

    The seed of pytest-xdist's main process, or else the option's, or else a random one is used. If
    pytest must not run files of a submission, it collects no files of the current folder by itself.

    Raises
    ------
    pytest.UsageError
        pytest has read settings of a submission.
    """
    if config.stash.get(KEPT_OUT, None):
        if not is_isolated(config):
            # A plugin of the ini file, or a conftest, may have loaded more plugins.
            refuse_settings(config, config.getoption("gradkit_paths"))
        if config.args_source is config.ArgsSource.INVOCATION_DIR:
            config.args = []
    config.addinivalue_line(
        "markers", "gradkit(task): the task that gradkit's fixtures are for, by its id"
    )
    shared = getattr(config, "workerinput", {}).get("gradkit_seed")
    given = config.getoption("gradkit_seed")
    config.stash[SEED] = next(s for s in (shared, given, secrets.randbits(32)) if s is not None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the seed to a process of pytest-xdist, so that all processes draw the same inputs."""
    node.workerinput["gradkit_seed"] = node.config.stash[SEED]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Keep the working directory off the import path of pytest-xdist's processes.

    These run ``python -c``, which otherwise imports from the working directory. Environment
    variables are changed until the end of the session of ``config``. Nothing is done if no
    submission is tested.
    """
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
    """Add the submissions to the tests that pytest has collected by itself.

    This hook wraps pytest's own report on ``collector``. Only the report of the whole session is
    changed, and only if the command line names a submission.
    """
    report = yield
    if isinstance(collector, pytest.Session) and collector.config.getoption("gradkit_paths"):
        from gradkit.pytest_plugin.items import submissions

        report.result = [*report.result, *submissions(collector)]
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the fixture ``gradkit_submission`` once for each of several submissions."""
    paths = metafunc.config.getoption("gradkit_paths")
    if "gradkit_submission" in metafunc.fixturenames and len(paths) > 1:
        metafunc.parametrize("gradkit_submission", paths, indirect=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the processes that ran student code."""
    grading = config.stash.get(GRADING, None)
    if grading is not None:
        grading.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the points of each task to ``terminalreporter``, after pytest's own summary.

    Nothing is printed without a submission on the command line, or if no check was run.
    """
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
    """Return the functions of the submission that ``--gradkit`` names, which run in the sandbox.

    The value is a `gradkit.sandbox.functions.StudentFunctions`. The task is named by
    ``@pytest.mark.gradkit("regression-numpy")``, or by the ini file, or is the only task that the
    submission solves. The test is skipped if no submission is named.
    """
    from gradkit.pytest_plugin.items import grading_of

    paths = request.config.getoption("gradkit_paths")
    path = getattr(request, "param", None) or (paths[0] if paths else None)
    if path is None:
        pytest.skip("no submission to test: name one with --gradkit PATH")
    with grading_of(request.config).student_functions(path, _task(request)) as functions:
        yield functions


@pytest.fixture
def gradkit_oracle(request: pytest.FixtureRequest) -> Any:
    """Return functions that compute the expected values of a task: forward, update, gradient.

    The value is a `gradkit.task.oracle.Answers`. The task is named as for ``gradkit_submission``.
    """
    from gradkit.pytest_plugin.items import grading_of

    paths = request.config.getoption("gradkit_paths")
    return grading_of(request.config).answers(_task(request), paths[0] if paths else None)


def _task(request: pytest.FixtureRequest) -> str | None:
    """Return the task's id in the marker ``gradkit`` of a test, None without the marker."""
    mark = request.node.get_closest_marker("gradkit")
    return mark.args[0] if mark is not None and mark.args else None
