"""``gradkit list``: what an assignment asks for."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import ASSIGNMENT
from gradkit.cli.usage import Command


@click.command("list", cls=Command, example="gradkit list --assignment spring/assignment.toml")
@ASSIGNMENT
def command(assignment: Path | None) -> None:
    """List tasks, roles, checks and points."""
    from gradkit.report.assignment import outline
    from gradkit.task.assignment import read_assignment

    click.echo(outline(read_assignment(assignment)), nl=False)
