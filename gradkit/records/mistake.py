"""An entry of the catalogue of mistakes, and the outcome of an audit of an assignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

About = Literal["forward", "update", "model", "train", "function"]
PriceList = Literal["default", "strict", "lenient"]
Preset = Literal["default", "strict", "lenient", "numbers"]

PRICE_LISTS: Mapping[Preset, PriceList | None] = {
    "default": "default",
    "strict": "strict",
    "lenient": "lenient",
    "numbers": None,
}
"""For each preset the prices of the catalogue that it takes. None means that findings cost nothing:
each check earns the share of its outputs that are right.
"""

NUMBERS: Preset = "numbers"
"""The preset whose total is stored beside that of every result."""


class Mistake(Struct, frozen=True):
    """One entry of the catalogue: a kind of mistake with its texts and its price.

    ``topic`` is the file of the catalogue that holds the entry. ``sentence`` and ``hints`` (from
    level 1 on) have fields such as ``{entries}`` for the student's own names. ``about`` are the
    roles that the mistake can be made in. A piece of code contains at most one mistake of a
    ``group``; mistakes of different groups combine. ``deduction`` is the price by preset: the share
    of its points that each failed check loses. It is empty if the price depends on what the check
    shows. ``wrong`` and ``right`` are an example, and ``page`` is the Markdown page that shows it.
    ``kinds`` are the kinds of changes that may repair a mistake of a numpy net. ``aliases`` are
    former codes of the entry.
    """

    code: str
    topic: str
    title: str
    sentence: str
    hints: tuple[str, ...]
    about: tuple[About, ...]
    group: str
    deduction: Mapping[Preset, float]
    wrong: str
    right: str
    page: str
    kinds: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Mutant(Struct, frozen=True):
    """One change of a model solution: the line, its text, and ``was -> is``."""

    line: int
    source: str
    change: str


class TaskAudit(Struct, frozen=True):
    """The audit of one task: changes of its model solution, and whether a check detects them.

    ``problems`` are differences between assignment and model solution, a sentence each. ``tried``
    is the number of tried changes of the model solution, and ``unseen`` are the changes that no
    check detects. ``equivalent`` counts the changes that the assignment declares to be no mistake,
    and ``stale`` are such declarations that are wrong. ``untried`` says why no changes were tried.
    """

    task: str
    title: str
    solution: str
    problems: tuple[str, ...] = ()
    tried: int = 0
    unseen: tuple[Mutant, ...] = ()
    equivalent: int = 0
    stale: tuple[str, ...] = ()
    untried: str = ""


class Audit(Struct, frozen=True):
    """The audits of all tasks of an assignment; ``clean`` if there are no problems."""

    assignment: str
    tasks: tuple[TaskAudit, ...]
    clean: bool
