"""Code for old numpy runs in a student's process, and numpy in the grader is not changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest

from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")

OLD = {
    "np.zeros(2, np.float)": [0.0, 0.0],
    "np.array([1, np.Inf], dtype=np.float_)": [1, np.inf],
    "np.product([2, 3])": 6,
    "np.reshape(np.arange(2), newshape=(2, 1))": [[0], [1]],
    "np.reshape(np.arange(2), (2, 1))": [[0], [1]],
    "np.in1d([[1, 2]], [2])": [False, True],
    "np.asscalar(np.ones(1))": 1.0,
    "np.bool(1)": True,
    "np.asfarray([1, 2])": [1.0, 2.0],
    "np.mat('1 2').A1": [1, 2],
    "np.msort([[2], [1]])": [[1], [2]],
    "np.trapz([1.0, 3.0])": 2.0,
    "[np.PINF, np.NINF]": [np.inf, -np.inf],
    "np.longfloat(2)": 2.0,
}


@pytest.fixture(scope="module")
def values() -> Mapping[str, str]:
    """Return the value or the error of each expression in an interpreter with the old names."""
    code = (
        "from gradkit.runtime.serve import restore_old_names\n"
        "restore_old_names(); import numpy as np, sys\n"
        "for expression in sys.argv[1:]:\n"
        "    try: print(np.array(eval(expression)).tolist())\n"
        "    except Exception as error: print(repr(error))\n"
    )
    words = [sys.executable, "-P", "-c", code, *OLD]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return dict(zip(OLD, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("expression", OLD)
def test_removed_names_of_numpy_are_restored(expression: str, values: Mapping[str, str]) -> None:
    """They have their old values."""
    assert values[expression] == str(np.array(OLD[expression]).tolist())


def test_only_the_student_process_has_old_names(workshop: Workshop) -> None:
    """A worker has them, and this process does not."""
    from gradkit.runtime.frames import Frame

    with workshop.worker(deadline=10, seed=0) as worker:
        text = "import numpy as np; print(np.Inf, np.float)"
        assert worker.ask(Frame("script", {}, {"text": text}), 5).data["failure"] is None
    assert not hasattr(np, "Inf")
