"""A search counts what it does, and a changed expression gives what the changed text would."""

from __future__ import annotations

import ast
import time
from functools import partial
from typing import Any

import numpy as np
import pytest

from gradkit.lines import packed
from gradkit.runtime.repair import clock
from gradkit.runtime.repair.bench import Bench
from gradkit.runtime.repair.changed import kept
from gradkit.runtime.repair.clock import ENDLESS, RUN, SLOTS, Budget
from gradkit.runtime.repair.places import Places
from gradkit.runtime.repair.pool import Pool, Question, Throwaway
from gradkit.runtime.repair.slots import SEEN
from gradkit.runtime.repair.tree import expression

TEXT = """
import numpy as np

def scaled(x, by):
    def inner(rows):
        return [row * by for row in rows]
    out = np.zeros(x.shape)
    for i in range(len(x)):
        if x[i] > 0:
            out[i] += sum(inner([x[i], 1.0]))
        else:
            out[i] = -x[i] * by
    return out

class Layer:
    def __init__(self, by):
        self.by = by

    def call(self, x):
        self.last = x * self.by
        total = self.last.sum() if self.by else 0.0
        return {"all": self.last, "total": total}
"""

CALLS = """
out = scaled(x, by)
layer = Layer(by)
both = layer.call(out)
"""


def bench(namespace: dict[str, Any], put: Any, values: int = 10**6) -> Bench:
    """Both functions and the lines that call them, at one input."""
    tree, arrays = packed({"x": np.array([0.5, -1.5, 2.0]), "by": 3.0})
    right = [np.zeros(3)] * 3
    draw = Throwaway({"tree": tree, "arrays": arrays}, [(CALLS, {})], right, Pool())
    reads = ["out", "both['all']", "both['total']"]
    functions = {"scaled": "scaled", "Layer": "Layer"}
    made = Bench(namespace, put, Question(functions, [draw], reads, ["x"], 3), Budget(values))
    take(made)
    return made


def take(made: Bench) -> None:
    """Take the functions of the text to a bench."""
    lines = {node.name: node.lineno for node in ast.walk(ast.parse(TEXT)) if _is_taken(node)}
    made.load_text({"answer.py": TEXT}, [("answer.py", line, False) for line in lines.values()])


def _is_taken(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name in ("scaled", "call", "__init__")


def names() -> dict[str, Any]:
    """Return the names that the text binds."""
    space: dict[str, Any] = {"__name__": "answer"}
    exec(TEXT, space)
    return space


@pytest.mark.parametrize("other", ["1.5", "x", "by", "self.by", "sum(r * 2 for r in (1.0, 3.0))"])
def test_a_changed_expression_gives_what_the_changed_text_gives(other: str) -> None:
    """In loops, conditions, functions in functions, methods; also where it raises."""
    space = names()
    differ = 0
    with kept(space) as put:
        on = bench(space, put)
        (draw,) = on.question.draws
        before = on.outputs(draw)
        for target in on.targets:
            for slot in target.slots:
                if other == "x" and "rows" in ast.unparse(slot.statement):
                    # Of the function around it, it has but those names that it uses.
                    continue
                hang, back = partial(slot.put, expression(other)), partial(slot.put, slot.node)
                with on.changed(target, hang, back) as made:
                    assert made
                    whole = on.outputs(draw)
                with on.changed(target, hang, back, slot) as made:
                    assert made
                    assert on.outputs(draw) == whole
                assert on.outputs(draw) == before
                differ += whole != before
        on.remove_watcher()
    assert differ >= 5
    assert SEEN not in space


def test_slots_stay_those_that_were_recorded() -> None:
    """A search for two changes takes other texts to the bench, and goes on with the first."""
    space = names()
    with kept(space) as put:
        on = bench(space, put)
        places = Places(on, [0], [], frozenset(["out"]))
        before = places.ordered(lambda *_: True, touched=False)
        take(on)
        after = places.ordered(lambda *_: True, touched=False)
        on.remove_watcher()
    assert [each.slot for each in after] == [each.slot for each in before]
    assert len(after) > 5


def test_a_change_makes_nothing_wrong_that_earlier_lines_gave() -> None:
    """What is asked of the last lines may be right then: they are handed what is right."""
    space = names()
    with kept(space) as put:
        on = bench(space, put)
        (draw,) = on.question.draws
        first, last = CALLS.strip().split("\n", 1)
        out = np.array([4.5, 4.5, 9.0])
        tree, arrays = packed({"x": np.array([0.5, -1.5, 2.0]), "by": 3.0, "out": out})
        steps = [(first, {"out": dict(tree["dict"])["out"]}), (last, {})]
        right = [out, *draw.expected[1:]]
        draw = Throwaway({"tree": tree, "arrays": arrays}, steps, right, Pool())
        assert on.output_shares(draw)["out"] == 1
        space["scaled"] = lambda x, by: x * by
        assert set(on.output_shares(draw).values()) == {0}
        # What was wrong before may be.
        on.load_text({"answer.py": TEXT}, [])
        space["scaled"] = lambda x, by: x - by
        assert on.output_shares(draw)["out"] == 1
        space["scaled"] = lambda x, by: x * by
        assert on.output_shares(draw)["out"] == 1


def test_runs_cost_by_their_length() -> None:
    """One that raises costs no more than a run does; one that never ends as much as many."""
    space = names()
    with kept(space) as put:
        on = bench(space, put)
        (draw,) = on.question.draws
        spent = [on.budget.spent]

        def cost() -> int:
            spent.append(on.budget.spent)
            return spent[-1] - spent[-2]

        on.outputs(draw)
        assert cost() == RUN
        slots = sum(map(len, on.recorded(draw).values()))
        on.output_shares(draw)
        assert RUN <= cost() <= RUN + 3 * slots // SLOTS
        space["scaled"] = None
        on.output_shares(draw)
        assert cost() == RUN


def test_a_run_that_never_ends_costs_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the text as it is; of changes of one that ends, ten times what its runs cost."""
    monkeypatch.setattr("gradkit.runtime.repair.bench.LATE", 0.05)
    space = names()
    with clock.alarmed(), kept(space) as put:
        on = bench(space, put)
        (draw,) = on.question.draws
        on.measured([draw])

        def endless(x: Any, by: float) -> None:
            while True:
                time.time()

        space["scaled"] = endless
        before = on.budget.spent
        on.output_shares(draw)
        assert on.budget.spent - before == RUN + 10 * RUN
        before = on.budget.spent
        on.measured([draw])
        assert on.budget.spent - before == RUN + ENDLESS


def test_a_budget_ends_by_what_was_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or, where values take very long, by the time; more than all was never spent."""
    budget = Budget(100)
    budget.spend(99)
    assert (budget.is_over(), budget.spent) == (False, 99)
    budget.spend(50)
    assert (budget.is_over(), budget.spent) == (True, 100)
    monkeypatch.setattr("time.thread_time", lambda: 0.0)
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    slow = Budget(1000)
    clocks = (1000, 400, False), (1599, 1001, False), (1601, 1001, True)
    for wall, processor, late in clocks:
        monkeypatch.setattr("time.monotonic", lambda wall=wall: wall * clock.SLOW)
        monkeypatch.setattr("time.thread_time", lambda own=processor: own * clock.SLOW)
        assert slow.is_over() is late
    assert slow.spent == 0
