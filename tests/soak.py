"""How much the soaks take: ``GRADKIT_SOAK=10`` ten times as much as `.ci/run` has time for."""

import os

SIZE = int(os.environ.get("GRADKIT_SOAK", "1"))
