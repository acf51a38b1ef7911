"""An instructor's own tests: the submission's functions and the right answers."""

from pathlib import Path

import pytest

from gradkit.task.assignment import exercises

pytestmark = pytest.mark.usefixtures("warm")

OWN = """
import numpy as np
import pytest

@pytest.mark.gradkit("regression-numpy")
def test_step(gradkit_submission, gradkit_oracle):
    p = {"W1": [[0.2, -0.3], [0.5, 0.7]], "b1": [[0.1], [0.2]]}
    p |= {"W2": [[0.4], [-0.6]], "b2": [[0.3]]}
    X, y = [[1.5], [-0.5]], [[2.0]]
    got = gradkit_submission.forward(p, X)
    y_hat, A1 = gradkit_oracle.forward(p, X)
    np.testing.assert_allclose(got["y_hat"], y_hat)
    after = gradkit_submission.update(p, X, y, y_hat, A1)
    right = gradkit_oracle.update(p, X, y)
    slope = gradkit_oracle.gradient(p, X, y)
    np.testing.assert_allclose(right["W1"], p["W1"] - 0.001 * slope["W1"])
    assert set(gradkit_submission.initialise()) == {"W1", "b1", "W2", "b2"}
    np.testing.assert_allclose(after["W1"], right["W1"], rtol=1e-9)
"""


def test_fixtures_tell_right_from_wrong(
    pytester: pytest.Pytester, right: Path, swapped: Path
) -> None:
    """The same test passes for the right submission and fails for the wrong one."""
    pytester.makepyfile(test_own=OWN)
    options = ("test_own.py", "-W", "error", "-k", "test_step")
    done = pytester.runpytest_inprocess("--gradkit", right.name, *options)
    done.assert_outcomes(passed=1, deselected=5)
    done = pytester.runpytest_inprocess("--gradkit", swapped.name, *options)
    done.assert_outcomes(failed=1, deselected=5)
    done.stdout.fnmatch_lines(["*Mismatched elements: 2 / 4*"])
    both = ("--gradkit", right.name, "--gradkit", swapped.name)
    pytester.runpytest_inprocess(*both, *options).assert_outcomes(passed=1, failed=1, deselected=10)
    pytester.runpytest_inprocess(*options).assert_outcomes(skipped=1)


def test_what_was_not_handed_in_is_told_so(pytester: pytest.Pytester, right: Path) -> None:
    """And is not called as if it were another task; one that is there is."""
    pytester.makepyfile(test_own=OWN.replace("regression-numpy", "classification-numpy"))
    options = ("test_own.py", "-W", "error", "-k", "test_step")
    done = pytester.runpytest_inprocess("--gradkit", right.name, *options)
    done.assert_outcomes(errors=1, deselected=5)
    done.stdout.fnmatch_lines(["*“Classification in numpy” was not submitted."])
    assert "Mismatched" not in done.stdout.str()


def test_student_code_that_stops_is_told(pytester: pytest.Pytester) -> None:
    """With its name, its exception and its line; a missing function and a task unnamed, too."""
    pytester.makepyfile(
        stops="""
        import numpy as np
        def L_layer_forward(X, parameters):
            return parameters["W2"].T @ X, X
        def update_parameters(parameters, y, y_hat, A1, X):
            raise RuntimeError("no idea")
        """,
        test_own="""
        import numpy as np, pytest
        P = {"W1": np.ones((2, 2)), "b1": np.ones((2, 1)), "W2": np.ones((2, 1)), "b2": [[1.0]]}
        named = pytest.mark.gradkit("regression-numpy")
        @named
        def test_update(gradkit_submission):
            gradkit_submission.update(P, [1, 2], [1], [1], [1, 2])
        @named
        def test_initialise(gradkit_submission):
            gradkit_submission.initialise()
        @named
        def test_role(gradkit_submission):
            gradkit_submission._role("model")
        @named
        def test_order(gradkit_submission):
            gradkit_submission.update(P, [1], [1], [1, 2], [1, 2])
        def test_unnamed(gradkit_oracle):
            pass
        @pytest.mark.gradkit("regresion")
        def test_misspelt(gradkit_oracle):
            pass
        """,
    )
    done = pytester.runpytest_inprocess("--gradkit", "stops.py", "test_own.py", "-k", "test_")
    text = done.stdout.str()
    assert "`update_parameters` stopped at stops.py:5 with RuntimeError: no idea" in text
    assert "StudentCodeError: `initialise_parameters(dim)` is missing." in text
    assert "regression-numpy has no role model." in text
    assert (
        "ValueError: update: X has size 1, expected 2. The order of the arguments is "
        "update(parameters, X, y, y_hat, A1)."
    ) in text
    assert "This test does not name its task. Found regresion; expected one of a net: regr" in text
    assert "items.py" not in text


def test_functions_have_no_fixtures(pytester: pytest.Pytester) -> None:
    """One sentence, without a line of gradkit's own code, says what there is for them."""
    pytester.makeini("[pytest]\ngradkit_assignment = layers.toml\n")
    text = exercises()["layers"].read_text(encoding="utf-8")
    pytester.makefile(".toml", layers=text)
    pytester.makepyfile(
        hw="def affine_forward(x, w, b):\n    pass\n",
        test_own="""
        import pytest
        @pytest.mark.gradkit("affine")
        def test_right(gradkit_oracle):
            pass
        @pytest.mark.gradkit("affine")
        def test_called(gradkit_submission):
            pass
        """,
    )
    named = ("-c", "tox.ini", "--gradkit", "hw.py", "test_own.py")
    done = pytester.runpytest_inprocess(*named, "-k", "test_own")
    done.assert_outcomes(errors=2, deselected=2)
    text = done.stdout.str()
    assert text.count("Found affine; expected one of a net: there is none.") >= 2
    assert "To test a function, import it and use gradkit.assert_backward: it then runs" in text
    assert "items.py" not in text
