"""Choose the mistakes that explain all wrong entries of an update step together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import rank
from gradkit.diagnosis.formulas.compare import of_part, read_changes
from gradkit.diagnosis.formulas.constants import accepted_ratios, is_usual_ratio, readings
from gradkit.diagnosis.formulas.pairs import (
    give_back_misdirected,
    is_unmoved,
    recognise_swaps,
    rename,
)
from gradkit.diagnosis.formulas.records import Change, Changes, Diagnosis, Reading, target_of
from gradkit.diagnosis.formulas.truncation import CODE, truncated_part
from gradkit.diagnosis.rules.evaluate import (
    DOUBLE,
    SINGLE,
    STORED,
    Precision,
    agree,
    entries_in_cycles,
    evaluate,
    rule_values,
)
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.diagnosis.rules.symbols import B1, PER_HIDDEN, PER_OUTPUT, W1, Table
from gradkit.records.rule import (
    Details,
    Entry,
    Explanation,
    Factor,
    Rule,
    Rules,
    Slip,
    UpdateProbes,
)
from gradkit.records.task import Array, Task

Choice = Mapping[Entry, Reading]
"""One reading for each entry."""

NO_CHANGE = ("nothing-updated", "copy-dropped")
"""Mistakes after which no parameter moves; numbers cannot tell them apart."""

MUTATION = dict.fromkeys(("extra-factor", "extra-activation-derivative"), "input-mutated")
"""New codes of changes if the process reported that an input was changed."""


def diagnose(
    task: Task,
    applies: Rules,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    *,
    entries: Iterable[Entry] | None = None,
    seen: Collection[str] = (),
    precision: Precision = DOUBLE,
) -> Diagnosis:
    """Name the mistakes between the formulas of an update step and the right ones.

    If no entry moves, they are those of an update without effect. Entries that no set of mistakes
    explains are ``unexplained`` in the diagnosis.

    Parameters
    ----------
    task : Task
    applies : mapping
        The student's formulas, verified on ``fresh`` (`recover`).
    fit, fresh : UpdateProbes
        Observed calls. A formula that does not also give the numbers of ``fit`` is not used.
    entries : iterable, optional
        The entries whose check failed. By default all whose new value is wrong.
    seen : collection of str
        Codes of mistakes that the process reported: ``copy-dropped``, ``input-mutated``.
    precision : Precision
        Tolerance to which the numbers follow ``applies``.
    """
    should = correct_rules(task, rate=fit.inputs.rate is not None)
    right = {entry: mark_recomputed(rule, applies.get(entry)) for entry, rule in should.items()}
    tables = [Table(task, probes.inputs, probes.after) for probes in (fit, fresh)]
    if entries is None:
        entries = [e for e, rule in right.items() if not _holds(rule, tables[0], precision)]
    wrong = list(entries)
    known = {e: r for e, r in applies.items() if _holds(r, tables[0], precision)}
    if len(known) == len(right) and all(map(is_unmoved, known.values())):
        return Diagnosis(applies, should, _explain_no_change(wrong, seen), precision)
    options = {
        entry: [each for each in read_changes(right[entry], rule, task) if _is_near(task, each)]
        for entry, rule in known.items()
    }
    found = give_back_misdirected(task, right, known, options)
    choices = [*_choices(found, wrong, seen)]
    if found != options:
        choices.append(next(_choices(options, wrong, seen)))
    sets = [_change_sets(task, choice, wrong) for choice in choices]
    best = min(range(len(sets)), key=lambda n: _badness(sets[n][0], wrong))
    changes = sets[best][0]
    lost = [entry for entry in wrong if entry not in _explained(changes)]
    parts = {entry: truncated_part(task, right[entry], fit, fresh) for entry in lost}
    if all(parts.values()):
        cut = {e: (Change(CODE, (("of", of),)),) for e, of in parts.items()}
        changes, lost = changes | cut, []
    moved = _slopes_at_value(right, [e for e in lost if e not in known], tables, precision)
    changes, lost = changes | moved, [entry for entry in lost if entry not in moved]
    others = [*sets[best][1:], *(each[0] for n, each in enumerate(sets) if n != best)]
    slips = slips_of(changes)
    if "input-mutated" in seen and all(slip.code != "input-mutated" for slip in slips):
        slips = (*slips, Slip("input-mutated", (), ()))
    explanation = Explanation(slips, _alternatives(changes, others), tuple(lost))
    forms = {entry: reading.form for entry, reading in choices[best].items()}
    shown = {e: form for e, form in forms.items() if form in (known[e], *known[e].others)}
    return Diagnosis({**applies, **shown}, should, explanation, precision, changes, forms)


def _holds(rule: Rule, table: Table, precision: Precision) -> bool:
    """Return whether the formula ``rule`` gives the observed new values of its entry in all calls.

    ``table`` has the inputs and new values of the calls; ``precision`` is the tolerance.
    """
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (table.inputs.before, table.after)
    )
    with np.errstate(all="ignore"):
        return agree(rule_values(table, rule), after, before, precision)


def _slopes_at_value(
    right: Rules, entries: Iterable[Entry], tables: Sequence[Table], precision: Precision
) -> dict[Entry, tuple[Change, ...]]:
    """Return the changes of entries that are right if the activation's slope is taken at A1.

    The slope, the derivative of the activation, belongs at Z1. ``right`` has the right formulas,
    ``tables`` the observed calls, and ``precision`` is the tolerance. An entry of W1 or b1 gets the
    change ``wrong-derivative-argument`` if its formula with the slope at A1 holds in all tables;
    other ``entries`` are left out. Such a slope may have no formula, as that of ELU, which is
    computed with ``np.exp(A1)``.
    """
    found: dict[Entry, tuple[Change, ...]] = {}
    for entry in entries:
        rule = right[entry]
        slopes = of_part(rule.terms[0].factors, PER_HIDDEN) if rule.terms else ()
        if rule.parameter not in (W1, B1) or not slopes:
            continue
        at_value = (Factor("hidden_slope", slopes[0].index, slopes[0].when),)
        terms = tuple(
            replace(t, factors=(*(f for f in t.factors if f not in slopes), *at_value))
            for t in rule.terms
        )
        if all(_holds(replace(rule, terms=terms), table, precision) for table in tables):
            details: Details = (("of", "activation"),)
            found[entry] = (Change("wrong-derivative-argument", details, at_value, slopes),)
    return found


def mark_recomputed(right: Rule, applied: Rule | None) -> Rule:
    """Return the right formula with ŷ and A1 marked as recomputed if they are so in ``applied``.

    Recomputed values come from a forward pass inside the update, instead of its arguments.
    Computing them again is no mistake. ``applied`` is the student's formula; without it, ``right``
    is returned unchanged.
    """
    factors = [] if applied is None else [f for term in applied.terms for f in term.factors]
    again = {f.symbol for f in factors if f.when == "recomputed"}
    for group in (PER_HIDDEN, PER_OUTPUT):
        if again & {*group}:
            terms = tuple(
                replace(term, factors=tuple(_recomputed(f, group) for f in term.factors))
                for term in right.terms
            )
            right = replace(right, terms=terms)
    return right


def _recomputed(factor: Factor, symbols: Collection[str]) -> Factor:
    """Return a factor, marked as recomputed if it has one of the symbols."""
    return replace(factor, when="recomputed") if factor.symbol in symbols else factor


def _is_near(task: Task, reading: Reading) -> bool:
    """Return whether a reading keeps enough of the right formula to be an explanation.

    A reading is a set of changes from the right formula to the student's. False if the student
    assigns a constant, or if the error y − ŷ is missing and the ratio of the coefficients is
    unusual for the rates of ``task``.
    """
    form = reading.form
    if form.source is None and not any(term.factors for term in form.terms):
        return False
    if "missing-error" not in reading.codes or reading.ratio is None:
        return True
    return is_usual_ratio(task, abs(reading.ratio))


def _explain_no_change(wrong: Sequence[Entry], seen: Collection[str]) -> Explanation:
    """Return the explanation of an update that changes nothing; ``wrong`` are the failed entries.

    It is ``copy-dropped`` if that code is in ``seen`` (the codes that the student's process
    reported); else ``nothing-updated``, with ``copy-dropped`` as alternative.
    """
    entries = tuple(wrong)
    nothing, dropped = ((Slip(code, entries, ((),) * len(entries)),) for code in NO_CHANGE)
    return Explanation(dropped) if "copy-dropped" in seen else Explanation(nothing, (dropped,))


# --- one reading for each entry --------------------------------------------------------------


def _choices(
    options: Mapping[Entry, list[Reading]], wrong: Collection[Entry], seen: Collection[str]
) -> Iterator[Choice]:
    """Yield choices of one reading for each entry; the first has the fewest, commonest codes.

    A reading is a set of changes from the right formula to the student's. ``options`` has the
    possible readings of each entry, fewest changes first. The codes of changes are counted in the
    entries ``wrong`` only. ``seen`` are the codes that the student's process reported; with
    ``input-mutated``, codes are renamed by `MUTATION`.

    Each further choice avoids one of the codes of the first choice, if every entry still has a
    reading. The last choice avoids readings that use the loss as its own derivative, if the first
    has one; it may leave out entries.
    """
    usable = {entry: made for entry, made in options.items() if made}
    votes: Counter[str] = Counter()
    for entry in wrong:
        made = usable.get(entry, [])
        shortest = [each for each in made if len(each.changes) == len(made[0].changes)]
        votes.update({code for each in shortest for code in each.codes})

    def preference(reading: Reading) -> tuple[int, int, bool]:
        """Return a sort key: few changes, codes of other entries, then no single wrong index."""
        codes = reading.codes
        return len(codes), -sum(votes[code] for code in codes), "wrong-index" in codes

    def choose(is_allowed: Callable[[Reading], bool]) -> dict[Entry, Reading]:
        """Return the preferred reading of each entry that has an allowed one."""
        kept = {e: [*filter(is_allowed, made)] for e, made in usable.items()}
        chosen = {e: min(made, key=preference) for e, made in kept.items() if made}
        if "input-mutated" in seen:
            chosen = {e: rename(reading, MUTATION) for e, reading in chosen.items()}
        return recognise_swaps(chosen)

    first = choose(lambda reading: True)
    yield first
    codes = {code for e in wrong if e in first for code in first[e].codes}
    for code in sorted(codes - {"swapped-index"}):
        other = choose(partial(_is_without, code))
        if len(other) == len(first):
            yield other
    if any(reading.uses_loss for reading in first.values()):
        yield choose(lambda reading: not reading.uses_loss)


def _is_without(code: str, reading: Reading) -> bool:
    """Return whether a reading has no change with this code."""
    return code not in reading.codes


def _change_sets(
    task: Task, choice: Choice, wrong: Collection[Entry]
) -> list[dict[Entry, tuple[Change, ...]]]:
    """Return the changes of the wrong entries, once for each way to explain the ratios of a choice.

    ``choice`` has one reading for each entry. Its ratio is the student's coefficient divided by the
    right one. Ratios that the rate policy of ``task`` accepts are divided out first. Besides the
    entries ``wrong``, the result has those with a change ``wrong-target``; entries without any
    change are left out.
    """
    ratios = {e: reading.ratio for e, reading in choice.items() if reading.ratio is not None}
    accepted = accepted_ratios(task, ratios)
    left = {e: ratio / accepted.get(e, 1.0) for e, ratio in ratios.items()}
    return [
        {
            entry: (*reading.changes, *constants.get(entry, ()))
            for entry, reading in choice.items()
            if entry in wrong or "wrong-target" in reading.codes
            if reading.changes or constants.get(entry) or accepted.get(entry, 1.0) != 1.0
        }
        for constants in readings(task, left) or [{}]
    ]


def _explained(changes: Changes) -> set[Entry]:
    """Return the entries that the changes explain.

    These are the entries that have changes, and the entries to which code writes the change of
    another entry by mistake (``wrong-target``).
    """
    targets = [
        target_of(change.details)
        for made in changes.values()
        for change in made
        if change.code == "wrong-target"
    ]
    return {*changes, *targets}


def slips_of(changes: Changes) -> tuple[Slip, ...]:
    """Group the changes of all entries into mistakes, the most basic mistake first.

    ``changes`` has the changes of each entry. There is one mistake for each code of a change, with
    its entries and, in the same order, their details.
    """
    by_code: dict[str, list[tuple[Entry, Details]]] = {}
    for entry, made in changes.items():
        for change in made:
            by_code.setdefault(change.code, []).append((entry, change.details))
    return tuple(
        Slip(code, tuple(e for e, _ in by_code[code]), tuple(d for _, d in by_code[code]))
        for code in sorted(by_code, key=rank().__getitem__)
    )


def _badness(changes: Changes, wrong: Collection[Entry]) -> tuple[int, int, int]:
    """Return a sort key for ``changes``, lower if they explain the ``wrong`` entries better.

    It consists of the number of entries without an explanation, of mistakes, and of their details.
    """
    details = [{*slip.details} - {()} for slip in slips_of(changes)]
    missing = {*wrong} - _explained(changes)
    return len(missing), len(details), sum(map(len, details))


def _alternatives(changes: Changes, others: Iterable[Changes]) -> tuple[tuple[Slip, ...], ...]:
    """Return other sets of mistakes that explain at least the entries that ``changes`` explain.

    ``others`` are the changes to choose from, by entry. A set is left out if its codes are those of
    ``changes``, or are more; of sets with the same codes, the first stays.
    """
    found: dict[frozenset[str], tuple[Slip, ...]] = {}
    known = {slip.code for slip in slips_of(changes)}
    for other in others:
        made = slips_of(other)
        codes = frozenset(slip.code for slip in made)
        if codes != known and len(codes) <= len(known) and _explained(other) >= _explained(changes):
            found.setdefault(codes, made)
    return tuple(found.values())


# --- single precision ------------------------------------------------------------------------


def diagnose_rounded(
    task: Task,
    program: Program,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    unexplained: Sequence[Entry],
    *,
    seen: Collection[str] = (),
) -> Diagnosis | None:
    """Name the mistakes of a step that was computed in single precision.

    Parameters
    ----------
    task, fit, fresh, seen
        As for `diagnose`.
    program : Program
        The polynomials of the step.
    unexplained : sequence of (parameter, index)
        Entries without an exact formula.

    Returns
    -------
    Diagnosis or None
        None if none of the ``unexplained`` entries follows a formula to single precision either.
        Entries that are right to single precision are left out.
    """
    precision = STORED if all(map(_is_float32, fit.after.values())) else SINGLE
    found = {
        entry: _with_7_digits(rule)
        for entry, rule in recover(task, program, fresh, precision=precision).items()
    }
    rules = {e: rule for e, rule in found.items() if e not in entries_in_cycles(found)}
    if rules.keys().isdisjoint(unexplained):
        return None
    exact = (
        UpdateProbes(probes.inputs, evaluate(task, rules, probes.inputs, probes.after))
        for probes in (fit, fresh)
    )
    return diagnose(task, found, *exact, seen=seen, precision=precision)


def _with_7_digits(rule: Rule) -> Rule:
    """Return a formula with coefficients of 7 digits, so that 0.001 in float32 is 0.001 again."""
    terms = (replace(t, coefficient=float(f"{t.coefficient:.7g}")) for t in rule.terms)
    return replace(rule, terms=tuple(terms))


def _is_float32(values: Array) -> bool:
    """Return whether all finite values are exactly representable in float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)
