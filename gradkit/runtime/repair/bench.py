"""Compile the text of some functions, and run it at inputs with known right outputs."""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradkit.edits.operands import Vocabulary
from gradkit.lines import run, snapshot, unpacked, value_of, with_new_containers
from gradkit.runtime.namespace import IMPORTED
from gradkit.runtime.repair.changed import Put
from gradkit.runtime.repair.clock import ENDLESS, LATE, RUN, SLOTS, Budget, LateError, limit
from gradkit.runtime.repair.pool import Question, Throwaway, ratio_of, share_right, signature
from gradkit.runtime.repair.slots import SEEN, Record, Slot, copied, seen_call, slots_of, watched
from gradkit.runtime.repair.values import Names
from gradkit.runtime.serve import reseed
from gradkit.runtime.syntax import every

SOON, TIMES = 0.02, 10
"""Seconds that any run may take, and how many times as long as all runs before the change."""

ASKED = -1
"""The number of a slot whose value is asked for: no function that was recorded has it."""


Placed = tuple[str, int, bool]
"""The cell and the line in which a function begins, and whether its own check passes."""


@dataclass(slots=True)
class Target:
    """A function that may be changed, with the top-level statement and the cell that contain it.

    ``slots`` are the expressions that its statements compute, see `Slot`, and ``right`` says
    whether its own check passes.
    """

    cell: str
    tree: ast.Module
    top: ast.stmt
    function: ast.FunctionDef
    slots: list[Slot]
    right: bool


class Bench:
    """Functions of one section in their current text, which are run at inputs with known outputs.

    Parameters
    ----------
    namespace : dict
        The student's names.
    put : callable
        Defines a function among these names.
    question : Question
        The lines to run, and the right outputs.
    budget : Budget
        Each run takes its cost from it.

    `load_text` sets lists of names that changes may put in: ``helpers`` are functions with one
    parameter, ``words`` are texts that are compared or passed to functions, and ``keys`` are keys
    of dicts that are read. ``lacking`` is the missing key if the code stops with a KeyError.
    ``waits`` is true if the code stops because a standard import is missing. ``vocabulary`` has the
    words that operands may contain.
    """

    def __init__(
        self, namespace: dict[str, Any], put: Put, question: Question, budget: Budget
    ) -> None:
        """Store what a search runs and changes; `load_text` sets the text to change.

        ``namespace`` are the student's names, ``put`` defines a changed function among them,
        ``question`` has the check's lines and the right outputs, and ``budget`` is the work that
        may be done.
        """
        self.namespace, self._put, self.question = namespace, put, question
        self.budget = budget
        self.again, self.waits, self._late, self._wasted = False, False, LATE, ENDLESS
        self._length = 0
        self.vocabulary: Vocabulary | None = None

    def load_text(self, sources: Mapping[str, str], places: Sequence[Placed]) -> None:
        """Parse the source of each cell, and define the functions that may be changed.

        ``sources`` has the source of each cell by its id, and ``places`` says where the functions
        begin, see `Placed`. The functions are defined in the student's namespace. The lists of
        names that changes may use are made anew, and all that was cached for an earlier text is
        dropped.
        """
        self.trees = {cell: ast.parse(text) for cell, text in sources.items()}
        self.targets = [target for place in places for target in self._targets(*place)]
        tops = (top for tree in self.trees.values() for top in tree.body)
        functions = (top for top in tops if isinstance(top, ast.FunctionDef))
        self.helpers = [each.name for each in functions if len(each.args.args) == 1]
        self.helpers += [name for name in self._imported_names() if self._takes_one_value(name)]
        self.words = list(
            dict.fromkeys(w for tree in self.trees.values() for w in _compared_words(tree))
        )
        read = (key for tree in self.trees.values() for key in _keys(tree))
        asked = (re.findall(KEY, each) for each in self.question.reads)
        self.keys = list(dict.fromkeys([*itertools.chain(*asked), *read]))
        self.lacking: list[str] = []
        self._codes: dict[tuple[str, int], CodeType] = {}
        self._arounds: dict[int, CodeType] = {}
        self._watched: list[tuple[Target, CodeType]] = []
        self._late_ones: set[int] = set()
        self._before: dict[int, dict[str, Any]] = {}
        self._amiss: set[str] = set()
        self._kept: dict[str, Any] = {}
        self._amiss_before: dict[int, set[str]] = {}
        for target in self.targets:
            self.reload(target)

    def _imported_names(self) -> Iterator[str]:
        """Yield the names that the text imports by ``from … import``."""
        for tree in self.trees.values():
            for node in tree.body:
                for each in node.names if isinstance(node, ast.ImportFrom) else ():
                    yield each.asname or each.name

    def _takes_one_value(self, name: str) -> bool:
        """Return whether a name of the student is a Python function with one positional parameter.

        The result is False if the name does not exist or cannot be computed.
        """
        with contextlib.suppress(Exception):  # a name that is not there is none
            made = self.namespace[name]
            return isinstance(made, FunctionType) and made.__code__.co_argcount == 1
        return False

    def _targets(self, cell: str, line: int, right: bool) -> Iterator[Target]:
        """Yield the functions whose ``def`` is in a line of a cell, also nested ones, as targets.

        A `Target` is a function that may be changed. ``cell`` is the id of the cell. ``right`` says
        whether the check of the function passes, and is stored in the target.
        """
        tree = self.trees[cell]
        for top in tree.body:
            for node in every(ast.FunctionDef, top):
                if node.lineno == line:
                    yield Target(cell, tree, top, node, slots_of(node), right)

    def load(self, target: Target) -> bool:
        """Define a function in the student's namespace from its tree; return whether that succeeds.

        The whole top-level statement is run. It fails, and raises nothing, if the tree cannot be
        compiled or the definition raises.
        """
        try:
            self._put(target.top, _compiled(target))
        except Exception:  # changed text that cannot be made is no answer
            return False
        return True

    @contextlib.contextmanager
    def changed(
        self,
        target: Target,
        put: Callable[[], None],
        undo: Callable[[], None],
        slot: Slot | None = None,
    ) -> Iterator[bool]:
        """Return a context manager that changes a function, and yields whether that succeeds.

        ``put`` makes the change in the tree of ``target``. At the end, ``undo`` reverts the change,
        and the unchanged function is defined again. If the change is within a ``slot``, an
        expression that a statement computes, only this expression is compiled, which takes a tenth
        of the time.
        """
        around = None if slot is None else self._code_with_open_slot(target, slot)
        put()
        try:
            if slot is None or around is None:
                yield self.load(target)
            else:
                yield self._define_with_hook(target, slot, around)
        finally:
            undo()
            self.reload(target)

    def _code_with_open_slot(self, target: Target, slot: Slot) -> CodeType | None:
        """Return the code of a function that calls a hook to compute one slot; cache the code.

        A slot is an expression that a statement computes. The result is None for the slot of a
        ``pass`` statement, which has no value.
        """
        if isinstance(slot.statement, ast.Pass):
            return None
        if id(slot) not in self._arounds:
            node = slot.node
            slot.put(seen_call(ASKED, node))
            try:
                self._arounds[id(slot)] = _compiled(target)
            finally:
                slot.put(node)
        return self._arounds[id(slot)]

    def _define_with_hook(self, target: Target, slot: Slot, around: CodeType) -> bool:
        """Define a function in which one slot is computed by a hook, and set the hook.

        A slot is an expression that a statement computes. ``around`` is the code of the function,
        from `_code_with_open_slot`. The hook evaluates the present expression of the slot with the
        local names. Return whether that succeeds; nothing is raised.
        """
        try:
            code = compile(ast.Expression(slot.node), target.cell, "eval", dont_inherit=True)
            self._put(target.top, around)
        except Exception:  # see `load`
            return False

        def seen(number: int, local: Mapping[str, Any], value: Callable[[], Any]) -> Any:
            if number != ASKED:
                return value()
            return eval(code, Names(self.namespace, local))  # noqa: S307

        dict.__setitem__(self.namespace, SEEN, seen)
        return True

    def reload(self, target: Target) -> None:
        """Define a function again from its tree without changes; its code is compiled only once."""
        place = target.cell, target.top.lineno
        if place not in self._codes:
            self._codes[place] = _compiled(target)
        self._put(target.top, self._codes[place])

    @property
    def price(self) -> int:
        """The cost of a run that ends normally, in units of `Budget`."""
        return RUN + self._length // SLOTS

    def output_shares(self, draw: Throwaway, changed: Target | None = None) -> dict[str, float]:
        """Run the check's lines on one set of inputs; return each output's share of right entries.

        ``draw`` has the inputs and the right outputs. The keys of the result are the expressions of
        the outputs, and a share is from 0.0 to 1.0. The key ``X!`` is 1.0 if the input ``X``, which
        has to stay as it is, is unchanged. If outputs are computed a second time, their shares have
        keys such as ``dW*``. All shares are 0.0 if the lines raise, take too long, or give a wrong
        value before the last line that was right without changes.

        Lines before the last are run only once for each set of inputs if they do not call the
        ``changed`` function. The cost of the run is taken from the budget.
        """
        asked, self._amiss = self.question, set()
        states = dict.fromkeys([*asked.reads, *(f"{n}!" for n in asked.untouched)], 0.0)
        self.budget.spend(RUN)
        try:
            with limit(self._late):
                names = self._initial_names()
                before = self._run_lines(draw, names, once=id(changed) in self._late_ones)
                if self._amiss - self._amiss_before.setdefault(id(draw), self._amiss):
                    return states
                states |= self._right_shares(draw, names)
                for name in asked.untouched:
                    states[f"{name}!"] = float(snapshot(names[name]) == before[name])
                if self.again:
                    names |= {**self._kept, **self._inputs(draw)}
                    reseed(self.question.seed)
                    run(draw.steps[-1][0], names)
                    states |= {f"{n}*": ok for n, ok in self._right_shares(draw, names).items()}
        except Exception as error:  # whatever student code raises
            forgotten = isinstance(error, NameError) and error.name in IMPORTED
            self.waits |= changed is None and forgotten
            return dict.fromkeys(states, 0.0)
        except LateError:
            self.budget.spend(self._wasted)
            return dict.fromkeys(states, 0.0)
        self.budget.spend(self.price - RUN)
        return states

    def outputs(self, draw: Throwaway, made: Callable[[Any], Any] = signature) -> dict[str, Any]:
        """Run the check's lines on the inputs ``draw``; return each output, converted by ``made``.

        The keys of the result are the expressions of the outputs. By default the values are
        converted to keys for comparison, see `signature`. An output that cannot be computed is
        None. The dict is empty if the lines raise or take too long. The cost of the run is taken
        from the budget.
        """
        found: dict[str, Any] = {}
        self.budget.spend(RUN)
        with contextlib.suppress(Exception, LateError), limit(self._late):
            names = self._initial_names()
            self._run_lines(draw, names)
            self.budget.spend(self.price - RUN)
            for name in self.question.reads:
                found[name] = None
                with contextlib.suppress(Exception):  # such as a key that is not there
                    found[name] = made(value_of(name, names))
            return found
        return {}

    def ratios(self, draws: Sequence[Throwaway]) -> list[float]:
        """Return the factors that make an output right at all inputs: 2.0 if it is half as large.

        Each of the ``draws`` has one set of inputs. A factor counts if it makes some output right
        at each of the inputs. The factor 1 is left out, so the list is empty if all outputs are
        right, or if no factor makes an output right.
        """
        found: list[set[float]] = []
        for draw in draws:
            own = self.outputs(draw, np.array)
            pairs = zip(draw.expected, own.values(), strict=False)
            found.append({ratio for pair in pairs if (ratio := ratio_of(*pair))})
        return sorted(set.intersection(*found))

    def measured(self, draws: Sequence[Throwaway]) -> list[dict[str, float]]:
        """Return `output_shares` of the unchanged text for each of the ``draws``.

        Limits of later runs are set: they are stopped after `TIMES` times the processor time that
        these runs took together, and a stopped run costs `TIMES` times the budget that these cost.
        """
        self._late, self._wasted = LATE, ENDLESS
        began, left = time.process_time(), self.budget.left
        states = [self.output_shares(draw) for draw in draws]
        self._wasted = min(ENDLESS, TIMES * (left - self.budget.left))
        self._late = min(LATE, max(SOON, TIMES * (time.process_time() - began)))
        return states

    def _note_unused_functions(self, record: Record) -> None:
        """Store which functions have not run before the check's last line.

        For these functions, the lines before the last need not run again after a change. ``record``
        counts the runs of each slot, an expression that a statement computes, so far. Methods are
        left out: objects that earlier lines have made keep the old text of their class.
        """
        self._late_ones = {
            id(target)
            for target in self.targets
            if isinstance(target.top, ast.FunctionDef)
            and not any(slot.number in record.times for slot in target.slots)
        }

    def remove_watcher(self) -> None:
        """Remove the hook `SEEN` from the student's names."""
        dict.pop(self.namespace, SEEN, None)

    def _initial_names(self) -> dict[str, Any]:
        """Return the names that the check's lines can use: numpy and the student's functions."""
        own = {name: self.namespace[own] for name, own in self.question.functions.items()}
        return {"np": np, **own}

    def _right_shares(self, draw: Throwaway, names: dict[str, Any]) -> dict[str, float]:
        """Return each output's share of right entries; 0.0 for outputs that cannot be computed.

        ``draw`` has the right outputs, and ``names`` the values after the check's lines. The keys
        are the expressions of the outputs.
        """
        states = {}
        for name, right in zip(self.question.reads, draw.expected, strict=True):
            try:
                states[name] = share_right(value_of(name, names), right)
            except Exception:  # such as a key that is not there
                states[name] = 0.0
        return states

    def _inputs(self, draw: Throwaway) -> dict[str, Any]:
        tree, arrays = draw.inputs["tree"], draw.inputs["arrays"]
        inputs: dict[str, Any] = unpacked(tree, arrays)
        return inputs

    def _run_lines(
        self,
        draw: Throwaway,
        names: dict[str, Any],
        *,
        once: bool = False,
        seen: Callable[[], None] = lambda: None,
    ) -> dict[str, list[bytes]]:
        """Run the check's lines on the inputs ``draw``; add the names they assign to ``names``.

        With ``once``, the names after the lines before the last are stored, and used in place of
        another run of these lines. ``seen`` is called before the last line.

        Return a snapshot of each input that must not change, by name, from before the last line.
        """
        *steps, last = draw.steps
        if once and id(draw) in self._before:
            names |= copied(self._before[id(draw)])
        else:
            given = {*names, "__builtins__"}
            names |= self._inputs(draw)
            for step in steps:
                self._step(draw, step, names)
            if once:
                own = {name: value for name, value in names.items() if name not in given}
                self._before[id(draw)] = copied(own)
        seen()
        before = {name: snapshot(names[name]) for name in self.question.untouched}
        self._kept = with_new_containers(names) if self.again else {}
        self._step(draw, last, names)
        return before

    def _step(
        self, draw: Throwaway, step: tuple[str, Mapping[str, Any]], names: dict[str, Any]
    ) -> None:
        """Run one line of the check, and then replace some names by their right values.

        ``step`` is the text of the line, and the right values by name as trees of the inputs
        ``draw``. Both change ``names``. A name whose own value was wrong is added to ``_amiss``.
        """
        text, put = step
        reseed(self.question.seed)
        run(text, names)
        right = {n: unpacked(tree, draw.inputs["arrays"]) for n, tree in put.items()}
        self._amiss |= {n for n, value in right.items() if share_right(names[n], value) < 1}
        names |= right

    def recorded(self, draw: Throwaway) -> dict[int, list[dict[str, Any]]]:
        """Run the check's lines; return the local names before each slot, one dict for each run.

        A slot is an expression that a statement computes; the keys of the result are the `id` of
        each `Slot`, and a slot in a loop has several runs. ``draw`` has the inputs. Nothing is
        raised if the lines fail; the missing key of a KeyError is stored in ``lacking``. Afterwards
        the functions are defined as before.
        """
        record = Record()
        if not self._watched:
            self._watch()
        dict.__setitem__(self.namespace, SEEN, record.seen)
        try:
            for target, code in self._watched:
                self._put(target.top, code)
            with contextlib.suppress(Exception, LateError), limit(10 * LATE):
                names = self._initial_names()
                try:
                    self._run_lines(draw, names, seen=lambda: self._note_unused_functions(record))
                except KeyError as error:
                    self.lacking = [key for key in error.args if isinstance(key, str)]
        finally:
            # Objects that were recorded have methods that are watched.
            dict.__setitem__(self.namespace, SEEN, lambda _, __, value: value())
            for target in self.targets:
                self.reload(target)
        self._length = record.times.total()
        return {id(self._slots[n]): names for n, names in record.names.items()}

    def _watch(self) -> None:
        """Compile functions so that they record their local names before each slot.

        A slot is an expression that a statement computes; the slots are numbered. The compiled code
        is stored with its target in ``_watched``.
        """
        self._slots = [slot for target in self.targets for slot in target.slots]
        for number, slot in enumerate(self._slots):
            slot.number = number
        tops: dict[int, tuple[Target, list[Slot]]] = {}
        for target in self.targets:
            tops.setdefault(id(target.top), (target, []))[1].extend(target.slots)
        for target, own in tops.values():
            self._watched.append((target, watched(target.top, own, target.cell)))


def _compiled(target: Target) -> CodeType:
    """Compile the definition that a function stands in, as it is in its tree."""
    return compile(ast.Module([target.top], []), target.cell, "exec", dont_inherit=True)


KEY = r"\[['\"](\w+)['\"]\]"
"""A key, as it is read."""


def _keys(tree: ast.Module) -> Iterator[str]:
    """Yield the constant text keys that a tree reads: ``W1`` for ``parameters["W1"]``."""
    for node in every(ast.Subscript, tree):
        value = getattr(node.slice, "value", None)
        if isinstance(node.ctx, ast.Load) and isinstance(value, str):
            yield value


def _compared_words(tree: ast.Module) -> Iterator[str]:
    """Yield the texts in a tree that are compared with something or passed to a function.

    Of a call only positional arguments count. Only texts that could be names are yielded, such as
    ``"relu"``.
    """
    for node in ast.walk(tree):
        parts = node.comparators if isinstance(node, ast.Compare) else getattr(node, "args", ())
        for part in parts if isinstance(node, ast.Compare | ast.Call) else ():
            value = part.value if isinstance(part, ast.Constant) else None
            if isinstance(value, str) and value.isidentifier():
                yield value


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Return a context manager that discards printed output, and warnings of student code."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield
