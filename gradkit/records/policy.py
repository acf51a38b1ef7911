"""What a course says of marks beyond the work: lateness, extensions, bonus, a scale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct, field


class Late(Struct, frozen=True):
    """What lateness costs: ``per_day`` percent for each day that has begun, ``most`` in all.

    ``of`` says of what: of the largest points, or of those that were reached. ``grace`` are
    minutes that do not count, ``days`` after how many days nothing is given any more.
    """

    per_day: float
    of: Literal["maximum", "score"] = "maximum"
    grace: float = 0.0
    most: float = 100.0
    days: int | None = None


class Bonus(Struct, frozen=True):
    """Points beside those of the checks; ``why`` is told."""

    points: float
    why: str


class Policy(Struct, frozen=True):
    """Lines that follow the sum of the tasks.

    ``due`` is when work had to be handed in, ``extensions`` for whom it is another time.
    ``days_late`` are days that a person has found out, where the platform does not tell the time.
    ``scale`` is the largest score that the platform has; None leaves scores as they are. Students
    are told by name or identifier.
    """

    due: datetime | None = None
    late: Late | None = None
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    days_late: Mapping[str, int] = field(default_factory=dict)
    bonus: Mapping[str, Bonus] = field(default_factory=dict)
    scale: float | None = None
