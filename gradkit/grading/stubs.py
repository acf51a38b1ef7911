"""Judge a function with right helpers in place of those of the student that are wrong.

A helper is a function of the exercise that another one calls. If it is wrong, the check of its
caller is judged once more in a process for that check alone, in which the helper is a stub: it
sends its arguments to the grader, and gets the right result for these arguments. So a mistake in a
helper costs nothing in the check of a caller that is right.

`plan` finds the functions to replace, `StubAnswers` computes what stubs return, with the model
solution in the grader's process. Student code could ask a stub for the answers of another check,
so

- a stub replaces only helpers whose own check has failed, and that the model solution calls in the
  same check;
- its arguments have to have the form of those that the model solution passes there, see
  `gradkit.task.forms`; only numbers are free;
- it is asked at most `CALLS_PER_CALL` times as often as the model solution calls the helper.

If a call is not answered, the check counts as before, and the student is told why.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.records.result import HelperReplacement, Verdict
from gradkit.records.task import FunctionCheck, Lines
from gradkit.sandbox.process import LiveProcess
from gradkit.sandbox.worker import Cached, ForeignCallError, Other, Parts, StubCall
from gradkit.submission.definitions import Definition
from gradkit.task.forms import Form, FormError, fitted, plain_value
from gradkit.task.solution import ImpureError, Solution
from gradkit.text import format_count

if TYPE_CHECKING:
    from gradkit.grading.functions import FunctionGrader

CALLS_PER_CALL = 2
"""Calls of a stub that are answered for each call by the model solution, which runs the last lines
of a check twice for each input."""

NO_SOLUTION = "the model solution is not available"
NO_FUNCTION = "only functions that return values on a line of their own can be replaced"
NOT_CALLED = "the model solution does not call it here"
NOT_COMPARED = "no check compares what it returns"
NO_PROCESS = "the function runs in this notebook"
NO_TIME = "the time for this task is over"
OTHER_ARGUMENTS = "your function calls it with other arguments than the model solution does"
IMPOSSIBLE_CALL = "your function calls it with missing or unknown arguments"
TOO_LARGE = "too large"
"""The `Other` that `gradkit.runtime.stubs` sends instead of arguments that are too large."""
TOO_OFTEN = "your function calls it more often than is allowed"
NO_RESULT = "the model solution has no result for these arguments"
OWN_PART = "it also returns a cache, which may be wrong"
OTHER_CONVENTION = "other courses define its result in another way"
MORE_WRONG = "your function gives fewer right results with a correct function"
STOPPED = "the code was stopped"


class HelperResult(Struct, frozen=True):
    """One value that a function returns, and how checks compare it.

    ``is_whole`` says that all of it is compared, ``keys`` are the compared entries of a dict.
    """

    is_whole: bool = False
    keys: frozenset[str] = frozenset()


Maker = tuple[str, int]
"""A function, and the number of the value in its result."""


class Helper(Struct, frozen=True):
    """A function as the lines of an exercise call it.

    ``is_tuple`` says that it returns a tuple. ``caches`` are those of its arguments that another
    function makes and no check compares, by number or keyword.
    """

    results: tuple[HelperResult, ...]
    is_tuple: bool
    caches: Mapping[int | str, Maker] = {}

    @property
    def own_parts(self) -> list[int]:
        """The numbers of the values that no check compares as a whole."""
        return [number for number, each in enumerate(self.results) if not each.is_whole]


class StubPlan(Struct, frozen=True):
    """The functions that are replaced in a check.

    ``stubs`` are answered and ``makers`` only recorded; ``refused`` are helpers that cannot be
    replaced, each with the reason.
    """

    stubs: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}
    helpers: Mapping[str, Helper] = {}


def helpers_of(checks: Collection[tuple[FunctionCheck, Lines]]) -> dict[str, Helper]:
    """Return the functions that checks call on a line of their own, as ``a, b = f(x)``.

    ``checks`` are pairs of a check and the lines that it is judged by. The result is by function
    name. A function that the lines call in another way, too, is left out.
    """
    compared = [expression for check, _ in checks for expression in check.compare]
    found: dict[str, Helper] = {}
    made: dict[str, Maker] = {}
    others: set[str] = set()
    for statements in (ast.parse(lines.text).body for _, lines in checks):
        for statement in statements:
            helper = _helper(statement, compared, made)
            if helper is None:
                calls = (each for each in ast.walk(statement) if isinstance(each, ast.Call))
                others |= {call.func.id for call in calls if isinstance(call.func, ast.Name)}
                continue
            name, names, described = helper
            found[name] = _joined(found.get(name), described)
            made |= {each: (name, number) for number, each in enumerate(names)}
    return {name: helper for name, helper in found.items() if name not in others}


def _helper(
    statement: ast.stmt, compared: Sequence[str], made: Mapping[str, Maker]
) -> tuple[str, list[str], Helper] | None:
    """Return the function that a line calls, the names that it assigns, and its description.

    The line must have the form ``a, b = f(x)``, without calls among the arguments; None for others.
    ``compared`` are the expressions that checks compare, and ``made`` has, for each name, the
    function that returned it and the number of the value in its result.
    """
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    (target,), call = statement.targets, statement.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    inner = [part for each in (*call.args, *call.keywords) for part in ast.walk(each)]
    if len(names) < len(parts) or any(isinstance(part, ast.Call | ast.Starred) for part in inner):
        return None
    arguments: dict[int | str, ast.expr] = dict(enumerate(call.args))
    arguments |= {each.arg: each.value for each in call.keywords if each.arg}
    caches = {
        place: made[value.id]
        for place, value in arguments.items()
        if isinstance(value, ast.Name) and value.id in made and value.id not in compared
    }
    results = tuple(HelperResult(name in compared, _keys(name, compared)) for name in names)
    return call.func.id, names, Helper(results, isinstance(target, ast.Tuple), caches)


def _keys(name: str, compared: Iterable[str]) -> frozenset[str]:
    """Return the keys of the dict ``name`` that checks compare: ``dw`` for ``grads['dw']``.

    ``compared`` are the expressions that checks compare.
    """
    keys = set()
    for expression in compared:
        node = ast.parse(expression.strip(), mode="eval").body
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            keys |= {key} if node.value.id == name and isinstance(key, str) else set()
    return frozenset(keys)


def _joined(one: Helper | None, other: Helper) -> Helper:
    """Merge the descriptions of a function from two lines that call it.

    A result counts as compared if the description of either line says so. If they have different
    numbers of results, or ``one`` is None, ``other`` is returned.
    """
    if one is None or len(one.results) != len(other.results):
        return other
    results = tuple(
        HelperResult(a.is_whole or b.is_whole, a.keys | b.keys)
        for a, b in zip(one.results, other.results, strict=True)
    )
    return Helper(results, other.is_tuple, {**one.caches, **other.caches})


def plan(grader: FunctionGrader, check: FunctionCheck, wrong: Iterable[str]) -> StubPlan:
    """Return the helpers to replace in a check, those to record, and those that cannot be replaced.

    A helper is recorded if it makes a cache that a replaced one takes.

    Parameters
    ----------
    grader : FunctionGrader
    check : FunctionCheck
    wrong : iterable of str
        The helpers that are wrong, by their names in the lines.
    """
    known = helpers_of([(each, grader.lines_of(each)) for each in grader.task.checks])
    stubs, refused = [], {}
    for name in wrong:
        helper = known.get(name)
        if grader.solution is None:
            refused[name] = NO_SOLUTION
        elif helper is None or not grader.solution.parameters_of(name):
            refused[name] = NO_FUNCTION
        elif not any(result.is_whole or result.keys for result in helper.results):
            refused[name] = NOT_COMPARED
        elif any(each.conventions for each in grader.checks_of(name)):
            refused[name] = OTHER_CONVENTION
        else:
            stubs.append(name)
    own = {call.function for call in grader.lines_of(check).calls}
    makers = {maker for each in stubs for maker, _ in known[each].caches.values()} - {*stubs}
    makers = {each for each in makers - own if each in known and grader.definition(each)}
    return StubPlan(tuple(stubs), tuple(sorted(makers)), refused, known)


class StubAnswers(Struct):
    """Answers the calls of stubs in one check.

    Attributes
    ----------
    refused : dict of str to str
        The helpers with a call that was not answered, and why.
    called : dict of str to int
        How often each helper was asked for.
    own_parts : set of str
        The helpers of whose results a part was the student's own.
    """

    plan: StubPlan
    solution: Solution
    definitions: Mapping[str, Definition]
    forms: Mapping[str, Sequence[Mapping[str, Form]]]
    limits: Mapping[str, int]
    positional: Mapping[str, int]
    refused: dict[str, str] = field(default_factory=dict)
    called: dict[str, int] = field(default_factory=dict)
    own_parts: set[str] = field(default_factory=set)

    def __call__(self, call: StubCall) -> Parts | None:
        """Return the answer to a call of a stub; None if the call is refused.

        Raises
        ------
        ForeignCallError
            The function is not replaced in this check.
        """
        if call.function not in self.plan.stubs:
            raise ForeignCallError(call.function)
        try:
            return self._answer(call)
        except _RefusedError as error:
            self.refused.setdefault(call.function, str(error))
            return None
        except FormError:
            self.refused.setdefault(call.function, NO_RESULT)
            return None

    def _answer(self, call: StubCall) -> Parts:
        """Return the answer to a stub's call: for each result the whole, or its compared entries.

        Raises _RefusedError: the helper was refused before, is called too often, or the model
        solution cannot be called with these arguments.
        """
        name = call.function
        self.called[name] = self.called.get(name, 0) + 1
        if name in self.refused:
            raise _RefusedError(self.refused[name])
        if not self.forms[name]:
            raise _RefusedError(NOT_CALLED)
        if self.called[name] > self.limits[name]:
            raise _RefusedError(TOO_OFTEN)
        values = self._values(call)
        parts: list[Mapping[str, Any]] = []
        for result, value in zip(self.plan.helpers[name].results, values, strict=True):
            keys = frozenset(value if isinstance(value, dict) else ())
            if result.is_whole or (keys and keys <= result.keys):
                parts.append({"whole": plain_value(value)})
            else:
                self.own_parts.add(name)
                parts.append(
                    {"entries": {key: plain_value(value[key]) for key in result.keys & keys}}
                )
        return parts

    def _values(self, call: StubCall) -> Sequence[Any]:
        """Return the values that the model solution returns for a call, one for each result.

        Raises _RefusedError: the arguments fit no form of the model solution's, or it has no such
        results.
        """
        helper = self.plan.helpers[call.function]
        given = self._arguments(call)
        fitting = (self._fitted(call.function, form, given) for form in self.forms[call.function])
        arguments = next((each for each in fitting if each is not None), None)
        if arguments is None:
            raise _RefusedError(OTHER_ARGUMENTS)
        try:
            returned = self.solution.result_of(call.function, arguments)
        except ImpureError:
            raise _RefusedError(NO_RESULT) from None
        if not helper.is_tuple:
            return [returned]
        if not isinstance(returned, tuple | list) or len(returned) != len(helper.results):
            raise _RefusedError(NO_RESULT)
        return returned

    def _arguments(self, call: StubCall) -> dict[str, Any]:
        """Return the arguments of a call by the parameters of the model solution, with defaults.

        Raises _RefusedError: the student's function cannot be called in this way, or an argument is
        missing or too much.
        """
        name = call.function
        names = self.solution.parameters_of(name)
        definition = self.definitions.get(name)
        node = definition.node if definition is not None else None
        own, given = [*names], {}
        if isinstance(node, ast.FunctionDef):
            own = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
            given = dict(_defaults(node))
            if not _is_too_large(call) and not _can_be_called(node, call):
                raise _RefusedError(IMPOSSIBLE_CALL)
        given |= {**dict(zip(own, call.positional, strict=False)), **call.keywords}
        # Arguments that lines give by position may have other names than in the model solution.
        renamed = dict(zip(own[: self.positional[name]], names, strict=False))
        arguments = {
            **self.solution.defaults_of(name),
            **{renamed.get(key, key): value for key, value in given.items()},
        }
        if len(call.positional) > len(own) or arguments.keys() != {*names}:
            raise _RefusedError(OTHER_ARGUMENTS)
        return arguments

    def _fitted(
        self, function: str, forms: Mapping[str, Form], given: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return arguments converted for the model solution; None if their form does not fit.

        ``given`` are the arguments of a call of ``function`` by parameter, and ``forms`` the types
        and shapes that the model solution's function gets.
        """
        caches = self.plan.helpers[function].caches
        places = {name: n for n, name in enumerate(self.solution.parameters_of(function))}
        try:
            return {
                name: self._argument(
                    value, forms[name], caches.get(name) or caches.get(places[name])
                )
                for name, value in given.items()
            }
        except FormError:
            return None

    def _argument(self, value: Any, form: Form, maker: Maker | None) -> Any:
        """Return an argument converted to ``form``, the form that the model solution gets.

        ``maker`` is set for a cache: it tells which function made it. The cache is replaced by the
        cache that the model solution makes in the same call.

        Raises
        ------
        FormError
            The argument has another form.
        """
        function, number = maker or ("", 0)
        for call in value.made if isinstance(value, Cached) else ():
            if call.function == function and self.forms.get(function):
                return fitted(form, self._values(call)[number])
        return fitted(form, _without_calls(value))


class _RefusedError(Exception):
    """A call is not answered; the text says why."""


def _without_calls(value: Any) -> Any:
    """Return an argument of a stub's call without the records of the calls that made it.

    Records of the calls that made parts of the argument are left out too.
    """
    if isinstance(value, Cached):
        return _without_calls(value.value)
    if isinstance(value, dict):
        return {key: _without_calls(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_without_calls, value))
    return value


def _defaults(node: ast.FunctionDef) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a function that have a default value, with that value.

    It is an `Other` if it is not written as a constant.
    """
    positional = [*node.args.posonlyargs, *node.args.args]
    first = len(positional) - len(node.args.defaults)
    pairs: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(positional[first:], node.args.defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    for parameter, default in pairs:
        if default is not None:
            try:
                yield parameter.arg, ast.literal_eval(default)
            except ValueError:
                yield parameter.arg, Other(type(default).__name__)


def _is_too_large(call: StubCall) -> bool:
    """Return whether the arguments of a call were too large to be sent, and are not known."""
    return any(isinstance(each, Other) and each.kind == TOO_LARGE for each in call.positional)


def _can_be_called(node: ast.FunctionDef, call: StubCall) -> bool:
    """Return whether the arguments of a call fit a function's parameters, as Python checks."""
    of = node.args
    positional = [each.arg for each in (*of.posonlyargs, *of.args)]
    names = [*positional[len(of.posonlyargs) :], *(each.arg for each in of.kwonlyargs)]
    given = positional[: len(call.positional)]
    optional = {name for name, _ in _defaults(node)}
    needed = {*positional, *(each.arg for each in of.kwonlyargs)} - optional
    return (
        (of.vararg is not None or len(call.positional) <= len(positional))
        and (of.kwarg is not None or {*call.keywords} <= {*names})
        and not {*given} & {*call.keywords}
        and needed <= {*given, *call.keywords}
    )


def answers_for(grader: FunctionGrader, check: FunctionCheck, of: StubPlan) -> StubAnswers:
    """Return the object that answers the calls of stubs in a check.

    ``of`` is the plan of the functions to replace. Each helper may be called `CALLS_PER_CALL` times
    as often as in the model solution, at all inputs together.
    """
    solution = grader.solution
    assert solution is not None  # noqa: S101  (`plan` has no stubs without one)
    names = (*of.stubs, *of.makers)
    forms: dict[str, list[dict[str, Form]]] = {name: [] for name in names}
    limits = dict.fromkeys(names, 0)
    for draw in grader.draws:
        meant = solution.meant(draw, grader.convention_of(check))
        for name, found in solution.forms_of_calls(check, meant, names).items():
            forms[name] += [each for each in found if each not in forms[name]]
            limits[name] += CALLS_PER_CALL * len(found)
    known = {name: grader.definition(name) for name in names}
    # A name that is assigned or imported has no node.
    definitions = {name: each for name, each in known.items() if each is not None and each.node}
    calls = [call for each in grader.task.checks for call in grader.lines_of(each).calls]
    positional = {n: min(c.positional for c in calls if c.function == n) for n in names}
    return StubAnswers(of, solution, definitions, forms, limits, positional)


def request_of(grader: FunctionGrader, of: StubPlan) -> list[tuple[str, str, int, list[int], bool]]:
    """Return the functions to replace by the plan ``of``, as data for the student's process.

    ``grader`` knows the student's names of them. See `gradkit.runtime.stubs.Replaced` for the items
    of each tuple.
    """
    return [
        (
            grader.own_name(name),
            name,
            len(of.helpers[name].results) if of.helpers[name].is_tuple else 0,
            of.helpers[name].own_parts,
            name in of.stubs,
        )
        for name in (*of.makers, *of.stubs)
    ]


@contextmanager
def with_stubs_of(
    grader: FunctionGrader, check: FunctionCheck, attempt: HelperReplacement
) -> Iterator[StubAnswers]:
    """Return a context manager in which the wrong helpers of a check are replaced again.

    ``attempt`` is the result of `judge_with_stubs`. The manager gives the object that answers the
    stubs; if there can be no process, it refuses all helpers.
    """
    of = plan(grader, check, attempt.helpers)
    answers = answers_for(grader, check, of)
    with grader.stubs(request_of(grader, of), answers) as process:
        if process is None:
            answers.refused |= dict.fromkeys(of.stubs, NO_TIME)
        yield answers


def judge_with_stubs(
    grader: FunctionGrader, check: FunctionCheck, verdict: Verdict, wrong: Sequence[str]
) -> HelperReplacement:
    """Judge a check with right helpers in place of wrong ones.

    Parameters
    ----------
    grader : FunctionGrader
    check : FunctionCheck
    verdict : Verdict
        The verdict with the wrong helpers.
    wrong : sequence of str
        The helpers, by their names in the lines.

    Returns
    -------
    HelperReplacement
        It has a verdict if all calls of stubs were answered, and the check passes or nothing but
        the function itself can be the reason that it does not.
    """
    of = plan(grader, check, wrong)
    if not of.stubs:
        return HelperReplacement(refused=of.refused)
    answers = answers_for(grader, check, of)
    with grader.stubs(request_of(grader, of), answers) as process:
        if process is None:
            is_live = isinstance(grader.process, LiveProcess)
            why = NO_PROCESS if is_live else NO_TIME
            return HelperReplacement(refused={**of.refused, **dict.fromkeys(of.stubs, why)})

        def is_accepted(judged: Verdict) -> bool:
            """Return whether a verdict with right helpers counts; note why not, if it does not."""
            return not process.losses and _is_accepted(judged, verdict, answers)

        judged = grader.rejudge(check, is_accepted)
        if process.losses:
            answers.refused |= dict.fromkeys(of.stubs, STOPPED)
    refused = {**of.refused, **answers.refused}
    if judged is None:
        # A stub has the name of the helper. If nothing has called it, or if no helper could be
        # called in this way, the helper is not the reason.
        if answers.refused:
            uncalled = [n for n, why in answers.refused.items() if why == IMPOSSIBLE_CALL]
        else:
            uncalled = [name for name in of.stubs if name not in answers.called]
        helpers = tuple(name for name in uncalled if name in answers.definitions)
        return HelperReplacement(None, helpers, refused, frozenset(answers.own_parts))
    called = tuple(name for name in of.stubs if name in answers.called)
    names = "`, `".join(map(grader.own_name, called))
    note = format_count(
        "This check used a correct `{names}`, because your `{names}` is wrong.",
        "This check used correct functions `{names}`, because your functions are wrong.",
        len(called),
        names=names,
    )
    return HelperReplacement(replace(judged, notes=(*judged.notes, note)), called, refused)


def _is_accepted(judged: Verdict, before: Verdict, answers: StubAnswers) -> bool:
    """Return whether the verdict ``judged`` with right helpers counts.

    A helper is a function that the checked one calls, here replaced by a stub with right results.
    It does not count if a call was refused or no stub was called. Otherwise a pass counts. Another
    verdict counts only if no result was partly the student's own, and no fewer outputs are right
    than in ``before``, the verdict with the wrong helpers; if not, the reason is added to
    ``answers.refused``.
    """
    if answers.refused or not answers.called:
        return False
    if judged.state == "pass":
        return True
    if answers.own_parts:
        answers.refused |= dict.fromkeys(answers.own_parts, OWN_PART)
        return False
    if _right(judged) < _right(before) or judged.state not in ("fail", "error", "missing"):
        answers.refused |= dict.fromkeys(answers.called, MORE_WRONG)
        return False
    return True


def _right(verdict: Verdict) -> int:
    """Count the outputs that are right."""
    return sum(entry.state == "pass" for entry in verdict.entries)
