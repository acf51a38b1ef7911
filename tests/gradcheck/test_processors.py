"""Verdicts do not depend on the processor: its vector units change the last digits of a sum."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.sample(9)

HERE = Path(__file__).parent
FOUND: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])

PART = (
    "test_narrow_claims.py::test_a_large_gradient_in_half_precision_is_given_its_rounding",
    "test_rules.py::test_a_table_of_six_points_tells_noise_to_a_factor_of_three",
    "test_noise_decisions.py",
)


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["Nehalem", "Haswell"])
def test_some_checks_with_fewer_vector_units(kernels: str) -> None:
    """Of numpy's own loops, and of OpenBLAS, which numpy's wheels bring and others ignore."""
    if kernels == "Haswell" and not {"AVX2", "X86_V3"} & set(FOUND):
        pytest.skip("this processor has no AVX2")
    fewer = {"NPY_DISABLE_CPU_FEATURES": " ".join(FOUND), "OPENBLAS_CORETYPE": kernels}
    call = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*call, *(str(HERE / name) for name in PART)],
        check=False,
        env={**os.environ, **fewer},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
