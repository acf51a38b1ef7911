"""Refuse to run anybody's code where the isolation falls short of the tier that is required."""

from __future__ import annotations

import sys
from collections.abc import Callable

from gradkit.grading.settings import GradingError, Settings, grounds
from gradkit.sandbox.tiers import CONTAINER, GRADING, PACKED


def required_tier(asked: int | None) -> int:
    """Return the tier that grading others' code takes: less than `GRADING` has to be asked for.

    Off Linux there is none above 0.

    Raises
    ------
    GradingError
        There is no isolation on this system, and nobody has asked for tier 0.
    """
    if asked is None and sys.platform != "linux":
        raise GradingError(
            "there is nothing on this system that keeps hostile code from files and network: "
            f"isolation tier 0. Grade in a container, which gives tier 2:\n  {CONTAINER}\n"
            f"{PACKED} Or go on all the same with --require-tier 0."
        )
    return GRADING if asked is None else asked


def refuse_unsafe(settings: Settings, warn: Callable[[str], None] | None = None) -> None:
    """Have a canary try out the isolation before anybody's code is run.

    Parameters
    ----------
    settings : Settings
        With the tier that is required.
    warn : callable, optional
        Is told where the tier will do, and is less than what grading asks for by itself.

    Raises
    ------
    GradingError
        The tier is too low, or what it promises does not hold.
    """
    from gradkit.sandbox.doctor import examine, objection

    _, reference = grounds(settings)
    key = next(iter(sorted(reference.glob("*.py"))), None) if reference is not None else None
    examination = examine(key=key.resolve() if key is not None else None)
    if said := objection(examination, settings.require_tier):
        raise GradingError(said)
    if warn is not None and examination.tier < GRADING:
        warn(
            f"student code runs at isolation tier {examination.tier}, which keeps less "
            f"from it than tier {GRADING} would; see `gradkit doctor`."
        )
