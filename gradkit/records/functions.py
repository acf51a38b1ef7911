"""Function tasks: functions that an assignment asks for, and lines of Python that call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from numpy.typing import NDArray

from gradkit.records.check import Check, Imports

Values = Mapping[str, Any]
"""Inputs by name: arrays, numbers, words, or dicts, lists and tuples of these."""


class Call(Struct, frozen=True):
    """A call in the lines of a check: ``affine_forward``, or ``Linear.forward`` of a class."""

    function: str
    positional: int
    keywords: tuple[str, ...] = ()


class Lines(Struct, frozen=True):
    """Lines of a check as they were read.

    ``reads`` are names that the lines take from elsewhere, ``makes`` those that they assign,
    ``changes`` those of objects whose attributes they set or whose methods they call. ``calls`` are
    the functions and methods that they call, in order.
    """

    text: str
    reads: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()


class Example(Struct, frozen=True):
    """Inputs, and what the handout says that a check's outputs are for them, as it prints it."""

    inputs: Values
    values: Mapping[str, NDArray[Any]]


class FunctionCheck(Check, frozen=True):
    """A check of a function task.

    ``call`` are its lines; ``others`` are lines that stand for them where the student's functions
    are made to be called so. ``compare`` are expressions over the names of the lines, whose values
    are held to the model solution's. ``gradient`` says of which input an output is the gradient,
    and ``of`` what scalar is differentiated, written in outputs and inputs. ``untouched`` are
    inputs that must be left alone. Each of ``conventions`` says by output how many times the model
    solution's is right as well, or by input what the model is given in its place, as courses
    differ in what they divide by: all outputs follow one. ``examples`` are what there is to go by
    where no model solution is at hand.
    """

    call: Lines = Lines("")
    compare: tuple[str, ...] = ()
    gradient: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    untouched: tuple[str, ...] = ()
    others: tuple[Lines, ...] = ()
    conventions: tuple[Mapping[str, str], ...] = ()
    examples: tuple[Example, ...] = ()


class Equivalent(Struct, frozen=True):
    """A change of the model solution that is no mistake, and why.

    ``line`` is the text of the line, ``change`` is ``was -> is``; empty, it is any in that line.
    """

    line: str
    change: str
    why: str


class FunctionTask(Struct, frozen=True):
    """Functions, a model solution, and lines that call them.

    ``sizes`` are choices for each size, or an expression of other sizes; ``inputs`` are
    expressions, or tables of them, see `gradkit.task.draws`; each of ``hard`` replaces some of
    either. ``given`` are the sources of modules that the course hands out. ``names`` are further
    names of functions, by the name in the lines. ``calls`` are all that the checks call, and
    ``attributes`` those of objects that they read or set, as ``Linear.W``. ``shared`` are functions
    that others than this exercise have too: they claim nothing.
    ``solution`` is the file of the model solution in the reference folder, ``equivalent`` what may
    be changed in it without being a mistake. ``path`` is the assignment file.
    """

    id: str
    title: str
    checks: tuple[FunctionCheck, ...]
    sizes: Mapping[str, tuple[int, ...] | str]
    inputs: Values
    hard: tuple[Values, ...]
    given: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    calls: tuple[Call, ...]
    solution: str
    deadline: float
    imports: Imports
    path: str
    attributes: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    framework: Literal["numpy"] = "numpy"
    equivalent: tuple[Equivalent, ...] = ()


class Draw(Struct, frozen=True):
    """Inputs of one probe. ``label`` names it for the reader; ``hard`` is set in a hard one."""

    label: str
    sizes: Mapping[str, int]
    values: Values
    hard: bool = False


class Made(Struct, frozen=True):
    """What the lines of a check gave: values by expression.

    ``again`` are those of the last lines run a second time, ``changed`` the inputs that they
    changed in place. ``missing`` says, by expression, what was found where there is no array.
    ``inner`` are local variables at the functions' return, by ``function/variable``.
    """

    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    again: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, NDArray[Any]] = field(default_factory=dict)
