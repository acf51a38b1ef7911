"""Options that several commands share, spelled once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.usage import OneOf, Refusal

if TYPE_CHECKING:
    from click.decorators import FC


class FilePath(click.Path):
    """A path, which has to be said: an empty one would be the folder that one is in.

    Scripts give empty ones where a variable was never set.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(path_type=Path, **settings)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value in ("", b""):
            name = param.opts[0] if isinstance(param, click.Option) else "a path"
            raise Refusal(f"{name} is empty. Say which; the folder that you are in is called `.`.")
        return super().convert(value, param, ctx)


class Text(click.types.StringParamType):
    """Words that are kept, and so have to be Unicode, whatever the terminal sends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        from gradkit.text import storable

        return storable(super().convert(value, param, ctx))


def path_option(name: str, metavar: str, help_: str, **settings: Any) -> Callable[[FC], FC]:
    """Make an option that names a file or folder."""
    return click.option(name, type=FilePath(), metavar=metavar, help=help_, **settings)


def text_option(name: str, help_: str, *, metavar: str = "TEXT") -> Callable[[FC], FC]:
    """Make an option for words that are kept; empty where they are not said."""
    return click.option(name, type=Text(), default="", metavar=metavar, help=help_)


def flag(name: str, help_: str) -> Callable[[FC], FC]:
    """Make an option without a value."""
    return click.option(name, is_flag=True, help=help_)


def number(
    name: str, bounds: tuple[int, int | None], help_: str, metavar: str = "N"
) -> Callable[[FC], FC]:
    """Make an option for a whole number within bounds."""
    whole = click.IntRange(*bounds)
    whole.name = "integer"  # what is said to be expected, without "range"
    return click.option(name, type=whole, metavar=metavar, help=help_)


def several(name: str, to: str, metavar: str, help_: str) -> Callable[[FC], FC]:
    """Make an option that may be repeated, whose values a command gets as ``to``."""
    return click.option(name, to, multiple=True, metavar=metavar, help=help_)


class AssignmentFile(FilePath):
    """An assignment file, or the name of an exercise that comes with gradkit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        from gradkit.task.shipped import exercises

        path = super().convert(value, param, ctx)
        return path if Path(path).exists() else exercises().get(str(path), path)


ASSIGNMENT = click.option(
    "--assignment",
    type=AssignmentFile(),
    metavar="FILE",
    help="An assignment file of your own, or the name of an exercise of gradkit's.",
)
REFERENCE = path_option(
    "--reference",
    "DIR",
    "Folder of the model solutions.  [default: reference/ beside the assignment file; of the "
    "checkout, with gradkit's own exercises]",
)
INSTALL = click.option(
    "--install",
    metavar="SPEC",
    help="What pip installs gradkit from: a wheel, which is carried along, a requirement or an "
    "address.  [default: a wheel of the gradkit that runs]",
)
NO_REFERENCE = flag(
    "--no-reference", "Do without model solutions: derive what is expected from the task file."
)
PRESET = click.option(
    "--preset",
    type=OneOf(["default", "strict", "lenient"]),
    help="What mistakes cost.  [default: for a class what was last given, else the assignment's]",
)
HINTS = number(
    "--hints",
    (1, 4),
    "How much is shown: 1 where to look, 2 the misconception, 3 the line and its rule, 4 the "
    "right rule and expected numbers.  [default: the assignment's; 4 in text and json where there "
    "are model solutions]",
)
REQUIRE_TIER = number(
    "--require-tier", (0, 3), "Refuse to run anybody's code below this tier of isolation."
)
ATTEMPT = click.option(
    "--attempt",
    metavar="RULE",
    help="Which attempt counts from now on: last, best or before=DATE.  [default: what was last "
    "given, else last]",
)
NEW_VERSION = flag(
    "--new-version",
    "Go on although the class was graded with another gradkit: all is graded again.",
)
BY = text_option("--by", "Who decides.  [default: this account's name]", metavar="NAME")
PSEUDONYMS = flag(
    "--pseudonyms", "Made-up names, always the same ones, and no text that could name a student."
)
CLASS = click.argument("folder", type=FilePath(), metavar="DIR")


def assignment_options(command: FC) -> FC:
    """What to grade against, and how: the options of every command that grades."""
    for option in reversed(
        [
            several(
                "--task",
                "tasks",
                "ID",
                "Grade this task (may be repeated): it counts, handed in or not. Of one file or "
                "student: that is what it is.",
            ),
            flag("--handed-in", "Of these tasks, or all, those count that were handed in."),
            click.option(
                "--form",
                type=OneOf(["correct", "published"]),
                help="Which form is right: gradient descent, or the original notebook's rule.  "
                "[default: correct]",
            ),
            ASSIGNMENT,
            REFERENCE,
            NO_REFERENCE,
            number(
                "--seed",
                (0, 2**63 - 1),
                "Draw the same inputs again; each result records its seed.",
            ),
            PRESET,
        ]
    ):
        command = option(command)
    return command


def format_option(*words: str) -> Callable[[FC], FC]:
    """Make the option ``--format``: in what a command writes; the first word is the default."""
    return click.option(
        "--format",
        "format_",
        type=OneOf(words),
        default=words[0],
        show_default=True,
        help="In what it is written.",
    )


def out(metavar: str, help_: str, *, required: bool = False) -> Callable[[FC], FC]:
    """Make the option ``--out``: the file or folder that a command writes."""
    return path_option("--out", metavar, help_, required=required)
