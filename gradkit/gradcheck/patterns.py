"""Plain patterns in the difference between a claimed gradient and its estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradkit.gradcheck.entries import Columns
from gradkit.gradcheck.error import Claims
from gradkit.gradcheck.examine import DISAGREE
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.structure import Array, Leaf

if TYPE_CHECKING:
    from gradkit.gradcheck.directions import Looked


def find_patterns(claims: Claims, columns: Columns, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """Name what explains all differences of a parameter, or of all parameters, at once.

    Parameters
    ----------
    claims : Claims
    columns : Columns
        The results of the same entries.
    leaves : sequence of Leaf

    Returns
    -------
    tuple of str
        Sentences; empty where nothing disagrees or no pattern fits every entry.
    """
    if DISAGREE not in columns.verdict:
        return ()
    error = np.where(np.isfinite(columns.bound), columns.bound, np.inf)
    whole = factor(claims.claimed, columns.estimate, error)
    if whole is not None and len(leaves) > 1:
        return (f"All entries are off by one factor: {_factor_words(whole)}.",)
    found = []
    for number, leaf in enumerate(leaves):
        rows = claims.leaf == number
        if DISAGREE not in columns.verdict[rows]:
            continue
        flat = (claims.claimed, columns.estimate, error)
        sentence = describe_leaf(*(one[rows].reshape(leaf.array.shape) for one in flat))
        if sentence:
            found.append(f"{leaf.name or 'The gradient'}: {sentence}.")
    return tuple(found)


def factor(claimed: Floats, estimate: Floats, error: Floats, loose: float = 1e-3) -> float | None:
    """Return the c for which ``claimed = c · estimate`` everywhere, if there is one but 1.

    It is fitted by least squares; at least two entries must bear it out, and every entry must
    fit to a thousandth of itself, or less, or within what is known of it.
    """
    known = np.isfinite(error) & np.isfinite(claimed)
    if np.count_nonzero(known & (np.abs(estimate) > 10 * error)) < 2:
        return None
    truth, claim, room = estimate[known], claimed[known], error[known]
    weight = float(np.max(np.abs(truth)))
    scaled = truth / weight
    ratio = float(np.sum(claim * scaled) / np.sum(scaled * scaled)) / weight
    if ratio == 0 or not np.isfinite(ratio) or abs(ratio - 1) < 1e-3:
        return None
    slack = loose * np.abs(ratio * truth) + 2 * abs(ratio) * room
    fits = np.abs(claim - ratio * truth) <= slack
    return ratio if bool(np.all(fits)) else None


def describe_leaf(claimed: Array, estimate: Array, error: Array) -> str:
    """Return what explains the whole difference in one parameter, or the empty string."""
    flat, truth = claimed.reshape(-1), estimate.reshape(-1)
    turned = claimed.T.reshape(-1) if _square(claimed) else None
    found = _plain(flat, truth, error.reshape(-1), turned)
    room = _room(truth, error, 1e-3)
    if found or np.all(np.abs(flat - truth) <= room):
        return found  # what is wrong is unknown, or too slight to have a pattern
    if claimed.size == max(claimed.shape, default=1) > 1:
        found = _axis(flat, truth, room)
    return found or _places(claimed, estimate, error)


def direction_pattern(claimed: Array, found: Looked, moves: Sequence[Floats]) -> str:
    """Return what explains the differences along all directions through a large parameter."""
    turned = None
    if _square(claimed):
        turned = np.array([float(np.vdot(claimed.T.reshape(-1), move)) for move in moves])
    # Two directions with like weights may have one ratio by chance, though not to a millionth.
    return _plain(found.claims.claimed, found.columns.estimate, found.rough, turned, 1e-6)


def _square(array: Array) -> bool:
    """Return whether a transpose would have the same shape, and be another."""
    return array.ndim == 2 and array.shape[0] == array.shape[1] > 1


def _room(estimate: Floats, error: Floats, loose: float) -> float:
    """Return how far numbers may be from the estimate and bear a pattern out."""
    top = np.max(np.abs(estimate), initial=0.0)
    return float(2 * np.max(error, initial=0.0) + loose * top)


def _plain(
    claimed: Floats, estimate: Floats, error: Floats, turned: Floats | None, loose: float = 1e-3
) -> str:
    """Recognise a factor, a claim of zero, and a transposed one."""
    ratio = factor(claimed, estimate, error, loose)
    if ratio is not None:
        return f"every entry is off by one factor: {_factor_words(ratio)}"
    room = _room(estimate, error, loose)
    if not np.any(np.abs(claimed - estimate) > room) or not np.isfinite(room):
        return ""
    if claimed.size > 1 and not np.any(claimed):
        return "the claim is zero throughout"
    if turned is not None:
        if np.all(np.abs(turned - estimate) <= room):
            return "it is transposed"
        ratio = factor(turned, estimate, error, loose)
        if ratio is not None:
            return f"it is transposed, and every entry is off by {_factor_words(ratio)}"
    return ""


def _places(claimed: Array, estimate: Array, error: Array) -> str:
    """Recognise the right numbers in wrong places, and entries left at zero."""
    wrong = np.abs(claimed - estimate) > 2 * error + 1e-3 * np.abs(estimate)
    if np.count_nonzero(wrong) < 2:
        return ""
    if not np.any(claimed[wrong]):
        return "the entries that are wrong are all zero, as if they had been left out"
    ours, theirs = np.sort(claimed[wrong]), np.sort(estimate[wrong])
    close = np.abs(ours - theirs) <= 2 * np.max(error[wrong]) + 1e-3 * np.abs(theirs)
    if np.all(close) and np.ptp(theirs) > 0:
        return "it holds the right numbers in the wrong places"
    return ""


def _axis(claimed: Floats, estimate: Floats, room: float) -> str:
    """Recognise a bias gradient that was summed over the wrong axis, or over all of them.

    Summed over the units, each example's total stands where a unit's should; the sum of
    all is the same. Summed over everything, each entry holds that sum. A mean in place of
    a sum divides either by a whole number.
    """
    total = float(np.sum(estimate))
    size = len(estimate)
    if abs(total) <= 3 * room * size:
        return ""
    if np.ptp(claimed) <= 1e-9 * np.max(np.abs(claimed)):
        times = total / float(claimed[0]) if claimed[0] else 0.0
        if abs(times - 1) < 1e-3:
            return "every entry holds the sum of all of them: it was summed over every axis"
        if abs(times - round(times)) < 1e-3 * abs(times) and round(times) >= 2:
            return (
                f"every entry holds the sum of all of them over {round(times)}: it was "
                f"averaged over every axis"
            )
        return ""
    other, gaps = float(np.sum(claimed)), np.abs(claimed - estimate)
    several = np.count_nonzero(gaps > room) > size / 2
    if several and abs(other - total) <= min(room * size, 1e-3 * float(np.sum(gaps))):
        return "its entries add up to the right sum, but singly they are wrong: wrong axis summed"
    return ""


def _factor_words(ratio: float) -> str:
    """Say what a factor is likely to be."""
    if abs(ratio + 1) < 1e-3:
        return "its sign is reversed (claimed = −1 × estimate)"
    size, sign = abs(ratio), "−" if ratio < 0 else ""
    flipped = ", with the sign reversed" if ratio < 0 else ""
    whole = max(size, 1 / size)
    count = round(whole)
    if count < 2 or abs(whole - count) >= 1e-3 * count:
        return f"claimed = {sign}{size:.4g} × estimate{flipped}"
    if size > 1:
        shown, guess, square = f"{count}", "were missing", "counted twice"
    else:
        shown, guess, square = f"1/{count}", "were applied once too often", "is missing"
    two = f" (or the 2 of a square {square})" if count == 2 else ""
    return f"claimed = {sign}{shown} × estimate, as if 1/{count} {guess}{two}{flipped}"
