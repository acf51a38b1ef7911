"""Say what could not be bound: which role, what was found, what is required."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.binding.facts import Function, Outline
from gradkit.binding.match import fit_function, is_called
from gradkit.language import say
from gradkit.records.binding import Missing
from gradkit.records.task import Role
from gradkit.text import where

NOTHING = Outline((), (), (), ())

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
    outline: Outline = NOTHING,
    elsewhere: Function | None = None,
) -> Missing:
    """There is nothing of the name; the functions that are there are listed.

    So are the classes with a method that could be meant, and the place of a definition that is
    not run. ``elsewhere`` is one that another task's part of the submission has.
    """
    classes = _classes(role, outline)
    guarded = [
        b for b in outline.guarded if b.origin != "borrowed" and is_called(b.name, role.aliases)
    ]
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
                " The one at {place} stands under `if __name__ == …`, which is not run: move it "
                "out of there.",
                place=where(guarded[-1].place),
            )
            if guarded
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


def _classes(role: Role, outline: Outline) -> list[str]:
    """The classes with a method of the role's name, or one that names all its arguments."""
    found = []
    for name, method in outline.methods:
        fitting = fit_function(role, method) if role.arguments else None
        full = fitting is not None and fitting.known == len(fitting.parameters) > 1
        if method.origin != "borrowed" and (full or is_called(method.name, role.aliases)):
            found.append(name)
    return found


def _named(classes: Sequence[str]) -> str:
    return say(" or ").join(f"`{name}`" for name in dict.fromkeys(classes[:LISTED]))
