"""torch's compiler is loaded only when code uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.sample(9)

pytest.importorskip("torch")

START = """
import sys
import torch
from gradkit.runtime.serve import put_off_compiler
put_off_compiler()
weight = torch.ones(1, requires_grad=True)
for optimiser in (torch.optim.SGD([weight], lr=0.5), torch.optim.Adam([weight], lr=0.5)):
    optimiser.zero_grad()
    (weight * 2).sum().backward()
    optimiser.step()
"""


def said_by(program: str) -> str:
    """Return the output of a program that delays the compiler and uses two optimizers."""
    made = subprocess.run(
        [sys.executable, "-P", "-c", START + program], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


@pytest.mark.slow
@pytest.mark.rotate(4)
def test_optimizer_does_not_load_the_compiler() -> None:
    """The steps have lengths 1 and 0.5, and sympy and the compiler are not loaded."""
    program = "print(round(weight.item(), 3), 'sympy' in sys.modules)"
    assert said_by(program) == "-0.5 False"


@pytest.mark.slow
@pytest.mark.sample(9)
@pytest.mark.parametrize(
    "program",
    [
        "print(torch._dynamo.config.verbose in (True, False))",
        "import torch._dynamo.config as config; print(config.verbose in (True, False))",
        "from torch._dynamo import is_compiling; print(not is_compiling())",
    ],
)
def test_compiler_is_loaded_when_used(program: str) -> None:
    """From then on, the module is the real one."""
    ends = "; import torch._dynamo; print(type(torch._dynamo).__name__)"
    assert said_by(program + ends).splitlines() == ["True", "module"]
