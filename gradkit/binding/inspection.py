"""The functions of a section, as the worker that has run it tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from gradkit.binding.outline import outline
from gradkit.records.observations import Lost
from gradkit.records.submission import Place
from gradkit.records.task import Task
from gradkit.runtime.statements import is_called
from gradkit.sandbox.process import StudentProcess

Standing = Literal["own", "borrowed", "guess", "method", "guarded", "elsewhere", "broken"]


class Parameter(NamedTuple):
    """A parameter of a function; ``kind`` is one of `inspect.Parameter`'s."""

    name: str
    kind: str
    required: bool


class Function(Struct, frozen=True):
    """A function, by the name under which the section has it.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    handed over by position, in order. ``return_place`` is the last ``return`` statement or,
    without one, the end of the body.

    A ``guess`` could not be made, and may be something else: it can play a role by its name
    alone. ``borrowed`` is what another section has. The others cannot be called: a ``method`` of
    the class that ``owner`` names, without its first parameter, and definitions with the name of
    a role that stand under ``if __name__ == …`` (``guarded``), in another task's part, or are no
    Python (``broken``).
    """

    name: str
    standing: Standing
    place: Place
    return_place: Place
    signature: str
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    owner: str = ""


def inspect(task: Task, process: StudentProcess) -> tuple[Function, ...]:
    """Have the functions of a section looked at, and those made that have the name of a role.

    Returns
    -------
    tuple of Function
        Borrowed before shared before own, each in the order of the text: of several that fit,
        the last one counts.
    """
    wanted = sorted({alias for role in task.roles for alias in role.aliases})
    reply = process.ask("functions", {"names": wanted}, {})
    if not isinstance(reply, Lost):
        return tuple(_function(told, process) for told in reply.data["functions"])
    # Whatever cost the process will do so again, where it is told.
    anything = (Parameter("args", "VAR_POSITIONAL", True),)
    return tuple(
        Function(name, "guess", place, place, f"{name}(…)", anything, (), ())
        for name, place in outline(process.section, process.modules).names.items()
        if is_called(name, wanted)
    )


def _function(told: Mapping[str, Any], process: StudentProcess) -> Function:
    def at(line: int) -> Place:
        return process.place((told["cell"], line)) or Place(told["cell"], None, 1)

    parameters = tuple(Parameter(*each) for each in told["parameters"])
    positional = [each for each in parameters if each.kind.startswith("POSITIONAL")]
    return Function(
        told["name"],
        told["standing"],
        at(told["line"]),
        at(told["last"]),
        f"{told['name']}{told['signature']}",
        parameters,
        tuple(each.name for each in positional if each.required),
        tuple(each.name for each in positional if not each.required),
        told["owner"],
    )
