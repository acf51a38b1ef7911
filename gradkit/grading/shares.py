"""Set the share of a check's points that each of its entries is worth, and what of it is earned.

All such shares are here. The entries of a check are worth the same, with these exceptions:

- The gradients of a check are together worth at least `GRADIENTS`, so that a check with many other
  outputs cannot be passed without them.
- An output that is right for all random inputs and wrong in a hard case, such as scores of a
  thousand, loses `HARD_CASE` for each of these cases.
- A gradient that matches only the student's own wrong forward pass earns `OWN_FORWARD`.
"""

from __future__ import annotations

from collections.abc import Collection

from gradkit.records.result import FAILED, Entry, Verdict
from gradkit.records.task import Check, FunctionCheck

GRADIENTS = 1 / 3
"""The least share of a check's points that its gradients have together."""

HARD_CASE = 1 / 5
"""The share of an output's points that each hard case costs in which alone it is wrong."""

OWN_FORWARD = 1 / 2
"""The share of its points that a gradient earns which matches only a wrong forward pass."""


def gradients_of(check: Check) -> Collection[str]:
    """Return the outputs of a check that are gradients, by the exercise's file."""
    return check.gradient.keys() if isinstance(check, FunctionCheck) else ()


def weights(verdict: Verdict, gradients: Collection[str] = ()) -> list[float]:
    """Return the share of its check's points that each entry is worth; the shares add up to 1.

    Parameters
    ----------
    verdict : Verdict
    gradients : collection of str
        The outputs that are gradients.

    Examples
    --------
    >>> outputs = [Entry(name, (), "pass", None, None) for name in ("loss", "scores", "h", "dW")]
    >>> [round(w, 3) for w in weights(Verdict("loss", "pass", "", tuple(outputs)), {"dW"})]
    [0.222, 0.222, 0.222, 0.333]
    """
    is_gradient = [entry.parameter in gradients for entry in verdict.entries]
    number, others = is_gradient.count(True), is_gradient.count(False)
    if not number or number >= GRADIENTS * (number + others):
        return [1 / len(is_gradient) for _ in is_gradient]
    return [GRADIENTS / number if each else (1 - GRADIENTS) / others for each in is_gradient]


def share(verdict: Verdict, gradients: Collection[str] = ()) -> float:
    """Return the share of a check's points that its entries earn.

    Parameters
    ----------
    verdict : Verdict
    gradients : collection of str
        The outputs that are gradients.
    """
    if verdict.state == "pass":
        return 1.0 - own_forward_loss(verdict, gradients)
    if verdict.state not in FAILED or not verdict.entries:
        return 0.0
    parts = weights(verdict, gradients)
    pairs = zip(verdict.entries, parts, strict=True)
    earned = sum(part * _credit(entry, verdict) for entry, part in pairs)
    if verdict.state == "error" and not any(entry.hard_cases for entry in verdict.entries):
        # Code that always stops is not right, even if all of its outputs are.
        return min(earned, 1.0 - min(parts))
    return earned


def own_forward_loss(verdict: Verdict, gradients: Collection[str] = ()) -> float:
    """Return the share of a check's points that gradients lose for a wrong forward pass.

    A gradient whose entry does not pass loses all of its share, whatever a finding says about it.
    """
    pairs = zip(verdict.entries, weights(verdict, gradients), strict=True)
    about = [(entry, part) for entry, part in pairs if entry.parameter in verdict.own_forward]
    return sum(part * (1.0 - _credit(entry, verdict)) for entry, part in about)


def _credit(entry: Entry, verdict: Verdict) -> float:
    """Return the part of its points that an entry earns."""
    if entry.state != "pass":
        return max(0.0, 1.0 - HARD_CASE * entry.hard_cases) if entry.hard_cases else 0.0
    return OWN_FORWARD if entry.parameter in verdict.own_forward else 1.0
