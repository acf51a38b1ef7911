"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.usage import OneOf, Refusal

if TYPE_CHECKING:
    from click.decorators import FC


class FilePath(click.Path):
    """Parameter type of a path; an empty path is refused.

    A script whose variable was never set passes an empty path, and `Path("")` is the current
    folder.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(path_type=Path, **settings)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value in ("", b""):
            name = param.opts[0] if isinstance(param, click.Option) else "the path"
            raise Refusal(f"{name} is empty. Give a path; `.` is the current folder.")
        return super().convert(value, param, ctx)


class Text(click.types.StringParamType):
    """Parameter type of a text that is stored; bytes that are not Unicode are replaced."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        from gradkit.text import storable

        return storable(super().convert(value, param, ctx))


LARGEST_SEED = 2**63 - 1
"""Largest number that the database of a class can store."""


class WholeNumber(click.IntRange):
    """Parameter type of a whole number within bounds, which help describes in words."""

    name = "integer"

    def _describe_range(self) -> str:
        """Return the bounds in words, for help."""
        if self.max is None or self.max == LARGEST_SEED:
            return f"{self.min} or more"
        return f"{self.min} to {self.max}"


def path_option(name: str, metavar: str, help_: str, **settings: Any) -> Callable[[FC], FC]:
    """Return an option whose value is the path of a file or folder."""
    return click.option(name, type=FilePath(), metavar=metavar, help=help_, **settings)


def text_option(name: str, help_: str, *, metavar: str = "TEXT") -> Callable[[FC], FC]:
    """Return an option whose value is a text that is stored; the default is empty."""
    return click.option(name, type=Text(), default="", metavar=metavar, help=help_)


def flag(name: str, help_: str) -> Callable[[FC], FC]:
    """Return an option without a value."""
    return click.option(name, is_flag=True, help=help_)


def number(
    name: str, bounds: tuple[int, int | None], help_: str, metavar: str = "N"
) -> Callable[[FC], FC]:
    """Return an option whose value is a whole number within bounds."""
    return click.option(name, type=WholeNumber(*bounds), metavar=metavar, help=help_)


def several(name: str, to: str, metavar: str, help_: str) -> Callable[[FC], FC]:
    """Return a repeatable option whose values a command receives as the parameter ``to``."""
    return click.option(name, to, multiple=True, metavar=metavar, help=help_)


class PriceOfFinding(click.ParamType):
    """Parameter type of the price of a finding: a pair of code and share from CODE=PERCENT."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        code, _, text = str(value).partition("=")
        try:
            percent = float(text.strip().removesuffix("%"))
        except ValueError:
            percent = math.nan
        if not code.strip() or not math.isfinite(percent):
            self.fail(f"{value!r} is not CODE=PERCENT, such as swapped-index=10.", param, ctx)
        return code.strip(), percent / 100


class AssignmentFile(FilePath):
    """Parameter type of an assignment file, or the name of one of gradkit's exercises."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        from gradkit.task.shipped import exercises

        path = super().convert(value, param, ctx)
        return path if Path(path).exists() else exercises().get(str(path), path)


ASSIGNMENT = click.option(
    "--assignment",
    type=AssignmentFile(),
    metavar="FILE",
    help="Assignment file, or the name of an exercise (see `gradkit list`).",
)
REFERENCE = path_option(
    "--reference",
    "DIR",
    "Folder with the model solutions.  [default: reference/ beside the assignment file; for "
    "gradkit's own exercises, reference/ of the checkout]",
)
INSTALL = click.option(
    "--install",
    metavar="SPEC",
    help="What `pip install` is given to install gradkit: a wheel, which is copied to the output, "
    "a requirement or a URL.  [default: a wheel of this gradkit]",
)
NO_REFERENCE = flag(
    "--no-reference",
    "Grade without model solutions: derive the expected values from the assignment file.",
)
PRESET = click.option(
    "--preset",
    type=OneOf(["default", "strict", "lenient", "numbers"]),
    help="How much mistakes cost. With numbers they cost nothing, and right outputs alone earn "
    "points.  [default: the preset last used for the class, else the assignment's]",
)
HINTS = number(
    "--hints",
    (1, 4),
    "How much to show: 1 where to look, 2 the mistake, 3 the line and its formula, 4 the correct "
    "formula and the expected numbers. Mistakes in functions, their lines and formulas need the "
    "model solution.  [default: the assignment's level; with model solutions 4 in json, and one "
    "hint for each mistake without formulas in text]",
)
REQUIRE_TIER = number(
    "--require-tier", (0, 3), "Refuse to run student code below this tier of the sandbox."
)
ATTEMPT = click.option(
    "--attempt",
    metavar="RULE",
    help="Which attempt counts from now on: last, best or before=DATE.  [default: the rule last "
    "used for the class, else last]",
)
NEW_VERSION = flag(
    "--new-version",
    "Continue although another version of gradkit graded the class; grade everything again.",
)
BY = text_option("--by", "Name of whoever decides.  [default: your user name]", metavar="NAME")
PSEUDONYMS = flag(
    "--pseudonyms",
    "Replace each name by a fixed pseudonym, and leave out text that could identify a student.",
)
CLASS = click.argument("folder", type=FilePath(), metavar="DIR")


def assignment_options(command: FC) -> FC:
    """Add the options of every command that grades to a command."""
    for option in reversed(
        [
            several(
                "--task",
                "tasks",
                "ID",
                "Grade only this task (repeatable). It counts even if nothing was submitted. For "
                "a single file or student: treat the submission as this task.",
            ),
            flag("--handed-in", "Count only tasks that were submitted."),
            click.option(
                "--form",
                type=OneOf(["correct", "published"]),
                help="Which update rule is right: gradient descent (correct), or the rule of the "
                "original notebook (published).  [default: correct]",
            ),
            ASSIGNMENT,
            REFERENCE,
            NO_REFERENCE,
            number(
                "--seed",
                (0, LARGEST_SEED),
                "Seed of the random inputs; each result records its seed.",
            ),
            PRESET,
        ]
    ):
        command = option(command)
    return command


def format_option(*words: str) -> Callable[[FC], FC]:
    """Return the option ``--format`` with these choices; the first one is the default."""
    return click.option(
        "--format",
        "format_",
        type=OneOf(words),
        default=words[0],
        show_default=True,
        help="Output format.",
    )


def out(metavar: str, help_: str, *, required: bool = False) -> Callable[[FC], FC]:
    """Return the option ``--out``: the file or folder that a command writes."""
    return path_option("--out", metavar, help_, required=required)
