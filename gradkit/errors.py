"""The one class of what gradkit refuses to do, and what was probably meant by a wrong word."""

from __future__ import annotations

from collections.abc import Iterable


class GradkitError(Exception):
    """Nothing can be done; the text says what was found, what was expected, and what to do."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the nearest of the known words, to be put behind a sentence.

    Examples
    --------
    >>> did_you_mean("regresion-numpy", ["regression-numpy", "classification-torch"])
    ' Did you mean regression-numpy?'
    >>> did_you_mean("x", ["regression-numpy"])
    ''
    """
    from difflib import get_close_matches

    plain = {each.lower(): each for each in known}
    near = get_close_matches(word.lower().replace("_", "-"), plain, n=1, cutoff=0.6)
    return f" Did you mean {plain[near[0]]}?" if near else ""
