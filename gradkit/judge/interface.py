"""The checks that ask whether the pieces are there: `interface` in numpy, `model` in torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradkit.judge.case import Case, Earlier, subject, unusable
from gradkit.judge.comparison import Comparison, joined, listed
from gradkit.language import phrase, say
from gradkit.records.task import Array, Parameters, Role
from gradkit.records.verdict import Entry, State, Verdict
from gradkit.text import FURTHER

WHOLE = phrase(
    "{function} gives {quantity} as whole numbers. A step that changes such an array in place, as "
    "`-=` does, fails or is cut off: start from 0.0. The checks here start from float64."
)


def interface(case: Case, earlier: Earlier) -> Verdict:
    """Every required role is there and written, and initialise gives the assigned start."""
    entries: list[Entry] = []
    wrong: list[Verdict] = []
    notes: list[str] = []
    for role in case.task.roles:
        if not role.required:
            continue
        verdict = _initialise(case) if role.name == "initialise" else _presence(case, role)
        entries.append(Entry(role.name, (), verdict.state, None, None))
        notes += verdict.notes
        if verdict.state != "pass":
            wrong.append(verdict)
    states = {verdict.state for verdict in wrong}
    state: State = "pass" if not wrong else states.pop() if len(states) == 1 else "fail"
    place = next((verdict.place for verdict in wrong if verdict.place), None)
    message = " ".join(dict.fromkeys(verdict.message for verdict in wrong))
    return Verdict("interface", state, message, tuple(entries), place, tuple(notes))


def _presence(case: Case, role: Role) -> Verdict:
    """Missing where there is no such function or nobody wrote it; what it gives is for later."""
    outcomes = case.observations.outcomes.items()
    own = [outcome for name, outcome in outcomes if name.startswith(f"{role.name}/")]
    nothing = unusable(case, "interface", role.name, own)
    if nothing is not None and nothing.state == "missing":
        return nothing
    return Verdict("interface", "pass", "")


def _initialise(case: Case) -> Verdict:
    outcome = case.observations.outcomes.get("initialise")
    nothing = unusable(case, "interface", "initialise", [outcome] if outcome else [])
    if nothing is not None:
        return nothing
    bound = case.binding.bound["initialise"]
    comparison = Comparison(bound)
    if outcome is not None:
        comparison.faults(outcome.faults)
        for key, value in case.task.starts[0].parameters.items():
            comparison.compare(key, outcome, value[None], _near_start, ("",))
        keys = bound.convention.keys
        whole = [keys.get(k, k) for k, v in outcome.outputs.items() if v.dtype.kind in "iub"]
        if whole:
            comparison.notes.append(say(WHOLE, function=subject(bound), quantity=joined(whole)))
    return comparison.verdict(
        "interface",
        lambda failed: say(
            "{function} does not give the assigned start in {entries}.",
            function=subject(bound),
            entries=listed(failed),
        ),
    )


def _near_start(eps: float) -> Array:
    return np.array(1e-6)


def model(case: Case, earlier: Earlier) -> Verdict:
    """Return the module is there and holds the parameters of the assigned layers."""
    outcome = case.observations.outcomes.get("model")
    nothing = unusable(case, "model", "model", [outcome] if outcome else [])
    if nothing is not None or outcome is None:
        return nothing or Verdict("model", "not-checked", say("The model was not looked at."))
    bound = case.binding.bound["model"]
    start = case.task.starts[0].parameters
    found = [tuple(map(int, outcome.outputs[key])) for key in sorted(outcome.outputs, key=int)]
    layouts = list(_layouts(start))
    wanted = next((each for each in layouts if sorted(each) == sorted(found)), layouts[0])
    comparison = Comparison(bound)
    further = list(found)
    for key, shape in zip(start, wanted, strict=True):
        # The order in which a module registers its layers is its own affair.
        state: State = "pass" if shape in further else "fail"
        if state == "pass":
            further.remove(shape)
        comparison.entries.append(Entry(key, (), state, None, None))
    if further:
        comparison.entries.append(Entry(FURTHER, (), "fail", None, None))
    return comparison.verdict(
        "model",
        lambda failed: say(
            "{function} holds parameters of shapes {found}; expected {wanted}.",
            function=subject(bound),
            found=_shapes(found),
            wanted=_shapes(wanted),
        ),
    )


def _layouts(start: Parameters) -> Iterator[list[tuple[int, ...]]]:
    """Shapes of all parameters: those of torch's layers, then those of ``X @ W + b`` by hand."""
    for weight, bias in (("out_in", "flat"), ("in_out", "flat"), ("in_out", "row")):
        yield [
            (value.T.shape if weight == "out_in" else value.shape)
            if key[0] == "W"
            else (value.T.shape if bias == "row" else value.shape[:1])
            for key, value in start.items()
        ]


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or say("none")
