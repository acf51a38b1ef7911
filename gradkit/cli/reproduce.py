"""``gradkit reproduce``: the published figures beside recomputed ones."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import REFERENCE
from gradkit.cli.refusal import FAILED, PASSED, Refusal


@click.command("reproduce")
@REFERENCE
def command(reference: Path | None) -> None:
    """Run the published notebook's four runs again, published beside recomputed."""
    from gradkit.reproduce import ReproduceError, reproduce

    try:
        text, agreed = reproduce(reference)
    except ReproduceError as error:
        raise Refusal(str(error)) from None
    click.echo(text, nl=False)
    raise click.exceptions.Exit(PASSED if agreed else FAILED)
