"""Changes of how a text is written: names that nothing has, and what Python asks of a class.

Code that is written otherwise stops, or has no result. Nobody has looked yet whether a change makes
anything right; what the code computes is changed elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import combinations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.text import FORWARD, Spot, Text, attributes_in, exchanged, is_stored
from gradkit.diagnosis.repair.torch_names import ACTIVATIONS, CALLED, LOSSES, OPTIMIZERS
from gradkit.runtime.syntax import (
    MUTATORS,
    assignments,
    called_method,
    calls_method,
    every,
    last_name,
    names_bound,
    names_in,
    walk,
)

_ALIKE = 0.75
"""How much of two names is alike where one may be meant by the other, as `difflib` has it."""

_TORCH = (
    {name for group in (*LOSSES, *ACTIVATIONS) for name in group.values()}
    | OPTIMIZERS
    | {"Linear", "Sequential", "Module", "ModuleList", "Parameter", "functional", "no_grad"}
    | {"unsqueeze", "view", "detach", "numel", "backward", "zero_grad", "step", "parameters"}
)
_NUMPY = frozenset(dir(np))
_OWNERS: tuple[object, ...] = (np, np.random, np.linalg, np.ndarray, dict, list, str)
_KNOWN = sorted(_TORCH.union(*map(dir, _OWNERS)))
"""Names of attributes that there are."""

_SHAPED = frozenset(["zeros", "ones", "empty"])
"""Functions that take a shape."""

_VALUES = frozenset(["T", "shape", "size", "ndim", "dtype"])
"""Attributes that are no methods."""

_WORDS = frozenset(["axis", "keepdims", "dtype", "shape", "size", "lr", "reduction", "bias"])
"""Names of options."""

_CALLED = CALLED | {"copy", "sum", "mean", "max", "min", "flatten", "ravel", "transpose", "argmax"}
"""Methods that are nothing unless they are called."""

_ACTING = CALLED | MUTATORS | {"train", "eval", "seed", "manual_seed"} - {"item", "parameters"}
"""Methods that are called for what they do."""

_FEW = 4
"""Names that may be what is returned."""


def _alike(name: str, known: Collection[str]) -> list[str]:
    """Return the known names that are spelled like ``name``, ignoring case, without ``name``."""
    small = {each.lower() for each in known}
    meant = get_close_matches(name.lower(), sorted(small), n=2, cutoff=_ALIKE)
    return [e for lower in meant for e in sorted(known) if e.lower() == lower and e != name]


def others(text: Text) -> Iterator[Proposal]:
    """Propose other names in the methods of a model's class.

    A local name becomes each other local name, and an attribute each other attribute of the model.
    Two attributes that one statement reads are also exchanged. ``__init__`` is left out, and so are
    classes without attributes.
    """
    for model, function in _functions(text):
        stored = _stored(model)
        if function.name == "__init__" or not attributes_in(model):
            continue
        named = {each.arg for each in function.args.args[1:]} | names_in(function, ast.Store)
        for node in walk(function):
            if isinstance(node, ast.Name) and not is_stored(node) and node.id in named:
                instead = sorted(named - {node.id})
            elif isinstance(node, ast.Attribute) and node.attr in stored:
                base = ast.unparse(node.value)
                instead = [f"{base}.{name}" for name in sorted(stored - {node.attr})]
            else:
                continue
            for other in instead:
                yield text.put("other", text.spot(node), other)
        for line in function.body:
            read = [n for n in attributes_in(line) if n.attr in stored]
            for pair in combinations(read, 2):
                yield text.put_each("other", exchanged(pair))


def _functions(text: Text) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    """Yield each function inside a class, after the class."""
    for model in every(ast.ClassDef, text.tree):
        yield from ((model, function) for function in every(ast.FunctionDef, model))


def uncalled(text: Text) -> Iterator[Proposal]:
    """Propose a call of a method or torch class that is only named: ``optimizer.step()``.

    ``model.forward`` gets each parameter of the function as argument; other calls get none.
    """
    called = {id(each.func) for each in text.calls}
    modules = {*LOSSES[0].values(), *ACTIVATIONS[0].values()}
    for node in walk(text.tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in called:
            name, method = last_name(node), isinstance(node, ast.Attribute)
            handed = [""] if (method and name in _CALLED) or name in modules else []
            for given in text.parameters(node) if method and name == "forward" else handed:
                yield text.put("uncalled", text.spot(node), f"{ast.unparse(node)}({given})")


def misspelt(text: Text) -> Iterator[Proposal]:
    """Propose existing names for names, attributes, keywords and methods that do not exist.

    A name that does not exist is changed everywhere in its function, because it is one mistake.
    Attributes and keywords are only changed in lines that raised; see `_meant` for names and
    `_of_class` for methods.
    """
    handed = {each.arg for each in every(ast.arg, text.tree)}
    there = {*handed, *names_in(text.tree, ast.Store), *dir(builtins), *text.there}
    made = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    there |= {name for n in walk(text.tree) if isinstance(n, made) for name in names_bound(n)}
    models = every(ast.ClassDef, text.tree)
    stored = set[str]().union(*map(_stored, models))
    for function in text.functions:
        named = {each.arg for each in function.args.args} | names_in(function, ast.Store)
        reads = [n for n in walk(function) if isinstance(n, ast.Name) and not is_stored(n)]
        for part in walk(function):
            if isinstance(part, ast.Name) and not is_stored(part):
                is_undefined = part.id not in there
                for name in _meant(text, part, there, named, stored):
                    each = [
                        (n, name) for n in reads if n is part or (is_undefined and n.id == part.id)
                    ]
                    yield text.put_each("misspelt", each, text.spot(part))
            elif isinstance(part, ast.Attribute) and part.lineno in text.stops:
                known = {*_KNOWN, *stored} if part.attr not in _KNOWN else stored
                for name in _alike(part.attr, known):
                    yield text.renamed("misspelt", part, name)
    words = _WORDS | handed
    for word in (each for call in text.calls for each in call.keywords):
        if word.arg is not None and word.lineno in text.stops:
            for name in _alike(word.arg, words):
                whole = f"{name}={ast.unparse(word.value)}"
                yield text.put("misspelt", text.spot(word), whole)
    for model in models:
        yield from _of_class(text, model)


def _meant(
    text: Text, node: ast.Name, there: set[str], named: set[str], stored: set[str]
) -> Iterator[str]:
    """Yield replacements of a name: ``self.name``, ``np.name``, ``torch.name``, or others.

    ``there`` are all names that exist, ``named`` the local names of the function, ``stored`` the
    attributes of models. Others are similar names and, if the line raised, all of ``named``.
    Nothing is yielded for a name that exists, unless its line raised.
    """
    stops = node.lineno in text.stops
    if node.id in there and not stops:
        return
    if node.id in stored:
        yield f"self.{node.id}"
    if node.id in _NUMPY:
        yield f"np.{node.id}"
    if node.id in ACTIVATIONS[1].values():
        yield f"torch.{node.id}"
    if node.id not in there:
        near = _alike(node.id, named)
        # To hold a name to all that there is takes long: that is done where code stops alone.
        near += _alike(node.id, there - named) if stops else []
        yield from near
        called = any(each.func is node for each in text.calls)
        yield from sorted(named - {"self", *near}) if stops and not called else ()


def _stored(model: ast.ClassDef) -> set[str]:
    """Return the names of the attributes that the methods of a class assign."""
    return {each.attr for each in attributes_in(model) if isinstance(each.ctx, ast.Store)}


def _of_class(text: Text, model: ast.ClassDef) -> Iterator[Proposal]:
    """Propose other names for methods, attributes and local names of a model's class.

    A method gets a similar name that is called and missing; a missing attribute a similar
    attribute, or ``self.W`` becomes ``W``; an assigned local ``W`` becomes ``self.W`` if that is
    read.
    """
    methods = [each for each in model.body if isinstance(each, ast.FunctionDef)]
    own, stored = {each.name for each in methods}, _stored(model)
    parts = attributes_in(text.tree)
    read = {
        *text.asked,
        *(p.attr for p in parts if last_name(p.value) == "self" or p.lineno in text.stops),
    }
    lacking = {each.attr for each in attributes_in(model)} - own - stored
    for method in methods:
        for name in sorted({"__init__", *read} - own - stored):
            same = method.name.strip("_") == name.strip("_")
            if same or _alike(method.name, [name]):
                line = re.sub(rf"\b{method.name}\b", name, text.lines[method.lineno - 1], count=1)
                yield _headed("misspelt", text, method, line)
        local = {each.arg for each in method.args.args} | names_in(method)
        for part in attributes_in(method):
            if part.attr in lacking and last_name(part.value) == "self":
                for name in _alike(part.attr, stored):
                    yield text.renamed("misspelt", part, name)
                if part.attr in local:
                    yield text.put("misspelt", text.spot(part), part.attr)
    lost = [
        (target, f"self.{target.id}")
        for method in methods
        for made in every(ast.Assign, method)
        for target in made.targets
        if isinstance(target, ast.Name)
        and target.id in {each.attr for each in parts} | read - own - stored
    ]
    for some in (lost, *([each] for each in lost if len(lost) > 1)):
        if some:
            yield text.put_each("misspelt", some)


def _headed(kind: str, text: Text, function: ast.FunctionDef, line: str) -> Proposal:
    """Return the proposal of ``kind`` that replaces the first line of a function by ``line``."""
    at = function.lineno
    spot = Spot(at, function.col_offset, at, len(text.lines[at - 1]))
    return text.moved(kind, at, at, [line], spot)


def misspelt_keys(text: Text) -> Iterator[Proposal]:
    """Propose similar keys for the constant keys in lines that raised.

    Candidates are all texts in the cell, and the names in ``text.asked``.
    """
    words = {each.value for each in every(ast.Constant, text.tree)}
    keys = sorted({*text.asked, *(word for word in words if isinstance(word, str))})
    for key in (node.slice for node in every(ast.Subscript, text.tree)):
        if isinstance(key, ast.Constant) and key.lineno in text.stops:
            for name in _alike(str(key.value), keys):
                yield text.put("key", text.spot(key), repr(name))


def unfilled(text: Text) -> Iterator[Proposal]:
    """Propose an argument for calls that raised because one argument is missing.

    Only calls of the cell's functions without keywords are changed. Candidates are the name of each
    parameter, the given arguments with that name in them (``dW1`` after ``W1``), and, at the end,
    all other local names.
    """
    functions = text.functions
    takes = {each.name: [p.arg for p in each.args.args if p.arg != "self"] for each in functions}
    least = {each.name: len(takes[each.name]) - len(each.args.defaults) for each in functions}
    for call in text.calls:
        given, name = [*map(ast.unparse, call.args)], last_name(call.func)
        lacks = name in takes and len(given) == least[name] - 1 and not call.keywords
        if not lacks or call.lineno not in text.stops:
            continue
        around = (f for f in functions if f.lineno <= call.lineno <= (f.end_lineno or 0))
        own = {n for f in around for n in (*text.parameters(call), *names_in(f, ast.Store))}
        named = takes[name][: least[name]]
        meant = [(at, each) for at, each in enumerate(named) if each in own]
        for at, each in enumerate(named):
            beside = zip([*named[:at], *named[at + 1 :]], given, strict=True)
            word = r"(?i)(?<![^\W\d_]){}(?![^\W\d_])"
            meant += [(at, re.sub(word.format(other), each, value)) for other, value in beside]
        meant += [(len(given), each) for each in sorted(own - {"self", *named})]
        for at, each in dict.fromkeys(meant):
            if each not in given:
                whole = ", ".join([*given[:at], each, *given[at:]])
                yield text.put("unfilled", text.spot(call), f"{ast.unparse(call.func)}({whole})")


def unhanded(text: Text) -> Iterator[Proposal]:
    """Propose ``self`` as the first parameter of methods that lack it; not of decorated methods."""
    for model, method in _functions(text):
        given = [each.arg for each in method.args.args]
        if method in model.body and given[:1] != ["self"] and not method.decorator_list:
            begin, bracket, rest = text.lines[method.lineno - 1].partition("(")
            comma = ", " if given or method.args.vararg else ""
            yield _headed("unhanded", text, method, f"{begin}{bracket}self{comma}{rest}")


def forms(text: Text) -> Iterator[Proposal]:
    """Propose the usual form for a similar, wrong one, such as ``x += 1`` for ``x =+ 1``.

    Others are a value for a tuple of one value, ``[]`` for another empty container that is appended
    to, other brackets, the model for its class, and ``range(n)`` for ``n`` in a loop.
    """
    classes = {node.name for node in every(ast.ClassDef, text.tree)}
    ends = [each.func for each in text.calls if called_method(each) == "append"]
    lists = {ast.unparse(each.value) for each in ends if isinstance(each, ast.Attribute)}
    for node in walk(text.tree):
        if isinstance(node, ast.Assign):
            value, names = node.value, {*map(ast.unparse, node.targets)}
            if isinstance(value, ast.Tuple) and len(value.elts) == 1:
                yield text.put("form", text.spot(value), ast.unparse(value.elts[0]))
            elif names & lists and isinstance(value, ast.Dict | ast.Tuple):
                yield text.put("form", text.spot(value), "[]")
            at, line = text.spot(value), text.lines[value.lineno - 1]
            if line[at.start - 1 : at.start + 1] in ("=+", "=-"):
                turned = f"{line[: at.start - 1]}{line[at.start]}={line[at.start + 1 :]}"
                yield text.moved("form", at.first, at.first, [turned], text.spot(node))
        elif isinstance(node, ast.expr) and (node.lineno in text.stops or _is_shaped(node)):
            for part, new in _in_brackets(node, text.said):
                yield text.put("form", text.spot(part), new)
            if isinstance(node, ast.Call) and last_name(node.func) in classes:
                for model in dict.fromkeys([*text.parameters(node)[:1], *text.made.models]):
                    yield text.put("form", text.spot(node.func), model)
        elif isinstance(node, ast.For | ast.comprehension) and node.iter.lineno in text.stops:
            yield text.put("form", text.spot(node.iter), f"range({ast.unparse(node.iter)})")


def _is_shaped(node: ast.expr) -> bool:
    """Return whether a call gives an array's shape as several arguments, as in ``zeros(2, 3)``."""
    return isinstance(node, ast.Call) and last_name(node.func) in _SHAPED and len(node.args) > 1


def _in_brackets(node: ast.expr, said: str) -> Iterator[tuple[ast.expr, str]]:
    """Yield the part of a node whose brackets are wrong, with its text in other brackets.

    ``said`` is Python's message about the line. If it shows the mistake, ``f[x]`` becomes ``f(x)``,
    or ``a(i)`` becomes ``a[i]``. A loss class becomes a call, a shape one argument (``zeros((2,
    3))``), ``a.T()`` becomes ``a.T``.
    """
    if isinstance(node, ast.Subscript) and "not subscriptable" in said:
        yield node, f"{ast.unparse(node.value)}({ast.unparse(node.slice)})"
    elif isinstance(node, ast.Call):
        function, given = ast.unparse(node.func), ", ".join(map(ast.unparse, node.args))
        name = last_name(node.func)
        if name in LOSSES[0].values() and node.args:
            yield node.func, f"{function}()"
        elif _is_shaped(node):
            yield node, f"{function}(({given}))"
        elif name in _VALUES and not node.args:
            yield node, function
        elif node.args and not node.keywords and "not callable" in said:
            yield node, f"{function}[{given}]"


def unkept(text: Text) -> Iterator[Proposal]:
    """Propose to assign a computed value that is discarded.

    The target is a name that the function reads and never assigns or, in a function that does not
    train, a name in the expression.
    """
    computing = _computing(text)
    for function in text.functions:
        named, handed = {*_given(function)}, {each.arg for each in function.args.args}
        read = names_in(function) - named - handed - {*dir(builtins), *text.there}
        for node in every(ast.Expr, function):
            acts = called_method(node.value) in _ACTING
            if not (isinstance(node.value, ast.Constant) or acts):
                own = sorted(names_in(node.value) & (named | handed - {"self"}))
                own = own if function in computing else []
                for name in (*sorted(read), *own):
                    yield text.put("unkept", text.spot(node), f"{name} = {ast.unparse(node)}")


def _given(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the names that a function assigns, without those that only get None or ``+=``."""
    stored = Counter(n.id for n in every(ast.Name, function) if is_stored(n))
    for node in walk(function):
        if isinstance(node, ast.AugAssign):
            stored[last_name(node.target)] -= 1
        for name, value in assignments(node) if isinstance(node, ast.stmt) else ():
            stored[name] -= isinstance(value, ast.Constant) and value.value is None
    yield from (name for name, count in stored.items() if count > 0)


def unreturned(text: Text) -> Iterator[Proposal]:
    """Propose ``return`` for a bare expression, and as last line for one of the last `_FEW` names.

    A printed value is returned in place of the last ``print``. Functions that return a value only
    get ``return`` before bare expressions that are no calls. Functions that train are left out.
    """
    for function in _computing(text):
        for node in every(ast.Expr, function):
            if not isinstance(node.value, ast.Call | ast.Constant):
                yield text.put("unsaid", text.spot(node), f"return {ast.unparse(node)}")
        if any(node.value is not None for node in every(ast.Return, function)):
            continue
        last = function.body[-1]
        if isinstance(last, ast.Expr):
            shown = isinstance(last.value, ast.Call) and last_name(last.value.func) == "print"
            printed = last.value.args if isinstance(last.value, ast.Call) and shown else [last]
            whole = f"return {', '.join(map(ast.unparse, printed))}"
            yield text.put("unsaid", text.spot(last), whole)
        made = [node.id for node in every(ast.Name, function) if is_stored(node)]
        for name in [*dict.fromkeys(reversed(made))][:_FEW]:
            yield text.beside("unsaid", last, f"return {name}")


def undivided(text: Text) -> Iterator[Proposal]:
    """Propose ``//`` for ``/`` where a line raised because it needs an integer.

    The divisions are in the assignments of the names which that line reads. They are changed one at
    a time, and then all together.
    """
    if "cannot be interpreted as an integer" not in text.said:
        return
    for function in text.functions:
        stopped = [n for n in every(ast.Name, function) if n.lineno in text.stops]
        read = {node.id for node in stopped if not is_stored(node)}
        quotients = [
            node
            for made in every(ast.Assign, function)
            if read & {last_name(target) for target in made.targets}
            for node in every(ast.BinOp, made)
            if isinstance(node.op, ast.Div)
        ]
        for some in (*([node] for node in quotients), quotients[1:] and quotients):
            parts = [
                (node, ast.unparse(ast.BinOp(node.left, ast.FloorDiv(), node.right)))
                for node in some
            ]
            if parts:
                yield text.put_each("undivided", parts)


def unended(text: Text) -> Iterator[Proposal]:
    """Propose a last line ``return a, b`` for a function that ends without a returned value.

    It returns as many names as the check unpacks; see `_may_be_returned` for the names.
    """
    for function in _returning(text):
        last = function.body[-1]
        if not isinstance(last, ast.Return) or last.value is None:
            for some in combinations(_returnable(text, function), len(text.targets)):
                if _may_be_returned(some, text):
                    yield text.beside("unended", last, f"return {', '.join(some)}")


def miscounted(text: Text) -> Iterator[Proposal]:
    """Propose a last ``return`` with as many values as the check unpacks.

    Superfluous values are left out, in each possible way, or missing ones are added at the end; see
    `_may_be_returned` for the names. Functions without a last ``return`` of values are skipped.
    """
    count = len(text.targets)
    for function in _returning(text):
        last = function.body[-1]
        if not isinstance(last, ast.Return) or last.value is None:
            continue
        parts = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
        there = tuple(map(ast.unparse, parts))
        further = [name for name in _returnable(text, function) if name not in there]
        fewer = combinations(there, count) if len(there) > count else ()
        more = combinations(further, count - len(there)) if len(there) < count else ()
        for some in (
            *fewer,
            *(there + added for added in more if _may_be_returned(there + added, text)),
        ):
            yield text.put("miscounted", text.spot(last), f"return {', '.join(some)}")


def _returning(text: Text) -> list[ast.FunctionDef]:
    """Return the functions whose number of returned values differs from what the check unpacks.

    For a function that returns the result of a helper, such as ``return grads_of(x)``, this is the
    helper.
    """
    own = {each.name: each for each in text.functions}
    found = [each for each in text.functions if text.targets and each.lineno in text.stops]
    for number, function in enumerate(found):
        value = getattr(function.body[-1], "value", None)
        helper = last_name(value.func) if isinstance(value, ast.Call) else ""
        if isinstance(function.body[-1], ast.Return) and helper in own:
            found[number] = own[helper]
    return found


def _may_be_returned(names: Sequence[str], text: Text) -> bool:
    """Return whether each of ``names`` may be returned in the place of the check's target.

    It may if the check compares the value of that target, or if the target has the same name.
    Nothing proves that any other name, such as one for the cache, has the right value.
    """
    pairs = zip(names, text.targets.items(), strict=True)
    return all(is_compared or name == target for name, (target, is_compared) in pairs)


def _returnable(text: Text, function: ast.FunctionDef) -> list[str]:
    """Return names in a function that it may return, likely ones first.

    These are the names that the check unpacks into, if the function knows them, then those that the
    function assigned last.
    """
    made = list(dict.fromkeys(reversed(list(_given(function)))))
    known = {*made, *(each.arg for each in function.args.args)}
    return [*dict.fromkeys([*(name for name in text.targets if name in known), *made[:_FEW]])]


def _computing(text: Text) -> list[ast.FunctionDef]:
    """Return the functions that neither train a model nor are ``__init__``."""
    training = ("backward", "step", "__init__")
    return [f for f in text.functions if not any(calls_method(f, name) for name in training)]


def nested(text: Text) -> Iterator[Proposal]:
    """Propose to move a function out of the method that it ends, to the level of that method.

    Only a forward pass, a method that the check uses, or a function whose line raised is moved.
    """
    for model, outer in _functions(text):
        inner = outer.body[-1]
        if outer in model.body and isinstance(inner, ast.FunctionDef):
            first, last = inner.lineno, inner.end_lineno or 0
            if inner.name in {*FORWARD, *text.asked} or first in text.stops:
                lines = text.own(inner, inner.col_offset - outer.col_offset)
                at = Spot(first, inner.col_offset, first, len(text.lines[first - 1]))
                yield text.moved("nested", first, last, lines, at)


SPELLINGS: Mapping[str, tuple[Callable[[Text], Iterator[Proposal]], str]] = {
    "misspelt": (misspelt, "wrong-name"),
    "key": (misspelt_keys, "wrong-entry"),
    "unfilled": (unfilled, "missing-argument"),
    "unhanded": (unhanded, "missing-parameter"),
    "form": (forms, "wrong-form"),
    "nested": (nested, "wrong-indentation"),
    "uncalled": (uncalled, "not-called"),
    "unkept": (unkept, "not-kept"),
    "unsaid": (unreturned, "missing-return"),
    "undivided": (undivided, "wrong-operator"),
    "unended": (unended, "missing-return"),
    "miscounted": (miscounted, "wrong-return"),
}
"""The kinds of changes, each with the kind of `kinds` that it is."""


def spelled(text: Text) -> list[Proposal]:
    """Return all proposals of `SPELLINGS` for a text, first those in lines that raised.

    Changes in ``while`` loops, which may then never end, are left out. So are changes of text that
    is nested too deeply to be written out again.
    """
    found: list[Proposal] = []
    for make, name in SPELLINGS.values():
        with suppress(RecursionError):
            found += [replace(one, kind=name) for one in make(text)]
    loops = every(ast.While, text.tree)
    within = {n for loop in loops for n in range(loop.lineno, (loop.end_lineno or 0) + 1)}
    ending = [one for one in found if one.line not in within]
    return sorted(ending, key=lambda one: one.line not in text.stops)
