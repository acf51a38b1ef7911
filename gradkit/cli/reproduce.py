"""``gradkit reproduce``: the published figures beside recomputed ones."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import REFERENCE
from gradkit.cli.refusal import FAILED, PASSED
from gradkit.cli.usage import Command


@click.command("reproduce", cls=Command, example="gradkit reproduce --reference reference")
@REFERENCE
def command(reference: Path | None) -> None:
    """Run the published notebook's four runs again, published beside recomputed."""
    from gradkit.authoring.reproduce import reproduce

    text, agreed = reproduce(reference)
    click.echo(text, nl=False)
    raise click.exceptions.Exit(PASSED if agreed else FAILED)
