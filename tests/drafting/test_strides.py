"""Other strides and paddings than those of the first check, forward and backward."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.write import write_draft

pytestmark = pytest.mark.usefixtures("warm")

CONVOLUTION = '''
import numpy as np


def conv_forward(x, w, param):
    """Return the convolution.

    - x: Inputs, of shape (N, W)
    - w: Filter, of shape (WW,)
    - param: with
      - 'stride': The step
      - 'pad': The zeros on each side
    """
    stride, pad = param["stride"], param["pad"]
    padded = np.pad(x, ((0, 0), (pad, pad)))
    count = 1 + (padded.shape[1] - len(w)) // stride
    out = np.zeros((len(x), count))
    for i in range(count):
        out[:, i] = padded[:, i * stride : i * stride + len(w)] @ w
    cache = (x, w, param)
    return out, cache


def conv_backward(dout, cache):
    """Return the gradients."""
    x, w, param = cache
    stride, pad = param["stride"], param["pad"]
    padded = np.pad(x, ((0, 0), (pad, pad)))
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    assert dout.shape[1] == 1 + (padded.shape[1] - len(w)) // stride
    for i in range(dout.shape[1]):
        part = slice(i * stride, i * stride + len(w))
        dpadded[:, part] += dout[:, i : i + 1] * w
        dw += dout[:, i] @ padded[:, part]
    return dpadded[:, pad : pad + x.shape[1]], dw


def sums(x, stride=1):
    """Return the sums over windows.

    - x: Inputs, of shape (N, W)
    """
    assert x.shape[1] % stride == 0
    return np.array([x[:, i : i + 2].sum(axis=1) for i in range(0, x.shape[1] - 1, stride)])
'''


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assignment that is drafted from a convolution."""
    folder = tmp_path_factory.mktemp("convolution")
    (folder / "conv.py").write_text(CONVOLUTION, encoding="utf-8")
    write_draft(folder / "hw", folder / "conv.py")
    return folder / "hw" / "assignment.toml"


@pytest.fixture(scope="module")
def calls(drafted: Path) -> dict[str, str]:
    """The lines of each check by name."""
    file: dict[str, Any] = tomllib.loads(drafted.read_text(encoding="utf-8"))
    return {check["name"]: check["call"] for task in file["tasks"] for check in task["checks"]}


def test_strides_and_paddings_have_another_check(calls: dict[str, str]) -> None:
    """Also as an entry of a dict; a stride with which the solution stops is left out."""
    stride = calls["conv-forward-param-stride-2"]
    assert stride.endswith("conv_forward(x, w, {**param, 'stride': 2})")
    assert calls["conv-forward-param-pad-0"].endswith("conv_forward(x, w, {**param, 'pad': 0})")
    assert sum(name.startswith("sums-stride") for name in calls) == 1


def test_backward_passes_take_the_other_cache(calls: dict[str, str], drafted: Path) -> None:
    """The output of the other forward pass has the shape of its gradient."""
    call = calls["conv-backward-param-stride-2"].partition(" = ")[2]
    assert call == "conv_backward(out_param_stride_2, cache_param_stride_2)"
    audit = audit_file(drafted, None)
    assert audit.clean, audit
