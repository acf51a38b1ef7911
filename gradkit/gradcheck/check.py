"""The public gradient check, and finite differences without a gradient to check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.constants import (
    EPS,
    FAINT,
    MAX_SINGLE_ENTRIES,
    PROGRESS_DELAY,
    SHORTEST,
    SMALL,
)
from gradkit.gradcheck.entries import blank_results, entry_check, make_entries, worst_verdict
from gradkit.gradcheck.error import Claims, Options, allowed_resolution, join_claims, leaf_claims
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator, StackedEvaluator
from gradkit.gradcheck.examine import Examination
from gradkit.gradcheck.noise import Array, Measurements, largest_of, magnitude, measure
from gradkit.gradcheck.records import BackwardReport, Differences, Direction, Entry, Report
from gradkit.gradcheck.structure import (
    Parameters,
    align,
    differentiable_names,
    numeric_leaves,
    unpack,
)

if TYPE_CHECKING:
    from gradkit.gradcheck.directions import Survey

Found = tuple[Sequence[Entry], Sequence[Direction], Sequence[str]]
Entries = Literal["auto", "all", "directions"]
Kinks = Literal["open", "subgradient"]
AnyReport = TypeVar("AnyReport", Report, BackwardReport)


def check_gradient(
    f: Callable[[Any], Any],
    params: Any,
    gradient: Any,
    *,
    args: Sequence[Any] = (),
    wrt: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    entries: Entries = "auto",
    budget: int | None = None,
    seconds: float | None = 300.0,
    progress: Callable[[int, float], None] | bool | None = None,
    rtol: float = 0.0,
    atol: Any = 0.0,
    kinks: Kinks = "open",
    vectorized: bool = False,
) -> Report:
    """Check a gradient of any numpy or torch function against finite differences.

    Each step is chosen from the claim and the measured noise of f. A claim that two evaluations
    confirm is accepted. Any other gets a ladder of steps with Richardson extrapolation and an error
    bound. Before an entry is called wrong, the noise is measured again, larger steps are tried, and
    kinks and staircases are ruled out. Entries that cannot be decided are inconclusive, with the
    reason.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns one real number: a Python number, or an array or tensor of size 1.
        It gets copies of the arrays, so the caller's arrays cannot change.
    params : array, number, tensor, pandas series or table, or a sequence or dict of these
        The point at which the gradient is checked. f gets values of the same types. Float arrays
        keep their dtype; integers become float64.
    gradient : like params, or callable
        The gradient to check (the claim), with the structure and shapes of ``params``; or a
        function of the parameters that returns it. None in place of an array claims that f does not
        depend on a parameter, and beside whole numbers that they have no gradient.
    args : sequence, optional
        Further arguments: ``f(params, *args)``, and ``gradient(params, *args)`` if it is callable.
    wrt : sequence of str, optional
        Names of the parameters to check; f gets the others unchanged, so that whole numbers stay
        whole. By default all.
    names : sequence of str, optional
        Names of the parameters, in order. By default the keys of a dict and the positions in a
        sequence.
    seed : int, optional
        Seed of the random directions. By default 0, so that a check can be repeated.
    entries : {"auto", "all", "directions"}
        ``all`` checks every entry by itself: two evaluations for a right one, about ten for a wrong
        one; of an array that is wrong throughout, only a sample. ``directions`` checks all
        parameters at once along two random directions, with 10 evaluations, or along more if noise
        or rounding hides much, and locates a wrong entry from the ratio of the two errors. ``auto``
        uses directions for more than 3,000 entries, or if the budget is too small for all.
    budget : int, optional
        Largest number of calls of f; entries that were not reached are inconclusive.
    seconds : float or None
        Time limit, by default 300; entries that were not reached are inconclusive. None: no limit.
    progress : callable or bool, optional
        ``progress(calls, seconds)`` is called before each call of f. By default a line on the
        terminal counts them from the third second; False shows nothing.
    rtol : float
    atol : float, or like gradient
        A claim is right within ``atol + rtol · |claim|``. By default only rounding is allowed.
        Arrays like those of the gradient give each entry its own ``atol``.
    kinks : {"open", "subgradient"}
        Verdict on a slope between those on both sides of a kink: ``inconclusive``, or with
        ``subgradient`` ``agree``, as for ReLU's 0 at 0.
    vectorized : bool
        Whether f takes several points in one call, which is quicker. f then always gets arrays with
        one more axis in front, ``(points, *shape)``, and returns an array ``(points,)``. ``params``
        must consist of arrays.

    Returns
    -------
    Report
        A verdict, and for every entry the estimate, its error bound, the smallest error that would
        have been detected, and the reason if it is inconclusive.

    Raises
    ------
    TypeError
        The parameters, the gradient or the value of f are not real numbers.
    ValueError
        The structure or a shape of the gradient differs from that of ``params``, or an option has
        an invalid value.

    Notes
    -----
    An entry is accepted if a relative error of 1e-5 would have been detected; usually 1e-8 would.
    With a noisy f, in float32 or beside a large offset, the limit is coarser, but a wrong sign, a
    factor of two or a missing entry would have been detected. An array that is much smaller than
    the others is checked relative to its own size, and is inconclusive if the rounding of f hides
    that. Entries that are much smaller than their array's largest and hidden by noise are accepted
    on the scale of the larger ones, unless all of them together disagree with f; a note counts
    them. The method is explained in ``docs/gradients.md``.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
    >>> y = np.array([1.0, -2.0, 0.5])
    >>> def loss(w):
    ...     return np.mean((w @ X - y) ** 2)
    >>> w = np.array([0.3, -0.8])
    >>> check_gradient(loss, w, 2 * X @ (w @ X - y) / 3).verdict
    'agree'
    >>> report = check_gradient(loss, w, 2 * X @ (w @ X - y), names=["w"])
    >>> report.verdict
    'disagree'
    >>> print(report.patterns[0])
    w: every entry is wrong by the same factor: claimed = 3 × estimate, as if 1/3 were missing.
    """
    _refuse_unknown_choices(entries, kinks)
    whole = np.ndim(atol) == 0 and not isinstance(atol, Mapping)
    _refuse_bad_limits(budget, seconds, rtol, atol if whole else 0.0)
    _refuse_bad_labels(seed, names)
    if wrt is None and not callable(gradient):
        wrt = differentiable_names(params, gradient, names)
    parameters = unpack(params, names, wrt)
    total = _count_entries(parameters, params)
    few = total <= MAX_SINGLE_ENTRIES and (budget is None or budget >= 2 * total + 8)
    each = entries == "all" or (entries == "auto" and few)
    asked = Options(rtol, kinks == "subgradient", seed or 0)
    rooms = _tolerances(atol, parameters, whole=whole)
    of = partial(_call, f, args) if args else f
    again = partial(_call, gradient, args) if callable(gradient) else partial(_same, gradient)
    with progress_callback(progress) as tell:
        make = StackedEvaluator if vectorized else Evaluator
        evaluator = make(of, parameters, budget, seconds, tell)
        evaluator.all_at_once = not each
        claimed, eps = align(again(parameters.fresh()), parameters)
        # f is evaluated off its domain on purpose, so its floating-point warnings mean nothing.
        with np.errstate(all="ignore"):
            return _Check(
                evaluator, claimed, eps, rooms, asked, parameters.structure, again, each
            ).run()


def _refuse_unknown_choices(entries: str, kinks: str) -> None:
    """Refuse an option that is not one of its choices.

    Raises
    ------
    ValueError
        ``entries`` or ``kinks`` is not among the choices.
    """
    for called, value, choices in (("entries", entries, Entries), ("kinks", kinks, Kinks)):
        if value not in get_args(choices):
            choices_text = " or ".join(map(repr, get_args(choices)))
            raise ValueError(f"{called} must be {choices_text}; found {value!r}.")


def _refuse_bad_limits(budget: Any, seconds: Any, rtol: Any, atol: Any) -> None:
    """Refuse limits and tolerances that are no numbers, or too small.

    Raises
    ------
    ValueError
        An option is no number, or below its least value.
    """
    limits = (("budget", budget, 1), ("seconds", seconds, 0), ("rtol", rtol, 0), ("atol", atol, 0))
    for called, limit, least in limits:
        if limit is not None and not isinstance(limit, Real):
            raise ValueError(f"{called} must be a number; found {limit!r}.")
        if limit is not None and not float(limit) >= least:
            raise ValueError(f"{called} must be at least {least}; found {limit}.")


def _refuse_bad_labels(seed: Any, names: Any) -> None:
    """Refuse a seed that is no whole number, and names that are no list.

    Raises
    ------
    ValueError
        ``seed`` or ``names`` has another type.
    """
    if seed is not None and not (isinstance(seed, Integral) and int(seed) >= 0):
        raise ValueError(f"seed must be a whole number of at least 0; found {seed!r}.")
    if isinstance(names, str) or not (names is None or isinstance(names, Sequence)):
        raise ValueError(f"names must be a list of names, like ['W', 'b']; found {names!r}.")


def _count_entries(parameters: Parameters, params: Any) -> int:
    """Return the number of entries to check.

    Raises
    ------
    ValueError
        There is none.
    """
    total = sum(leaf.array.size for leaf in parameters.leaves)
    if not total:
        shapes = [leaf.array.shape for leaf in parameters.leaves]
        found = f"found arrays of the shapes {shapes}" if shapes else f"found {params!r}"
        raise ValueError(
            f"params must have at least one entry to check; {found}. Pass the parameters that f "
            f"depends on."
        )
    return total


def _same(gradient: Any, params: Any) -> Any:
    """Return a claimed gradient that was given as numbers, at any parameters."""
    return gradient


def _call(function: Callable[..., Any], args: Sequence[Any], params: Any) -> Any:
    """Call a function of the parameters with further arguments."""
    return function(params, *args)


def _tolerances(atol: Any, parameters: Parameters, *, whole: bool) -> list[Array]:
    """Return an absolute tolerance for each entry, one array for each parameter.

    ``whole`` means that ``atol`` is a single number.

    Raises
    ------
    ValueError
        A tolerance is negative or no number, or the structure differs from the parameters'.
    """
    if whole:
        return [np.broadcast_to(float(atol or 0.0), leaf.array.shape) for leaf in parameters.leaves]
    arrays, _ = align(atol, parameters)
    for leaf, array in zip(parameters.leaves, arrays, strict=True):
        if not np.all(array >= 0):
            called = f" of {leaf.name!r}" if leaf.name else ""
            raise ValueError(f"atol{called} must be at least 0; found {np.min(array)}.")
    return arrays


def assert_gradient(f: Callable[[Any], Any], params: Any, gradient: Any, **options: Any) -> Report:
    """Raise AssertionError unless a gradient agrees with finite differences.

    An inconclusive check raises too, because an assertion that nothing could be said about has
    not held; its text says so. Use `check_gradient` to treat the two differently.

    Parameters
    ----------
    f, params, gradient, **options
        As for `check_gradient`.

    Returns
    -------
    Report

    Raises
    ------
    AssertionError
        With the text of the report.

    Examples
    --------
    >>> import numpy as np
    >>> assert_gradient(lambda w: float(w @ w), np.array([1.0, 2.0]), lambda w: 2 * w).verdict
    'agree'
    """
    __tracebackhide__ = True
    return require_agreement(check_gradient(f, params, gradient, **options))


def require_agreement(report: AnyReport) -> AnyReport:
    """Return a report, or raise AssertionError with its text unless it agrees."""
    __tracebackhide__ = True
    if report.verdict != "agree":
        raise AssertionError(str(report))
    return report


@dataclass(slots=True)
class _Check:
    """A check of a claimed gradient: f, its parameters, the claim and the options."""

    evaluator: Evaluator
    claimed: Sequence[Array]
    eps: Sequence[float]
    rooms: Sequence[Array]
    asked: Options
    given: Any
    again: Callable[[Any], Any]
    each: bool
    seen: Measurements = field(default_factory=Measurements)

    def run(self) -> Report:
        """Measure f, check the claim by entries or by directions, and return the report.

        If f proves to be random, or the budget is spent early, every entry is inconclusive.
        """
        evaluator, found = self.evaluator, None
        for leaf in evaluator.leaves:
            if not leaf.array.size:
                evaluator.note(f"{leaf.name!r} has no entries, so nothing of it was checked.")
        try:
            reason = self.preflight()
            found = self.inconclusive(reason) if reason else self.check_claim()
            changed = worst_verdict(found[1] or found[0]) != "agree" and self.seen.steady
            if not reason and changed and not self.repeats():
                self.seen = replace(self.seen, steady=False)
                found = self.inconclusive("not deterministic")
        except BudgetSpent:
            found = found or self.inconclusive("budget")
        entries, directions, patterns = found
        verdict, seen = worst_verdict(directions or entries), self.seen
        if not seen.steady:
            evaluator.notes.insert(
                0,
                "f gives different values for the same argument. Switch randomness off, or fix its "
                "seed inside f.",
            )
        elif seen.lossy:
            evaluator.note(
                f"f is rough: its values scatter by {seen.noise:.1e}, where rounding alone would "
                f"make {EPS * abs(seen.base):.0e}. It may lose precision on the way, as "
                f"log(1 - a) does for a near 1."
            )
        if np.isfinite(seen.base) and len(evaluator.levels) < 2 and any(map(np.any, self.claimed)):
            evaluator.note("f gives the same value everywhere: does it use its argument?")
        if evaluator.raised and verdict != "agree":
            evaluator.note(
                f"away from the point f raised {evaluator.raised}; there it counts as not finite."
            )
        parts = (tuple(entries), tuple(directions), tuple(patterns), tuple(evaluator.notes))
        return Report(verdict, *parts, evaluator.count, seen.noise)

    def repeats(self) -> bool:
        """Return whether f gives the same value at the point again, to within its noise."""
        again = self.evaluator.at_point()
        return again == self.seen.base or abs(again - self.seen.base) <= self.seen.noise

    def preflight(self) -> str:
        """Measure the noise of f.

        Return the reason if nothing can be checked, else an empty string.
        """
        evaluator = self.evaluator
        seen = self.seen = measure(evaluator, self.claimed, self.asked.seed)
        if not np.isfinite(seen.base):
            evaluator.note(f"f is {seen.base} there.")
            return "non-finite"
        if len(evaluator.levels) < 2 and any(map(np.any, self.claimed)):
            problem = self.find_ignored_argument()
            if problem:
                evaluator.note(problem)
                return "argument"
        loud = not seen.noise <= SMALL * (seen.reach or abs(seen.base))
        return "not deterministic" if not seen.steady and (loud or self.has_random_claim()) else ""

    def find_ignored_argument(self) -> str:
        """Return why f ignores changes of its argument; empty if it does not, or if f is constant.

        Change the arrays that f has been given, then give f new arrays, then change the arrays of
        the caller, which are restored.
        """
        evaluator = self.evaluator
        moves = [np.fmax(magnitude(point), 1.0) for point in evaluator.points]
        evaluator.along(moves, [1.0])
        if len(evaluator.levels) > 1:
            return ""
        evaluator.renew()
        evaluator.along(moves, [1.0])
        if len(evaluator.levels) > 1:
            return (
                "f returns an old result although the values in its argument have changed: it may "
                "cache results by the identity of the array. Let f compute from the current values."
            )
        plain = [one for one in numeric_leaves(self.given) if type(one) is np.ndarray]
        arrays = [one for one in plain if one.flags.writeable and one.dtype.kind == "f"]
        before = [one.copy() for one in arrays]
        try:
            for one in arrays:
                one[...] = one + np.fmax(magnitude(one), 1.0)
            evaluator.at_point()
        finally:
            for one, old in zip(arrays, before, strict=True):
                one[...] = old
        if len(evaluator.levels) > 1:
            return (
                "f does not use its argument, but the arrays that were passed as params. Let f use "
                "its argument: def f(w): return loss(w)."
            )
        return ""

    def has_random_claim(self) -> bool:
        """Return whether the function that computes the claim is random: two calls differ."""
        parameters = self.evaluator.parameters
        once, _ = align(self.again(parameters.fresh()), parameters)
        return any(
            largest_of(a.astype(np.float64) - b) > SMALL**2 * largest_of(b)
            for a, b in zip(once, self.claimed, strict=True)
        )

    def check_claim(self) -> Found:
        """Check the claim along directions, or entry by entry.

        Return entries, directions and patterns.
        """
        evaluator, leaves, note = self.evaluator, self.evaluator.leaves, self.evaluator.note
        parts = leaf_claims(self.claimed, evaluator.points, self.seen.scales, self.eps, self.rooms)
        if not self.each:
            survey = self.survey(parts)
            survey.run()
            return survey.entries, survey.found, survey.patterns
        claims = join_claims(parts)
        columns = entry_check(evaluator, claims, self.seen, self.asked).run()
        faint = columns.faint & (columns.verdict == "agree")
        if np.any(faint):
            note(
                f"{faint.sum()} of {len(columns)} entries are so small that noise hides errors of "
                f"their size. They were checked on the scale of the larger entries."
            )
            # An error that noise hides in each entry may show in all of them together.
            move = np.where(faint, np.copysign(claims.scale, claims.claimed), 0.0)
            survey = self.survey(parts)
            both = survey.check_directions(move, closely=True)
            if both.columns.verdict[0] != "agree" and abs(both.gaps[0]) > both.columns.bound[0]:
                columns.verdict[faint], columns.reason[faint] = "inconclusive", "noise"
        for number in np.unique(claims.leaf[~columns.looked]).tolist():
            mine, leaf = claims.leaf == number, leaves[number]
            taken = int(np.count_nonzero(columns.looked[mine]))
            wrong = int(np.count_nonzero(columns.verdict[mine] == "disagree"))
            note(
                f"of {leaf.name or 'the gradient'}, which has the shape {leaf.array.shape}, only "
                f"{taken} entries were checked, drawn at random: {wrong} of these are wrong."
            )
        patterns: tuple[str, ...] = ()
        if "disagree" in columns.verdict:
            # Most claims are right: patterns are imported only when an entry is wrong.
            from gradkit.gradcheck.patterns import find_patterns

            patterns = find_patterns(claims, columns, leaves)
        return make_entries(columns, claims, leaves), (), patterns

    def survey(self, parts: Sequence[Claims]) -> Survey:
        """Return a check along directions of the claims of each leaf.

        It is imported here, because most problems are so small that each entry is checked.
        """
        from gradkit.gradcheck.directions import Survey

        return Survey(self.evaluator, parts, self.seen, self.asked)

    def inconclusive(self, reason: str) -> Found:
        """Return results in which every entry is inconclusive for one reason.

        In a check along directions, that is one direction through all parameters.
        """
        if not self.each:
            lost = Direction(
                "all parameters", 0, np.nan, np.nan, np.inf, np.inf, "inconclusive", reason
            )
            return (), [lost], ()
        scales = np.ones(len(self.eps))
        claims = join_claims(leaf_claims(self.claimed, self.evaluator.points, scales, self.eps))
        return (
            make_entries(blank_results(len(claims.claimed), reason), claims, self.evaluator.leaves),
            (),
            (),
        )


@contextmanager
def progress_callback(
    progress: Callable[[int, float], None] | bool | None,
) -> Iterator[Callable[[int, float], None] | None]:
    """Yield the function to call before each evaluation of f, or None.

    That is the caller's own function. For None or True, it shows a line after `PROGRESS_DELAY`
    seconds if standard error is a terminal; otherwise it is None.
    """
    if callable(progress) or progress is False or not (sys.stderr and sys.stderr.isatty()):
        yield progress if callable(progress) else None
        return
    from rich.console import Console

    status = Console(stderr=True).status("")

    def tell(calls: int, seconds: float) -> None:
        if seconds >= PROGRESS_DELAY:
            status.update(f"checking the gradient: {calls:,} evaluations in {seconds:.0f} s")
            status.start()

    try:
        yield tell
    finally:
        status.stop()


# --- without a claim ---------------------------------------------------------------------


def finite_difference(f: Callable[[Any], Any], params: Any) -> Differences:
    """Estimate the gradient of f, with a bound on the error of each entry.

    Central differences on a ladder of steps, each four times the one below, with Richardson
    extrapolation. The bound adds truncation and measured noise, and a step counts only where no
    smaller step contradicts it. About 15 evaluations for each entry.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns one real number. It is given arrays of its own; where it changes
        them it is given fresh copies.
    params : array, number, tensor, pandas series or table, or a sequence or dict of these
        The point, which f is given in the same kinds. Not changed. Integers become float64.

    Returns
    -------
    Differences
        Its attributes have the structure of ``params``. ``status`` is ``ok`` where an estimate
        would do to confirm a claim (see `gradkit.check_gradient`), and otherwise says why not.

    Raises
    ------
    TypeError
        For parameters or values that are not real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> found = finite_difference(lambda w: np.sum(w**3), np.array([1.0, 2.0]))
    >>> found.estimate.round(8).tolist()
    [3.0, 12.0]
    >>> found.status.tolist()
    ['ok', 'ok']
    >>> corner = finite_difference(lambda w: abs(w), 0.0)
    >>> str(corner.status), float(corner.left), float(corner.right)
    ('kink', -1.0, 1.0)
    """
    parameters = unpack(params)
    evaluator = Evaluator(f, parameters)
    with np.errstate(all="ignore"):
        found = _estimate_entries(evaluator)
    ends = np.cumsum([leaf.array.size for leaf in parameters.leaves])[:-1]

    def shaped(array: NDArray[Any]) -> Any:
        array.flags.writeable = False
        parts = zip(np.split(array, ends), parameters.leaves, strict=True)
        return parameters.assemble([part.reshape(leaf.array.shape) for part, leaf in parts])

    return Differences(*[*map(shaped, found), evaluator.count])


def _estimate_entries(evaluator: Evaluator) -> tuple[NDArray[Any], ...]:
    """Estimate every entry with a ladder of steps; return the arrays of `Differences`, flat."""
    seen, points = measure(evaluator, ()), evaluator.points
    exact = [EPS] * len(points)
    zeros = [0.0 * point for point in points]
    none = join_claims(leaf_claims(zeros, points, seen.scales, exact))
    # A parameter that is much smaller than the others of its array is its own scale.
    own = np.abs(none.here)
    scales = np.where((own > 0) & (own < SMALL * none.scale), own, none.scale)
    unclaimed = replace(none, claimed=np.full(len(own), np.nan), scale=scales)
    check = entry_check(evaluator, unclaimed, seen, Options())
    check.steps = np.fmax(FAINT * scales, SHORTEST)
    found = [Examination(check, row) for row in range(len(own))]
    readings = [one.climb() for one in found]
    numbers = [(one.estimate, one.bound, one.left.estimate, one.right.estimate) for one in readings]
    estimate, bound, left, right = np.array(numbers, dtype=np.float64).reshape(-1, 4).T.copy()
    parts = np.split(estimate, np.cumsum([point.size for point in points])[:-1])
    claims, size = join_claims(leaf_claims(parts, points, seen.scales, exact)), np.abs(estimate)
    seen = replace(seen, reach=max(seen.reach, largest_of(claims.weight * claims.scale)))
    limits = allowed_resolution(claims, seen, np.arange(len(size)), 0 * claims.weight)
    kinked = np.array([one.kinked for one in readings], dtype=bool)
    known = ((2 * bound <= limits) | (claims.largest == 0)) & np.isfinite(bound) & ~kinked
    why = [at.inconclusive_reason(one) for at, one in zip(found, readings, strict=True)]
    status = np.where(known, "ok", np.array(why, dtype=object))
    return estimate, bound, np.where(size > 0, bound / size, np.inf), status, left, right
