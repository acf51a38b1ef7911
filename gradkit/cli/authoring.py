"""Commands for authors of exercises: list, audit, reproduce, explain, export, new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gradkit.cli import options
from gradkit.cli.options import FAILED, PASSED, OneOf, Refusal, command
from gradkit.cli.output import Progress, console


@command("list", "gradkit list --assignment spring/assignment.toml")
@click.argument("task", required=False, metavar="")
@options.ASSIGNMENT
def list_command(task: str | None, assignment: Path | None) -> None:
    """List gradkit's exercises, or the tasks of an assignment."""
    if task is not None:
        raise Refusal(
            f"unexpected argument {task}. `gradkit list --assignment NAME` lists the tasks of an "
            "assignment; `gradkit list` lists the assignments."
        )
    from gradkit.report.exercise import outline, shelf
    from gradkit.task.assignment import exercises, read_assignment

    if assignment is None:
        found = {name: read_assignment(path) for name, path in exercises().items()}
        click.echo(shelf(found), nl=False)
    else:
        click.echo(outline(read_assignment(assignment)), nl=False)


@command("audit", "gradkit audit --assignment spring/assignment.toml")
@options.ASSIGNMENT
@options.REFERENCE
def audit_command(assignment: Path | None, reference: Path | None) -> None:
    """Search for mistakes that the checks of an assignment miss.

    Changes the model solutions, one place at a time, and lists changes that no check detects. Each
    change (a sign, a factor, an axis, a name) that is not detected is a mistake for which a student
    would get full marks. Some changes are no mistakes: for these, paste the printed entries into
    the assignment file.
    """
    from gradkit.authoring.audit import audit_file
    from gradkit.report.exercise import to_text

    found = audit_file(assignment, reference)
    click.echo(to_text(found), nl=False)
    raise click.exceptions.Exit(PASSED if found.clean else FAILED)


@command("reproduce", "gradkit reproduce --reference reference")
@options.REFERENCE
def reproduce_command(reference: Path | None) -> None:
    """Repeat the four runs of the published notebook.

    The numbers are compared with the published numbers.
    """
    from gradkit.authoring.reproduce import reproduce

    text, agreed = reproduce(reference)
    click.echo(text, nl=False)
    raise click.exceptions.Exit(PASSED if agreed else FAILED)


@command("explain", "gradkit explain swapped-index")
@click.argument("code", required=False)
@options.out("DIR", "Write a Markdown page per mistake, and an index, to this folder.")
@options.flag("--costs", "List the deduction for each mistake, by preset.")
@options.ASSIGNMENT
def explain_command(
    code: str | None, out: Path | None, costs: bool, assignment: Path | None
) -> None:
    """Explain the mistake CODE, or list all mistakes.

    With --costs and --assignment, the deductions of the assignment are listed too.
    """
    from gradkit.authoring.export import as_files, write_folder
    from gradkit.diagnosis.catalogue import catalogue, mistake, mistake_codes
    from gradkit.report.exercise import listing, page_text, pages_of, show_page
    from gradkit.text import spell

    page = None if code is None else mistake(code)
    if costs:
        from gradkit.report.exercise import costs as table
        from gradkit.task.assignment import read_assignment

        chosen = [mistake(each) for each in mistake_codes()] if page is None else [page]
        own = read_assignment(assignment).deductions
        click.echo(spell(table(chosen, own), sys.stdout.encoding), nl=False)
    elif out is not None:
        if code is not None:
            raise Refusal(
                f"--out writes the pages of all mistakes: leave out {code}, or run "
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
@options.out("PATH", "Zip archive (gradescope) or folder to write.", required=True)
@options.ASSIGNMENT
@options.REFERENCE
@options.flag("--no-reference", "Leave out the model solutions. Marks are then provisional.")
@options.several(
    "--task",
    "tasks",
    "ID",
    "Grade only this task (repeatable). It counts even if nothing was submitted.  [default: the "
    "tasks that the assignment requires, else those that were submitted]",
)
@options.INSTALL
def export_command(platform: str, out: Path, **settings: Any) -> None:
    """Write the files with which a platform grades an assignment.

    Existing files are not overwritten. github-classroom gets no model solutions, because students
    can read the repository; it gets examples of the outputs instead. wheel writes only gradkit, as
    a file for pip.
    """
    from gradkit.authoring.export import export_assignment, gains_by_deletion

    unchecked = export_assignment(platform, out, **settings)
    click.echo(f"Written to {out}.", err=True)
    if platform != "wheel" and gains_by_deletion(settings["assignment"], settings["tasks"]):
        click.echo(
            "Only submitted tasks count, so a missing file costs nothing. To let tasks count even "
            "if they are missing, name them with --task.",
            err=True,
        )
    if unchecked:
        click.echo(
            f"Without model solutions these cannot be checked: {', '.join(unchecked)}. A correct "
            "submission gets exit code 3. Add --reference DIR to pack examples of the outputs of "
            "the model solutions.",
            err=True,
        )


@command("new", "gradkit new hw")
@click.argument("folder", type=options.FilePath(), metavar="DIR")
@options.flag("--instructor", "Create your own assignment, with model solutions and a template.")
@options.number(
    "--variant",
    (0, options.LARGEST_SEED),
    "With --instructor: draw other sizes, activations, rates and data with this seed.",
    "SEED",
)
@click.option(
    "--exercise",
    type=options.AssignmentArgument(),
    metavar="NAME",
    help="Write the files for this exercise (see `gradkit list`), or for your own assignment file.",
)
@options.path_option(
    "--reference",
    "DIR",
    "With your own assignment file: folder of its model solutions. Only their signatures and "
    "docstrings are copied.",
)
@options.path_option(
    "--from",
    "FILE",
    "Draft your own assignment from a handout with model solutions (.py or .ipynb).",
)
@options.flag("--notebook", "With --exercise: write a notebook instead of Python files.")
@options.INSTALL
def new_command(folder: Path, **settings: Any) -> None:
    """Create the folder DIR with starter files for students.

    The folder also contains gradkit itself, as a wheel (a file for pip).
    """
    from gradkit.authoring.new.write import write_new
    from gradkit.drafting.write import write_draft

    handout = settings.pop("from")
    if handout is None:
        files = write_new(folder, **settings)
        click.echo(f"{folder}: {len(files)} files written. Start with its README.md.", err=True)
    else:
        with Progress(1) as progress:
            files, left_out = write_draft(folder, handout, show=progress.show, **settings)
        for name, reason in left_out.items():
            click.echo(f"{name} is left out: {reason.splitlines()[0]}", err=True)
        click.echo(
            f"{folder}: {len(files)} files written. Read the comments in assignment.toml, then "
            f"run `gradkit check {folder}/reference --assignment {folder}/assignment.toml`.",
            err=True,
        )
