"""gradkit grades hand-written backpropagation, and checks gradients that can be trusted.

The public functions are loaded when they are first asked for, so that starting the command
line costs nothing of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradkit.gradcheck import (
        assert_backward,
        assert_gradient,
        check_backward,
        check_gradient,
        check_module,
        finite_difference,
    )
    from gradkit.notebook import check
    from gradkit.testing import assert_trajectory

__version__ = "0.3.0"

__all__ = [
    "assert_backward",
    "assert_gradient",
    "assert_trajectory",
    "check",
    "check_backward",
    "check_gradient",
    "check_module",
    "finite_difference",
]

_HOMES = {
    "assert_trajectory": "testing",
    "check": "notebook",
    "load_ipython_extension": "notebook",  # what `%load_ext gradkit` looks for
}
"""Where those names live that are not gradcheck's."""


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name in __all__ or name in _HOMES:
        return getattr(import_module(f"gradkit.{_HOMES.get(name, 'gradcheck')}"), name)
    raise AttributeError(f"gradkit has no {name!r}; it has {', '.join(__all__)}.")
