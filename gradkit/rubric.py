"""What a mistake costs: shares of a check's points, deducted once per mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Preset = Literal["default", "strict", "lenient"]

OWN_SHARE: frozenset[str] = frozenset({"not-updated", "nothing-updated", "copy-dropped"})
"""Mistakes that cost the share of the entries they leave alone."""

_ORDER: Mapping[Preset, float] = {"default": 0.15, "strict": 0.50, "lenient": 0.0}
_FACTOR: Mapping[Preset, float] = {"default": 0.30, "strict": 0.50, "lenient": 0.20}
_SIGN: Mapping[Preset, float] = {"default": 0.25, "strict": 0.50, "lenient": 0.15}
_SMALL: Mapping[Preset, float] = {"default": 0.10, "strict": 0.25, "lenient": 0.05}

DEDUCTIONS: Mapping[str, Mapping[Preset, float]] = {
    "updated-before-use": _ORDER,
    "wrong-sign": _SIGN,
    "wrong-learning-rate": _SMALL,
    "uneven-learning-rate": _SMALL,
    "rate-ignored": _SMALL,
    "wrong-factor": _SMALL,
    "wrong-source-entry": _SMALL,
    "overwritten": _SMALL,
    "integer-truncation": _SMALL,
    "input-mutated": _SMALL,
}
"""Shares of ``update`` by mistake. A wrong, missing or extra factor, the default, costs most."""


def deduction(code: str, entries: int, of: int, preset: Preset) -> float:
    """The share of a check's points that a mistake costs.

    Parameters
    ----------
    code : str
        A mistake of the catalogue, or ``unexplained``.
    entries, of : int
        How many of the check's entries it concerns.
    preset : {"default", "strict", "lenient"}
    """
    if code in OWN_SHARE or code == "unexplained":
        return entries / of
    return DEDUCTIONS.get(code, _FACTOR)[preset]
