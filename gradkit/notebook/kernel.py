"""What the running kernel knows: the cells that were run, and what they have defined."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 200_000
"""Bytes of a module beside the notebook that are read."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A running interpreter.

    ``history`` are the sources of all cells that were run, by number; None where there is no
    record of them. ``names`` is what is defined. ``shows`` tells whether the value of a line
    is shown by itself.
    """

    history: Mapping[int, str] | None
    names: Mapping[str, Any]
    shows: bool


def find_kernel() -> Kernel:
    """IPython's where it runs, else the main module's names alone."""
    ipython = _ipython()
    if ipython is None:
        main = sys.modules["__main__"]
        return Kernel(None, vars(main), hasattr(sys, "ps1"))
    recorded = getattr(getattr(ipython, "history_manager", None), "input_hist_raw", None)
    history = None if recorded is None else dict(enumerate(recorded))
    return Kernel(history, ipython.user_ns, shows=True)


def _ipython() -> Any:
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def modules_beside() -> dict[str, str]:
    """Sources of loaded modules that lie in the notebook's own folder."""
    here, found = os.getcwd(), {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and file.endswith(".py") and os.path.dirname(file) == here:
            path = Path(file)
            if path.stat().st_size <= LARGEST:
                found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def headings(history: Mapping[int, str]) -> dict[int, str]:
    """The nearest heading above each cell, as far as the saved notebook's file tells.

    The kernel knows the file where Jupyter or VS Code has told it. A cell that is not in the
    file as it was run has no heading.
    """
    # Late: most notebooks, on Colab, have no file here.
    from gradkit.submission.cells import headings_in
    from gradkit.submission.source import unify

    ipython = _ipython()
    names = {} if ipython is None else ipython.user_ns
    named = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__") or ""
    try:
        cells = json.loads(Path(named).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    above, known = "", {}
    for cell in cells:
        text = unify("".join(cell.get("source", "")))
        if cell.get("cell_type") == "markdown":
            for _, _, heading in headings_in(text[:20_000]):
                above = heading
        elif above:
            known[text.strip()] = above
    return {
        number: known[text.strip()] for number, text in history.items() if text.strip() in known
    }
