"""Commands that report on a class and change nothing: summary, review, history, diff, show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli import options
from gradkit.cli.options import (
    FAILED,
    PASSED,
    OneOf,
    Refusal,
    command,
    heeding,
    interruptible,
)
from gradkit.cli.output import console, print_text, tell, to_file, to_stdout

if TYPE_CHECKING:
    from gradkit.reproducer import Shown


SPREADSHEET = "utf-8-sig"
"""Encoding of the table of a class. With the byte order mark, Excel reads it as UTF-8."""


@command("summary", "gradkit summary results --format csv > class.csv")
@options.CLASS
@options.format_option("text", "csv")
@options.PSEUDONYMS
def summary_command(folder: Path, format_: str, pseudonyms: bool) -> None:
    """Summarise the scores and mistakes of the class in DIR.

    With --format csv: a table with a row per student and a column per check.
    """
    from gradkit.classroom.reports.summary import class_rows
    from gradkit.classroom.store.results import Store
    from gradkit.report.frames import frame_csv, grade_frame
    from gradkit.report.summary import show_summary

    with Store(folder, write=False) as store:
        rows = class_rows(store, pseudonyms=pseudonyms)
    if format_ == "csv":
        to_stdout(frame_csv(grade_frame(rows)).encode(SPREADSHEET))
    else:
        show_summary(rows, console())


@command("review", "gradkit review results --split anna,ben --for anna")
@options.CLASS
@click.option(
    "--split",
    metavar="NAMES",
    help="Divide the students among these graders, such as anna,ben,carla.",
)
@click.option(
    "--for",
    "assistant",
    metavar="NAME",
    help="With --split: list only the students of this grader.",
)
@options.PSEUDONYMS
@options.format_option("text", "csv")
@options.flag(
    "--serve", "Show the class on pages in a browser, to read code, comment and set points."
)
@options.number("--port", (1, 65535), "With --serve: port of the server.  [default: any free port]")
@options.text_option(
    "--by", "With --serve: name of the grader.  [default: your user name]", metavar="NAME"
)
def review_command(
    folder: Path,
    split: str | None,
    assistant: str | None,
    pseudonyms: bool,
    format_: str,
    serve: bool,
    port: int | None,
    by: str,
) -> None:
    """List the students whose results a person must review, and why.

    DIR is the folder of the class. The most urgent students come first, each with the command that
    shows the result. With --format csv: a table with a row per student. With --split, each grader
    keeps the same students as long as few submissions are added or removed.

    With --serve, review the class on pages in a browser. Only this machine can open the pages, at
    an address with a secret. Every change is saved at once; Ctrl-C stops the server.
    """
    if serve:
        if split or assistant or pseudonyms or format_ != "text":
            raise Refusal("--serve can only be combined with --port and --by.")
        _serve(folder, port or 0, by)
        return
    if port or by:
        raise Refusal("--port and --by need --serve.")
    assistants = _names(split)
    if assistant is not None and assistant not in assistants:
        known = (
            f"a name of --split: {', '.join(assistants)}"
            if assistants
            else "--split with the names of all graders, such as --split anna,ben"
        )
        raise Refusal(f"--for {assistant} needs {known}.")
    from gradkit.classroom.policy import counting_attempts
    from gradkit.classroom.reports.summary import all_provisional, cautions, everybody, review
    from gradkit.classroom.store.results import Store
    from gradkit.report.frames import frame_csv, review_frame
    from gradkit.report.table import show_review

    with Store(folder, write=False) as store:
        rows = everybody(store)
        reviews = review(store, assistants, pseudonyms=pseudonyms, rows=rows)
        provisional = all_provisional(counting_attempts(store))
        warnings = [] if pseudonyms else cautions(store, rows)  # warnings contain names
    reviews = [row for row in reviews if assistant in (None, row.assistant)]
    if format_ == "csv":
        to_stdout(frame_csv(review_frame(reviews, folder)).encode())
        return
    show_review(reviews, console(), folder)
    tell(warnings)
    if provisional:
        tell(
            [
                "all marks are provisional because there were no model solutions. Run `gradkit "
                "grade` with --reference to make them final."
            ]
        )


def _serve(folder: Path, port: int, by: str) -> None:
    """Serve the pages of a class, and print their address, until the command is interrupted.

    ``by`` is the person who reviews; port 0 lets the system choose one.
    """
    from gradkit.review.server import serve

    def tell_address(address: str) -> None:
        click.echo(address)
        click.echo("Open this address in a browser. Ctrl-C stops the server.", err=True)

    with interruptible(" Everything that was saved is kept."), heeding():
        serve(folder, tell_address, port=port, by=by)


def _names(split: str | None) -> list[str]:
    """Return the names in the value of --split; none if it is None.

    Raises
    ------
    Refusal
        A name is empty, or occurs twice.
    """
    names = [name.strip() for name in (split or "").split(",")]
    if split is not None and (not all(names) or len(set(names)) < len(names)):
        raise Refusal(f"--split {split}: give different names, separated by commas.")
    return [name for name in names if name]


@command("history", 'gradkit history results "Ann Lee" --format json')
@options.CLASS
@click.argument("student", required=False)
@options.format_option("text", "json")
def history_command(folder: Path, student: str | None, format_: str) -> None:
    """Show each run that affected a student's grade, or list all runs.

    DIR is the folder of the class. For each run the command shows the person, the time, the reason,
    the versions, the inputs, and the score before and after. Without STUDENT: all runs.
    """
    if format_ == "json" and student is None:
        raise Refusal("--format json needs STUDENT: it writes the history of one student.")
    from gradkit.classroom.course.find_student import find_student
    from gradkit.classroom.reports.history import history
    from gradkit.classroom.store.results import Store
    from gradkit.report.summary import history_json, history_text, show_runs

    with Store(folder, write=False) as store:
        if student is None:
            show_runs(store.runs(), console())
            return
        found = history(store, find_student(store, student))
    if format_ == "json":
        to_stdout(history_json(found).encode())
    else:
        print_text(history_text(found), sys.stdout.encoding)


@command("diff", "gradkit diff results 2 5")
@options.CLASS
@click.argument("before", type=options.WholeNumber(1), metavar="RUN")
@click.argument("after", type=options.WholeNumber(1), metavar="RUN")
@options.PSEUDONYMS
def diff_command(folder: Path, before: int, after: int, pseudonyms: bool) -> None:
    """List what changed between two runs of the class in DIR.

    Compares scores, findings and points that were set, at the end of each run. `gradkit
    history` lists the runs.
    """
    from gradkit.classroom.reports.history import differences
    from gradkit.classroom.store.results import Store
    from gradkit.report.table import show_differences

    with Store(folder, write=False) as store:
        changed = differences(store, before, after, pseudonyms=pseudonyms)
    show_differences(changed, console())


@command("show", 'gradkit show results "Ann Lee" --finding 3f2a9c')
@click.argument("folder", type=options.FilePath(), metavar="DIR|RESULT")
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--finding",
    metavar="ID|CODE",
    help="Print the finding with this id, or this mistake, as a script, and run it.",
)
@options.path_option(
    "--assignment",
    "FILE",
    "Assignment file. Only needed if this is not an exercise of gradkit or of the class.",
)
@click.option(
    "--as",
    "viewer",
    type=OneOf(["student"]),
    help="Print an exact copy of the last page that the student got.",
)
@options.number("--release", (1, None), "With --as: the Nth page that the student got.")
@options.out("FILE", "With --as: write to this file instead of standard output.")
def show_command(
    folder: Path,
    name: str | None,
    finding: str | None,
    assignment: Path | None,
    viewer: str | None,
    release: int | None,
    out: Path | None,
) -> None:
    """Show a student's report, or run a finding again as a script.

    DIR is the folder of a class, and NAME a student. RESULT is a file written by `gradkit check
    --format json --out RESULT`; NAME is needed if RESULT has several submissions. Without
    --finding, the command prints the report and lists the findings. With --finding, it prints a
    Python script that reproduces the finding without gradkit, runs the script, and adds the outcome
    in comments.
    """
    if viewer is None and (release is not None or out is not None):
        raise Refusal("--release and --out need --as student.")
    if viewer is not None and finding is not None:
        raise Refusal("--as student prints the page that the student got. Leave out --finding.")
    # A name that ends in .json is meant as a file, even if the file does not exist.
    if folder.is_file() or folder.suffix == ".json":
        if viewer is not None:
            raise Refusal(f"{folder} is a file: --as needs the folder of a class.")
        _show_file(folder, name, finding, assignment)
    elif name is None:
        raise Refusal(f"NAME is missing. Give the name of a student in {folder}.")
    elif viewer is not None:
        _show_given_page(folder, name, release, out)
    else:
        _show_student(folder, name, finding, assignment)


def _show_file(file: Path, name: str | None, finding: str | None, assignment: Path | None) -> None:
    """List the findings in a file of results, or reproduce one of them."""
    from gradkit.reproducer import findings_of, show
    from gradkit.reproducer.recorded import listing

    if finding is None:
        click.echo(listing(findings_of(file, name)), nl=False)
    else:
        _print_script(show(file, finding, submission=name, assignment=assignment))


def _show_student(folder: Path, name: str, finding: str | None, assignment: Path | None) -> None:
    """Print a student's report and findings; with ``finding``, print the script that reproduces it.

    If the student has no result, the reason is printed.
    """
    from gradkit.classroom.reports.stored import NoResultError, show_finding, student_result
    from gradkit.report.data import EXPECTED_LEVEL, to_data
    from gradkit.report.text import to_text
    from gradkit.reproducer import findings_in
    from gradkit.reproducer.recorded import listing
    from gradkit.text import clean_text

    if finding is not None:
        _print_script(show_finding(folder, name, finding, assignment))
    try:
        sheet = student_result(folder, name)
    except NoResultError as error:
        click.echo("\n".join(map(clean_text, str(error).splitlines())))
        return
    result = sheet.result
    click.echo(to_text([result], EXPECTED_LEVEL, encoding=sys.stdout.encoding), nl=False)
    click.echo(listing(findings_in([to_data(result, EXPECTED_LEVEL)])), nl=False)
    if sheet.path:
        click.echo(f"The submission is {clean_text(sheet.path)}.", err=True)


def _show_given_page(folder: Path, name: str, release: int | None, out: Path | None) -> None:
    """Write an exact copy of a page that a student was given, to a file or standard output."""
    from gradkit.classroom.reports.stored import copy_of

    copy = copy_of(folder, name, release)
    description = f"{copy.number} of {copy.total}: {copy.file}, written in run {copy.run}."
    click.echo(description, err=True)
    if out is None:
        to_stdout(copy.data)
    else:
        to_file(copy.data, out)


def _print_script(shown: Shown) -> None:
    """Print a finding's script with its outcome, and exit with 0 if it reproduces the finding."""
    from gradkit.reproducer.recorded import script_text

    # The output may be redirected to a file, which Python reads as UTF-8.
    to_stdout(script_text(shown.text, shown.printed, shown.conclusion).encode())
    raise click.exceptions.Exit(PASSED if shown.agrees else FAILED)
