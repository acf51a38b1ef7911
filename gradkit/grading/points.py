"""Compute points: the share that each check loses by its verdict and findings, and the totals.

**The rule.** A check that fails loses the price of each mistake that makes it fail, at most all of
its points. A price is a share of the check's points. It belongs to the kind of mistake, and is the
same in a formula, a helper, numpy, torch and an exercise of functions, for one wrong entry or for
many, alone or beside other mistakes. A line that is wrong for several entries is one mistake; the
same mistake in two lines that are found separately is two. Functions of an exercise are judged with
right inputs, so that a mistake of one costs no points in the checks of another.

`gradkit explain --costs` lists the prices; an assignment can set each of them under
``[marking.deductions]``. Four prices depend on what a check shows:

- A parameter that is never updated (``not-updated``) costs its share of the parameters.
- A failure that nothing explains (``unexplained``) costs the share of outputs that are wrong, and
  at least the price of a slip.
- A change that takes a part of the model solution explains nothing that the student wrote. It costs
  the same as a failure that nothing explains. Several such changes together cost this once.
- A crash costs its price where a change of the text lets the code run, and all else is right then
  or explained by findings. Where no such change is known, it costs the share of outputs that are
  not right without the line that stops, and at least its price. A check that it blocks loses the
  same share as the check that crashes.

A price that the assignment sets is that share, whatever a check shows.

The mark of a check is *held* while it rests on ``unexplained`` or on a change whose text is not
shown (`HIDDEN_CHANGES`). It is provisional until a person sets the points or accepts the kind.

Beside these prices:

- A check whose outputs are right to about seven digits loses the price ``precision``.
- A check in which no parameter moves loses the price of ``nothing-updated``.
- A training run that diverges earns nothing, and its task stays below half of its points.
- A gradient that matches only the student's own wrong forward pass earns `OWN_FORWARD` of its
  share, unless mistakes in the forward pass explain it: these then have their price.

Shares of outputs: the outputs of a check (in nets its arrays) are worth the same, and in an array
the entries. The gradients of a check are together worth at least `GRADIENTS`. An output that is
wrong only in hard cases, such as scores of a thousand, loses `HARD_CASE` for each of them. With the
preset ``numbers`` a check earns the share of its right outputs, and findings cost nothing.

For example, a swapped index in an update of 6 points fails ``update``, ``gradient`` (5 points) and
``trajectory`` (4 points). It costs 30 % of each: 1.8 + 1.5 + 1.2 = 4.5 points.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.records.result import (
    CENT,
    FAILED,
    OPEN,
    UNEXPLAINED,
    CheckResult,
    Entry,
    Finding,
    Inquiry,
    TaskResult,
    Verdict,
)
from gradkit.records.task import (
    NUMBERS,
    PRICE_LISTS,
    Check,
    FunctionCheck,
    FunctionTask,
    Preset,
    PriceList,
    Task,
)
from gradkit.text import format_count, format_text

GRADIENTS = 1 / 3
"""The least share of a check's points that its gradients have together."""

HARD_CASE = 1 / 5
"""The share of an output's points that each hard case costs in which alone it is wrong."""

OWN_FORWARD = 1 / 2
"""The share of its points that a gradient earns which matches only a wrong forward pass."""

HIDDEN_CHANGES = frozenset({"wrong-expression", "missing-statement"})
"""Kinds of changes whose text is not shown, as they write a formula anew."""

CRASH = "crash"
"""The kind of an exception."""

STOPS = frozenset({CRASH, "missing-return"})
"""Kinds of mistakes after which a function gives no result."""

NOTHING_UPDATED = "nothing-updated"
"""The kind whose price a check loses in which no parameter moves."""


class Scheme(Struct, frozen=True):
    """The settings by which verdicts become points.

    The score of a task is rounded to ``step``, half up. ``preset`` chooses the prices of the
    catalogue, and ``deductions`` are those that the assignment sets. ``derived`` says that expected
    values come from no model solution. Findings whose code is in ``dropped`` are withdrawn: they
    are not shown, and cost nothing. Marks that rest on a code in ``accepted`` are not held.
    """

    step: float
    preset: Preset = "default"
    deductions: Mapping[str, float] = field(default_factory=dict)
    derived: bool = False
    dropped: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()

    @property
    def prices(self) -> PriceList | None:
        """The price list of the catalogue that counts; None if findings cost nothing."""
        return PRICE_LISTS[self.preset]


class LostShare(Struct, frozen=True):
    """The shares of a check's points that it loses, by reason.

    ``costs`` are the shares of ``findings``, in their order. ``unexplained`` is the share of wrong
    outputs without a finding, ``own_forward`` that of gradients which match only a wrong forward
    pass, and ``precision`` that of results in single precision. ``is_all`` says that the check
    earns nothing, whatever the shares add up to. ``held`` are the codes that the mark rests on and
    that no person has accepted. ``unnamed`` are the wrong outputs that no
    finding is about.
    """

    findings: Sequence[Finding] = ()
    costs: Sequence[float] = ()
    unexplained: float = 0.0
    own_forward: float = 0.0
    precision: float = 0.0
    is_all: bool = False
    held: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of the check's points that is lost, at most 1."""
        parts = (*self.costs, self.unexplained, self.own_forward, self.precision)
        return 1.0 if self.is_all else min(1.0, sum(parts))


def price_of(
    code: str, prices: PriceList = "default", own: Mapping[str, float] | None = None
) -> float | None:
    """Return the price of a kind of mistake; None if it depends on what a check shows.

    Parameters
    ----------
    code : str
        A current code of the catalogue.
    prices : {"default", "strict", "lenient"}
        The price list of the catalogue.
    own : mapping of str to float, optional
        Prices that the assignment sets. They take precedence over the catalogue's.
    """
    # Imported here because right submissions do not need the catalogue.
    from gradkit.diagnosis.catalogue import mistake

    return own[code] if own and code in own else mistake(code).deduction.get(prices)


def named_price(name: str, prices: PriceList) -> float:
    """Return a price of ``prices.toml`` by its name, such as ``slip`` or ``precision``."""
    from gradkit.diagnosis import catalogue

    return catalogue.prices()[name][prices]


def loss_of(
    check: Check, by_check: Mapping[str, Verdict], inquiry: Inquiry, scheme: Scheme
) -> LostShare:
    """Return the share of its points that a check loses, by reason.

    Without prices, it loses the share of its wrong outputs. A check that passes loses nothing for
    findings.

    Parameters
    ----------
    check : Check
    by_check : mapping of str to Verdict
        The verdicts on all checks of the task, by name.
    inquiry : Inquiry
        The findings about the task.
    scheme : Scheme
    """
    verdict = by_check[check.name]
    wrong = 1.0 - share(verdict, gradients_of(check))
    prices = scheme.prices
    if prices is None:
        return LostShare(unexplained=wrong)
    findings = charged_findings(verdict, inquiry)
    if verdict.state not in FAILED and not (findings and verdict.own_forward):
        return LostShare(unexplained=wrong)
    pricing = _Prices(check, verdict, by_check, prices, scheme, wrong)
    costs = pricing.costs(findings)
    precision = 0.0
    if verdict.rounded or (verdict.state == "fail" and verdict.check in inquiry.rounded):
        precision = named_price("precision", prices)
    unexplained = 0.0 if precision else pricing.unexplained(findings)
    if verdict.still and not _are_free(findings, scheme):
        nothing = price_of(NOTHING_UPDATED, prices, scheme.deductions) or 0.0
        if 0 < sum(costs) < nothing:
            costs = [cost * nothing / sum(costs) for cost in costs]
        unexplained = max(unexplained, nothing - sum(costs))
    # Mistakes in the forward pass that explain the gradient have their price instead.
    is_caused = bool(inquiry.causes.get(verdict.check))
    fits = 0.0 if is_caused else own_forward_loss(verdict, gradients_of(check))
    lost = sum(costs) + unexplained + precision
    return LostShare(
        findings,
        costs,
        unexplained,
        max(0.0, fits - lost),
        precision,
        diverges(verdict, findings, scheme),
        _held(verdict, findings, is_open=pricing.is_unexplained(findings, precision), of=scheme),
        pricing.unnamed(findings) if findings and unexplained else (),
    )


class _Prices(Struct, frozen=True):
    """Prices of findings in one check, of whose outputs the share ``wrong`` is wrong."""

    check: Check
    verdict: Verdict
    by_check: Mapping[str, Verdict]
    prices: PriceList
    scheme: Scheme
    wrong: float

    def costs(self, findings: Sequence[Finding]) -> list[float]:
        """Return the share of the check's points that each finding costs, from 0 to 1.

        A finding whose change was taken from the model solution and has no price of its own
        explains nothing. So all these together cost at most as much as a failure that nothing
        explains.
        """
        costs = [self.cost(each) for each in findings]
        settled = {*self.scheme.dropped, *self.scheme.deductions}
        of_model = [each.basis == "model" and each.mistake not in settled for each in findings]
        together = sum(compress(costs, of_model))
        most = max(self.wrong, named_price("slip", self.prices)) if together else 0.0
        factor = min(1.0, most / together) if together else 1.0
        return [
            cost * factor if is_of_model else cost
            for cost, is_of_model in zip(costs, of_model, strict=True)
        ]

    def cost(self, finding: Finding) -> float:
        """Return the share of the check's points that a finding costs by itself, from 0 to 1.

        A withdrawn finding, and a repair that only mends a crash, are free; the assignment's own
        deduction comes next. Unexplained findings and changes of the model solution cost the share
        of wrong outputs that they are about, at least the price ``slip``; all others the price of
        their mistake, a crash at least the outputs that are wrong without it.
        """
        code = finding.mistake
        if code in self.scheme.dropped or finding.basis == "repair":
            return 0.0
        if code in self.scheme.deductions:
            return self.scheme.deductions[code]
        if code == UNEXPLAINED or finding.basis == "model":
            return max(self._wrong_part(finding), named_price("slip", self.prices))
        price = price_of(code, self.prices)
        if price is None:
            # The entries of the check that the finding is about are those of the parameters.
            of = self.by_check[finding.check].entries
            return min(1.0, (len(finding.entries) or len(of)) / (len(of) or 1))
        if code in STOPS and _is_hard(_failed(self.verdict)):
            return self.wrong
        if code in STOPS and finding.basis != "change":
            return max(price, self._wrong_of_crash(finding))
        return price

    def _wrong_of_crash(self, finding: Finding) -> float:
        """Return the share of outputs that are wrong if the line that stops the code is left out.

        ``finding`` is about the crash. A check that the crash blocks has no outputs; then those of
        the check that crashes are counted.
        """
        crashing = self.by_check[finding.check]
        if self.verdict.state != "blocked" or self.verdict.entries or not crashing.entries:
            return self.wrong
        # Gradients have weights of their own only in functions, whose blocked checks have no place.
        return 1.0 - share(crashing)

    def unexplained(self, findings: Sequence[Finding]) -> float:
        """Return the share of the check's points lost for wrong outputs that no finding is about.

        ``findings`` are those that cost the check points. The share is their part of the wrong
        outputs, at least the price of a slip, or the assignment's deduction for ``unexplained``. It
        is 0 if all wrong outputs have a finding, or if ``unexplained`` is withdrawn. A check whose
        code stops loses all wrong outputs if it has no finding.
        """
        if self.verdict.state != "fail":
            return 0.0 if findings else self.wrong
        left = self._left(findings)
        if not left or UNEXPLAINED in self.scheme.dropped:
            return 0.0
        if UNEXPLAINED in self.scheme.deductions:
            return self.scheme.deductions[UNEXPLAINED]
        if _is_hard(left):
            return self.wrong
        part = len(left) / (len(_failed(self.verdict)) or 1)
        return max(self.wrong * part, named_price("slip", self.prices))

    def is_unexplained(self, findings: Sequence[Finding], precision: float) -> bool:
        """Return whether wrong outputs have no finding, and are wrong for more than hard cases."""
        left = self._left(findings) if self.verdict.state == "fail" and not precision else []
        return bool(left) and not _is_hard(left)

    def unnamed(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """Return the wrong outputs that no finding is about."""
        return tuple(dict.fromkeys(entry.parameter for entry in self._left(findings)))

    def _left(self, findings: Sequence[Finding]) -> Sequence[Entry]:
        """Return the wrong entries of the check that none of ``findings`` is about.

        None are left for a net, whose findings include ``unexplained``, or if a finding is about
        another check or all entries. Without findings, all wrong entries are left.
        """
        failed = _failed(self.verdict) or [Entry(self.check.name, (), "fail", None, None)]
        if not findings:
            return failed
        own = [each for each in findings if each.check == self.verdict.check]
        is_about_all = len(own) < len(findings) or not all(each.entries for each in own)
        if is_about_all or not isinstance(self.check, FunctionCheck):
            return []
        names = {name for each in own for name in each.entries}
        return [entry for entry in failed if entry.parameter not in names]

    def _wrong_part(self, finding: Finding) -> float:
        """Return the share of the check's outputs that are wrong and that a finding is about.

        All wrong outputs count if the finding is about another check or names no entries.
        """
        failed = _failed(self.verdict)
        if finding.check != self.verdict.check or not (finding.entries and failed):
            return self.wrong
        return self.wrong * min(1.0, len(finding.entries) / len(failed))


def _failed(verdict: Verdict) -> list[Entry]:
    return [entry for entry in verdict.entries if entry.state != "pass"]


def _is_hard(entries: Sequence[Entry]) -> bool:
    """Return whether there are entries, and all are wrong only in hard cases."""
    return bool(entries) and all(entry.hard_cases for entry in entries)


def _held(
    verdict: Verdict, findings: Sequence[Finding], *, is_open: bool, of: Scheme
) -> tuple[str, ...]:
    """Return the codes for which the points of a failed check wait for an instructor's decision.

    These are the mistakes in ``findings``, and ``unexplained`` if wrong outputs have no finding
    (``is_open``). Left out are codes that the scheme ``of`` prices, withdraws or accepts. Empty if
    ``verdict`` is not a failure.
    """
    codes = [UNEXPLAINED] if is_open else []
    codes += [
        each.mistake
        for each in findings
        if each.mistake == UNEXPLAINED
        or each.basis == "model"
        or (each.basis in ("change", "repair") and each.mistake in HIDDEN_CHANGES)
    ]
    settled = {*of.deductions, *of.dropped, *of.accepted}
    is_marked = verdict.state in FAILED
    return tuple(code for code in dict.fromkeys(codes) if is_marked and code not in settled)


def _are_free(findings: Sequence[Finding], scheme: Scheme) -> bool:
    """Return whether there are findings, and all are withdrawn or priced at zero."""
    free = {*scheme.dropped} | {code for code, cost in scheme.deductions.items() if cost == 0}
    codes = {finding.mistake for finding in findings}
    return bool(codes) and codes <= free


def diverges(verdict: Verdict, findings: Sequence[Finding], scheme: Scheme) -> bool:
    """Return whether a training run diverges, and not only because of mistakes that are free."""
    return scheme.prices is not None and verdict.diverges and not _are_free(findings, scheme)


def charged_findings(verdict: Verdict, inquiry: Inquiry) -> list[Finding]:
    """Return the findings that cost the check of ``verdict`` points.

    ``inquiry`` has all findings of the task. First come those about the check itself, then those
    about other checks that make this check fail: the causes that the inquiry names, and a crash in
    the same line that stops or blocks this check.
    """
    own = [finding for finding in inquiry.findings if finding.check == verdict.check]
    if verdict.state not in FAILED and not verdict.own_forward:
        return own
    causes = inquiry.causes.get(verdict.check, ())
    others = [
        each
        for each in inquiry.findings
        if each.check not in ("", verdict.check)
        and (each.id in causes or _is_same_crash(each, verdict, own))
    ]
    return [*own, *others]


def _is_same_crash(finding: Finding, verdict: Verdict, own: Sequence[Finding]) -> bool:
    """Return whether a crash in another check is in the line that stops or blocks this check.

    ``own`` are the findings about this check, and ``verdict`` is its verdict. False if the check
    does not stop, or has a finding on a crash of its own.
    """
    is_stopped = verdict.state in ("error", "blocked") and not any(
        each.mistake in STOPS for each in own
    )
    return is_stopped and finding.mistake in STOPS and finding.place == verdict.place


# --- the share of outputs that are right -----------------------------------------------------


def gradients_of(check: Check) -> Collection[str]:
    """Return the outputs of a check that are gradients, by the exercise's file."""
    return check.gradient.keys() if isinstance(check, FunctionCheck) else ()


def weights(verdict: Verdict, gradients: Collection[str] = ()) -> list[float]:
    """Return the share of its check's points that each entry is worth; the shares add up to 1.

    Outputs count equally, and so do the entries of one output; gradients together count at least
    `GRADIENTS`.

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
    sizes = Counter(entry.parameter for entry in verdict.entries)
    number = sum(name in gradients for name in sizes)
    others = len(sizes) - number
    if not number or number >= GRADIENTS * len(sizes):
        worth = dict.fromkeys(sizes, 1 / (len(sizes) or 1))
    else:
        parts = (1 - GRADIENTS) / others, GRADIENTS / number
        worth = {name: parts[name in gradients] for name in sizes}
    return [worth[entry.parameter] / sizes[entry.parameter] for entry in verdict.entries]


def share(verdict: Verdict, gradients: Collection[str] = ()) -> float:
    """Return the share of a check's points that its outputs earn.

    A passed check earns all, apart from gradients that match only a wrong forward pass. A check
    that was not run, or that has no outputs, earns nothing.

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
    """Return the part of its points that an entry earns, from 0 to 1.

    A passed entry earns all, or `OWN_FORWARD` for a gradient that matches only the student's wrong
    forward pass. An entry that is wrong only in hard cases loses `HARD_CASE` for each.
    """
    if entry.state != "pass":
        return max(0.0, 1.0 - HARD_CASE * entry.hard_cases) if entry.hard_cases else 0.0
    return OWN_FORWARD if entry.parameter in verdict.own_forward else 1.0


ROUNDED = (
    "The other numbers are right, but only to about seven digits, as in float32. This costs "
    "{points} points."
)
"""Note on a check that loses points for single precision."""

NO_STEP = "No parameter changes, so this check earns no points."
"""Note on a check in which no parameter moves."""

DIVERGES = (
    "In a training run, the loss rises or becomes nan. So the task earns less than half of its "
    "points."
)
"""Note on a task with a diverging training run."""

DIVERGING_BOUND = 0.5
"""Share of a task's points that the task stays below if a training run diverges."""

HARD_CASES = (
    "An output that is wrong only in a special case loses {share:.0%} of its points for each such "
    "case."
)
"""Note on a check with an output that is wrong only in hard cases."""

HELD = (
    "These points are provisional: the instructor will confirm or change them. You do not have to "
    "ask."
)
"""Note on a check whose points a person has to confirm."""

OF_MODEL = (
    "The correction of {titles} uses a part of the model solution. So the deduction is the share "
    "of wrong outputs.",
    "The corrections of {titles} use parts of the model solution. So together their deduction is "
    "the share of wrong outputs.",
)
"""Note on a check with a finding whose change is not made of the student's own text."""

WITHOUT_FINDING = (
    "No mistake was found that explains {names}. The deduction is the share of these outputs, and "
    "at least {slip:.0%} of the points."
)
"""Note on a check with findings, but with wrong outputs that none of them is about."""

WITHDRAWN = "The instructor withdrew a finding about this check. The finding costs nothing."
"""Note on a check with a finding that the instructor has withdrawn."""


def mark(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], inquiry: Inquiry, scheme: Scheme
) -> TaskResult:
    """Turn the verdicts on one task into points, by the rule of `gradkit.grading.points`.

    Parameters
    ----------
    task : Task
    verdicts : sequence of Verdict
        One for each of the task's checks, in order.
    inquiry : Inquiry
        The results of the diagnosis; empty if there was none.
    scheme : Scheme

    Returns
    -------
    TaskResult
        The score is rounded to the step of the scheme. The points of the checks add up to the
        score. The costs of the findings add up to the points that the findings took away.
    """
    inquiry = with_current_codes(inquiry)
    by_check = {verdict.check: verdict for verdict in verdicts}
    losses = [loss_of(check, by_check, inquiry, scheme) for check in task.checks]
    checks: Sequence[CheckResult] = [
        _check_result(check, by_check[check.name], loss, inquiry, scheme)
        for check, loss in zip(task.checks, losses, strict=True)
    ]
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    score = total_of((check.score for check in checks), checkable, scheme.step)
    # Only a diverging training run loses all points of its check in this way.
    is_capped = any(loss.is_all for loss in losses)
    if is_capped and score >= DIVERGING_BOUND * checkable:
        score = below(DIVERGING_BOUND * checkable, scheme.step)
        checks = _lowered(checks, score)
    checks = round_checks(checks, score)
    parts = [_divide_lost(check, loss) for check, loss in zip(checks, losses, strict=True)]
    worth = sum(check.max_score for check in checks)
    shown = [f for f in inquiry.findings if f.mistake not in scheme.dropped]
    order = [check.name for check in task.checks]
    shown.sort(key=lambda f: order.index(f.check) if f.check else len(order))
    costs = _costs(checks, losses, parts)
    return TaskResult(
        task.id,
        task.title,
        score,
        worth,
        checkable,
        scheme.derived or checkable < worth,
        tuple(
            _with_precision(check, cents[-1]) for check, cents in zip(checks, parts, strict=True)
        ),
        tuple(_with_costs(finding, costs.get(_key(finding), {})) for finding in shown),
        (DIVERGES,) if is_capped else (),
    )


def score_by_numbers(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], scheme: Scheme
) -> float:
    """Return the score under the preset ``numbers``: only right outputs count, not findings."""
    return mark(task, verdicts, Inquiry(), replace(scheme, preset=NUMBERS)).score


def _check_result(
    check: Check, verdict: Verdict, loss: LostShare, inquiry: Inquiry, scheme: Scheme
) -> CheckResult:
    """Return a check's result with its points before they are rounded, and with notes.

    ``loss`` is the result of `loss_of` for the check.
    """
    ids = inquiry.causes.get(verdict.check, ()) if verdict.state in FAILED else ()
    causes = tuple(dict.fromkeys(each.mistake for each in inquiry.findings if each.id in ids))
    codes = [*(f.mistake for f in inquiry.findings if f.check == verdict.check), *causes]
    withdrawn = tuple(dict.fromkeys(code for code in codes if code in scheme.dropped))
    notes = list(verdict.notes)
    if any(entry.hard_cases for entry in verdict.entries):
        notes.append(format_text(HARD_CASES, share=HARD_CASE))
    if withdrawn:
        notes.append(WITHDRAWN)
    if causes and verdict.still:
        notes.append(NO_STEP)
    of_model = dict.fromkeys(f.title for f in loss.findings if f.basis == "model")
    if of_model and loss.held:
        titles = ", ".join(f"“{title}”" for title in of_model)
        notes.append(format_count(*OF_MODEL, len(of_model), titles=titles))
    if loss.unnamed:
        slip = named_price("slip", scheme.prices or "default")
        names = ", ".join(f"`{name}`" for name in loss.unnamed)
        notes.append(format_text(WITHOUT_FINDING, names=names, slip=slip))
    if loss.held:
        notes.append(HELD)
    return CheckResult(
        verdict.check,
        verdict.state,
        check.points * (1.0 - loss.share),
        check.points,
        verdict.message,
        verdict.entries,
        verdict.place,
        tuple(notes),
        causes=tuple(code for code in causes if code not in scheme.dropped),
        courses=verdict.courses,
        withdrawn=withdrawn,
        held=loss.held,
    )


def _divide_lost(check: CheckResult, loss: LostShare) -> list[int]:
    """Divide the points that a check lost, in hundredths, among the reasons of a `LostShare`.

    ``check`` has its final points. The result has first a part for each finding, then the parts for
    ``unexplained``, ``own_forward`` and ``precision``.
    """
    lost = round((check.max_score - check.score) * CENT)
    return shares_of(lost, [*loss.costs, loss.unexplained, loss.own_forward, loss.precision])


Costs = dict[tuple[str, str], dict[str, int]]
"""The cost of each finding, by `_key`, for each check by its name, in hundredths of a point."""


def _costs(
    checks: Sequence[CheckResult], losses: Sequence[LostShare], parts: Sequence[Sequence[int]]
) -> Costs:
    """Return the cost of each finding for each check, in hundredths of a point.

    Costs of 0 are left out.

    Parameters
    ----------
    checks : sequence of CheckResult
    losses : sequence of LostShare
        The reasons of each check's loss.
    parts : sequence of sequences of int
        The results of `_divide_lost` for each check.
    """
    costs: Costs = {}
    for check, loss, cents in zip(checks, losses, parts, strict=True):
        for finding, part in zip(loss.findings, cents, strict=False):
            if part:
                own = costs.setdefault(_key(finding), {})
                own[check.check] = own.get(check.check, 0) + part
    return costs


def _with_costs(finding: Finding, cents: Mapping[str, int]) -> Finding:
    """Return a finding with its costs in points; ``cents`` are hundredths, by check."""
    costs = {check: each / CENT for check, each in cents.items()}
    return replace(finding, deduction=sum(cents.values()) / CENT, costs=costs)


def _with_precision(check: CheckResult, cents: int) -> CheckResult:
    """Return a check with a note on its deduction for single precision, in hundredths, if any."""
    notes = (format_text(ROUNDED, points=f"{cents / CENT:g}"),) if cents else ()
    return replace(check, notes=(*check.notes, *notes))


def with_current_codes(inquiry: Inquiry) -> Inquiry:
    """Return an inquiry that an older gradkit may have stored as it would be stored now.

    Former codes of mistakes are replaced by the current ones. Causes that are codes are replaced
    by the ids of the findings with these codes.
    """
    if not inquiry.findings:
        return inquiry
    # Imported here because right submissions do not need the catalogue.
    from gradkit.diagnosis.catalogue import current_code

    causes = {
        check: tuple(f.id for f in inquiry.findings if f.id in own or f.mistake in own)
        for check, own in inquiry.causes.items()
    }
    findings = tuple(replace(f, mistake=current_code(f.mistake)) for f in inquiry.findings)
    return replace(inquiry, findings=findings, causes=causes)


def _key(finding: Finding) -> tuple[str, str]:
    """Return the values that identify a finding in one task."""
    return finding.id, finding.mistake


def _lowered(checks: Sequence[CheckResult], score: float) -> list[CheckResult]:
    """Return checks with lower points, which add up to ``score``.

    The checks that do not pass are lowered first, all by the same factor. Only if that is not
    enough, the checks that pass are lowered too.
    """
    failed = sum(check.score for check in checks if check.state != "pass")
    passed = sum(check.score for check in checks if check.state == "pass")
    excess = failed + passed - score
    of_failed = 1 - min(1.0, excess / (failed or 1.0)) if failed else 1.0
    of_passed = 1 - max(0.0, excess - failed) / (passed or 1.0)
    return [
        replace(check, score=check.score * (of_passed if check.state == "pass" else of_failed))
        for check in checks
    ]


def below(bound: float, step: float) -> float:
    """Return the largest multiple of ``step`` that is less than ``bound``; at least 0.

    Examples
    --------
    >>> below(10.0, 0.25), below(1.1, 0.5), below(0.0, 0.25)
    (9.75, 1.0, 0.0)
    """
    return max(0.0, (math.ceil(bound / step - 1e-9) - 1) * step)


MAX_GRAIN = 25
"""The coarsest unit to which a check's points are rounded, in hundredths of a point."""


def round_checks(checks: Sequence[CheckResult], score: float) -> tuple[CheckResult, ...]:
    """Round the points of checks so that they add up to the ``score`` of their task.

    If the points in hundredths add up to the score, they are kept. Otherwise the points of each
    check are rounded to a unit, a quarter of a point at most, of which the score and all maxima are
    multiples. What is then missing to the score goes to the checks that earned a part of their
    points. Checks that earned all or nothing are changed only if that is not enough.
    """
    total = round(score * CENT)
    exact = [round(check.score * CENT) for check in checks]
    if sum(exact) == total:
        return tuple(replace(c, score=n / CENT) for c, n in zip(checks, exact, strict=True))
    maxima = [round(check.max_score * CENT) for check in checks]
    common = math.gcd(total, *maxima)
    grain = next(unit for unit in range(MAX_GRAIN, 0, -1) if common % unit == 0)
    cents = [round(check.score * CENT / grain) * grain for check in checks]
    rest = total - sum(cents)

    def rank(index: int) -> tuple[bool, float]:
        """Order checks with a part of their points first, and large maxima before small ones."""
        return not 0 < checks[index].score < maxima[index] / CENT, -maxima[index]

    for index in sorted(range(len(checks)), key=rank):
        change = min(max(rest, -cents[index]), maxima[index] - cents[index])
        cents[index] += change
        rest -= change
    if cents:
        # If the step of the scheme is coarser than the maxima, the score can be above their sum.
        cents[-1] += rest
    return tuple(replace(c, score=n / CENT) for c, n in zip(checks, cents, strict=True))


def shares_of(whole: int, weights: Sequence[float]) -> list[int]:
    """Divide a whole number in proportion to weights, with whole numbers that add up to it.

    Parts are rounded down, and the rest goes to the largest remainders. If all weights are 0,
    all parts are 0.

    Examples
    --------
    >>> shares_of(275, [0.5, 0.25, 0.25])
    [137, 69, 69]
    """
    exact = [whole * weight / (sum(weights) or 1.0) for weight in weights]
    parts = [math.floor(number + 1e-9) for number in exact]
    missing = round(sum(exact)) - sum(parts)
    for index in sorted(range(len(exact)), key=lambda n: parts[n] - exact[n])[:missing]:
        parts[index] += 1
    return parts


def total_of(scores: Iterable[float], most: float, step: float) -> float:
    """Return the sum of ``scores``, rounded to a multiple of ``step``, and at most ``most``.

    A sum of ``most`` is not rounded, even if it is not a multiple of ``step``.
    """
    earned = sum(scores)
    return most if earned >= most - 1e-9 else min(round_half_up(earned, step), most)


def round_half_up(value: float, step: float) -> float:
    """Round ``value`` to the nearest multiple of ``step``; halves are rounded up.

    Examples
    --------
    >>> round_half_up(0.125, 0.25)
    0.25
    """
    # The small number keeps sums of decimals, such as 0.1 + 0.2, on the right side of a half.
    return math.floor(value / step + 0.5 + 1e-9) * step
