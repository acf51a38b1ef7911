"""Turn the verdict on a check and the findings about it into the share of its points that it loses.

**The rule.** A check that fails loses the price of each mistake that makes it fail, at most all of
its points. A price is a share of the check's points. It belongs to the kind of mistake, and is the
same in a formula, a helper, numpy, torch and an exercise of functions, for one wrong entry or for
many, alone or beside other mistakes. A line that is wrong for several entries is one mistake; the
same slip in two lines that are found separately is two.

`gradkit explain --costs` lists the prices; an assignment can set each of them under
``[marking.deductions]``. Four prices depend on what a check shows:

- A parameter that is never updated (``not-updated``) costs its share of the parameters.
- A failure that nothing explains (``unexplained``) costs the share of outputs that are wrong, and
  at least the price of a slip.
- A change that takes a part of the model solution explains nothing that the student wrote. It costs
  the same as a failure that nothing explains.
- A crash costs its price where a change of the text shows that all else is right. Where no such
  change is known, it costs the share of outputs that are not right without the line that stops, and
  at least its price. A check that it blocks loses the same share as the check that crashes.

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

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct, field

from gradkit.records.mistake import PRICE_LISTS, Preset, PriceList
from gradkit.records.result import FAILED, UNEXPLAINED, Entry, Finding, Inquiry, Verdict
from gradkit.records.task import Check, FunctionCheck

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


class Loss(Struct, frozen=True):
    """The shares of a check's points that it loses, by reason.

    ``costs`` are the shares of ``findings``, in their order. ``unexplained`` is the share of wrong
    outputs without a finding, ``own_forward`` that of gradients which match only a wrong forward
    pass, and ``precision`` that of results in single precision. ``is_all`` says that the check
    earns nothing, whatever the shares add up to. ``held`` are the codes that the mark rests on and
    that no person has accepted.
    """

    findings: Sequence[Finding] = ()
    costs: Sequence[float] = ()
    unexplained: float = 0.0
    own_forward: float = 0.0
    precision: float = 0.0
    is_all: bool = False
    held: tuple[str, ...] = ()

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
) -> Loss:
    """Return what a check loses, and why.

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
        return Loss(unexplained=wrong)
    findings = charged_findings(verdict, inquiry)
    if verdict.state not in FAILED and not (findings and verdict.own_forward):
        return Loss(unexplained=wrong)
    pricing = _Prices(check, verdict, by_check, prices, scheme, wrong)
    costs = [pricing.cost(each) for each in findings]
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
    return Loss(
        findings,
        costs,
        unexplained,
        max(0.0, fits - lost),
        precision,
        diverges(verdict, findings, scheme),
        _held(verdict, findings, is_open=pricing.is_unexplained(findings, precision), of=scheme),
    )


class _Prices(Struct, frozen=True):
    """Prices of findings in one check, of whose outputs the share ``wrong`` is wrong."""

    check: Check
    verdict: Verdict
    by_check: Mapping[str, Verdict]
    prices: PriceList
    scheme: Scheme
    wrong: float

    def cost(self, finding: Finding) -> float:
        """Return the share of the check's points that a finding costs."""
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
        """Return the share of outputs that are wrong without the line that stops the code.

        A check that the crash blocks has no outputs: those of the check that crashes count.
        """
        crashing = self.by_check[finding.check]
        if self.verdict.state != "blocked" or self.verdict.entries or not crashing.entries:
            return self.wrong
        # Gradients have weights of their own only in functions, whose blocked checks have no place.
        return 1.0 - share(crashing)

    def unexplained(self, findings: Sequence[Finding]) -> float:
        """Return the share of the check's points for wrong outputs that no finding is about."""
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

    def _left(self, findings: Sequence[Finding]) -> Sequence[Entry]:
        """Return the wrong entries that no finding is about.

        Findings about nets name entries as the student writes them, and include ``unexplained``.
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
        """Return the share of the check's outputs that are wrong and that a finding is about."""
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
    """Return the codes for which the mark of a failed check is held."""
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
    """Return the findings that cost a check points.

    First those about the check itself, then those about other checks that make this check fail: the
    causes that the inquiry names, and a crash in the line that stops or blocks this check, too.
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
    """Return whether a crash in another check is in the line that stops or blocks this check."""
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
