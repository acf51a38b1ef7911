"""``gradkit explain``: the page of a mistake, or all pages as files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradkit.cli.options import out
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command("explain", cls=Command, example="gradkit explain swapped-index")
@click.argument("code", required=False)
@out("DIR", "Write a page per mistake and an index there, as Markdown.")
def command(code: str | None, out: Path | None) -> None:
    """Show the page of a mistake; without a CODE list them all."""
    from gradkit.authoring.new.write import write
    from gradkit.diagnosis.mistakes.catalogue import catalogue, mistake
    from gradkit.report.page import listing, page_text, pages_of, show_page
    from gradkit.text import spell

    page = None if code is None else mistake(code)
    if out is not None:
        if code is not None:
            raise Refusal(
                f"--out writes all pages, and {code} is one: leave out the code, or write "
                f"`gradkit explain {code} > {code}.md`."
            )
        pages = pages_of(catalogue().values())
        write(out, pages)
        click.echo(f"{len(pages) - 1} pages and an index: {out / 'index.md'}")
    elif page is not None and sys.stdout.isatty():
        from rich.console import Console

        show_page(page, Console())
    else:
        text = listing(catalogue().values()) if page is None else page_text(page)
        click.echo(spell(text, sys.stdout.encoding), nl=False)
