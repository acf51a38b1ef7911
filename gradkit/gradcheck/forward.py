"""Check Jacobian-vector products (forward mode), against f and against reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradkit.gradcheck.check import check_gradient
from gradkit.gradcheck.constants import EPS, MARGIN
from gradkit.gradcheck.noise import Array, draw_signed, largest_of
from gradkit.gradcheck.records import Direction, Report, Verdict
from gradkit.gradcheck.structure import Parameters, align, numeric_leaves, to_numpy, unpack

Product = Callable[[Any, Any], Any]
"""``product(params, vector)``: J times a tangent, or the transpose of J times a cotangent."""


def check_forward(
    f: Callable[[Any], Any],
    jvp: Product,
    params: Any,
    *,
    directions: int = 3,
    wrt: Sequence[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> Report:
    """Check a Jacobian-vector product (forward mode) against finite differences.

    For random tangents u through each parameter, and random weights v of the outputs,
    ``Σ v · jvp(params, u)`` is compared with the slope of ``Σ v · f(params + t u)`` at t = 0.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns a number, an array or tensor, or a sequence or dict of these.
    jvp : callable
        ``jvp(params, tangent)`` returns the change of the outputs, like the value of f; ``tangent``
        is like ``params``.
    params : array, number, tensor, or a sequence or dict of these
        The point.
    directions : int
        Number of random tangents through each parameter.
    wrt : sequence of str, optional
        Names of the parameters to move; all others are passed on unchanged, and stand unchanged in
        the tangent. By default all.
    seed : int
        Seed of the random numbers.
    **options
        As for `gradkit.check_gradient`.

    Returns
    -------
    Report
        Its entries are the tangents: ``W[2]`` is the third one through ``W``.

    Raises
    ------
    ValueError
        ``directions`` is less than 1, or a product lacks the shape of the output.

    Examples
    --------
    >>> import numpy as np
    >>> def jvp(x, u):
    ...     return np.cos(x) * u
    >>> check_forward(np.sin, jvp, np.array([0.5, 2.0])).verdict
    'agree'
    """
    if directions < 1:
        raise ValueError(f"directions must be at least 1; found {directions}.")
    parameters, rng = unpack(params, wrt=wrt), np.random.default_rng(seed)
    points = [leaf.array for leaf in parameters.leaves]
    outputs = _arrays(f(parameters.fresh()))
    weights = [draw_signed(rng, output.shape) for output in outputs]
    moves = [_draw_move(rng, point, directions) for point in points]
    claims = {}
    for number, leaf in enumerate(parameters.leaves):
        products = [
            _arrays(jvp(parameters.fresh(), _tangent(parameters, number, move)))
            for move in moves[number]
        ]
        claims[leaf.name] = np.array([_weighted(weights, product) for product in products])

    def along(steps: dict[str, Array]) -> float:
        parts = zip(parameters.leaves, moves, strict=True)
        moved = [
            leaf.array + np.tensordot(steps[leaf.name], move, 1).astype(leaf.array.dtype)
            for leaf, move in parts
        ]
        return _weighted(weights, _arrays(f(parameters.build(moved))))

    zeros = {name: np.zeros(directions) for name in claims}
    return check_gradient(along, zeros, claims, seed=seed, **options)


def compare_products(
    jvp: Product, vjp: Product, params: Any, *, wrt: Sequence[str] | None = None, seed: int = 0
) -> tuple[Direction, ...]:
    """Compare forward and reverse mode: ``v · (J u)`` and ``(Jᵀ v) · u`` are equal to rounding.

    No finite difference is taken, so f is not needed, and an error of 1e-12 shows. What both modes
    have wrong alike does not show.

    Parameters
    ----------
    jvp : callable
        ``jvp(params, tangent)`` returns the change of the outputs.
    vjp : callable
        ``vjp(params, cotangent)`` returns the gradients, like ``params``.
    params : array, number, tensor, or a sequence or dict of these
    wrt : sequence of str, optional
        Names of the parameters to compare; by default all.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    tuple of Direction
        One for each parameter, with ``claimed`` by ``vjp`` and ``estimate`` by ``jvp``.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> found = compare_products(lambda x, u: A @ u, lambda x, v: A @ v, np.ones(2))
    >>> [one.verdict for one in found]
    ['disagree']
    """
    parameters, rng = unpack(params, wrt=wrt), np.random.default_rng(seed)
    found = []
    for number, leaf in enumerate(parameters.leaves):
        move = _draw_move(rng, leaf.array, 1)[0]
        outputs = unpack(jvp(parameters.fresh(), _tangent(parameters, number, move)))
        changes = [output.array for output in outputs.leaves]
        weights = [draw_signed(rng, change.shape) for change in changes]
        typed = [v.astype(change.dtype) for v, change in zip(weights, changes, strict=True)]
        gradients, eps = align(vjp(parameters.fresh(), outputs.build(typed)), parameters)
        terms = [v * change for v, change in zip(weights, changes, strict=True)]
        own = move * gradients[number]
        size = float(np.sum(np.abs(own)) + sum(np.sum(np.abs(term)) for term in terms))
        bound = MARGIN * max(*eps, *(_unit(change) for change in changes)) * size
        claimed, estimate = float(np.sum(own)), float(sum(np.sum(term) for term in terms))
        verdict: Verdict = "agree" if abs(claimed - estimate) <= bound else "disagree"
        resolution = bound / max(abs(claimed), abs(estimate)) if claimed or estimate else np.inf
        found.append(Direction(leaf.name, 0, claimed, estimate, bound, resolution, verdict))
    return tuple(found)


def _arrays(value: Any) -> list[Array]:
    """Return the numeric parts of an output as arrays."""
    return [to_numpy(part, "", "the output") for part in numeric_leaves(value)]


def _unit(array: Array) -> float:
    """Return the rounding unit of an array."""
    return float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else EPS


def _draw_move(rng: np.random.Generator, point: Array, count: int) -> Array:
    """Draw tangents of the size of a parameter; of size 1 if it is zero."""
    return draw_signed(rng, (count, *point.shape)) * (largest_of(point) or 1.0)


def _tangent(parameters: Parameters, number: int, move: Array) -> Any:
    """Return a tangent like the parameters that moves one leaf only."""
    arrays = [np.zeros_like(leaf.array) for leaf in parameters.leaves]
    arrays[number][...] = move
    return parameters.build(arrays)


def _weighted(weights: Sequence[Array], outputs: Sequence[Array]) -> float:
    """Return the weighted sum of all outputs.

    Raises
    ------
    ValueError
        The outputs have other shapes than the weights.
    """
    expected, found = [one.shape for one in weights], [one.shape for one in outputs]
    if expected != found:
        raise ValueError(
            f"jvp must return arrays of the shapes of the outputs, {expected}; found {found}."
        )
    pairs = zip(weights, outputs, strict=True)
    return float(sum(np.sum(v * out, dtype=np.float64) for v, out in pairs))
