"""``gradkit doctor``: what this machine keeps student code from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from gradkit.cli import options
from gradkit.cli.usage import Command, Refusal

if TYPE_CHECKING:
    from gradkit.sandbox.doctor import Examination


@click.command("doctor", cls=Command, example="gradkit doctor --key answers.py")
@options.format_option("text", "json")
@click.option(
    "--key",
    type=options.FilePath(exists=True, dir_okay=False),
    metavar="FILE",
    help="A file with answers, which the canary tries to read.  [default: one made up]",
)
def doctor_command(format_: str, key: Path | None) -> None:
    """Try what student code may not do, and say what of it this machine prevents."""
    from gradkit.sandbox.doctor import examine, failures

    examination = examine(key=key.resolve() if key else None)
    click.echo(_json(examination) if format_ == "json" else _text(examination))
    if broken := failures(examination):
        names = ", ".join(trial.words for trial in broken)
        raise Refusal(
            f"tier {examination.tier} does not hold here; student code could: {names}. "
            "Grade nobody's code but your own on this machine."
        )


def _json(examination: Examination) -> str:
    return json.dumps({"schema": "gradkit/sandbox/doctor/v1", **to_builtins(examination)}, indent=2)


def _text(examination: Examination) -> str:
    from gradkit.report.document import document
    from gradkit.sandbox.tiers import ADDS, CONTAINER, LACKING, PACKED

    return document(
        "doctor.txt",
        examination=examination,
        adds=list(ADDS.values()),
        lacking=LACKING.get(examination.tier + 1),
        container=CONTAINER,
        packed=PACKED,
    ).removesuffix("\n")
