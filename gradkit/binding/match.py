"""Match functions with roles and parameters with arguments by name, or report what is missing.

Nothing is called. A name matches an alias exactly or, if no name does, without case and
underscores: ``Al`` matches the alias ``Al`` rather than ``AL``. The name of a parameter may also be
a misspelling of an alias, if nothing else matches.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.binding.inspection import Function
from gradkit.formatting import format_text
from gradkit.records.observations import Bound, Convention, Missing, Path
from gradkit.records.task import QUANTITIES, Argument, Role, Task
from gradkit.runtime.statements import is_called, plain
from gradkit.submission.names import is_misspelling
from gradkit.text import where


class Fit(Struct, frozen=True):
    """The assignment of a role's arguments to a function's parameters.

    ``quantities`` are the values to pass, and ``parameters`` the student's names for them, in the
    same order. ``known`` counts the parameters that were recognised by name. ``keywords`` are the
    last of the parameters, which are passed by name; those before go by position.
    """

    quantities: tuple[str, ...]
    parameters: tuple[str, ...]
    known: int
    keywords: tuple[str, ...] = ()


def called(functions: Sequence[Function], aliases: Iterable[str]) -> list[Function]:
    """Return the functions with a role's name: the last first, guesses after all others."""
    named = [function for function in reversed(functions) if is_called(function.name, aliases)]
    return sorted(named, key=lambda function: function.standing == "guess")


def fit_function(
    role: Role, function: Function, *, spare: bool = False, handed: Mapping[str, str] | None = None
) -> Fit | None:
    """Assign a role's arguments to a function's parameters, by position or by name.

    ``*args`` takes the arguments that no parameter before it takes, in the order of the role's own
    signature; ``**kwargs`` takes them under the role's own names. Arguments are passed by name
    where possible, unless ``*args`` takes some of them.

    Parameters
    ----------
    role : Role
    function : Function
    spare : bool
        Also use keyword-only parameters with a default, even if the call works without them.
    handed : mapping of str to str, optional
        The names that the student's own call passes, by parameter.

    Returns
    -------
    Fit or None
        None if the numbers of arguments and parameters do not agree.
    """
    named = [p for p in function.parameters if p.kind == "KEYWORD_ONLY"]
    needed = tuple(p.name for p in named if p.required)
    free = tuple(p.name for p in named if not p.required)
    required = (*function.required, *needed)
    counts = {p.name for p in function.parameters if p.counts}
    found = None if spare else fit(role, required, function.optional, counts, handed)
    found = found or fit(role, required, (*function.optional, *free), counts, handed)
    by_name = {p.name for p in function.parameters if p.kind != "POSITIONAL_ONLY"}
    kinds = {parameter.kind for parameter in function.parameters}
    wanted = [argument.name for argument in role.arguments if argument.required]
    if found is None and "VAR_POSITIONAL" in kinds:
        taken = len(function.required)
        found = fit(role, (*function.required, *wanted[taken:], *needed), ())
        by_name = {p.name for p in named}
    if found is None and "VAR_KEYWORD" in kinds:
        rest = wanted[len(required) :]
        found = fit(role, (*required, *rest), function.optional)
        by_name |= {*rest}
    if found is None:
        return None
    order = sorted(range(len(found.parameters)), key=lambda i: found.parameters[i] in by_name)
    parameters = tuple(found.parameters[i] for i in order)
    return replace(
        found,
        quantities=tuple(found.quantities[i] for i in order),
        parameters=parameters,
        keywords=tuple(name for name in parameters if name in by_name),
    )


def names_all(fitting: Fit) -> bool:
    """Return whether all parameters, two or more, were recognised by name."""
    return fitting.known == len(fitting.parameters) > 1


def fit(
    role: Role,
    required: Sequence[str],
    optional: Sequence[str],
    counts: Collection[str] = (),
    handed: Mapping[str, str] | None = None,
) -> Fit | None:
    """Assign a role's arguments to the names of a function's parameters.

    Known names are assigned first, then the names that the student's own call passes. Arguments
    that are left go to the other parameters without a default, in the order of the role's own
    signature, because a student who renames arguments keeps their order. A parameter with a
    default and an unknown name is not assigned, except that a whole number may be the epochs. A
    rate with a default is not assigned if there is a second rate for biases.

    Parameters
    ----------
    role : Role
    required, optional : sequence of str
        The function's parameters without and with a default, in order.
    counts : collection of str
        The parameters whose default is a whole number.
    handed : mapping of str to str, optional
        The names that the student's own call passes, by parameter.

    Returns
    -------
    Fit or None
        None if the numbers of arguments and parameters do not agree.
    """
    assigned: dict[str, Argument] = {}
    _assign(assigned, role, {name: name for name in (*required, *optional)})
    for parameter in _one_of_two_rates(role, optional, assigned):
        del assigned[parameter]
    known = len(assigned)
    called = handed or {}
    _assign(assigned, role, {name: called[name] for name in required if name in called})
    waiting = [a for a in role.arguments if a not in assigned.values()]
    waiting.sort(key=lambda argument: not argument.required)
    for parameter in required:
        if parameter not in assigned:
            if not waiting:
                return None
            assigned[parameter] = waiting.pop(0)
    for parameter in optional:
        epochs = next((argument for argument in waiting if argument.kind == "epochs"), None)
        if epochs is not None and parameter in counts and parameter not in assigned:
            assigned[parameter] = epochs
            waiting.remove(epochs)
    if any(argument.required for argument in waiting):
        return None
    order = [parameter for parameter in (*required, *optional) if parameter in assigned]
    return Fit(tuple(QUANTITIES[assigned[p].kind] for p in order), tuple(order), known)


def _assign(assigned: dict[str, Argument], role: Role, words: Mapping[str, str]) -> None:
    """Assign the free arguments that have a name among ``words``, the words by parameter.

    Exact matches are assigned first, then matches without case, then misspellings.
    """
    for matches in (str.__eq__, _is_same, _is_misspelt):
        for parameter, word in words.items():
            for argument in role.arguments:
                taken = argument in assigned.values() or parameter in assigned
                names = (argument.name, *argument.aliases)
                if not taken and any(matches(word, name) for name in names):
                    assigned[parameter] = argument


def _is_same(word: str, name: str) -> bool:
    """Compare two names without case and underscores."""
    return plain(word) == plain(name)


def _is_misspelt(word: str, name: str) -> bool:
    """Return whether a word is a misspelling of a name, without case and underscores."""
    return is_misspelling(plain(word), plain(name))


def _one_of_two_rates(
    role: Role, optional: Sequence[str], assigned: Mapping[str, Argument]
) -> list[str]:
    """Return the parameter assigned to the rate, as a list, if there is another rate for biases.

    One rate cannot be passed to ``lr=0.001, lr_bias=0.01``, so both keep their defaults.
    """
    rates = [name for name in optional if name in assigned and assigned[name].kind == "rate"]
    words = {
        word
        for argument in role.arguments
        if argument.kind == "rate"
        for name in (argument.name, *argument.aliases)
        for word in _words(name)
    }
    free_names = (set(_words(name)) for name in optional if name not in assigned)
    return rates if any(name & words and name - words <= KINDS for name in free_names) else []


def _words(name: str) -> list[str]:
    """Split a name into lower-case words: ``lr_bias`` and ``lrBias`` into ``lr`` and ``bias``."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


KINDS = frozenset({"b", "bias", "biases", "w", "weight", "weights"})
"""Words in the name of a rate for biases or weights only."""

# --- bindings and what is missing --------------------------------------------------------


def draft(
    role: str,
    function: Function,
    fitting: Fit,
    task: Task,
    returns: Mapping[str, Path],
    training: Mapping[str, Any] | None = None,
) -> Bound:
    """Bind ``function`` to ``role``, with the parameters under gradkit's own keys."""
    return Bound(
        role=role,
        function=function.name,
        place=function.place,
        arguments=fitting.quantities,
        names=dict(zip(fitting.quantities, fitting.parameters, strict=True)),
        convention=own_keys(task),
        returns=returns,
        return_place=function.return_place,
        keywords=fitting.keywords,
        training=training or {},
    )


def own_keys(task: Task) -> Convention:
    """Return the canonical convention: gradkit's own names for the parameters, and its layout."""
    return Convention({key: key for key in task.starts[0].parameters})


MAX_LISTED = 8
"""Largest number of functions or classes that a message lists."""


def misfit(role: Role, function: Function) -> Missing:
    """Report that the function with a role's name takes other arguments than the role."""
    return Missing(
        role.name,
        format_text(
            "`{name}` does not take the arguments that it is called with: found "
            "`{signature}` ({place}), required `{required}`.",
            name=function.name,
            signature=function.signature,
            place=where(function.place),
            required=role.signature,
        ),
        function.place,
    )


NO_PYTHON = (
    "`{signature}` cannot be used: what is at {place} is not valid Python. Fix that line, and it "
    "is graded."
)


def not_found(role: Role, functions: Sequence[Function]) -> Missing:
    """Report that no function has a role's name, and list the functions that were found.

    The message also lists classes with a fitting method, and definitions with the role's name that
    are not run or belong to another task's part of the submission. If the definition is not valid
    Python, the message says only this.
    """
    classes = _classes_with_method(role, functions)
    guarded, elsewhere, broken = (
        [f.place for f in functions if f.standing == standing and is_called(f.name, role.aliases)]
        for standing in ("guarded", "elsewhere", "broken")
    )
    if broken:
        place = broken[-1]
        message = format_text(NO_PYTHON, signature=role.signature, place=where(place))
        return Missing(role.name, message, place)
    names = list(dict.fromkeys(f"`{f.signature}`" for f in functions if f.standing == "own"))
    listed = ", ".join(names[:MAX_LISTED]) + (
        format_text(" and {count} more", count=len(names) - MAX_LISTED)
        if len(names) > MAX_LISTED
        else ""
    )
    sentences = [
        format_text(
            "`{signature}` is missing. Found {listed}.",
            signature=role.signature,
            listed=listed or "no function at all",
        )
    ]
    if classes:
        named = " or ".join(f"`{name}`" for name in dict.fromkeys(classes[:MAX_LISTED]))
        sentences.append(
            format_text(
                "Methods are only checked in a class with a forward pass, an update, and "
                "parameters such as `self.W1`. If it is a method of the class {classes}, add what "
                "is missing there, or write it as a function outside the class and without "
                "`self`.",
                classes=named,
            )
        )
    if guarded:
        sentences.append(
            format_text(
                "The one at {place} is inside `if __name__ == …`, which is not run. Move it "
                "out of there.",
                place=where(guarded[-1]),
            )
        )
    if elsewhere:
        sentences.append(
            format_text(
                "The one at {place} belongs to another task: each task is graded on its own part, "
                "so define it here too.",
                place=where(elsewhere[-1]),
            )
        )
    return Missing(role.name, " ".join(sentences))


def _classes_with_method(role: Role, functions: Sequence[Function]) -> list[str]:
    """Return the classes with a method of the role's name, or one that names all its arguments."""
    return [
        method.owner
        for method in functions
        if method.standing == "method"
        and (
            is_called(method.name, role.aliases)
            or (role.arguments and (fitting := fit_function(role, method)) and names_all(fitting))
        )
    ]
