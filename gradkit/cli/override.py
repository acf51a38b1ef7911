"""``gradkit override``: points that a person sets, whatever the marks say."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import BY, IN_CLASS, Text
from gradkit.cli.refusal import Refusal


@click.command("override")
@click.argument("student")
@click.argument("check")
@click.argument("points", type=float, required=False)
@click.option(
    "--comment", type=Text(), required=True, metavar="TEXT", help="Why; the student reads it too."
)
@BY
@click.option("--withdraw", is_flag=True, help="Take back the points that were set.")
@IN_CLASS
def command(
    student: str,
    check: str,
    points: float | None,
    comment: str,
    by: str,
    withdraw: bool,
    folder: Path | None,
) -> None:
    """Set the POINTS that STUDENT gets for a CHECK.

    They count whatever the marks say, in later runs too. CHECK is task/check, or the check
    alone where only one task has it.
    """
    if withdraw == (points is not None):
        raise Refusal("give either POINTS, or --withdraw to take back those that were set.")
    folder = class_folder(folder)
    from gradkit.classroom.course.whom import WhomError, whom
    from gradkit.classroom.file.counted import counted
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.overrides import OverrideError, override, overrides, result_of
    from gradkit.classroom.file.store import Store
    from gradkit.render.allot import points as shown

    try:
        with Store(folder, write=True, make=False) as store:
            name = whom(store, student)
            counts = {each.kept.name: each for each in counted(store)}
            if name not in counts:
                raise Refusal(f"{name} has nothing that counts, so there are no points to set.")
            marked, former = override(
                store, counts[name].kept, check, points, comment=comment, by=by
            )
            result = result_of(store, counts[name], overrides(store).get(name, ()))
    except (OverrideError, StoreError, WhomError) as error:
        raise Refusal(str(error)) from None
    was = f"until now {shown(former)} were set, and the mark" if former is not None else "the mark"
    now = "the mark counts again" if points is None else f"{shown(points)} points"
    total = f"{shown(result.score)} / {shown(result.max_score)}"
    click.echo(
        f"{name}, {check}: {now} ({was} is {shown(marked)}). The total is now {total}.", err=True
    )
