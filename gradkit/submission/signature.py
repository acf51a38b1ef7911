"""What can be read off a function definition: parameters, signature, return lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradkit.runtime.syntax import statements_in

_DEFAULT = 40
"""Characters of a default value that a signature shows."""

_LONGEST = 300
"""Characters of a signature."""

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function. ``default`` is its source text, or None.

    ``kind`` is one of ``positional-only``, ``any``, ``keyword-only``, ``*``, ``**``.
    """

    name: str
    kind: str
    default: str | None = None


def parameters_of(arguments: ast.arguments) -> Iterator[Parameter]:
    """Yield the parameters in the order of the signature."""
    by_position = [*arguments.posonlyargs, *arguments.args]
    without = len(by_position) - len(arguments.defaults)
    for i, argument in enumerate(by_position):
        kind = "positional-only" if i < len(arguments.posonlyargs) else "any"
        default = arguments.defaults[i - without] if i >= without else None
        yield Parameter(argument.arg, kind, text_of(default))
    if arguments.vararg is not None:
        yield Parameter(arguments.vararg.arg, "*")
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield Parameter(argument.arg, "keyword-only", text_of(keyword_default))
    if arguments.kwarg is not None:
        yield Parameter(arguments.kwarg.arg, "**")


def text_of(default: ast.expr | None) -> str | None:
    """The text of a default value, cut where it is long."""
    if default is None:
        return None
    try:
        text = ast.unparse(default)
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= _DEFAULT else text[: _DEFAULT - 1] + "…"


def signature_of(parameters: Sequence[Parameter]) -> str:
    """Write parameters as they stand between the brackets, as far as anybody reads them."""
    shown = []
    for i, parameter in enumerate(parameters):
        stars = parameter.kind if parameter.kind in ("*", "**") else ""
        before = parameters[i - 1].kind if i else ""
        if parameter.kind == "keyword-only" and before not in ("*", "keyword-only"):
            shown.append("*")
        if before == "positional-only" and parameter.kind != "positional-only":
            shown.append("/")
        default = "" if parameter.default is None else f"={parameter.default}"
        shown.append(f"{stars}{parameter.name}{default}")
    if parameters and parameters[-1].kind == "positional-only":
        shown.append("/")
    text = ", ".join(shown)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def return_lines(node: AnyFunction) -> Iterator[int]:
    """Yield the lines of ``return`` statements, those of inner functions left out."""
    return (part.lineno for part in own_statements(node) if isinstance(part, ast.Return))


def own_statements(node: AnyFunction) -> Iterator[ast.stmt]:
    """Yield the statements of a function in no order, the bodies of inner ones left out."""
    waiting: list[ast.AST] = list(node.body) if not isinstance(node, ast.Lambda) else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.stmt):
            yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += statements_in(part)
