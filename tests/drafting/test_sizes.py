"""Sizes that are made equal because of an error of numpy."""

from typing import Any

import pytest
from msgspec.structs import replace

from gradkit.drafting.draft import DOCUMENTED, DraftCheck, DraftTask
from gradkit.drafting.handout import ParameterUses, read_handout
from gradkit.drafting.sizes import equated, mirrored, with_lengths, without_labels

(FUNCTION,) = read_handout("def f(x, w): return x").functions


def task(why: str = "", **inputs: Any) -> DraftTask:
    """Return a task with the sizes N = 5, D = 6, M = 7, K = 8, and a call of its inputs."""
    check = DraftCheck("f", FUNCTION, f"out = f({', '.join(inputs)})", ("f",), ())
    sizes: dict[str, int | str] = {"N": 5, "D": 6, "M": 7, "K": 8}
    return DraftTask("f", "f", sizes, inputs, dict.fromkeys(inputs, why), (check,))


X, W = "normal(N, D)", "normal(M, K)"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("matmul: … (size 7 is different from 6)", "normal(D, K)"),
        ("shapes (5,6) and (7,8) not aligned: 6 (dim 1) != 7 (dim 0)", "normal(D, K)"),
        ("operands could not be broadcast together with shapes (5,6) (7,8)", "normal(M, D)"),
        ("operands could not be broadcast together with shapes (5,6) (1,8)", "normal(M, D)"),
        (
            "all the input array dimensions except for the concatenation axis must match exactly, "
            "but along dimension 0, the array at index 0 has size 5 and the array at index 1 has "
            "size 7",
            "normal(N, K)",
        ),
        ("size of axis is 5 but size of corresponding boolean axis is 7", "normal(N, K)"),
    ],
)
def test_an_error_names_two_sizes(error: str, expected: str) -> None:
    """The later size takes the name of the earlier one."""
    found = [dict(each.inputs) for each in equated(task(x=X, w=W), error)]
    assert found == [{"x": X, "w": expected}]


@pytest.mark.parametrize(
    "error", ["math domain error", "size 3 is different from 4", "size 7 is different from 0", ""]
)
def test_other_errors_change_nothing(error: str) -> None:
    """They name no length of the task, or one that no size can have."""
    assert equated(task(x=X, w=W), error) == []


def test_a_documented_size_keeps_its_name() -> None:
    """It is computed from the other one, so that the file shows that they are equal."""
    (found,) = equated(task(DOCUMENTED, x=X, w=W), "size 7 is different from 6")
    assert found.inputs["w"] == W
    assert found.sizes["M"] == "D"


def test_a_length_that_is_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is reshaped to a row."""
    (found,) = equated(task(x=X, w=W), "size 7 is different from 30")
    assert found.sizes["M"] == "N * D"


def test_a_length_that_the_model_solution_fixes() -> None:
    """The number is no size of the task."""
    (found,) = equated(task(x=X, w=W), "size 7 is different from 10")
    assert found.sizes["M"] == 10


def test_sizes_that_an_earlier_check_tells_apart_stay_different() -> None:
    """An earlier function ran with them."""
    first = task(x=X, w=W)
    earlier = replace(first.checks[0], compare=("out",))
    both = replace(first, checks=(earlier, first.checks[0]))
    assert equated(both, "size 7 is different from 6") == []


def test_labels_are_below_the_length_of_their_axis() -> None:
    """The number of classes is the length of the axis, and each row has a label."""
    labels = task(x=X, y="integers(M, K)")
    (found,) = equated(labels, "index 6 is out of bounds for axis 1 with size 5")[:1]
    assert found.inputs["y"] == "integers(N, K)"
    found = equated(labels, "index 5 is out of bounds for axis 0 with size 5")[0]
    assert found.inputs["y"] == "integers(M, N)"


def test_a_vector_of_parameters_grows() -> None:
    """Each part that is missing is added."""
    vector = task(x=X, w="normal(K)")
    (found,) = equated(vector, "cannot reshape array of size 8 into shape (5,6)")
    assert found.sizes["K"] == "N * D"
    (found,) = equated(found, "cannot reshape array of size 0 into shape (1,6)")
    assert found.sizes["K"] == "N * D + D"
    (found,) = equated(found, "cannot reshape array of size 0 into shape (1,1)")
    assert found.sizes["K"] == "N * D + D + 1"


def test_lengths_differ() -> None:
    """Also from those of earlier sizes."""
    sizes = with_lengths({"N": 11, "D": 4}, ["H", "W", "kernel_size", "m", "a", "b"])
    assert len(set(sizes.values())) == len(sizes)
    assert int(sizes["kernel_size"]) < min(int(sizes["H"]), int(sizes["W"]))


def test_a_mirror_swaps_long_and_short() -> None:
    """Windows stay shorter than images, and a size of 1 stays 1."""
    found = mirrored(
        replace(task(x=X, w=W), sizes={"A": 1, "N": 5, "D": 6, "K": 8, "H": 7, "f": 2})
    )
    assert dict(found.sizes) == {"A": 1, "N": 8, "D": 6, "K": 5, "H": 7, "f": 2}


def test_labels_without_an_axis_are_three() -> None:
    """Nothing says how many classes there are."""
    labels = replace(task(y="integers(label_count, N)"), sizes={"N": 5, "label_count": 41})
    found = without_labels(labels)
    assert dict(found.inputs) == {"y": "integers(3, N)"}
    assert dict(found.sizes) == {"N": 5}


BODY = """
def f(x, y, n, dims, batch, w, t):
    N, D = x.shape
    C = w.shape[1]
    for a, b in batch:
        pass
    p = np.zeros((n, D)) + np.random.randn(dims[0], dims[2])
    p[t > 0] = 1
    return p[np.arange(N), y], zip(x, w)
"""


def test_a_body_says_how_it_uses_parameters() -> None:
    """Names of axes, indices, lengths, lists of lengths and parts of items."""
    (function,) = read_handout(BODY).functions
    uses = {parameter.name: parameter.uses for parameter in function.parameters}
    assert uses["x"] == ParameterUses(axes=("N", "D"))
    assert uses["w"] == ParameterUses(axes=("", "C"))
    assert uses["y"] == ParameterUses(is_index=True)
    assert uses["n"] == ParameterUses(is_count=True)
    assert uses["dims"] == ParameterUses(items=3)
    assert uses["batch"] == ParameterUses(each=("a", "b"))
    assert uses["t"] == ParameterUses()
    assert function.zipped == (("x", "w"),)
