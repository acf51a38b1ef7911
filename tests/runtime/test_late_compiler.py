"""torch's compiler is loaded where it is asked for, and by nothing else."""

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
    """What a program prints after torch was loaded so, and two optimisers made a step each."""
    made = subprocess.run(
        [sys.executable, "-P", "-c", START + program], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


def test_an_optimiser_needs_no_compiler() -> None:
    """Their steps are made, 1 and 0.5 long, without sympy or the rest of it."""
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
def test_whoever_asks_for_it_has_it(program: str) -> None:
    """The compiler itself, from there on."""
    ends = "; import torch._dynamo; print(type(torch._dynamo).__name__)"
    assert said_by(program + ends).splitlines() == ["True", "module"]
