"""Keep torch from loading its compiler where nobody compiles.

The first optimiser of a process has torch load ``torch._dynamo``, and with it sympy and a large
part of torch, in about as much time as all the rest of torch takes. All that it wants of it are
two functions which do nothing outside of the compiler. Nor can it work where nothing may be
written: what ``torch.compile`` is given runs as it is, to the same numbers.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"


class _LateCompiler(ModuleType):
    """Stands for the compiler until anything else of it is asked for."""

    @staticmethod
    def disable(function: Any = None, *_: Any, **__: Any) -> Any:
        """Return the function: outside of the compiler there is nothing to switch off."""
        return function if function is not None else lambda function: function

    @staticmethod
    def graph_break(*_: Any, **__: Any) -> None:
        """Do nothing, as outside of the compiler."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)


def _as_it_is(model: Any = None, **_: Any) -> Any:
    """Stand for ``torch.compile``, as a function and as a decorator with options."""
    return model if model is not None else lambda model: model


def put_off_compiler() -> None:
    """Have ``torch._dynamo`` loaded when it is needed, and nothing compiled.

    torch has to be loaded already.
    """
    sys.modules["torch"].compile = _as_it_is  # type: ignore[attr-defined]
    if COMPILER not in sys.modules:
        late = sys.modules[COMPILER] = _LateCompiler(COMPILER)
        sys.modules["torch"]._dynamo = late  # type: ignore[attr-defined]
