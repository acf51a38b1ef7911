"""Stand-ins for forbidden packages can be named, but not used."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from gradkit.runtime.library import ForbiddenImportError, Policy, is_stand_in
from gradkit.runtime.namespace import Namespace

POLICY = Policy(forbidden=("torch", "sympy"))


def section(source: str, policy: Policy = POLICY, **modules: str) -> Namespace:
    """Return the namespace of a section with one cell."""
    return Namespace([("hw.py", textwrap.dedent(source))], modules=modules, policy=policy)


@pytest.mark.parametrize(
    ("imports", "named"),
    [
        ("import torch", "torch"),
        ("import torch.nn.functional as F", "F"),
        ("import torch.nn", "torch"),
        ("from torch import nn", "nn"),
        ("from torch.nn import Module as M", "M"),
        ("import torch\nclass Net(torch.nn.Module): pass", "Net"),
        ("import torch as np", "np"),
        ("import torch\ntensor = torch.tensor", "tensor"),
    ],
)
def test_a_stand_in(imports: str, named: str) -> None:
    """A stand-in is true, and cannot be called."""
    value = section(imports)[named]
    assert is_stand_in(value)
    assert value
    with pytest.raises(ForbiddenImportError, match="is used, and this task does not allow `torch`"):
        value()


def test_error_names_the_full_path() -> None:
    """The path is written as in the student's code."""
    with pytest.raises(ForbiddenImportError) as caught:
        section("import torch.nn.functional as F")["F"].relu(1)
    assert str(caught.value) == (
        "`torch.nn.functional.relu` is used, and this task does not allow `torch`"
    )


@pytest.mark.parametrize(
    "use",
    ["pi + 1", "1 + pi", "np.ones(2) * pi", "pi * np.ones(2)", "-pi", "float(pi)", "int(pi)",
     "len(pi)", "list(pi)", "pi < 1", "np.float64(2) * pi", "np.sin(pi)",
     "[0, 1][pi]", "np.ones((2, 2)) @ pi"],
)  # fmt: skip
def test_stand_in_cannot_be_computed_with(use: str) -> None:
    """Its constants cannot be used either."""
    names = section(f"import numpy as np\nfrom torch import pi\ndef f():\n    return {use}")
    with pytest.raises(ForbiddenImportError, match=r"`torch\.pi` is used"):
        names["f"]()


def test_stand_in_can_annotate_and_subclass() -> None:
    """It works in annotations, unions and isinstance."""
    names = section(
        """
        import torch
        from typing import Optional, Union
        import numpy as np
        def f(x: torch.Tensor | None = None, y: Optional[torch.Tensor] = None) -> torch.Tensor:
            return isinstance(x, (torch.Tensor, torch.nn.Module)) or isinstance(x, torch.Tensor)
        kind = Union[np.ndarray, torch.Tensor]
        """
    )
    assert names["f"](np.ones(2)) is False
    assert names["kind"]
    with pytest.raises(AttributeError):
        section("import torch")["torch"].__file__  # noqa: B018  (what is looked at)


def test_star_import_of_a_stand_in_binds_nothing() -> None:
    """The error about an undefined name says that the package is forbidden."""
    names = section("from torch import *\nx = list(range(3))\ny = tensor")
    assert names["x"] == [0, 1, 2]
    with pytest.raises(
        ForbiddenImportError, match=r"`tensor` is not defined, and a star import failed: "
    ):
        names["y"]


def test_value_made_with_a_forbidden_package_fails() -> None:
    """The error occurs wherever the value is needed."""
    names = section("import torch\na = torch.zeros(2)\nb = a + 1\ndef f():\n    return b")
    with pytest.raises(ForbiddenImportError, match=r"`b` has no value: .*`torch\.zeros` is used"):
        names["f"]()


def test_student_module_with_a_forbidden_name() -> None:
    """A submitted module with the name of a forbidden package can be imported."""
    policy = Policy(forbidden=("homemade",))
    names = section("import homemade\nx = homemade.number", policy, homemade="number = 3\n")
    assert names["x"] == 3


def test_student_module_that_imports_a_forbidden_package() -> None:
    """Submitted modules must not use forbidden packages either."""
    names = section("from helper import f", helper="import torch\ndef f():\n    torch.ones(1)\n")
    with pytest.raises(ForbiddenImportError, match=r"`torch\.ones` is used"):
        names["f"]()


def test_only_allowed_packages_can_be_used() -> None:
    """Modules that Python itself needs are allowed too."""
    policy = Policy(allowed=("numpy",))
    source = "from __future__ import annotations\nimport numpy.linalg\nimport math, importlib\n"
    names = section(f"{source}n = numpy.linalg\nm = math\ni = importlib", policy)
    assert names["n"] is np.linalg
    assert is_stand_in(names["m"])
    with pytest.raises(ForbiddenImportError, match="does not allow `importlib`"):
        names["i"].import_module("torch")


SHUT = """
import sys, importlib, importlib.util
from importlib.machinery import PathFinder
import colorsys, wave
from gradkit.runtime.library import ForbiddenImportError, block_imports
block_imports(())
block_imports(("colorsys", "xml"))
assert "colorsys" not in sys.modules

def refused(action):
    try:
        action()
    except ForbiddenImportError as error:
        assert "is imported, and this task does not allow it" in str(error), error
        return True
    return False

def past_the_finders():
    spec = PathFinder.find_spec("xml")
    module = importlib.util.module_from_spec(spec)
    sys.modules["xml"] = module
    spec.loader.exec_module(module)
    import xml.dom

assert refused(lambda: importlib.import_module("colorsys"))
assert refused(lambda: __import__("colorsys"))
assert refused(lambda: importlib.util.find_spec("xml.dom"))
assert refused(past_the_finders)
sys.modules.pop("xml", None)
del sys.meta_path[0]
assert refused(lambda: __import__("colorsys"))
assert refused(lambda: exec("import xml.dom.minidom"))
import json, wave, bisect
print("held")
"""


def test_forbidden_packages_cannot_be_loaded_in_any_way() -> None:
    """They cannot even if the finder is removed; other imports work as usual."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", SHUT], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("held\n", "")
