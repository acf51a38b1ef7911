"""Compare numbers in tests of single decisions of a gradient check."""

from __future__ import annotations

import numpy as np

AGREE, DISAGREE, UNKNOWN = "agree", "disagree", "inconclusive"


def near(found, expected) -> bool:
    """Return whether numbers agree to a relative error of a millionth."""
    return bool(np.allclose(found, expected, rtol=1e-6, atol=0))
