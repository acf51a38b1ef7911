"""Commands of whoever sets an exercise: list, audit, reproduce, explain, export, new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gradkit.cli import options
from gradkit.cli.output import console
from gradkit.cli.usage import FAILED, PASSED, OneOf, Refusal, command


@command("list", "gradkit list --assignment spring/assignment.toml")
@click.argument("task", required=False, metavar="")
@options.ASSIGNMENT
def list_command(task: str | None, assignment: Path | None) -> None:
    """List the exercises that come with gradkit; of one, tasks, what they ask for, and points."""
    if task is not None:
        raise Refusal(
            f"{task}: a task belongs to an assignment: `gradkit list --assignment NAME` "
            "lists those of one, and `gradkit list` the names of what comes with gradkit."
        )
    from gradkit.report.exercise import outline, shelf
    from gradkit.task.assignment import read_assignment
    from gradkit.task.shipped import exercises

    if assignment is None:
        found = {name: read_assignment(path) for name, path in exercises().items()}
        click.echo(shelf(found), nl=False)
    else:
        click.echo(outline(read_assignment(assignment)), nl=False)


@command("audit", "gradkit audit --assignment spring/assignment.toml")
@options.ASSIGNMENT
@options.REFERENCE
def audit_command(assignment: Path | None, reference: Path | None) -> None:
    """Try every change of the model solutions, one at a time, and list those that slip through.

    A sign, a factor, an axis, a name: what no check sees is a mistake with full marks.
    """
    from gradkit.authoring.audit import audit_file
    from gradkit.report.exercise import to_text

    found = audit_file(assignment, reference)
    click.echo(to_text(found), nl=False)
    raise click.exceptions.Exit(PASSED if found.clean else FAILED)


@command("reproduce", "gradkit reproduce --reference reference")
@options.REFERENCE
def reproduce_command(reference: Path | None) -> None:
    """Run the published notebook's four runs again, published beside recomputed."""
    from gradkit.authoring.reproduce import reproduce

    text, agreed = reproduce(reference)
    click.echo(text, nl=False)
    raise click.exceptions.Exit(PASSED if agreed else FAILED)


@command("explain", "gradkit explain swapped-index")
@click.argument("code", required=False)
@options.out("DIR", "Write a page per mistake and an index there, as Markdown.")
@options.flag("--costs", "List what each mistake costs, by preset.")
@options.ASSIGNMENT
def explain_command(
    code: str | None, out: Path | None, costs: bool, assignment: Path | None
) -> None:
    """Show the page of a mistake; without a CODE list them all.

    With --costs and --assignment that assignment's own deductions are beside the presets.
    """
    from gradkit.authoring.export import as_files, write_folder
    from gradkit.diagnosis.mistakes.catalogue import catalogue, mistake
    from gradkit.report.exercise import listing, page_text, pages_of, show_page
    from gradkit.text import spell

    page = None if code is None else mistake(code)
    if costs:
        from gradkit.report.exercise import costs as table
        from gradkit.task.assignment import read_assignment

        chosen = catalogue().values() if page is None else [page]
        own = read_assignment(assignment).deductions
        click.echo(spell(table(chosen, own), sys.stdout.encoding), nl=False)
    elif out is not None:
        if code is not None:
            raise Refusal(
                f"--out writes all pages, and {code} is one: leave out the code, or write "
                f"`gradkit explain {code} > {code}.md`."
            )
        pages = pages_of(catalogue().values())
        write_folder(as_files(pages), out)
        click.echo(f"{len(pages) - 1} pages and an index: {out / 'index.md'}")
    elif page is not None and sys.stdout.isatty():
        show_page(page, console())
    else:
        text = listing(catalogue().values()) if page is None else page_text(page)
        click.echo(spell(text, sys.stdout.encoding), nl=False)


@command("export", "gradkit export gradescope --out autograder.zip")
@click.argument("platform", type=OneOf(["gradescope", "github-classroom", "wheel"]))
@options.out("PATH", "The zip archive (gradescope) or folder to write.", required=True)
@options.ASSIGNMENT
@options.REFERENCE
@options.flag("--no-reference", "Leave model solutions out; marks are then provisional.")
@options.INSTALL
def export_command(platform: str, out: Path, **settings: Any) -> None:
    """Write what PLATFORM needs to grade an assignment with gradkit.

    Nothing is overwritten. For github-classroom no model solutions are packed: students
    can read the repository. Where there are any, examples of what they give go in their
    place. With wheel it is gradkit alone, for anybody to install.
    """
    from gradkit.authoring.export import export_assignment

    untold = export_assignment(platform, out, **settings)
    click.echo(f"Written to {out}.", err=True)
    if untold:
        click.echo(
            f"Without the model solution nobody can tell whether {', '.join(untold)} is right: who "
            "has done all well gets exit code 3. Name the folder of the model solutions with "
            "--reference, for examples of what they give; where `conventions` are, write some.",
            err=True,
        )


@command("new", "gradkit new hw")
@click.argument("folder", type=options.FilePath(), metavar="DIR")
@options.flag("--instructor", "An assignment of one's own, with solutions and template.")
@options.number(
    "--variant",
    (0, 2**63 - 1),
    "With --instructor: other sizes, activation, rates and data.",
    "SEED",
)
@click.option(
    "--exercise",
    type=options.AssignmentFile(),
    metavar="NAME",
    help="Another exercise than the first, see `gradkit list`; or an assignment file of your own.",
)
@options.path_option(
    "--reference",
    "DIR",
    "With an assignment file of your own: its model solutions. Signatures and docstrings are "
    "handed out.",
)
@options.flag("--notebook", "With --exercise: a notebook in place of the Python files.")
@options.INSTALL
def new_command(folder: Path, **settings: Any) -> None:
    """Write what a student starts from to DIR: files, notebook, README, workflows, gradkit."""
    from gradkit.authoring.new.write import write_new

    files = write_new(folder, **settings)
    click.echo(f"{folder}: {len(files)} files written. Read README.md there first.", err=True)
