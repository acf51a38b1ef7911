"""``gradkit pytest`` runs the checks of a submission as tests of pytest."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli import options
from gradkit.cli.options import command


@command("pytest", "gradkit pytest hw.py -q --junitxml gradkit.xml")
@click.argument("path", type=options.FilePath())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]…")
def pytest_command(path: Path, arguments: tuple[str, ...]) -> None:
    """Run the checks of PATH with pytest, one test for each check.

    PATH is a .py file, notebook, folder or zip. pytest reads and runs no file of the submission's
    folder: no ini file, no conftest.py, no plugin, no module. The code is only run in the sandbox.

    All arguments after PATH are passed to pytest, such as -q, -x, -n 2, -k NAME or
    --junitxml FILE. For your own settings, add -c FILE. The exit code is that of pytest.
    """
    from gradkit.isolated_pytest import run_pytest

    raise click.exceptions.Exit(run_pytest(path, arguments))


pytest_command.allow_interspersed_args = False  # options after PATH are pytest's
