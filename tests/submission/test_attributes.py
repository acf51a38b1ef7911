"""A class is of an exercise where it has the attributes that are asked for."""

from __future__ import annotations

import pytest

from gradkit.records.submission import Cell
from gradkit.submission.definitions import definitions, has_attribute


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("self.dW = x", True),
        ("self.dV = x", False),
        # By a name that is made, it may come to have any.
        ("setattr(self, f'd{name}', x)", True),
        ("self.__dict__.update(found)", True),
        ("vars(self)[name] = x", True),
    ],
)
def test_an_attribute_is_named_or_made(line: str, has: bool) -> None:
    """What is neither is another course's."""
    text = f"class Layer:\n    def backward(self, x):\n        {line}\n        return x\n"
    known = definitions([Cell("layer.py", "layer.py", None, text)])
    assert has_attribute("Layer.dW", known) is has
