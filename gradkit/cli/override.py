"""``gradkit override``: points that a person sets, whatever the marks say."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import BY, CLASS, Text
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command(
    "override",
    cls=Command,
    example='gradkit override results "Ann Lee" update 4 --comment "the sheet was unclear"',
)
@CLASS
@click.argument("student")
@click.argument("check")
@click.argument("points", type=float, required=False)
@click.option(
    "--comment", type=Text(), required=True, metavar="TEXT", help="Why; the student reads it too."
)
@BY
@click.option("--withdraw", is_flag=True, help="Take back the points that were set.")
def command(
    folder: Path,
    student: str,
    check: str,
    points: float | None,
    comment: str,
    by: str,
    withdraw: bool,
) -> None:
    """Set the POINTS that STUDENT gets for a CHECK in the class in DIR.

    They count whatever the marks say, in later runs too. CHECK is task/check, or the check
    alone where only one task has it.
    """
    if withdraw == (points is not None):
        raise Refusal("give either POINTS, or --withdraw to take back those that were set.")
    from gradkit.classroom.store.overrides import override_points
    from gradkit.report.rounding import points as shown

    done = override_points(folder, student, check, points, comment=comment, by=by)
    was = "the mark"
    if done.former is not None:
        was = f"until now {shown(done.former)} were set, and the mark"
    now = "the mark counts again" if points is None else f"{shown(points)} points"
    total = f"{shown(done.result.score)} / {shown(done.result.max_score)}"
    said = f"{done.name}, {check}: {now} ({was} is {shown(done.marked)}). The total is now {total}."
    click.echo(said, err=True)
