"""Name the mistakes in an update step, and prove that they are there.

Every mistake is verified twice: as a rewrite, it turns the correct rule into the applied one, and
the correct step with all named mistakes gives the observed numbers. Everything else is unexplained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.compare import Difference, Readings, differences
from gradkit.diagnosis.mistakes.figures import accepted_ratios, is_usual_ratio, readings
from gradkit.diagnosis.mistakes.proof import NO_CHANGE, ChangeSet, Prover, matches
from gradkit.diagnosis.mistakes.rewrite import change_each_factor
from gradkit.diagnosis.mistakes.targets import (
    explain_by_mutation,
    find_misdirected,
    is_unchanged,
    recognise_swaps,
)
from gradkit.diagnosis.rules.evaluate import (
    DOUBLE,
    SINGLE,
    STORED,
    Precision,
    entries_in_cycles,
    evaluate,
)
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.records.rule import Entry, Explanation, Factor, Rule, Rules, Slip, UpdateProbes
from gradkit.records.task import Array, Task


class Diagnosis(Struct, frozen=True):
    """The rules that an update step follows, the correct rules, and the mistakes between them.

    ``precision`` is the tolerance to which the observed numbers follow ``applies``.
    """

    applies: Rules
    should: Mapping[Entry, Rule]
    explanation: Explanation
    precision: Precision = DOUBLE


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
    """Name the mistakes that separate a student's step from the correct one.

    If an entry's rule can be written in several ways, the result has the way that was explained.

    Parameters
    ----------
    task : Task
    applies : mapping
        The result of ``recover(task, program, fresh)``.
    fit, fresh : UpdateProbes
        The numbers that the named mistakes have to reproduce.
    entries : iterable, optional
        The entries whose check failed. By default all whose new value is wrong.
    seen : collection of str
        Codes of mistakes observed in another way, as they do not show in the numbers:
        ``copy-dropped``, ``input-mutated``.
    precision : Precision
        Tolerance to which the numbers follow ``applies``.
    """
    should = correct_rules(task, rate=fit.inputs.rate is not None)
    base = {entry: mark_recomputed(rule, applies.get(entry)) for entry, rule in should.items()}
    wrong_entries = _wrong_entries(task, base, fit, precision) if entries is None else list(entries)
    prover = Prover(task, base, fit, fresh, wrong_entries)
    if len(applies) == len(base) and all(is_unchanged(base[e], r) for e, r in applies.items()):
        return Diagnosis(applies, should, _explain_no_change(prover, seen), precision)
    options = {
        entry: [d for d in differences(base[entry], rule, task) if _is_mistake(task, d)]
        for entry, rule in applies.items()
    }
    retargeted = find_misdirected(task, base, applies, options)
    choice, alternatives = _choose(retargeted, wrong_entries)
    choice = recognise_swaps(explain_by_mutation(choice, seen))
    if retargeted != options:
        alternatives.append(_choose(options, wrong_entries)[0])
    plain = {
        e: [d for d in found if not d.uses_loss_as_gradient] for e, found in retargeted.items()
    }
    if plain != retargeted:
        alternatives.append(_choose(plain, wrong_entries)[0])
    explanation = prover.prove(_change_sets(task, choice, wrong_entries))
    explanation = prover.search(explanation, applies)
    others = [(other, _change_sets(task, other, wrong_entries)[0]) for other in alternatives]
    rated = explanation.alternatives
    explanation = prover.add_alternatives(
        explanation, [sets for _, sets in others], longest=len(explanation.slips)
    )
    shortest = min(
        explanation.alternatives[len(rated) :], key=_complexity, default=explanation.slips
    )
    if _complexity(shortest) < _complexity(explanation.slips):
        rest = [other for other in explanation.alternatives if other != shortest]
        choice = next(
            other
            for other, sets in others
            if sets.without(explanation.unexplained).slips() == shortest
        )
        explanation = replace(explanation, slips=shortest, alternatives=(explanation.slips, *rest))
    if "input-mutated" in seen and all(s.code != "input-mutated" for s in explanation.slips):
        mutated = Slip("input-mutated", (), ())
        explanation = replace(explanation, slips=(*explanation.slips, mutated))
    forms = {entry: difference.form for entry, difference in choice.items()}
    return Diagnosis({**applies, **forms}, should, explanation, precision)


def _complexity(slips: Iterable[Slip]) -> tuple[int, int]:
    """Return the number of mistakes in a reading, and the number of details that it may choose."""
    chosen = [set(slip.details) - {()} for slip in slips]
    return len(chosen), sum(map(len, chosen))


def _is_mistake(task: Task, difference: Difference) -> bool:
    """Return whether enough of the correct rule is left; ``b = 0.1`` is another rule altogether."""
    form = difference.form
    if form.source is None and not any(term.factors for term in form.terms):
        return False
    codes = {code for code, _ in difference.changes}
    if "missing-error" not in codes or difference.ratio is None:
        return True
    return is_usual_ratio(task, abs(difference.ratio))


def mark_recomputed(rule: Rule, applied: Rule | None) -> Rule:
    """Return the correct rule with ŷ and A1 recomputed if the student's rule has them recomputed.

    Computing them again is no mistake.
    """
    if applied is None:
        return rule
    again = {f.symbol for term in applied.terms for f in term.factors if f.when == "recomputed"}
    for group in ("hidden", ("error", "output")):
        if any(symbol.startswith(group) for symbol in again):
            rule = change_each_factor(rule, partial(_mark_factor, group))
    return rule


def _mark_factor(group: str | tuple[str, ...], factor: Factor) -> Factor:
    """Return a factor marked as recomputed if its symbol starts with ``group``."""
    return replace(factor, when="recomputed") if factor.symbol.startswith(group) else factor


def _wrong_entries(
    task: Task, base: Mapping[Entry, Rule], probes: UpdateProbes, precision: Precision
) -> list[Entry]:
    """Return the entries whose observed new values differ from those of the correct rules."""
    expected = evaluate(task, base, probes.inputs)
    return [entry for entry in base if not matches(entry, expected, probes, precision)]


def _choose(
    options: Mapping[Entry, list[Difference]], wrong: Collection[Entry]
) -> tuple[Readings, list[Readings]]:
    """Return the reading of each entry that agrees best with other entries, and alternatives.

    Each alternative avoids one of the mistakes chosen.
    """
    usable = {entry: made for entry, made in options.items() if made}
    votes: Counter[str] = Counter()
    for entry in wrong:
        fewest = [
            d for d in usable.get(entry, []) if len(d.changes) == len(usable[entry][0].changes)
        ]
        votes.update({code for d in fewest for code, _ in d.changes})

    def best(made: list[Difference], barred: str = "") -> Difference | None:
        kept = [d for d in made if all(code != barred for code, _ in d.changes)]
        return min(kept, key=preference) if kept else None

    def preference(made: Difference) -> tuple[int, int, bool]:
        codes = [code for code, _ in made.changes]
        # Of two equally good readings, swapped indices explain more than a single wrong index.
        return len(codes), -sum(votes[code] for code in codes), "wrong-index" in codes

    choice = {e: d for e, made in usable.items() if (d := best(made)) is not None}
    named = {code for entry in wrong if entry in choice for code, _ in choice[entry].changes}
    others = []
    # Swapped indices are not replaced by single wrong ones, which explain less.
    for code in sorted(named - {"swapped-index"}):
        other = {e: best(made, code) for e, made in usable.items()}
        if all(other[e] is not None for e in usable):
            others.append({e: d for e, d in other.items() if d is not None})
    return choice, others


def _change_sets(task: Task, choice: Readings, wrong: Collection[Entry]) -> list[ChangeSet]:
    """Return the sets of mistakes of a choice, one for each reading of its ratios."""
    ratios = {e: d.ratio for e, d in choice.items() if d.ratio is not None}
    forgiven = accepted_ratios(task, ratios)
    left = {e: ratio / forgiven.get(e, 1.0) for e, ratio in ratios.items()}
    sets = []
    for figures in readings(task, left) or [{}]:
        made = {
            e: (*d.changes, *figures.get(e, ()))
            for e, d in choice.items()
            if e in wrong or any(code == "wrong-target" for code, _ in d.changes)
        }
        sets.append(ChangeSet(made, forgiven))
    return sets


def _explain_no_change(work: Prover, seen: Collection[str]) -> Explanation:
    """Return the explanation of a step that changes nothing: no update, or an update of a copy."""
    entries = tuple(work.wrong)
    sets = [(Slip(code, entries, ((),) * len(entries)),) for code in NO_CHANGE]
    if "copy-dropped" in seen:
        return Explanation(sets[1])
    return Explanation(sets[0], (sets[1],))


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
    """Diagnose a step that was computed in single precision.

    Parameters
    ----------
    task, fit, fresh, seen
        As for `gradkit.diagnosis.mistakes.diagnose`.
    program : Program
        The polynomials of the step.
    unexplained : sequence of (parameter, index)
        Entries without an exact rule.

    Returns
    -------
    Diagnosis or None
        None if none of those entries follows a rule to single precision either. Otherwise without
        the entries that are right to single precision; entries that follow no rule to single
        precision are unexplained.
    """
    precision = STORED if all(map(_is_float32, fit.after.values())) else SINGLE
    found = {
        entry: _round_coefficients(rule)
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


def _round_coefficients(rule: Rule) -> Rule:
    """Return a rule with coefficients of 7 digits, so that 0.001 in float32 is 0.001 again."""
    return replace(
        rule,
        terms=tuple(replace(t, coefficient=float(f"{t.coefficient:.7g}")) for t in rule.terms),
    )


def _is_float32(values: Array) -> bool:
    """Return whether all finite values are exactly representable in float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)
