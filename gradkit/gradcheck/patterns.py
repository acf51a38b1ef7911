"""Recognise patterns in the differences between a claimed gradient and its estimate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradkit.gradcheck.entries import Columns
from gradkit.gradcheck.error import Claims
from gradkit.gradcheck.noise import Array, Floats
from gradkit.gradcheck.structure import Leaf

if TYPE_CHECKING:
    from gradkit.gradcheck.directions import DirectionResults


def find_patterns(claims: Claims, columns: Columns, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """Return sentences that explain all differences of a parameter, or of all parameters.

    Parameters
    ----------
    claims : Claims
    columns : Columns
        The results of the same entries.
    leaves : sequence of Leaf

    Returns
    -------
    tuple of str
        Empty if nothing disagrees or no pattern fits every entry.
    """
    if "disagree" not in columns.verdict:
        return ()
    error = np.where(np.isfinite(columns.bound), columns.bound, np.inf)
    whole = common_factor(claims.claimed, columns.estimate, error)
    if whole is not None and len(leaves) > 1:
        return (factor_pattern(whole),)
    found = []
    for number, leaf in enumerate(leaves):
        rows = claims.leaf == number
        if "disagree" in columns.verdict[rows]:
            flat = (claims.claimed, columns.estimate, error)
            pattern = describe_leaf(*(one[rows].reshape(leaf.array.shape) for one in flat))
            found += [f"{leaf.name or 'The gradient'}: {pattern}."] if pattern else []
    return tuple(found)


def factor_pattern(ratio: float) -> str:
    """Return the sentence for a factor that all entries of all parameters share."""
    return f"All entries are wrong by the same factor: {_describe_factor(ratio)}."


def common_factor(
    claimed: Floats, estimate: Floats, error: Floats, loose: float = 1e-3
) -> float | None:
    """Return the c for which ``claimed = c · estimate`` everywhere, if there is one other than 1.

    It is fitted by least squares. At least two entries must be clearly different from 0. Every
    entry must fit to ``loose`` of itself, or within its error.
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
    return ratio if np.all(np.abs(claim - ratio * truth) <= slack) else None


def describe_leaf(claimed: Array, estimate: Array, error: Array) -> str:
    """Return the pattern that explains the whole difference in one parameter, or ""."""
    room = 2 * np.max(error, initial=0.0) + 1e-3 * np.max(np.abs(estimate), initial=0.0)
    if np.all(np.abs(claimed - estimate) <= room):
        return ""  # the errors are unknown, or too small for a pattern
    transposed = claimed.T if _is_square_matrix(claimed) else None
    guesses = _candidate_patterns(claimed, estimate, float(room))
    fitting = (pattern for pattern, guess in guesses if np.all(np.abs(claimed - guess) <= room))
    return _describe_simple(claimed, estimate, error, transposed) or next(fitting, "")


def direction_pattern(claimed: Array, found: DirectionResults, moves: Sequence[Floats]) -> str:
    """Return the pattern that explains the differences along directions in a large parameter.

    It is empty if there is none. ``moves`` are the directions.
    """
    products = [float(np.vdot(claimed.T.reshape(-1), move)) for move in moves]
    transposed = np.array(products) if _is_square_matrix(claimed) else None
    # Two directions with similar weights may have equal ratios by chance, but not to a millionth.
    return _describe_simple(
        found.claims.claimed, found.columns.estimate, found.rough, transposed, 1e-6
    )


def _is_square_matrix(array: Array) -> bool:
    """Return whether an array is a square matrix with more than one row."""
    return array.ndim == 2 and array.shape[0] == array.shape[1] > 1


def _describe_simple(
    claimed: Array, estimate: Array, error: Array, transposed: Array | None, loose: float = 1e-3
) -> str:
    """Return the pattern if the claim is zero, off by a factor, or transposed; else "".

    ``transposed`` is the transposed claim, or None. ``loose`` is the accepted relative difference.
    The result is also empty if the claim agrees within the errors.
    """
    room = 2 * np.max(error, initial=0.0) + loose * np.max(np.abs(estimate), initial=0.0)
    if np.all(np.abs(claimed - estimate) <= room):
        return ""
    if claimed.size > 1 and not np.any(claimed):
        return "the claimed gradient is zero everywhere"
    for pattern, claim in (("", claimed), ("it is transposed", transposed)):
        ratio = None if claim is None else common_factor(claim, estimate, error, loose)
        if ratio is not None:
            both = f"{pattern}, and " if pattern else ""
            return f"{both}every entry is wrong by the same factor: {_describe_factor(ratio)}"
        if claim is not None and np.all(np.abs(claim - estimate) <= room):
            return pattern
    return ""


def _candidate_patterns(
    claimed: Array, estimate: Array, room: float
) -> Iterator[tuple[str, Array]]:
    """Yield sentences about wrong axes, or left out or misplaced entries, each with its claim.

    A bias gradient summed over the units has each example's total in place of a unit's; the sum of
    all is the same. Summed over all axes, each entry holds the total, or a mean.
    """
    total, wrong = float(np.sum(estimate)), np.abs(claimed - estimate) > room
    if claimed.size == max(claimed.shape, default=1) > 1 and abs(total) > 3 * room * claimed.size:
        ratio = total / first if (first := float(claimed.flat[0])) else 0.0
        times = round(ratio) if np.isfinite(ratio) else 0
        mean = f"every entry is the mean of {times} numbers: averaged over all axes"
        pattern = (
            mean if times > 1 else "every entry is the sum of all of them: summed over all axes"
        )
        if times > 0:
            yield pattern, 0 * claimed + total / times
    ranks = np.argsort(np.argsort(claimed, axis=None))
    moved = np.sort(estimate, axis=None)[ranks].reshape(claimed.shape)
    if np.count_nonzero(wrong) > 1:
        yield "it holds the right numbers in the wrong places", moved
    if claimed.size == max(claimed.shape, default=1) > 1 and abs(total) > 3 * room * claimed.size:
        off, gaps = abs(float(np.sum(claimed)) - total), np.abs(claimed - estimate)
        if np.mean(wrong) > 0.5 and off <= min(room * claimed.size, 1e-3 * float(np.sum(gaps))):
            axis = "the total of its entries is right, but the entries are not"
            yield f"{axis}: probably summed over the wrong axis", claimed
    if np.count_nonzero(wrong) > 1:
        zero = "the entries that are wrong are all zero, as if they had been left out"
        yield zero, np.where(claimed == 0, 0, estimate)


def _describe_factor(ratio: float) -> str:
    """Return the likely cause of a factor, such as a reversed sign or a missing 1/2."""
    if abs(ratio + 1) < 1e-3:
        return "its sign is reversed (claimed = −1 × estimate)"
    size, sign = abs(ratio), "−" if ratio < 0 else ""
    flipped = ", with the sign reversed" if ratio < 0 else ""
    whole = max(size, 1 / size)
    count = round(whole)
    if count < 2 or abs(whole - count) >= 1e-3 * count:
        return f"claimed = {sign}{size:.4g} × estimate{flipped}"
    more = f"{count}", "were missing", "counted twice"
    less = f"1/{count}", "were applied once too often", "is missing"
    shown, guess, square = more if size > 1 else less
    two = f" (or the 2 of a square {square})" if count == 2 else ""
    return f"claimed = {sign}{shown} × estimate, as if 1/{count} {guess}{two}{flipped}"
