"""What tests of single decisions compare numbers with."""

from __future__ import annotations

import numpy as np


def near(found, expected) -> bool:
    """Whether numbers are the same to a millionth."""
    return bool(np.allclose(found, expected, rtol=1e-6, atol=0))
