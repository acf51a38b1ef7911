"""What tasks of every kind have: checks with points, and packages that may be used."""

from __future__ import annotations

from msgspec import Struct


class Check(Struct, frozen=True):
    """One line of the mark sheet: what is looked at and what it is worth.

    ``tolerance`` is a relative error that is let pass, beyond what arithmetic asks for.
    """

    name: str
    points: float
    tolerance: float = 0.0


class Imports(Struct, frozen=True):
    """Which packages a task's code may use, by the names that ``import`` takes, without dots.

    ``allowed`` are all there are, beside the task's own framework; empty means any. What is
    ``forbidden`` is so wherever it comes from.
    """

    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
