"""An input without a shape is a number, on both sides and where it is moved."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from gradkit.task.assignment import SHIPPED, read_assignment
from gradkit.task.draws import draws


def test_an_input_without_a_shape_is_a_number() -> None:
    """One that students add to in place without changing whoever handed it in."""
    file = SHIPPED / "logistic-regression" / "assignment.toml"
    (task,) = read_assignment(file).functions
    asked = {**task.inputs, "p": "probabilities(3)[0]", "words": ["normal()", 3]}
    for draw in draws(replace(task, inputs=asked), 1):
        assert type(draw.values["b"]) is float
        assert type(draw.values["p"]) is float
        assert [type(each) for each in draw.values["words"]] == [float, int]
        assert type(draw.values["w"]) is np.ndarray
