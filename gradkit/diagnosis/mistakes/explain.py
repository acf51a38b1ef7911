"""Name the mistakes in an update step, and prove that they are there.

Every name is earned twice: the mistake, as a rewrite, turns the right rule into the
applied one; and the correct step with all named mistakes in it, run, gives the numbers
that were observed. What fails either is unexplained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.compare import Choice, Difference, differences
from gradkit.diagnosis.mistakes.figures import common_ratios, is_usual_ratio, readings
from gradkit.diagnosis.mistakes.proof import IDLE, ChangeSet, Proof, matches
from gradkit.diagnosis.mistakes.rewrite import each_factor
from gradkit.diagnosis.mistakes.targets import as_exchanged, as_mutated, stands_still, with_targets
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
    """What an update step does, what it should do, and what separates the two.

    ``precision`` is the one to which the numbers follow ``applies``.
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

    Where an entry's rule can be written in several ways, the one is told in which the
    mistakes are named.

    Parameters
    ----------
    task : Task
    applies : mapping
        What ``recover(task, program, fresh)`` found.
    fit, fresh : UpdateProbes
        The numbers that every name has to reproduce.
    entries : iterable, optional
        Those whose check failed. By default all that move otherwise than they should.
    seen : collection of str
        Codes that were observed in another way and cannot be told from the numbers:
        ``copy-dropped``, ``input-mutated``.
    precision : Precision
        To which the numbers follow ``applies``.
    """
    should = correct_rules(task, rate=fit.inputs.rate is not None)
    base = {entry: marked(rule, applies.get(entry)) for entry, rule in should.items()}
    wrong = _differing(task, base, fit, precision) if entries is None else list(entries)
    work = Proof(task, base, fit, fresh, wrong)
    if len(applies) == len(base) and all(stands_still(base[e], r) for e, r in applies.items()):
        return Diagnosis(applies, should, _idle(work, seen), precision)
    options = {
        entry: [d for d in differences(base[entry], rule, task) if _is_a_slip(task, d)]
        for entry, rule in applies.items()
    }
    retargeted = with_targets(task, base, applies, options)
    choice, alternatives = _choose(retargeted, wrong)
    choice = as_exchanged(as_mutated(choice, seen))
    if retargeted != options:
        alternatives.append(_choose(options, wrong)[0])
    plain = {e: [d for d in made if not d.of_the_loss] for e, made in retargeted.items()}
    if plain != retargeted:
        alternatives.append(_choose(plain, wrong)[0])
    explanation = work.prove(_readings_of(task, choice, wrong))
    explanation = work.search(explanation, applies)
    others = [(other, _readings_of(task, other, wrong)[0]) for other in alternatives]
    rated = explanation.alternatives
    explanation = work.add_alternatives(
        explanation, [sets for _, sets in others], longest=len(explanation.slips)
    )
    shortest = min(explanation.alternatives[len(rated) :], key=_told, default=explanation.slips)
    if _told(shortest) < _told(explanation.slips):
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


def _told(slips: Iterable[Slip]) -> tuple[int, int]:
    """How much a reading claims: its mistakes, and the figures and factors that it may choose."""
    chosen = [set(slip.details) - {()} for slip in slips]
    return len(chosen), sum(map(len, chosen))


def _is_a_slip(task: Task, difference: Difference) -> bool:
    """Whether something of the right rule is left: ``b = 0.1`` is another rule, not four slips."""
    form = difference.form
    if form.source is None and not any(term.factors for term in form.terms):
        return False
    codes = {code for code, _ in difference.changes}
    if "missing-error" not in codes or difference.ratio is None:
        return True
    return is_usual_ratio(task, abs(difference.ratio))


def marked(rule: Rule, applied: Rule | None) -> Rule:
    """The right rule with ŷ and A1 recomputed where the student's is; that is no mistake."""
    if applied is None:
        return rule
    again = {f.symbol for term in applied.terms for f in term.factors if f.when == "recomputed"}
    for group in ("hidden", ("error", "output")):
        if any(symbol.startswith(group) for symbol in again):
            rule = each_factor(rule, partial(_recomputed, group))
    return rule


def _recomputed(group: str | tuple[str, ...], factor: Factor) -> Factor:
    return replace(factor, when="recomputed") if factor.symbol.startswith(group) else factor


def _differing(
    task: Task, base: Mapping[Entry, Rule], probes: UpdateProbes, precision: Precision
) -> list[Entry]:
    expected = evaluate(task, base, probes.inputs)
    return [entry for entry in base if not matches(entry, expected, probes, precision)]


def _choose(
    options: Mapping[Entry, list[Difference]], wrong: Collection[Entry]
) -> tuple[Choice, list[Choice]]:
    """For each entry the reading that agrees best with the others', and other choices."""
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
        # Of two readings that are as good, exchanged indices say more than a single wrong one.
        return len(codes), -sum(votes[code] for code in codes), "wrong-index" in codes

    choice = {e: d for e, made in usable.items() if (d := best(made)) is not None}
    named = {code for entry in wrong if entry in choice for code, _ in choice[entry].changes}
    others = []
    # Swapped indices could be told as single wrong ones, which would say less.
    for code in sorted(named - {"swapped-index"}):
        other = {e: best(made, code) for e, made in usable.items()}
        if all(other[e] is not None for e in usable):
            others.append({e: d for e, d in other.items() if d is not None})
    return choice, others


def _readings_of(task: Task, choice: Choice, wrong: Collection[Entry]) -> list[ChangeSet]:
    """The sets of changes, by entry, that a choice and the readings of its ratios give."""
    ratios = {e: d.ratio for e, d in choice.items() if d.ratio is not None}
    forgiven = common_ratios(task, ratios)
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


def _idle(work: Proof, seen: Collection[str]) -> Explanation:
    """Nothing moved at all, which has more than one cause."""
    entries = tuple(work.wrong)
    sets = [(Slip(code, entries, ((),) * len(entries)),) for code in IDLE]
    if "copy-dropped" in seen:
        return Explanation(sets[1])
    return Explanation(sets[0], (sets[1],))


# --- numbers that went through float32 somewhere ---------------------------------------------


def diagnose_rounded(
    task: Task,
    program: Program,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    unexplained: Sequence[Entry],
    *,
    seen: Collection[str] = (),
) -> Diagnosis | None:
    """Take the rules that hold to single precision, and name what separates them from the right.

    Parameters
    ----------
    task, fit, fresh, seen
        As for `gradkit.diagnosis.mistakes.diagnose`.
    program : Program
        What the step is said to make of its inputs.
    unexplained : sequence of (parameter, index)
        Entries without an exact rule.

    Returns
    -------
    Diagnosis or None
        None where none of those entries follows a rounded rule either. Otherwise without
        the entries that are right to single precision, and with those as unexplained that
        follow no rule to single precision.
    """
    precision = STORED if all(map(_is_stored, fit.after.values())) else SINGLE
    found = {
        entry: _in_single(rule)
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


def _in_single(rule: Rule) -> Rule:
    """Return a rule with the digits of its numbers that single precision has: 0.001 as it is."""
    return replace(
        rule,
        terms=tuple(replace(t, coefficient=float(f"{t.coefficient:.7g}")) for t in rule.terms),
    )


def _is_stored(values: Array) -> bool:
    """Whether all that is a number came out of float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)
