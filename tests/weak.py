"""Make workshops with less isolation than this machine allows.

gradkit has no option that leaves out a defence. The process that will be sandboxed loads the
workshop's handlers first, so handlers written here can remove defences.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gradkit.sandbox import Workshop
from gradkit.sandbox.doctor import Examination, examine

_FOLDER = tempfile.TemporaryDirectory(prefix="weak-")

_HEAD = """
import os
from gradkit.runtime import filters, linux, zygote

def allow_all(*_):
    return filters._program("", {}, filters._answer(filters._ALLOW))
"""

_TO_TIER = {
    0: "filters.known = lambda: False",
    1: "linux.landlock_version = lambda: 0\nlinux.can_become = lambda *_: False",
    2: "linux.can_become = lambda *_: False",
    3: "",
}
"""Code that limits the machine to a tier."""

_WITHOUT = {
    "landlock": "linux.read_only = os.close",
    "room": "filters.room = allow_all",
    "leash": "filters.leash = allow_all",
    "counted": "linux.can_count_as = lambda account: False",
    "hidden": "linux.hide = lambda: None",
    "limits": "zygote.confine = lambda *_: None",
}
"""Code that removes a defence, while the tier is reported unchanged."""


def weakened(
    tier: int, *without: str, handlers: str = "gradkit.runtime.child", search: Sequence[str] = ()
) -> dict[str, Any]:
    """Return options of a `Workshop` whose workers reach at most a tier, without some defences."""
    if sys.platform != "linux":
        return {"handlers": handlers, "search": search}
    name = "_".join(["weak", str(tier), *without, handlers.replace(".", "_")])
    steps = [_HEAD, _TO_TIER[tier], *(_WITHOUT[each] for each in without)]
    text = "\n".join([*steps, f"from {handlers} import *"])
    Path(_FOLDER.name, f"{name}.py").write_text(text, encoding="utf-8")
    return {"handlers": name, "search": [_FOLDER.name, *search]}


def examine_weakened(tier: int, *without: str, key: Path | None = None) -> Examination:
    """Run the sandbox test of `gradkit doctor` in a workshop with less isolation."""

    def workshop(*, handlers: str, **options: Any) -> Workshop:
        return Workshop(**weakened(tier, *without, handlers=handlers), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradkit.sandbox.doctor.Workshop", workshop)
        if "hidden" in without:
            # The grader hides itself too.
            patch.setattr("gradkit.runtime.linux.hide", lambda: None)
        return examine(key=key)
