"""Refuse to run ``pytest --gradkit PATH`` where pytest has read settings from PATH's folder.

``gradkit pytest PATH`` reads no settings of a submission, see `gradkit.isolated_pytest`. Without
that command pytest may have read some before it loads gradkit's plugin. The plugin looks for what
it can still see: the ini file, loaded plugins, the root folder, the current folder.
"""

from __future__ import annotations

import glob
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gradkit.isolated_pytest import ISOLATED, folder_of, is_within

OPTION = "--gradkit"


def is_isolated(config: pytest.Config) -> bool:
    """Return True if ``gradkit pytest`` has started this pytest.

    Only the command line counts, as a student's ini file could contain the option.
    """
    return ISOLATED in config.invocation_params.args


def is_own_folder(config: pytest.Config, paths: Sequence[Path]) -> bool:
    """Return True if the ini file of the submission's folder itself names the submission.

    Students run plain ``pytest`` in such a folder, and trust their own settings. The command
    line and ``PYTEST_ADDOPTS`` must name no submission.
    """
    words = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args]
    if any(word == OPTION or str(word).startswith(f"{OPTION}=") for word in words):
        return False
    return config.inipath is not None and is_within(config.inipath, map(folder_of, paths))


def refuse_settings(config: pytest.Config, paths: Sequence[str]) -> None:
    """Raise UsageError if pytest uses settings that lie in the folder of a submission.

    Parameters
    ----------
    config : pytest.Config
    paths : sequence of str
        The submissions, as the command line names them.

    Raises
    ------
    pytest.UsageError
        The message names the settings, and the command to type instead.
    """
    for path in paths:
        for found in _settings_in_use(config, config.invocation_params.dir / path):
            raise pytest.UsageError(
                f"{OPTION} {path}: {found}, in the folder of the submission. Files in this folder "
                f"may run outside of the sandbox. Type instead: gradkit pytest {shlex.quote(path)}"
            )


def _settings_in_use(config: pytest.Config, path: Path) -> Iterator[str]:
    """Yield a clause for each setting that pytest has taken from the folder of a submission.

    ``config`` has pytest's settings and plugins, and ``path`` is the submission. Files that the
    command line names by ``-c``, ``--rootdir`` or as tests are the caller's own. So is the current
    folder if the submission is a single file in it. Nothing is yielded if all settings are the
    caller's.
    """
    folders = [folder_of(path)]
    options, here = config.known_args_namespace, os.path.realpath(config.invocation_params.dir)
    if config.inipath and not options.inifilename and is_within(config.inipath, folders):
        yield f"pytest has read settings from {config.inipath}"
    trusted = [os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix)]
    trusted += [os.path.dirname(os.path.dirname(os.path.realpath(__file__)))]
    trusted += [folder_of(place) for _, place in named_tests(config)]
    for plugin in config.pluginmanager.get_plugins():
        file = getattr(plugin, "__file__", None)
        if file and is_within(file, folders) and not is_within(file, trusted):
            yield f"pytest has loaded the plugin {file}"
    if is_within(here, folders) and (path.is_dir() or here not in folders):
        yield f"pytest was started in {here}"
    root, named = os.path.realpath(config.rootpath), options.rootdir or options.inifilename
    if root != here and not named and is_within(root, folders):
        yield f"pytest has chosen the root folder {root}"


def refuse_debugger(config: pytest.Config) -> None:
    """Refuse ``--pdb`` and ``--trace``, as Python's debugger runs ``.pdbrc`` of the current folder.

    Raises
    ------
    pytest.UsageError
        One of these options is given.
    """
    options = config.known_args_namespace
    if getattr(options, "usepdb", False) or getattr(options, "trace", False):
        raise pytest.UsageError(
            "--pdb and --trace run the file .pdbrc of the current folder, which holds the "
            "submission. Start `gradkit pytest` in another folder."
        )


def refuse_own_tests(config: pytest.Config, submissions: Sequence[str]) -> None:
    """Refuse tests that the command line names and that are files of a submission.

    Parameters
    ----------
    config : pytest.Config
    submissions : sequence of str
        Real paths of files and folders whose files pytest must not run.

    Raises
    ------
    pytest.UsageError
        A named test lies in a submission, or a named folder of tests contains a submission.
    """
    for word, place in named_tests(config):
        for submission in submissions:
            if is_within(place, [submission]) or is_within(submission, [os.path.realpath(place)]):
                raise pytest.UsageError(
                    f"{OPTION} {submission}: pytest would run files of this submission as tests, "
                    f"because you named {word}. Name only tests in another folder, or none."
                )


def named_tests(config: pytest.Config) -> list[tuple[str, str]]:
    """Return the named paths of tests, each with a place where pytest looks for a ``conftest.py``.

    A path has one pair for itself and one for each folder ``test*`` in it. The paths are those of
    the command line in ``config``; without any, ``testpaths`` of the ini file names the tests.
    """
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
