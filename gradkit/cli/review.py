"""``gradkit review``: what a person must look at, split among those who do."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import CLASS, PSEUDONYMS, format_option
from gradkit.cli.output import tell, to_stdout
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command("review", cls=Command, example="gradkit review results --split anna,ben --for anna")
@CLASS
@click.option("--split", metavar="NAMES", help="Share the work among these, as anna,ben,carla.")
@click.option("--for", "whose", metavar="NAME", help="With --split: this one's part alone.")
@PSEUDONYMS
@format_option("text", "csv")
def command(
    folder: Path, split: str | None, whose: str | None, pseudonyms: bool, format_: str
) -> None:
    """List what a person must look at in the class in DIR; as csv, one row for each student.

    The most urgent comes first, each with the command to see it. Whoever shares the work gets
    the same students again, as long as few come or go.
    """
    assistants = _names(split)
    if whose is not None and whose not in assistants:
        among = f"There are {', '.join(assistants)}" if assistants else "It goes with --split"
        raise Refusal(f"--for {whose}: nobody of that name shares the work. {among}.")
    from rich.console import Console

    from gradkit.classroom.reports.review import all_provisional, review
    from gradkit.classroom.store.attempts import counting_attempts
    from gradkit.classroom.store.results import Store
    from gradkit.report.table import review_csv, show_review

    with Store(folder, write=False) as store:
        looks = review(store, assistants, pseudonyms=pseudonyms)
        provisional = all_provisional(counting_attempts(store))
    looks = [look for look in looks if whose in (None, look.assistant)]
    if format_ == "csv":
        to_stdout(review_csv(looks, folder).encode())
        return
    show_review(looks, Console(), folder)
    if provisional:
        tell(
            [
                "all marks are provisional, as they are without model solutions: `gradkit "
                "grade` with --reference makes them final."
            ]
        )


def _names(split: str | None) -> list[str]:
    """Those who share the work."""
    names = [name.strip() for name in (split or "").split(",")]
    if split is not None and (not all(names) or len(set(names)) < len(names)):
        raise Refusal(f"--split {split}: expected are different names with commas between them.")
    return [name for name in names if name]
