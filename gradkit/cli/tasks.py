"""``gradkit list``: what an assignment asks for."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import ASSIGNMENT
from gradkit.cli.refusal import Refusal


@click.command("list")
@ASSIGNMENT
def command(assignment: Path | None) -> None:
    """List tasks, roles, checks and points."""
    from gradkit.render.outline import outline
    from gradkit.truth.assignment import AssignmentError, read_assignment

    try:
        click.echo(outline(read_assignment(assignment)), nl=False)
    except AssignmentError as error:
        raise Refusal(str(error)) from None
