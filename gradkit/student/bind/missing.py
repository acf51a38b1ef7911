"""Say what could not be bound: which role, what was found, what is required."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.language import say
from gradkit.records.binding import Missing
from gradkit.records.task import Role
from gradkit.student.facts import Function
from gradkit.text import where

LISTED = 8
"""Found functions that a sentence names."""


def misfit(role: Role, function: Function) -> Missing:
    """There is a function of the name, but it takes other arguments."""
    return Missing(
        role.name,
        role.required,
        say(
            "`{name}` does not take the arguments that it is called with: found "
            "`{signature}` ({place}), required `{required}`.",
            name=function.name,
            signature=function.signature,
            place=where(function.place),
            required=role.signature,
        ),
        function.place,
    )


def not_found(
    role: Role,
    functions: Sequence[Function],
    classes: Sequence[str] = (),
    elsewhere: Function | None = None,
) -> Missing:
    """There is nothing of the name; the functions that are there are listed.

    ``elsewhere`` is one that another task's part of the submission has.
    """
    names = list(
        dict.fromkeys(f"`{function.signature}`" for function in functions if not function.guess)
    )
    listed = ", ".join(names[:LISTED]) + (
        say(" and {count} more", count=len(names) - LISTED) if len(names) > LISTED else ""
    )
    return Missing(
        role.name,
        role.required,
        say(
            "`{signature}` is missing. Found {listed}.",
            signature=role.signature,
            listed=listed or say("no function at all"),
        )
        + (
            say(
                " Methods are not looked at: if it is one of the class {classes}, write it as "
                "a function of its own, outside the class and without `self`.",
                classes=_named(classes),
            )
            if classes
            else ""
        )
        + (
            say(
                " The one at {place} belongs to another task: each task is graded on its own part, "
                "so define it here too.",
                place=where(elsewhere.place),
            )
            if elsewhere is not None
            else ""
        ),
    )


def _named(classes: Sequence[str]) -> str:
    return say(" or ").join(f"`{name}`" for name in dict.fromkeys(classes[:LISTED]))
