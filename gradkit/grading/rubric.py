"""What a mistake costs: a share of its check's points, deducted once."""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.records.finding import UNEXPLAINED
from gradkit.records.mistake import Preset


def deduction(
    code: str,
    entries: int,
    of: int,
    preset: Preset = "default",
    own: Mapping[str, float] | None = None,
) -> float:
    """The share of a check's points that a mistake costs.

    Parameters
    ----------
    code : str
        A mistake of the catalogue, or ``unexplained``.
    entries, of : int
        How many of the check's entries it concerns: what is not explained costs their
        share, and so does a parameter that is not updated.
    preset : {"default", "strict", "lenient"}
        Which of the catalogue's figures counts.
    own : mapping of str to float, optional
        The assignment's own figures; they go before the catalogue's, whatever the preset.
    """
    # Late: who makes no mistake has no need of the catalogue.
    from gradkit.diagnosis.mistakes.catalogue import mistake

    if own and code in own:
        return own[code]
    figures: Mapping[Preset, float] = {} if code == UNEXPLAINED else mistake(code).deduction
    return figures[preset] if figures else entries / of


def is_by_share(code: str) -> bool:
    """Whether a mistake costs the share of the entries that it concerns: they are not updated."""
    from gradkit.diagnosis.mistakes.catalogue import mistake

    return code != UNEXPLAINED and not mistake(code).deduction


def rounding(preset: Preset = "default") -> float:
    """The share of a check's points that single precision costs: that of a wrong figure."""
    from gradkit.diagnosis.mistakes.catalogue import DEDUCTIONS

    return DEDUCTIONS["figure"][preset]
