"""``gradkit explain``: the page of a mistake, or all pages as files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradkit.cli.options import FilePath
from gradkit.cli.refusal import Refusal


@click.command("explain")
@click.argument("code", required=False)
@click.option(
    "--output",
    type=FilePath(),
    metavar="DIR",
    help="Write a page per mistake and an index there, as Markdown.",
)
def command(code: str | None, output: Path | None) -> None:
    """Show the page of a mistake; without a CODE list them all."""
    from gradkit.render.page import listing, page_text, show_page
    from gradkit.text import spell
    from gradkit.truth.mistakes.catalogue import UnknownMistakeError, catalogue, mistake

    try:
        page = None if code is None else mistake(code)
    except UnknownMistakeError as error:
        raise Refusal(str(error)) from None
    if output is not None:
        _write(output, code)
        return
    if page is not None and sys.stdout.isatty():
        from rich.console import Console

        show_page(page, Console())
        return
    text = listing(catalogue().values()) if page is None else page_text(page)
    click.echo(spell(text, sys.stdout.encoding), nl=False)


def _write(folder: Path, code: str | None) -> None:
    """Write the whole catalogue, and say so."""
    from gradkit.render.page import index_text, page_text
    from gradkit.truth.mistakes.catalogue import catalogue

    if code is not None:
        raise Refusal(
            f"--output writes all pages, and {code} is one: leave out the code, or write "
            f"`gradkit explain {code} > {code}.md`."
        )
    pages = catalogue()
    texts = {f"{name}.md": page_text(page) for name, page in pages.items()}
    texts["index.md"] = index_text(pages.values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(name for name in texts if (folder / name).exists())
        if there:
            raise Refusal(
                f"{folder} has {there[0]} already; nothing is overwritten. Name another folder, "
                "or remove its pages first."
            )
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"{folder}: cannot be written ({error.strerror}).") from None
    click.echo(f"{len(pages)} pages and an index: {folder / 'index.md'}")
