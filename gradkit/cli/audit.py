"""``gradkit audit``: the mistakes that an assignment would let through."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import ASSIGNMENT, REFERENCE
from gradkit.cli.refusal import FAILED, PASSED
from gradkit.cli.usage import Command


@click.command("audit", cls=Command, example="gradkit audit --assignment spring/assignment.toml")
@ASSIGNMENT
@REFERENCE
def command(assignment: Path | None, reference: Path | None) -> None:
    """Try every known mistake against an assignment, and list those that slip through."""
    from gradkit.authoring.audit import audit_file
    from gradkit.report.assignment import to_text

    found = audit_file(assignment, reference)
    click.echo(to_text(found), nl=False)
    raise click.exceptions.Exit(PASSED if found.clean else FAILED)
