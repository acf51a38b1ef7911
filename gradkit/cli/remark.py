"""``gradkit remark``: mark a class again without running anybody's code."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from gradkit.cli.grade import cores
from gradkit.cli.options import (
    ASSIGNMENT,
    ATTEMPT,
    CLASS,
    NEW_VERSION,
    NO_REFERENCE,
    PRESET,
    REFERENCE,
    Text,
)
from gradkit.cli.refusal import FAILED, INTERRUPTED, Refusal


@click.command("remark")
@CLASS
@ASSIGNMENT
@REFERENCE
@NO_REFERENCE
@PRESET
@click.option(
    "--drop",
    "drops",
    multiple=True,
    metavar="CODE",
    help="Withdraw this finding from everyone (may be repeated).",
)
@click.option(
    "--keep",
    "keeps",
    multiple=True,
    metavar="CODE",
    help="Let this finding count again, which --drop withdrew (may be repeated).",
)
@ATTEMPT
@NEW_VERSION
@click.option(
    "--why",
    type=Text(),
    default="",
    metavar="TEXT",
    help="Kept with the new marks; students read it too.",
)
@click.option("--dry-run", is_flag=True, help="List what would change, and store nothing.")
def command(
    folder: Path,
    assignment: Path | None,
    reference: Path | None,
    no_reference: bool,
    preset: str | None,
    drops: tuple[str, ...],
    keeps: tuple[str, ...],
    attempt: str | None,
    new_version: bool,
    why: str,
    dry_run: bool,
) -> None:
    """Mark the class in DIR again: new points, deductions or tolerances, the same answers.

    Without options the assignment file is read again from where it was when the class was
    graded, and what was decided before (--preset, --drop, --attempt) holds on.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.file.counted import PolicyError, policy
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.classroom.remark import remark, settings_of
    from gradkit.grounds import GradingError
    from gradkit.render.summary import show_changes
    from gradkit.truth.mistakes.catalogue import UnknownMistakeError, mistake

    try:
        rule = policy(attempt) if attempt else None
        for code in drops:
            mistake(code)
        with Store(folder, write=not dry_run, make=False) as store:
            dropped = store.dropped()
            _refuse_keeping(keeps, drops, dropped)
            settings = settings_of(store)
            settings = replace(
                settings,
                assignment=assignment or settings.assignment,
                reference=reference or (None if no_reference else settings.reference),
                no_reference=no_reference or (settings.no_reference and reference is None),
                preset=preset or settings.preset,  # type: ignore[arg-type]
                dropped=tuple(
                    code for code in dict.fromkeys([*dropped, *drops]) if code not in keeps
                ),
            )
            done = remark(
                store,
                settings,
                lanes=cores(),
                why=why,
                drops=drops,
                keeps=keeps,
                policy=rule,
                new_version=new_version,
                store_it=not dry_run,
            )
    except (GradingError, PolicyError, StoreError, UnknownMistakeError) as error:
        raise Refusal(str(error)) from None
    except KeyboardInterrupt:
        click.echo("gradkit: interrupted. All marks are as they were.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    show_changes(done.changes, Console())
    verb = "would change" if dry_run else "changed"
    click.echo(f"{len(done.changes)} of {done.total} scores {verb}.", err=True)
    for name, told in done.stale[:10]:
        click.echo(f"gradkit: {name} was left as it is: {told}. Grade it again.", err=True)
    if len(done.stale) > 10:
        click.echo(f"gradkit: and {len(done.stale) - 10} more.", err=True)
    if done.stale:
        raise click.exceptions.Exit(FAILED)


def _refuse_keeping(keeps: tuple[str, ...], drops: tuple[str, ...], held: tuple[str, ...]) -> None:
    """Refuse to let count what counts, or what is withdrawn in the same breath."""
    for code in keeps:
        if code in drops:
            raise Refusal(f"--keep {code}: --drop says the contrary. Leave one of them out.")
        if code not in held:
            there = f"Withdrawn are {', '.join(held)}" if held else "Nothing is"
            raise Refusal(f"--keep {code}: it is not withdrawn. {there}.")
