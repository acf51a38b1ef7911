"""``gradkit explain``: the page of a mistake."""

from __future__ import annotations

import sys

import click

from gradkit.cli.refusal import Refusal


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Show the page of a mistake; without a CODE list them all."""
    from gradkit.render.page import listing, page_text, show_page
    from gradkit.text import spell
    from gradkit.truth.mistakes.catalogue import UnknownMistakeError, catalogue, mistake

    try:
        page = None if code is None else mistake(code)
    except UnknownMistakeError as error:
        raise Refusal(str(error)) from None
    if page is not None and sys.stdout.isatty():
        from rich.console import Console

        show_page(page, Console())
        return
    text = listing(catalogue().values()) if page is None else page_text(page)
    click.echo(spell(text, sys.stdout.encoding), nl=False)
