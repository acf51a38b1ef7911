"""A mistake of the catalogue, and what an audit found when it tried them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

About = Literal["forward", "update", "model", "train", "function"]
Preset = Literal["default", "strict", "lenient"]


class Mistake(Struct, frozen=True):
    """What there is to say about one kind of mistake.

    ``sentence`` and ``hints`` (levels 1 to 4) have places such as ``{entries}`` for the
    student's own names. ``about`` are the roles it can be made in. Of one ``group`` a
    piece of code contains at most one; mistakes of different groups combine.
    ``deduction`` gives, per preset, the share of the check's points that it costs once;
    it is empty where it costs the share of the parameters concerned. ``page`` is
    Markdown: what it is, a derivation, a wrong and a right example on another net. ``kinds`` are
    those of the changes of a text that may mend it, of a mistake of a numpy net.
    """

    code: str
    title: str
    sentence: str
    hints: tuple[str, str, str, str]
    about: tuple[About, ...]
    group: str
    deduction: Mapping[Preset, float]
    page: str
    kinds: tuple[str, ...] = ()


class Mutant(Struct, frozen=True):
    """One change of a model solution: the line, its text, and ``was -> is``."""

    line: int
    source: str
    change: str


class TaskAudit(Struct, frozen=True):
    """One task.

    ``problems`` are what the assignment has against the model solution, a sentence each;
    ``tried`` is the number of changes of it, ``unseen`` are those that no check sees, and
    ``equivalent`` the number of those that the assignment says are none. ``stale`` are such
    entries that are not so. ``untried`` says why there is no more to say.
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
    """All tasks of an assignment; ``clean`` where nothing slips and no solution is wrong."""

    assignment: str
    tasks: tuple[TaskAudit, ...]
    clean: bool
